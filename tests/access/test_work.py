"""Access in the background: what is decided is executed at once, and no failure ends the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.access_work import AccessWatch, AccessWork, Wake
from bot.metrics import Metrics
from services.access.calendar import Calendar
from services.access.executing import Executor
from services.access.model import RequestStatus
from services.actor import Actor
from services.errors import Unavailable
from services.store.database import Database
from tests.access.world import ADA, CHIARA, DAN, World
from tests.bot.conftest import value
from tests.databases import SetClock


@pytest.fixture
def wake() -> Wake:
    return Wake()


@pytest.fixture
async def working(db: Database, clock: SetClock, wake: Wake) -> AsyncIterator[World]:
    """A world whose work runs, and looks by itself once in an hour."""
    world = World(db, clock, executor_woken=wake)
    await world.register()
    ports = world.service.ports
    work = AccessWork(Executor(ports, world.instance), Calendar(ports), wake, poll=3600)
    work.start()
    yield world
    await work.stop()


async def until(seen: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await seen():
                return
            await asyncio.sleep(0.01)


async def test_what_is_approved_is_given_at_once(working: World) -> None:
    asked = await working.ask()
    await working.service.approve(Actor(ADA), asked.id)

    async def given() -> bool:
        return (await working.request(asked.id)).status is RequestStatus.GRANTED

    await until(given)


async def test_a_fault_does_not_end_it(working: World, wake: Wake) -> None:
    asked = await working.ask()
    working.cloud.failures = [KeyError("surprise")]
    await working.service.approve(Actor(ADA), asked.id)

    async def tried() -> bool:
        return (await working.grant_of(asked.id)).attempts == 1

    await until(tried)
    working.clock.advance(seconds=10)
    wake()

    async def given() -> bool:
        return (await working.request(asked.id)).status is RequestStatus.GRANTED

    await until(given)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watch(world: World, metrics: Metrics) -> AccessWatch:
    return AccessWatch(world.service.ports, metrics)


async def test_a_sweep_that_cannot_list_concludes_nothing(world: World, watch: AccessWatch, metrics: Metrics) -> None:
    grant = await world.given()
    world.cloud.failures = [Unavailable("Azure does not answer.")]
    before = value(metrics, "dataset_bot_access_sweep_age_seconds")
    await watch.reconcile()
    assert not world.cloud.failures
    assert await world.service.grant(grant.id) == grant
    assert value(metrics, "dataset_bot_access_sweep_age_seconds") > before


async def test_what_a_sweep_finds_is_counted(world: World, watch: AccessWatch, metrics: Metrics) -> None:
    await world.given()
    world.cloud.there.clear()
    world.clock.advance(hours=1)
    before = value(metrics, "dataset_bot_access_sweep_age_seconds")
    await watch.reconcile()
    assert value(metrics, "dataset_bot_access_findings_total", finding="doubted") == 1
    assert value(metrics, "dataset_bot_access_findings_total", finding="removed") == 0
    assert value(metrics, "dataset_bot_access_sweep_age_seconds") < before + 5


async def test_how_access_stands_is_counted(world: World, watch: AccessWatch, metrics: Metrics) -> None:
    await world.given()
    await world.ask("waits", CHIARA)
    world.clock.advance(minutes=5)
    await world.ask("later", DAN)
    await watch.count()
    assert value(metrics, "dataset_bot_access_requests_waiting") == 2
    assert value(metrics, "dataset_bot_access_request_oldest_seconds") == 300
    assert value(metrics, "dataset_bot_access_grants", status="active") == 1
    assert value(metrics, "dataset_bot_access_grants", status="failed") == 0
    assert value(metrics, "dataset_bot_access_grants_due") == 0

    world.clock.advance(days=8)
    world.cloud.failures = [Unavailable("Azure does not answer.")]
    await watch.count()
    assert value(metrics, "dataset_bot_access_grants_due") == 1
    await world.execute()
    await watch.count()
    assert value(metrics, "dataset_bot_access_grants_failing") == 1
    assert value(metrics, "dataset_bot_access_grants", status="active") == 0
    assert value(metrics, "dataset_bot_access_grants", status="ending") == 1
    assert value(metrics, "dataset_bot_access_grants_due") == 0
