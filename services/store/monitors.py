"""`MonitorStore` in tables: monitors, runs and incidents, each change with what is told of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select, update

from services.monitors.incidents import Incident, Subject
from services.monitors.model import Monitor, Run, RunState
from services.monitors.ports import Change
from services.ports import Clock
from services.store import access_audit, monitor_tables, outbox
from services.store.database import Database, insert_new
from services.store.monitor_rows import (
    BRIEF_RUN_COLUMNS,
    MONITOR_COLUMNS,
    RUN_COLUMNS,
    incident_values,
    monitor_values,
    run_values,
    to_incident,
    to_monitor,
    to_run,
)
from services.store.workspaces import WorkspaceRow

_monitor, _run, _incident = monitor_tables.monitor.c, monitor_tables.monitor_run.c, monitor_tables.incident.c

# The conditions of the partial indexes, in their words, so that these serve.
IS_OPEN: ColumnElement[bool] = literal_column("incident.status <> 'resolved'")
ENDED: ColumnElement[bool] = literal_column("monitor_run.ended_at IS NOT NULL")
UNFINISHED: ColumnElement[bool] = literal_column("monitor_run.ended_at IS NULL")
SNOOZED: ColumnElement[bool] = literal_column("incident.snoozed_until IS NOT NULL")

IncidentQuery = Select[tuple[object]]


class _ChangedMeanwhile(Exception):
    """Somebody else was first: undo this transaction."""


class SqlMonitors:
    """The part of `services.monitors.ports.MonitorStore` that people's screens and messages need; see `monitor_runs`.

    workspace_key: what tells the workspace apart in this database.
    """

    def __init__(self, db: Database, workspace_key: str, *, clock: Clock) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace_key)
        self._clock = clock

    async def apply(self, change: Change) -> bool:
        """See `MonitorStore.apply`."""
        workspace_id, now = await self._workspace.id(), self._clock.now()

        def work(connection: Connection) -> None:
            if change.monitor is not None:
                _write_monitor(connection, workspace_id, change.monitor)
            if change.finished is not None:
                _finish(connection, change.finished)
            for incident in change.incidents:
                _write_incident(connection, workspace_id, incident)
            if change.runs:
                rows = [{"workspace_id": workspace_id, **run_values(run)} for run in change.runs]
                connection.execute(insert_new(connection, monitor_tables.monitor_run), rows)
            outbox.hurry(connection, sorted({each.lane for each in change.notices if each.not_before is None}))
            outbox.put(connection, change.notices, now)
            access_audit.append(connection, workspace_id, change.audit, now)

        try:
            await self._db.write(work)
        except _ChangedMeanwhile:
            return False
        return True

    async def monitor(self, monitor_id: str) -> Monitor | None:
        """See `MonitorStore.monitor`."""
        found = await self._monitors(lambda query: query.where(_monitor.id == monitor_id))
        return found[0] if found else None

    async def monitors_of(self, dataset: str) -> tuple[Monitor, ...]:
        """See `MonitorStore.monitors_of`."""
        return await self._monitors(
            lambda query: query.where(_monitor.dataset == dataset, ~_monitor.deleted).order_by(
                _monitor.created_at, _monitor.id
            )
        )

    async def watched(self, names: Sequence[str]) -> tuple[Monitor, ...]:
        """See `MonitorStore.watched`."""
        return await self._monitors(
            lambda query: query.where(
                _monitor.dataset.in_(names), _monitor.on_new_version, ~_monitor.deleted, ~_monitor.paused
            ).order_by(_monitor.created_at, _monitor.id)
        )

    async def count(self) -> int:
        """See `MonitorStore.count`."""
        query = select(func.count()).where(_monitor.workspace_id == await self._workspace.id(), ~_monitor.deleted)
        return await self._db.read(lambda connection: connection.execute(query).scalar_one())

    async def run(self, run_id: str) -> Run | None:
        """See `MonitorStore.run`."""
        query = select(*RUN_COLUMNS).where(_run.workspace_id == await self._workspace.id(), _run.id == run_id)
        row = await self._db.read(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else to_run({str(name): value for name, value in row.items()})

    async def runs_of(self, monitor_id: str, before: datetime | None, limit: int) -> tuple[Run, ...]:
        """See `MonitorStore.runs_of`."""
        query = select(*BRIEF_RUN_COLUMNS).where(_run.monitor_id == monitor_id, ENDED)
        if before is not None:
            query = query.where(_run.ended_at < before)
        return await self._runs(query.order_by(_run.ended_at.desc(), _run.id).limit(limit))

    async def unfinished(self, monitor_id: str) -> Run | None:
        """See `MonitorStore.unfinished`."""
        query = select(*BRIEF_RUN_COLUMNS).where(_run.monitor_id == monitor_id, UNFINISHED)
        found = await self._runs(query.order_by(_run.due_at, _run.id).limit(1))
        return found[0] if found else None

    async def incident(self, incident_id: str) -> Incident | None:
        """See `MonitorStore.incident`."""
        found = await self._incidents(lambda query: query.where(_incident.id == incident_id))
        return found[0] if found else None

    async def latest_incident(self, monitor_id: str, subject: Subject) -> Incident | None:
        """See `MonitorStore.latest_incident`."""
        found = await self._incidents(
            lambda query: (
                query.where(_incident.monitor_id == monitor_id, _incident.subject == subject.value)
                .order_by(_incident.opened_at.desc(), _incident.id.desc())
                .limit(1)
            )
        )
        return found[0] if found else None

    async def open_incidents(
        self, *, monitor_id: str = "", dataset: str = "", channel: str = "", limit: int = 100
    ) -> tuple[Incident, ...]:
        """See `MonitorStore.open_incidents`."""
        asked = ((_incident.monitor_id, monitor_id), (_incident.dataset, dataset), (_incident.place, channel))
        wanted = [column == value for column, value in asked if value]
        return await self._incidents(
            lambda query: (
                query.where(IS_OPEN, *wanted).order_by(_incident.opened_at.desc(), _incident.id.desc()).limit(limit)
            )
        )

    async def drifting(self) -> tuple[str, ...]:
        """See `MonitorStore.drifting`."""
        query = select(_incident.dataset).where(
            _incident.workspace_id == await self._workspace.id(), IS_OPEN, _incident.subject == Subject.DATA.value
        )
        names = query.distinct().order_by(_incident.dataset)
        return await self._db.read(lambda connection: tuple(connection.execute(names).scalars()))

    async def ended_incidents(self, channel: str, since: datetime, limit: int = 100) -> tuple[Incident, ...]:
        """See `MonitorStore.ended_incidents`."""
        return await self._incidents(
            lambda query: (
                query.where(_incident.place == channel, _incident.resolved_at >= since)
                .order_by(_incident.resolved_at.desc(), _incident.id)
                .limit(limit)
            )
        )

    async def incidents_in(self, thread: str) -> tuple[Incident, ...]:
        """See `MonitorStore.incidents_in`."""
        return await self._incidents(
            lambda query: query.where(_incident.thread == thread).order_by(_incident.opened_at, _incident.id)
        )

    async def openings(self, channel: str, since: datetime) -> int:
        """See `MonitorStore.openings`."""
        query = select(func.count()).where(
            _incident.workspace_id == await self._workspace.id(),
            _incident.place == channel,
            _incident.opened_at >= since,
        )
        return await self._db.read(lambda connection: connection.execute(query).scalar_one())

    async def snoozes_over(self, now: datetime, limit: int) -> tuple[Incident, ...]:
        """See `MonitorStore.snoozes_over`; the longest over first."""
        return await self._incidents(
            lambda query: (
                query.where(SNOOZED, _incident.snoozed_until <= now).order_by(_incident.snoozed_until).limit(limit)
            )
        )

    async def _monitors(
        self, narrowed: Callable[[Select[tuple[object, ...]]], Select[tuple[object, ...]]]
    ) -> tuple[Monitor, ...]:
        query = narrowed(select(*MONITOR_COLUMNS).where(_monitor.workspace_id == await self._workspace.id()))
        return await self._db.read(lambda connection: monitors(connection, query))

    async def _runs(self, query: Select[tuple[object, ...]]) -> tuple[Run, ...]:
        return await self._db.read(lambda connection: runs(connection, query))

    async def _incidents(self, narrowed: Callable[[IncidentQuery], IncidentQuery]) -> tuple[Incident, ...]:
        query = narrowed(select(_incident.state).where(_incident.workspace_id == await self._workspace.id()))
        return await self._db.read(
            lambda connection: tuple(to_incident(state) for state in connection.execute(query).scalars())
        )


def monitors(connection: Connection, query: Select[tuple[object, ...]]) -> tuple[Monitor, ...]:
    """What a query of `MONITOR_COLUMNS` finds."""
    rows = connection.execute(query).mappings()
    return tuple(to_monitor({str(name): value for name, value in row.items()}) for row in rows)


def runs(connection: Connection, query: Select[tuple[object, ...]]) -> tuple[Run, ...]:
    """What a query of run columns finds."""
    rows = connection.execute(query).mappings()
    return tuple(to_run({str(name): value for name, value in row.items()}) for row in rows)


def _write_monitor(connection: Connection, workspace_id: int, found: Monitor) -> None:
    values, table = monitor_values(found), monitor_tables.monitor
    if found.revision == 1:
        added = insert_new(connection, table).values(workspace_id=workspace_id, **values).returning(_monitor.id)
        if connection.execute(added).first() is None:
            raise _ChangedMeanwhile
        return
    changed = update(table).where(
        _monitor.id == found.id,
        _monitor.workspace_id == workspace_id,
        _monitor.revision == found.revision - 1,
        ~_monitor.deleted,
    )
    if connection.execute(changed.values(values)).rowcount != 1:
        raise _ChangedMeanwhile


def _finish(connection: Connection, run: Run) -> None:
    values = run_values(run)
    ended = update(monitor_tables.monitor_run).where(
        _run.id == run.id, _run.state == RunState.RUNNING.value, _run.instance_id == run.instance
    )
    kept = {name: values[name] for name in ("state", "ended_at", "result", "comparison")}
    if connection.execute(ended.values(kept)).rowcount != 1:
        raise _ChangedMeanwhile


def _write_incident(connection: Connection, workspace_id: int, found: Incident) -> None:
    values, table = incident_values(found), monitor_tables.incident
    if found.revision == 1:
        added = insert_new(connection, table).values(workspace_id=workspace_id, **values).returning(_incident.id)
        if connection.execute(added).first() is None:
            raise _ChangedMeanwhile
        return
    changed = update(table).where(
        _incident.id == found.id, _incident.workspace_id == workspace_id, _incident.revision == found.revision - 1
    )
    if connection.execute(changed.values(values)).rowcount != 1:
        raise _ChangedMeanwhile
