"""Monitors with all they need: real tables, a registry in memory, and data that a test tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from services.actor import Actor
from services.datasets.lookup import Lookup
from services.datasets.model import (
    FileStamp,
    Fingerprint,
    FingerprintCheck,
    FingerprintState,
    VersionStats,
)
from services.monitors.backtest import Backtesting
from services.monitors.desk import Desk
from services.monitors.incident_service import IncidentService
from services.monitors.incidents import Incident
from services.monitors.model import Monitor, MonitorDraft, RunResult
from services.monitors.running import Running
from services.monitors.schedule import next_time
from services.monitors.service import MonitorService
from services.monitors.telling import Telling
from services.outbox import StoredNotice
from services.search.index import SqliteIndex
from services.store.database import Database
from services.store.instances import Instances
from services.store.monitor_runs import SqlMonitorStore
from services.store.outbox import Outbox
from tests.datasets.world import ADA, OwnersOnly, request, table
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import ManualClock
from tests.fakes.comparer import ScriptedComparer
from tests.fakes.records import MemoryRecords

CHANNEL = "C0DRIFT"
INSTANCE = "one"


@dataclass
class Woken:
    """Counts how often somebody was told that there is something to do."""

    times: int = 0

    def wake(self) -> None:
        self.times += 1


@dataclass
class MonitorWorld:
    """Everything a test touches."""

    db: Database
    clock: ManualClock
    catalog: MemoryCatalog
    records: MemoryRecords
    comparer: ScriptedComparer
    store: SqlMonitorStore
    outbox: Outbox
    running: Running
    monitors: MonitorService
    incidents: IncidentService
    woken: Woken = field(default_factory=Woken)

    async def version(
        self,
        name: str = "flights",
        *,
        tags: tuple[tuple[str, str], ...] = (),
        timestamp: str | None = None,
        **moved: float,
    ) -> int:
        """Register the next version an hour later; moved: how far its columns are from the first one's."""
        self.clock.advance(hours=1)
        number = 1
        if name in await self.catalog.resolve_names(name):
            number = (await self.catalog.get(name)).latest_version + 1
        digest = f"{name}-{number}"
        definition = table(f"{name}/*.csv", timestamp_column=timestamp)
        fingerprint = Fingerprint(digest, (FileStamp("a.csv", 3, None, digest),), self.clock.now())
        made = await self.catalog.register(
            request(name, definition, tags=tags, new_version=number > 1), fingerprint, registration_id=digest
        )
        await self.records.record_version(
            name, made.version, registered_by=ADA.user_id, fingerprint=fingerprint, stats=VersionStats()
        )
        if not await self.records.owner(name):
            await self.records.set_owner(name, ADA.user_id)
        self.comparer.moved[number] = dict(moved)
        await self.monitors.version_registered(name, number)
        return number

    async def changed(self, name: str, version: int, state: FingerprintState) -> None:
        """The files of a version are found changed."""
        check = FingerprintCheck(state, self.clock.now(), changed=1, detail="One file has other content.")
        await self.records.set_check(name, version, check)
        await self.monitors.version_changed(name, version, self.clock.now())

    async def draft(self, name: str = "flights", **changes: object) -> MonitorDraft:
        """The unchanged form of Ada's, with some changes."""
        filled = await self.monitors.form(ADA, name, channel=CHANNEL, timezone="Europe/Stockholm")
        return replace(filled.draft, **changes)  # type: ignore[arg-type]  # any field

    async def monitor(self, name: str = "flights", *, actor: Actor = ADA, **changes: object) -> Monitor:
        """A monitor made of the unchanged form."""
        return await self.monitors.create(actor, await self.draft(name, **changes))

    async def run_due(self) -> list[RunResult]:
        """Make everything that is due, as the runner does; the results."""
        made = []
        await self.store.enqueue_due(self.clock.now(), next_time, 1000)
        while claimed := await self.store.claim_runs(self.clock.now(), 10):
            for run in claimed:
                result = await self.running.make(run, seconds=60)
                if result is not None:
                    made.append(result)
        return made

    async def open(self) -> tuple[Incident, ...]:
        """Open incidents, the worst first."""
        return await self.incidents.open_incidents()

    async def told(self) -> list[StoredNotice]:
        """Take every notice that can be told now, in order, as told."""
        found: list[StoredNotice] = []
        while claimed := await self.outbox.claim(100):
            for notice in claimed:
                await self.outbox.sent(notice.id, notice.notice.to, f"{notice.id}.0")
            found.extend(claimed)
        return found

    async def news(self) -> list[str]:
        """What was told now: kinds of new messages, "edit", and the news of replies."""
        return [_news(notice) for notice in await self.told()]


def _news(stored: StoredNotice) -> str:
    notice = stored.notice
    if notice.kind == "monitor.reply":
        return str(notice.args["news"])
    return "edit" if notice.action == "update" else notice.kind.removeprefix("monitor.")


@asynccontextmanager
async def monitor_world(db: Database, *, instance: str = INSTANCE) -> AsyncIterator[MonitorWorld]:
    """A world whose instance is alive."""
    clock, comparer, woken = ManualClock(), ScriptedComparer(), Woken()
    catalog, records = MemoryCatalog(clock), MemoryRecords()
    index = SqliteIndex(":memory:", catalog, records, clock=clock)
    await index.open()
    store = SqlMonitorStore(db, "local", instance, clock=clock, lease=timedelta(days=3650))
    await Instances(db, clock=clock).register(instance)
    lookup, telling = Lookup(catalog, records, index), Telling(store)
    desk = Desk(store=store, lookup=lookup, access=OwnersOnly(records), wakes=woken, clock=clock)
    running = Running(store=store, lookup=lookup, comparer=comparer, telling=telling, wakes=woken, clock=clock)
    try:
        yield MonitorWorld(
            db=db,
            clock=clock,
            catalog=catalog,
            records=records,
            comparer=comparer,
            store=store,
            outbox=Outbox(db, instance, clock=clock, lease=timedelta(days=3650)),
            running=running,
            monitors=MonitorService(desk, Backtesting(running, lookup, clock), telling),
            incidents=IncidentService(desk, telling, comparer, catalog),
            woken=woken,
        )
    finally:
        await index.close()
