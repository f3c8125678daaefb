"""Deliveries: claimed once over all replicas, never lost when a replica dies, never falsely granted."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select, text

from services.jobs import Origin
from services.store import tables
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.instances import Instances
from services.store.job_store import JobStore
from tests.databases import SetClock
from tests.store.measure_inbox import TimedDatabase


class WallClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def origin(key: str) -> Origin:
    return Origin("U1", "C1", f"/dataset show {key}", f"request-{key}", key)


async def _set(event: threading.Event) -> None:
    assert await asyncio.get_running_loop().run_in_executor(None, event.wait, 10)


async def _rows(db: Database) -> int:
    count = select(func.count()).select_from(tables.delivery)
    return await db.read(lambda connection: connection.execute(count).scalar_one())


async def test_one_claim_of_each_key_wins(db: Database, database_url: str, clock: SetClock) -> None:
    other_db = Database.open(database_url)
    replicas = [Inbox(db, "one", clock=clock), Inbox(other_db, "two", clock=clock)]
    keys = [f"key-{number % 50}" for number in range(200)]
    random.Random(7).shuffle(keys)
    outcomes = await asyncio.gather(*(replicas[index % 2].claim(key, origin(key)) for index, key in enumerate(keys)))
    winners = [key for key, first in zip(keys, outcomes, strict=True) if first]
    assert sorted(winners) == sorted(set(keys))
    assert len(winners) == 50
    assert await _rows(db) == 50
    for inbox in replicas:
        await inbox.close()
    await other_db.close()


async def test_the_same_claim_again_is_false_on_every_replica_and_after_a_restart(
    db: Database, clock: SetClock
) -> None:
    assert await Inbox(db, "one", clock=clock).claim("k", origin("k")) is True
    again = Inbox(db, "two", clock=clock)
    assert await again.claim("k", origin("k")) is False
    assert await again.claim("k", origin("k")) is False


async def test_claims_under_way_are_committed_together(database_url: str, clock: SetClock) -> None:
    timed = TimedDatabase(database_url, threads=4)
    inbox = Inbox(timed, "one", clock=clock)
    holding, go_on = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        holding.set()
        go_on.wait(10)

    writers = 1 if timed.dialect == "sqlite" else 4
    holders = [asyncio.create_task(timed.write(hold)) for _ in range(writers)]
    await _set(holding)
    claims = [asyncio.create_task(inbox.claim(f"k{number}", origin("k"))) for number in range(10)]
    await asyncio.sleep(0.05)
    claims += [asyncio.create_task(inbox.claim(f"k{number}", origin("k"))) for number in range(10, 60)]
    await asyncio.sleep(0.05)
    go_on.set()
    assert all(await asyncio.gather(*claims))
    await asyncio.gather(*holders)
    assert timed.transactions == writers + 2
    await inbox.close()
    await timed.close()


async def test_a_database_that_fails_grants_nothing_and_the_retry_may_win(db: Database, clock: SetClock) -> None:
    inbox = Inbox(db, "one", clock=clock)
    await db.write(lambda connection: connection.execute(text("ALTER TABLE delivery RENAME TO gone")))
    outcomes = await asyncio.gather(*(inbox.claim("k", origin("k")) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    await db.write(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO delivery")))
    assert await inbox.claim("k", origin("k")) is True
    assert await inbox.claim("k", origin("k")) is False
    await inbox.close()
    assert await _rows(db) == 1


async def test_a_claim_whose_caller_was_cancelled_is_free_again(db: Database, clock: SetClock) -> None:
    inbox = Inbox(db, "one", clock=clock)
    holding, go_on = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        holding.set()
        go_on.wait(10)

    holders = [asyncio.create_task(db.write(hold)) for _ in range(1 if db.dialect == "sqlite" else 4)]
    await _set(holding)
    cancelled = asyncio.create_task(inbox.claim("k", origin("k")))
    await asyncio.sleep(0.02)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    retries = [asyncio.create_task(inbox.claim("k", origin("k"))) for _ in range(3)]
    await asyncio.sleep(0.02)
    go_on.set()
    assert sorted(await asyncio.gather(*retries)) == [False, False, True]
    await asyncio.gather(*holders)
    await inbox.close()
    assert await _rows(db) == 1


async def test_open_deliveries_of_a_silent_instance_are_taken_once(db: Database, clock: SetClock) -> None:
    instances = Instances(db, clock=clock)
    await instances.register("dying")
    await instances.register("healthy")
    dying = Inbox(db, "dying", clock=clock)
    for key in ("open-1", "open-2", "handled"):
        await dying.claim(key, origin(key))
    dying.done("handled")
    await dying.close()
    healthy = [Inbox(db, "healthy", clock=clock), Inbox(db, "third", clock=clock)]
    await healthy[0].claim("mine", origin("mine"))

    clock.advance(seconds=14)
    await instances.heartbeat("healthy")
    assert await healthy[0].abandoned() == ()
    clock.advance(seconds=2)
    taken = await asyncio.gather(*(inbox.abandoned() for inbox in healthy * 4))
    assert sorted(found.delivery for batch in taken for found in batch) == ["open-1", "open-2"]
    assert {found for batch in taken for found in batch} == {origin("open-1"), origin("open-2")}


async def test_a_deregistered_instance_leaves_its_deliveries_at_once(db: Database, clock: SetClock) -> None:
    instances = Instances(db, clock=clock)
    await instances.register("one")
    await Inbox(db, "one", clock=clock).claim("k", origin("k"))
    assert await Inbox(db, "two", clock=clock).abandoned() == ()
    await instances.deregister("one")
    assert await Inbox(db, "two", clock=clock).abandoned() == (origin("k"),)
    assert await Inbox(db, "two", clock=clock).claim("k", origin("k")) is False


async def test_sweeping_forgets_what_is_handled_and_expired_only(db: Database, clock: SetClock) -> None:
    inbox = Inbox(db, "one", ttl=timedelta(minutes=30), clock=clock)
    for key in ("handled", "open"):
        await inbox.claim(key, origin(key))
    inbox.done("handled")
    await inbox.close()
    clock.advance(minutes=29)
    await inbox.claim("younger", origin("younger"))
    inbox.done("younger")
    await inbox.close()
    assert await inbox.sweep() == 0
    clock.advance(minutes=2)
    assert await inbox.sweep() == 1
    later = Inbox(db, "two", clock=clock)
    assert await later.claim("handled", origin("handled")) is True
    assert await later.claim("open", origin("open")) is False


async def test_done_is_written_without_further_claims(db: Database, clock: SetClock) -> None:
    inbox = Inbox(db, "one", clock=clock)
    await inbox.claim("k", origin("k"))
    inbox.done("k")
    open_ones = select(func.count()).select_from(tables.delivery).where(~tables.delivery.c.done)
    for _ in range(500):
        if await db.read(lambda connection: connection.execute(open_ones).scalar_one()) == 0:
            break
        await asyncio.sleep(0.01)
    assert await Inbox(db, "two", clock=clock).abandoned() == ()
    await inbox.close()


@pytest.mark.parametrize("key", ["", "\x00", "é" * 10, "x" * 5000, "\ud800", "a'b\"c%s:d"])
async def test_any_key_and_any_text_can_be_claimed(db: Database, clock: SetClock, key: str) -> None:
    words = Origin("U1", "C1", "nul \x00 lone \ud800 emoji 🎉 quote ' \" \\ %s", "r", key)
    inbox = Inbox(db, "one", clock=clock)
    assert await inbox.claim(key, words) is True
    assert await Inbox(db, "two", clock=clock).claim(key, words) is False
    assert await Inbox(db, "three", clock=clock).abandoned() == (words,)


async def test_a_killed_process_loses_nothing(db: Database, database_url: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.claiming_child", database_url, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert (await child.stdout.readline()).strip() == b"ready"
    child.kill()
    await child.wait()
    clock = WallClock()
    await Instances(db, clock=clock).register("survivor")
    inbox = Inbox(db, "survivor", lease=timedelta(seconds=0.5), clock=clock)
    await asyncio.sleep(0.7)
    assert sorted(found.delivery for found in await inbox.abandoned()) == ["key-0", "key-1", "key-2"]
    assert await inbox.claim("key-0", origin("key-0")) is False
    (job,) = await JobStore(db, clock=clock).claim_abandoned("survivor", timedelta(seconds=0.5))
    assert (job.id, job.attempt, dict(job.payload)) == ("job-1", 2, {"name": "sales"})
