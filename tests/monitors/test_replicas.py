"""Replicas as processes: each slot is run and told once, and a kill -9 at any point loses and doubles nothing."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.clock import SystemClock
from bot.sandbox.server import LocalSlack
from bot.sandbox.state import Channel
from services.datasets.model import FileStamp, Fingerprint, VersionStats
from services.local.catalog import LocalCatalog
from services.monitors.model import Cause, Destination, Monitor, MonitorDraft, Run, Schedule
from services.monitors.ports import Change
from services.store import monitor_tables
from services.store.database import Database
from services.store.instances import Instances
from services.store.monitor_runs import SqlMonitorStore
from services.store.records import SqlRecords
from tests.datasets.world import request
from tests.postgres import database_name, fresh_database
from tests.scenario.bot_on_local_slack import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SLOTS, DATASETS = 1000, 100
CLOCK = SystemClock()


@pytest.fixture
def url(postgres_server: str, migrated_postgres: str) -> Iterator[str]:
    with fresh_database(postgres_server, migrated_postgres) as fresh:
        assert database_name(fresh)
        yield fresh


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database.open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(rate_limits=False) as running:
        yield running


@asynccontextmanager
async def replica(url: str, slack: LocalSlack, mode: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child that is ready; killed in the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.monitors.replica_child", url, slack.url, slack.bot_token, mode,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def dataset(database: Database, name: str) -> None:
    """Two versions, of which the second has moved."""
    catalog, records = LocalCatalog(database, "local", clock=CLOCK), SqlRecords(database, "local")
    for number in (1, 2):
        digest = f"{name}-{number}"
        fingerprint = Fingerprint(digest, (FileStamp("a.csv", 3, None, digest),), CLOCK.now())
        await catalog.register(request(name, new_version=number > 1), fingerprint, registration_id=digest)
        await records.record_version(name, number, registered_by="U0ADA", fingerprint=fingerprint, stats=VersionStats())


async def monitor(
    store: SqlMonitorStore, slack: LocalSlack, of: str, *, due: datetime | None, name: str = ""
) -> Monitor:
    """A monitor of a dataset with a channel of its own: Slack's pace is that of a channel."""
    name = name or of
    channel = "C" + name.upper().replace("-", "")
    slack.world.channels[channel] = Channel(channel, name, "channel", ["U0ADA", "U0BOT"])
    draft = MonitorDraft(of, destinations=(Destination(channel),), schedule=Schedule(cron="0 0 1 1 *"))
    made = Monitor(f"m-{name}", draft, "U0ADA", CLOCK.now(), next_slot=due, next_run_at=due)
    assert await store.apply(Change(monitor=made))
    return made


async def ended(database: Database, count: int, seconds: float = 120) -> None:
    """Wait until so many runs have ended."""
    query = select(func.count()).where(monitor_tables.monitor_run.c.ended_at.is_not(None))
    async with asyncio.timeout(seconds):
        while True:
            if await database.read(lambda connection: connection.execute(query).scalar_one()) >= count:
                return
            await asyncio.sleep(0.1)


async def posted(slack: LocalSlack, count: int, seconds: float = 60) -> Counter[str]:
    """Messages by channel once there are so many, and a moment later."""
    async with asyncio.timeout(seconds):
        while True:
            if sum(map(len, slack.world.messages.values())) >= count:
                break
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    return Counter({channel: len(messages) for channel, messages in slack.world.messages.items() if messages})


async def test_two_replicas_run_and_tell_each_of_a_thousand_slots_once(
    url: str, database: Database, slack: LocalSlack
) -> None:
    store = SqlMonitorStore(database, "local", "parent", clock=CLOCK)
    names = [f"set-{number}" for number in range(DATASETS)]
    await asyncio.gather(*(dataset(database, name) for name in names))
    due = CLOCK.now()
    await asyncio.gather(
        *(monitor(store, slack, names[n % DATASETS], name=f"watch-{n}", due=due) for n in range(SLOTS))
    )
    async with replica(url, slack, "serve") as one, replica(url, slack, "serve") as two:
        await ended(database, SLOTS)
        told = await posted(slack, SLOTS)
        shares = [await compared(process) for process in (one, two)]
    rows = await database.read(
        lambda connection: connection.execute(
            select(monitor_tables.monitor_run.c.attempts, monitor_tables.monitor_run.c.state)
        ).all()
    )
    assert [tuple(row) for row in rows] == [(1, "done")] * SLOTS
    assert set(told.values()) == {1}
    assert len(told) == SLOTS
    assert sum(shares) == SLOTS
    assert min(shares) > 0, "both did some of it"


async def compared(process: asyncio.subprocess.Process) -> int:
    """How many comparisons a replica began; it is killed for that."""
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    return len((await process.stdout.read()).splitlines())


async def test_a_replica_killed_during_its_scan_is_replaced(url: str, database: Database, slack: LocalSlack) -> None:
    await dataset(database, "flights")
    store = SqlMonitorStore(database, "local", "parent", clock=CLOCK)
    await monitor(store, slack, "flights", due=CLOCK.now())
    async with replica(url, slack, "hang") as doomed:
        assert doomed.stdout is not None
        assert await asyncio.wait_for(doomed.stdout.readline(), 20) == b"flights:2\n"
        doomed.send_signal(signal.SIGKILL)
        await doomed.wait()
    assert slack.world.messages["CFLIGHTS"] == []
    async with replica(url, slack, "serve"):
        assert await posted(slack, 1) == {"CFLIGHTS": 1}
    (run,) = await store.runs_of("m-flights", None, 10)
    assert run.attempts == 2
    assert len(await store.open_incidents()) == 1


async def test_a_replica_killed_between_result_and_message_is_told_by_the_next(
    url: str, database: Database, slack: LocalSlack
) -> None:
    await dataset(database, "flights")
    store = SqlMonitorStore(database, "local", "parent", clock=CLOCK)
    made = await monitor(store, slack, "flights", due=None)
    run = Run("r1", made.id, "flights", Cause.VERSION, "version:2", CLOCK.now())
    assert await store.apply(Change(runs=(run,)))
    async with replica(url, slack, "mute"):
        await ended(database, 1)
    assert slack.world.messages["CFLIGHTS"] == []
    async with replica(url, slack, "serve"):
        assert await posted(slack, 1) == {"CFLIGHTS": 1}
    assert await store.apply(Change(runs=(Run("r2", made.id, "flights", Cause.VERSION, "version:2", CLOCK.now()),)))
    assert await store.unfinished(made.id) is None, "the version has its run"
    await Instances(database, clock=CLOCK).register("parent")
    assert await store.claim_runs(CLOCK.now() + timedelta(days=1), 10) == ()
