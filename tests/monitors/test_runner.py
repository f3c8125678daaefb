"""The runner: begins at once, never more than it may, stops what takes too long, and follows new versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from bot.health import Part
from bot.metrics import Metrics
from bot.monitor_runner import MonitorRunner
from services.monitors.following import Following
from tests.bot.conftest import value
from tests.datasets.world import ADA, request
from tests.monitors.world import MonitorWorld


@asynccontextmanager
async def running(world: MonitorWorld, **more: float) -> AsyncIterator[tuple[MonitorRunner, Metrics]]:
    metrics = Metrics()
    runner = MonitorRunner(world.store, world.running, clock=world.clock, metrics=metrics, at_once=2, **more)
    world.monitors._desk.runs_wait = runner.wake
    await runner.start()
    try:
        yield runner, metrics
    finally:
        await runner.stop()


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if seen():
                return
            await asyncio.sleep(0.01)


def began(world: MonitorWorld, count: int) -> bool:
    return len(world.comparer.compared) == count


def ended_as(metrics: Metrics, result: str, count: int) -> bool:
    return value(metrics, "dataset_bot_monitor_runs_total", result=result) == count


async def test_a_new_version_is_compared_at_once_and_no_more_than_two_runs_at_a_time(world: MonitorWorld) -> None:
    names = [f"set-{number}" for number in range(5)]
    for name in names:
        await world.version(name)
        await world.monitor(name)
    world.comparer.gate = asyncio.Event()
    async with running(world) as (runner, metrics):
        for name in names:
            await world.version(name, price=0.3)
        await until(partial(began, world, 2))
        assert await runner.probe() == Part(True, "2 running")
        world.comparer.gate.set()
        await until(partial(ended_as, metrics, "drifted", 5))
    assert world.comparer.most_at_once == 2
    assert len(await world.open()) == 5
    assert not (await runner.probe()).ok


async def test_a_run_that_takes_too_long_is_stopped_and_told_after_three_tries(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor()
    world.comparer.gate = asyncio.Event()
    async with running(world, run_seconds=0.02) as (runner, metrics):
        await world.version(price=0.3)
        for tries in (1, 2):
            await until(partial(ended_as, metrics, "put_back", tries))
            world.clock.advance(minutes=5)
            runner.wake()
        await until(partial(ended_as, metrics, "failed", 1))
    (run,) = (await world.monitors.history(monitor.id)).runs
    assert run.result is not None
    assert run.result.error_code == "timed_out"
    assert run.attempts == 3


async def test_what_a_stopped_runner_leaves_is_made_by_the_next(world: MonitorWorld) -> None:
    await world.version()
    monitor = await world.monitor(on_new_version=False)
    await world.version(price=0.3)
    world.comparer.gate = asyncio.Event()
    async with running(world) as (runner, _):
        run = await world.monitors.run_now(ADA, monitor.id)
        again = await world.monitors.run_now(ADA, monitor.id)
        assert again.id == run.id
        await until(partial(began, world, 1))
        assert runner.how_far(run.id) == "Reading: flights:2", "who asked for it can be told how far it is"
        assert await runner.stop(0) == 1
        assert runner.how_far(run.id) == ""
    (claimed,) = await world.store.claim_runs(world.clock.now(), 9)
    assert (claimed.id, claimed.attempts) == (run.id, 2)


async def test_versions_registered_elsewhere_are_noticed_once(world: MonitorWorld) -> None:
    await world.version()
    await world.monitor()
    following = Following(world.store, world.monitors, world.catalog)
    assert await following.look() == 0, "what is there already is no news"
    fingerprint = await world.records.fingerprint("flights", 1)
    assert fingerprint is not None
    world.comparer.moved[2] = {"price": 0.3}
    await world.catalog.register(
        request("flights", new_version=True),
        type(fingerprint)("elsewhere", fingerprint.files, world.clock.now()),
        registration_id="elsewhere",
    )
    assert await following.look() == 1
    assert await following.look() == 0
    await world.monitors.version_registered("flights", 2)
    assert len(await world.run_due()) == 1
