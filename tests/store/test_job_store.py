"""Durable jobs outlive the process that stored them, and each next attempt has one runner."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.jobs import DurableJob, Origin
from services.store.database import Database
from services.store.instances import Instances
from services.store.job_store import JobState, JobStore, StoredJob
from tests.databases import SetClock

LEASE = timedelta(seconds=15)
ORIGIN = Origin("U1", "C1", "/dataset register \x00 'x'", "r1", "delivery-1")


def job(number: int = 1) -> DurableJob:
    return DurableJob(f"job-{number}", "register", {"name": "sälés\x00", "list": [1, None, {"a": True}]}, ORIGIN)


async def test_a_job_comes_back_as_it_was_stored(db: Database, clock: SetClock) -> None:
    jobs = JobStore(db, clock=clock)
    assert await jobs.get("job-1") is None
    assert await jobs.add(job(), "one") is True
    assert await jobs.add(job(), "two") is False
    now = clock.now()
    assert await jobs.get("job-1") == StoredJob(job(), JobState.OPEN, "one", "", now, now)


async def test_the_first_outcome_stays(db: Database, clock: SetClock) -> None:
    jobs = JobStore(db, clock=clock)
    await jobs.add(job(), "one")
    created = clock.now()
    clock.advance(seconds=3)
    await jobs.finish("job-1", JobState.FAILED, "source_problem")
    await jobs.finish("job-1", JobState.DONE)
    assert await jobs.get("job-1") == StoredJob(
        job(), JobState.FAILED, "one", "source_problem", created, created + timedelta(seconds=3)
    )


async def test_an_abandoned_job_has_one_taker(db: Database, database_url: str, clock: SetClock) -> None:
    other_db = Database.open(database_url)
    stores = [JobStore(db, clock=clock), JobStore(other_db, clock=clock)]
    instances = Instances(db, clock=clock)
    for name in ("dead", "one", "two"):
        await instances.register(name)
    for number in range(5):
        await stores[0].add(job(number), "dead")
        clock.advance(milliseconds=1)
    await stores[0].add(job(6), "dead")
    await stores[0].finish("job-6", JobState.DONE)
    await stores[0].add(job(7), "one")
    clock.advance(seconds=16)
    await instances.heartbeat("one")
    await instances.heartbeat("two")

    taken = await asyncio.gather(
        *(stores[turn % 2].claim_abandoned(("one", "two")[turn % 2], LEASE) for turn in range(8))
    )
    found = [job for batch in taken for job in batch]
    assert [(job.id, job.attempt) for job in found] == [(f"job-{number}", 2) for number in range(5)]
    assert found[0].payload == job().payload
    assert await stores[0].open_count() == 6
    await other_db.close()


async def test_jobs_of_a_living_instance_are_left_alone(db: Database, clock: SetClock) -> None:
    jobs, instances = JobStore(db, clock=clock), Instances(db, clock=clock)
    await instances.register("alive")
    await jobs.add(job(), "alive")
    clock.advance(seconds=14.9)
    assert await jobs.claim_abandoned("other", LEASE) == ()
    assert await jobs.claim_abandoned("alive", LEASE) == ()


async def test_sweeping_forgets_old_outcomes_only(db: Database, clock: SetClock) -> None:
    jobs = JobStore(db, clock=clock)
    await jobs.add(job(1), "one")
    await jobs.add(job(2), "one")
    await jobs.finish("job-1", JobState.DONE)
    clock.advance(days=6.9)
    assert await jobs.sweep() == 0
    clock.advance(days=0.2)
    assert await jobs.sweep() == 1
    assert await jobs.get("job-1") is None
    assert await jobs.get("job-2") is not None


async def test_instances_are_known_while_they_beat(db: Database, clock: SetClock) -> None:
    instances = Instances(db, clock=clock)
    for name in ("b", "a", "c"):
        await instances.register(name)
    assert await instances.alive() == ("a", "b", "c")
    await instances.deregister("a")
    clock.advance(seconds=10)
    await instances.heartbeat("b")
    clock.advance(seconds=10)
    assert await instances.alive() == ("b",)
    clock.advance(days=2)
    await instances.register("d")
    await instances.heartbeat("b")  # long silent, forgotten, and back
    assert await instances.alive() == ("b", "d")
