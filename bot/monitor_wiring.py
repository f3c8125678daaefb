"""Ties monitors to a workspace, the outbox and the runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.metrics import Metrics
from bot.monitor_runner import MonitorRunner
from bot.opened import OpenedWorkspace
from bot.outbox import OutboxPump
from bot.periodic import Periodic
from services.access.decide_facts import DatasetFacts
from services.access.policy import Policy
from services.datasets.lookup import Lookup
from services.datasets.model import Dataset
from services.monitors.backtest import Backtesting
from services.monitors.comparing import ShelfComparer
from services.monitors.desk import Desk
from services.monitors.following import Following
from services.monitors.incident_service import IncidentService
from services.monitors.model import Destination, Detail
from services.monitors.running import Running
from services.monitors.service import MonitorService
from services.monitors.telling import Telling
from services.ports import Clock
from services.store.database import Database
from services.store.monitor_runs import SqlMonitorStore

FOLLOW_SECONDS = 5.0
FORGET_SECONDS = 6 * 3600.0
RUNS_KEPT = timedelta(days=90)
RUNS_OF_A_MONITOR = 30
"""So many runs of a monitor are kept however old they are."""


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The doors for handlers, and what runs behind them."""

    monitors: MonitorService
    incidents: IncidentService
    runner: MonitorRunner
    following: Following
    store: SqlMonitorStore
    clock: Clock

    def attend(self, periodic: Periodic) -> None:
        """Follow the workspace's changes, and forget old runs, once periodic work begins."""

        async def forget() -> None:
            await self.store.forget_runs(self.clock.now() - RUNS_KEPT, RUNS_OF_A_MONITOR)

        periodic.every(FOLLOW_SECONDS, "new versions for monitors", self.following.look, first=0)
        periodic.every(FORGET_SECONDS, "old runs of monitors", forget)


def open_monitoring(
    opened: OpenedWorkspace,
    database: Database,
    instance_id: str,
    pump: OutboxPump,
    *,
    clock: Clock,
    metrics: Metrics,
    at_once: int,
    policy: Callable[[], Policy],
) -> Monitoring:
    """Monitors of a workspace. at_once: runs of this process at the same time. Nothing runs yet.

    policy: the one in force, for where incidents go.
    """
    sources, profiles = opened.sources, opened.datasets.profiles
    store = SqlMonitorStore(database, sources.key, instance_id, clock=clock)
    lookup = Lookup(sources.catalog, sources.records, opened.index)
    comparer = ShelfComparer(reader=sources.reader, shelf=profiles, records=sources.records)

    def routed(dataset: Dataset) -> tuple[Destination, ...]:
        facts = DatasetFacts(dataset.name, dataset.owner, dataset.tags)
        return tuple(Destination(to, Detail.FULL) for to in policy().alerts_to(facts))

    telling = Telling(store, routed)
    running = Running(store=store, lookup=lookup, comparer=comparer, telling=telling, wakes=pump, clock=clock)
    runner = MonitorRunner(store, running, clock=clock, metrics=metrics, at_once=at_once)
    desk = Desk(
        store=store,
        lookup=lookup,
        access=sources.access,
        wakes=pump,
        clock=clock,
        runs_wait=runner.wake,
        how_far=runner.how_far,
    )
    monitors = MonitorService(desk, Backtesting(running, lookup, clock), telling)
    incidents = IncidentService(desk, telling, comparer, sources.catalog)
    pump.on_undelivered("monitor.", incidents.undelivered)
    return Monitoring(monitors, incidents, runner, Following(store, monitors, sources.catalog), store, clock)
