"""Monitors as people ask for them: the door for handlers; incidents are behind `services.monitors.incident_service`.

Everything that changes something is authorised, audited and told in one transaction. Raises the errors of
`services.errors` with sentences for the reader; NotFound for ids that do not exist any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.actor import Actor
from services.datasets.model import Dataset, Problem
from services.errors import Conflict, InvalidInput, NotFound
from services.monitors import schedule
from services.monitors.backtest import Backtesting
from services.monitors.desk import CONFLICTS, Desk, audit_event
from services.monitors.drafts import check_draft, explained, sensible
from services.monitors.incident_steps import step
from services.monitors.incidents import Incident, MonitorEnded, worst_first
from services.monitors.model import Baseline, BaselineKind, Cause, Monitor, MonitorDraft, Run
from services.monitors.ports import Change
from services.monitors.rules import may_change
from services.monitors.telling import Telling
from services.monitors.views import Backtest, Filled, History, MonitorCard, Watching
from services.outbox import Notice
from services.ports import Progress

MOST_MONITORS = 10_000


class MonitorService:
    """See the module."""

    def __init__(self, desk: Desk, backtesting: Backtesting, telling: Telling) -> None:
        self._desk = desk
        self._backtesting = backtesting
        self._telling = telling

    async def form(self, actor: Actor, dataset: str, *, channel: str, timezone: str) -> Filled:
        """First values of the form for a new monitor, each explained. channel: where the command came from.

        timezone: the person's. Submitted as they are, they make a useful monitor. Raises NotFound.
        """
        found = await self._desk.lookup.dataset(dataset)
        draft = sensible(found.name, actor, channel=channel, timezone=timezone)
        return Filled(draft, explained(draft))

    async def problems(self, draft: MonitorDraft) -> tuple[Problem, ...]:
        """What is wrong with a form, by field: names of `MonitorDraft`'s fields, and `timezone`, `jitter`."""
        dataset = await self._desk.lookup.dataset(draft.dataset)
        latest = await self._desk.lookup.version(dataset)
        return check_draft(draft, dataset, latest, self._desk.clock.now())

    async def preview(self, actor: Actor, draft: MonitorDraft, progress: Progress | None = None) -> Backtest:
        """What this monitor would have done on the versions that exist. Scans what was not scanned before.

        Raises InvalidInput, NotAllowed for who may not read the data, SourceProblem.
        """
        dataset = await self._checked(actor, draft)
        return await self._backtesting.run(draft, dataset, progress)

    async def create(self, actor: Actor, draft: MonitorDraft) -> Monitor:
        """Add a monitor. Raises InvalidInput with its field, NotAllowed for who may not read the data."""
        await self._checked(actor, draft)
        if await self._desk.store.count() >= MOST_MONITORS:
            raise InvalidInput(f"There are {MOST_MONITORS:,} monitors already. Delete some that nobody needs.")
        monitor = self._scheduled(Monitor(self._desk.new_id(), draft, actor.user_id, self._desk.clock.now()))
        await self._desk.apply(Change(monitor=monitor, audit=(audit_event(actor, "monitor.created", monitor),)))
        self._desk.runs_wait()  # it may be due before the scheduler would look again
        return monitor

    async def edit(self, actor: Actor, monitor_id: str, draft: MonitorDraft, revision: int) -> Monitor:
        """Replace what is set. revision: of the monitor whose form was filled in; raises Conflict if it changed."""
        monitor, _ = await self._to_change(actor, "monitor.edited", monitor_id)
        if monitor.revision != revision:
            raise Conflict("Somebody changed this monitor meanwhile. Open it again.")
        if draft.dataset != monitor.dataset:
            raise InvalidInput("A monitor stays with its dataset; duplicate it for another one.", field="dataset")
        await self._checked(actor, draft)
        accepted = monitor.accepted if draft.baseline == monitor.draft.baseline else 0
        changed = self._scheduled(replace(monitor, draft=draft, trouble="", accepted=accepted))
        return await self._changed(actor, "monitor.edited", changed)

    async def duplicate(self, actor: Actor, monitor_id: str, dataset: str) -> Monitor:
        """The same monitor on another dataset. A pinned baseline becomes the previous version.

        What is set for single columns stays, and counts where a column of that name exists.
        """
        monitor = await self._desk.monitor(monitor_id)
        found = await self._desk.lookup.dataset(dataset)
        baseline = Baseline() if monitor.draft.baseline.kind is BaselineKind.PINNED else monitor.draft.baseline
        return await self.create(actor, replace(monitor.draft, dataset=found.name, baseline=baseline))

    async def pause(self, actor: Actor, monitor_id: str, *, paused: bool) -> Monitor:
        """Stop it, or let it go on. What was missed meanwhile is not made up for."""
        action = "monitor.paused" if paused else "monitor.resumed"
        monitor, _ = await self._to_change(actor, action, monitor_id)
        if monitor.paused == paused:
            return monitor
        return await self._changed(actor, action, self._scheduled(replace(monitor, paused=paused)))

    async def delete(self, actor: Actor, monitor_id: str) -> None:
        """End a monitor; its open incidents are resolved with that reason."""
        for _ in range(CONFLICTS):
            monitor, dataset = await self._to_change(actor, "monitor.deleted", monitor_id)
            incidents: list[Incident] = []
            told: list[Notice] = []
            for incident in await self._desk.store.open_incidents(monitor_id=monitor.id):
                changed = step(incident, MonitorEnded(self._desk.clock.now(), actor.user_id))
                if changed is not None:
                    after, of_it = await self._telling.of(*changed, monitor, dataset, by=actor.user_id)
                    incidents.append(after)
                    told.extend(of_it)
            gone = replace(monitor, deleted=True, next_slot=None, next_run_at=None, revision=monitor.revision + 1)
            change = Change(
                monitor=gone,
                incidents=tuple(incidents),
                notices=tuple(told),
                audit=(audit_event(actor, "monitor.deleted", monitor),),
            )
            if await self._desk.store.apply(change):
                self._desk.wakes.wake()
                return
        raise Conflict("This monitor is changing right now. Try again.")

    async def run_now(self, actor: Actor, monitor_id: str) -> Run:
        """Begin a run as soon as a worker is free; follow it with `run`. One that waits already is returned."""
        monitor, _ = await self._to_change(actor, "monitor.run", monitor_id)
        waiting = await self._desk.store.unfinished(monitor.id)
        if waiting is not None:
            return waiting
        run = self._new_run(monitor, Cause.PERSON, f"person:{self._desk.new_id()}", by=actor.user_id)
        await self._desk.apply(Change(runs=(run,), audit=(audit_event(actor, "monitor.run", monitor),)))
        self._desk.runs_wait()
        return run

    async def run(self, run_id: str) -> Run:
        """A run as it is now, with its result once it ended."""
        found = await self._desk.store.run(run_id)
        if found is None:
            raise NotFound("This run is not kept any more.")
        return found

    def how_far(self, run_id: str) -> str:
        """What a run that is being made says of itself; "" when it says nothing or another replica makes it."""
        return self._desk.how_far(run_id)

    async def watching(self, dataset: str) -> Watching:
        """How a dataset is watched, for its card."""
        monitors = await self._desk.store.monitors_of(dataset)
        found = await self._desk.store.open_incidents(dataset=dataset)
        return Watching(len(monitors), worst_first(found))

    async def monitor(self, actor: Actor, monitor_id: str) -> MonitorCard:
        """One monitor with what is going on."""
        return await self._card(actor, await self._desk.monitor(monitor_id))

    async def monitors_of(self, actor: Actor, dataset: str) -> tuple[MonitorCard, ...]:
        """A dataset's monitors, the oldest first. Raises NotFound for the dataset."""
        found = await self._desk.lookup.dataset(dataset)
        return tuple([await self._card(actor, each) for each in await self._desk.store.monitors_of(found.name)])

    async def history(self, monitor_id: str, before: datetime | None = None, limit: int = 20) -> History:
        """Runs that ended, newest first, without their comparisons."""
        monitor = await self._desk.monitor(monitor_id)
        runs = await self._desk.store.runs_of(monitor.id, before, limit + 1)
        return History(monitor, runs[:limit], more=len(runs) > limit)

    async def version_registered(self, name: str, version: int) -> int:
        """A version is there: monitors that run at once do; returns how many. Repeating it changes nothing."""
        return await self._start_runs(name, Cause.VERSION, f"version:{version}")

    async def version_changed(self, name: str, version: int, checked_at: datetime | None) -> int:
        """The files of a version were found changed under its number; returns how many monitors look at it now."""
        found = 0 if checked_at is None else int(checked_at.timestamp())
        return await self._start_runs(name, Cause.CHANGE, f"change:{version}:{found}")

    async def _start_runs(self, name: str, cause: Cause, slot: str) -> int:
        runs = tuple(self._new_run(each, cause, slot) for each in await self._desk.store.watched([name]))
        if runs:
            await self._desk.apply(Change(runs=runs))
            self._desk.runs_wait()
        return len(runs)

    def _new_run(self, monitor: Monitor, cause: Cause, slot: str, by: str = "") -> Run:
        return Run(self._desk.new_id(), monitor.id, monitor.dataset, cause, slot, self._desk.clock.now(), by=by)

    def _scheduled(self, monitor: Monitor) -> Monitor:
        found = None if monitor.paused else schedule.next_time(monitor, self._desk.clock.now())
        slot, begins = found or (None, None)
        return replace(monitor, next_slot=slot, next_run_at=begins)

    async def _changed(self, actor: Actor, action: str, changed: Monitor) -> Monitor:
        stored = replace(changed, revision=changed.revision + 1)
        await self._desk.apply(Change(monitor=stored, audit=(audit_event(actor, action, stored),)))
        return stored

    async def _to_change(self, actor: Actor, action: str, monitor_id: str) -> tuple[Monitor, Dataset | None]:
        monitor = await self._desk.monitor(monitor_id)
        dataset = await self._desk.dataset_of(monitor)
        await self._desk.require(may_change(actor, monitor, dataset), actor, action, monitor)
        return monitor, dataset

    async def _checked(self, actor: Actor, draft: MonitorDraft) -> Dataset:
        """Raises InvalidInput for the first problem, NotAllowed for who may not read the data."""
        dataset = await self._desk.lookup.dataset(draft.dataset)
        for problem in await self.problems(draft):
            raise InvalidInput(problem.sentence, field=problem.field)
        await self._desk.require_reading(actor, dataset)
        return dataset

    async def _card(self, actor: Actor, monitor: Monitor) -> MonitorCard:
        store, dataset = self._desk.store, await self._desk.dataset_of(monitor)
        ended = await store.runs_of(monitor.id, None, 1)
        return MonitorCard(
            monitor=monitor,
            owner=dataset.owner if dataset is not None else "",
            latest=ended[0] if ended else None,
            running=await store.unfinished(monitor.id),
            open=await store.open_incidents(monitor_id=monitor.id),
            may_change=may_change(actor, monitor, dataset).allowed,
        )
