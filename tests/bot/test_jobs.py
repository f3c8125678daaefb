"""The job runner: bounds, Busy, time limits, draining, and what survives a kill."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import pytest
from pydantic import JsonValue
from sqlalchemy import text

from bot.jobs import JobRunner
from bot.logs import request_context
from bot.metrics import Metrics
from services.errors import Busy, SourceProblem, TimedOut, UserError
from services.jobs import DurableJob, Origin, Pool
from services.store.job_store import JobState
from tests.bot import doomed_child
from tests.bot.conftest import INSTANCE, Store, value
from tests.bot.runner import Told, make_runner

ORIGIN = Origin("U0ADA", "C0DATA", "/dataset show sales", "request-1", "trigger:1")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def runner(store: Store, told: Told, metrics: Metrics) -> JobRunner:
    return make_runner(store.jobs, store.inbox, INSTANCE, told, metrics)


async def settled(runner: JobRunner) -> None:
    """Wait until nothing is left to do."""
    while runner.unfinished:  # noqa: ASYNC110  # the runner tells nobody
        await asyncio.sleep(0.005)


async def test_a_pool_runs_so_many_queues_so_many_and_then_says_busy_at_once(
    runner: JobRunner, told: Told, metrics: Metrics
) -> None:
    gate, running, most = asyncio.Event(), 0, 0

    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    for _ in range(5):
        runner.start(Pool.DATA, "read", work, origin=ORIGIN, on_error=told.error)
    started = time.perf_counter()
    with pytest.raises(Busy):
        runner.start(Pool.DATA, "read", work, origin=ORIGIN, on_error=told.error)
    assert time.perf_counter() - started < 0.1
    await asyncio.sleep(0.02)
    assert (running, most) == (2, 2)
    # Another pool is not starved by the full one.
    done = asyncio.Event()

    async def other() -> None:
        done.set()

    runner.start(Pool.SLACK, "answer", other, origin=ORIGIN, on_error=told.error)
    await asyncio.wait_for(done.wait(), 1)
    gate.set()
    await settled(runner)
    assert most == 2
    assert value(metrics, "dataset_bot_jobs_total", pool="data", state="done") == 5
    assert value(metrics, "dataset_bot_jobs_total", pool="data", state="refused") == 1
    assert value(metrics, "dataset_bot_jobs_waiting", pool="data") == 0
    runner.start(Pool.DATA, "read", other, origin=ORIGIN, on_error=told.error)
    await settled(runner)


async def test_work_is_cut_at_its_time_limit_and_the_person_is_told(runner: JobRunner, told: Told) -> None:
    async def work() -> None:
        await asyncio.sleep(30)

    runner.start(Pool.DATA, "read", work, origin=ORIGIN, on_error=told.error, seconds=0.05)
    await settled(runner)
    (error,) = told.errors
    assert isinstance(error, TimedOut)
    assert "0.1 seconds" in error.sentence or "0.05 seconds" in error.sentence


async def test_errors_are_told_as_they_are_and_a_timeout_inside_the_work_is_no_time_limit(
    runner: JobRunner, told: Told
) -> None:
    cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancelled.cancel()
    faults = [SourceProblem("Nothing matches."), RuntimeError("fault"), TimeoutError("inner")]

    async def fail() -> None:
        raise faults.pop(0)

    async def wait_for_the_cancelled() -> None:
        await cancelled

    for work in (fail, fail, fail, wait_for_the_cancelled):
        runner.start(Pool.DATA, "read", work, origin=ORIGIN, on_error=told.error)
        await settled(runner)
    assert [type(error) for error in told.errors] == [
        SourceProblem,
        RuntimeError,
        TimeoutError,
        asyncio.CancelledError,
    ]


async def test_telling_that_fails_does_not_stop_the_pool(runner: JobRunner, told: Told) -> None:
    async def fail() -> None:
        raise RuntimeError("fault")

    async def fail_to_tell(_error: BaseException) -> None:
        raise RuntimeError("Slack is away")

    for _ in range(4):
        runner.start(Pool.DATA, "read", fail, origin=ORIGIN, on_error=fail_to_tell)
    await settled(runner)
    runner.start(Pool.DATA, "read", fail, origin=ORIGIN, on_error=told.error)
    await settled(runner)
    assert len(told.errors) == 1


async def test_work_keeps_the_context_it_was_started_in_also_when_it_waited(runner: JobRunner, told: Told) -> None:
    seen: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        seen.append(request_context.get()["request_id"])

    for number in range(5):
        request_context.set({"request_id": str(number)})
        runner.start(Pool.DATA, "read", work, origin=ORIGIN, on_error=told.error)
    await settled(runner)
    assert sorted(seen) == ["0", "1", "2", "3", "4"]


async def test_a_delivery_stays_open_until_the_last_of_its_work_ended(
    runner: JobRunner, store: Store, told: Told
) -> None:
    gate = asyncio.Event()

    async def quick() -> None:
        return

    async def slow() -> None:
        await gate.wait()

    await store.inbox.claim(ORIGIN.delivery, ORIGIN)
    runner.start(Pool.DATA, "quick", quick, origin=ORIGIN, on_error=told.error)
    runner.start(Pool.DATA, "slow", slow, origin=ORIGIN, on_error=told.error)
    await asyncio.sleep(0.2)
    assert await open_deliveries(store) == [ORIGIN.delivery]
    gate.set()
    await settled(runner)
    await asyncio.sleep(0.2)
    assert await open_deliveries(store) == []


async def test_draining_finishes_what_it_can_and_tells_of_the_rest(runner: JobRunner, store: Store, told: Told) -> None:
    finished: list[str] = []

    async def short() -> None:
        await asyncio.sleep(0.05)
        finished.append("short")

    async def endless() -> None:
        await asyncio.Event().wait()

    async def durable(_job: DurableJob) -> None:
        await asyncio.Event().wait()

    runner.register("register", durable, told.durable_error)
    job = await runner.start_durable(Pool.CATALOG, "register", {}, origin=ORIGIN)
    runner.start(Pool.DATA, "short", short, origin=ORIGIN, on_error=told.error)
    runner.start(Pool.DATA, "endless", endless, origin=ORIGIN, on_error=told.error)
    runner.start(Pool.DATA, "waited", short, origin=ORIGIN, on_error=told.error)
    draining = asyncio.create_task(runner.drain(0.4))
    await asyncio.sleep(0.01)
    with pytest.raises(Busy, match="restarted"):
        runner.start(Pool.SLACK, "late", short, origin=ORIGIN, on_error=told.error)
    assert await draining == 2
    assert finished == ["short", "short"]
    (error,) = told.errors
    assert isinstance(error, UserError)
    assert error.code == "interrupted"
    kept = await store.jobs.get(job)
    assert kept is not None
    assert kept.state is JobState.OPEN


async def test_durable_work_is_stored_before_it_is_promised_and_its_outcome_kept(
    runner: JobRunner, store: Store, told: Told
) -> None:
    seen: list[DurableJob] = []

    async def work(job: DurableJob) -> None:
        seen.append(job)
        if job.payload["name"] == "bad":
            raise SourceProblem("Nothing matches.")

    runner.register("register", work, told.durable_error)
    good = await runner.start_durable(Pool.DATA, "register", {"name": "good"}, origin=ORIGIN)
    assert await store.jobs.get(good) is not None
    again = await runner.start_durable(Pool.DATA, "register", {"name": "good"}, origin=ORIGIN)
    bad = await runner.start_durable(Pool.DATA, "register", {"name": "bad"}, origin=ORIGIN)
    await settled(runner)
    assert again == good != bad
    assert [(job.payload, job.attempt) for job in seen] == [({"name": "good"}, 1), ({"name": "bad"}, 1)]
    states = [await store.jobs.get(job) for job in (good, bad)]
    assert [(kept.state, kept.error_code) for kept in states if kept] == [
        (JobState.DONE, ""),
        (JobState.FAILED, "source_problem"),
    ]
    assert [type(error) for error in told.errors] == [SourceProblem]
    with pytest.raises(ValueError, match="no durable work"):
        await runner.start_durable(Pool.DATA, "unknown", {}, origin=ORIGIN)


async def test_after_a_kill_durable_work_is_resumed_and_of_other_work_the_person_is_told(
    runner: JobRunner, store: Store, told: Told
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.doomed_child", store.url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    job_id = (await asyncio.wait_for(child.stdout.readline(), 20)).decode().strip()
    child.send_signal(signal.SIGKILL)
    await child.wait()
    resumed: list[DurableJob] = []

    async def work(job: DurableJob) -> None:
        resumed.append(job)

    runner.register("register", work, told.durable_error)
    await runner.take_over()
    await settled(runner)
    (job,) = resumed
    assert (job.id, job.attempt, job.payload, job.origin) == (job_id, 2, {"name": "sales"}, doomed_child.DURABLE)
    assert told.interrupted == [doomed_child.PLAIN]
    assert told.errors == []
    # Nothing is taken over twice.
    await runner.take_over()
    await settled(runner)
    assert (len(resumed), len(told.interrupted)) == (1, 1)


async def test_durable_work_that_kills_its_process_every_time_is_given_up(
    runner: JobRunner, store: Store, told: Told
) -> None:
    stored: dict[str, JsonValue] = {"pool": "data", "seconds": 5, "payload": {"name": "poison"}}
    await store.jobs.add(DurableJob("poison", "register", stored, ORIGIN, attempt=3), "dead")
    runs: list[DurableJob] = []

    async def work(job: DurableJob) -> None:
        runs.append(job)

    runner.register("register", work, told.durable_error)
    await runner.take_over()
    await settled(runner)
    assert runs == []
    (error,) = told.errors
    assert isinstance(error, UserError)
    assert error.code == "gave_up"
    kept = await store.jobs.get("poison")
    assert kept is not None
    assert kept.state is JobState.FAILED


async def test_durable_work_of_a_kind_this_version_does_not_know_is_told(
    runner: JobRunner, store: Store, told: Told
) -> None:
    await store.jobs.add(DurableJob("old", "from_another_version", {}, ORIGIN), "dead")
    await runner.take_over()
    assert told.interrupted == [ORIGIN]


async def open_deliveries(store: Store) -> list[str]:
    query = text("SELECT key FROM delivery WHERE NOT done")
    return await store.database.read(lambda connection: list(connection.execute(query).scalars()))
