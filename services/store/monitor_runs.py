"""The part of `MonitorStore` that makes runs: what is due, who makes it, digests, and the catalogue's feed."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, insert, literal_column, or_, select, update

from services.monitors.model import Cause, DigestPeriod, Monitor, Run, RunState
from services.monitors.ports import Digest, NextDigest, NextTime, TellDigest
from services.ports import Clock
from services.store import monitor_tables, outbox
from services.store.database import Database, exclusive, insert_new
from services.store.instances import DEFAULT_LEASE, alive_since
from services.store.monitor_rows import BRIEF_RUN_COLUMNS, MONITOR_COLUMNS, run_values
from services.store.monitors import SqlMonitors, monitors, runs

_SCHEDULING = 0x736C6F7473  # "slots": what `exclusive` is told
_CLAIMING = 0x72756E73  # "runs"

_runs = monitor_tables.monitor_run
_monitor, _run = monitor_tables.monitor.c, _runs.c
_digest, _feed = monitor_tables.monitor_digest.c, monitor_tables.monitor_feed.c

_WAITING: ColumnElement[bool] = literal_column("monitor_run.state = 'waiting'")
_RUNNING: ColumnElement[bool] = literal_column("monitor_run.state = 'running'")
_SCHEDULED: ColumnElement[bool] = literal_column("monitor.next_run_at IS NOT NULL")


class SqlMonitorStore(SqlMonitors):
    """`services.monitors.ports.MonitorStore`. instance_id: who claims runs; see `Instances` for the lease."""

    def __init__(
        self, db: Database, workspace_key: str, instance_id: str, *, clock: Clock, lease: timedelta = DEFAULT_LEASE
    ) -> None:
        super().__init__(db, workspace_key, clock=clock)
        self._instance_id = instance_id
        self._lease = lease

    async def enqueue_due(self, now: datetime, next_time: NextTime, limit: int) -> int:
        """See `MonitorStore.enqueue_due`; the longest due first."""
        workspace_id = await self._workspace.id()
        query = (
            select(*MONITOR_COLUMNS)
            .where(_monitor.workspace_id == workspace_id, _SCHEDULED, _monitor.next_run_at <= now)
            .order_by(_monitor.next_run_at, _monitor.id)
            .limit(limit)
        )

        def work(connection: Connection) -> int:
            exclusive(connection, _SCHEDULING)
            due = monitors(connection, query)
            new = [
                {"workspace_id": workspace_id, **run_values(_scheduled(monitor))}
                for monitor in due
                if not (monitor.paused or monitor.deleted)
            ]
            if new:
                connection.execute(insert_new(connection, _runs), new)
            for monitor in due:
                slot, begins = next_time(monitor, now) or (None, None)
                moved = update(monitor_tables.monitor).where(_monitor.id == monitor.id)
                connection.execute(moved.values(next_slot=slot, next_run_at=begins))
            return len(due)

        return await self._db.write(work)

    async def next_due(self) -> datetime | None:
        """See `MonitorStore.next_due`."""
        query = select(func.min(_monitor.next_run_at)).where(
            _monitor.workspace_id == await self._workspace.id(), _SCHEDULED
        )
        return await self._db.read(lambda connection: connection.execute(query).scalar())

    async def claim_runs(self, now: datetime, limit: int) -> tuple[Run, ...]:
        """See `MonitorStore.claim_runs`."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> tuple[Run, ...]:
            exclusive(connection, _CLAIMING)
            gone = and_(_run.instance_id != self._instance_id, _run.instance_id.not_in(alive_since(now - self._lease)))
            left = update(_runs).where(_run.workspace_id == workspace_id, _RUNNING, gone)
            connection.execute(left.values(state=RunState.WAITING.value, instance_id=""))
            chosen = _chosen(connection, workspace_id, now, limit)
            if not chosen:
                return ()
            claimed = (
                update(_runs)
                .where(_run.id.in_(chosen), _WAITING)
                .values(
                    state=RunState.RUNNING.value,
                    instance_id=self._instance_id,
                    attempts=_run.attempts + 1,
                    started_at=now,
                )
            )
            connection.execute(claimed)
            return runs(connection, select(*BRIEF_RUN_COLUMNS).where(_run.id.in_(chosen)).order_by(_run.due_at))

        return await self._db.write(work)

    async def put_back(self, run_id: str, due_at: datetime) -> bool:
        """See `MonitorStore.put_back`."""
        back = (
            update(_runs)
            .where(_run.id == run_id, _RUNNING, _run.instance_id == self._instance_id)
            .values(state=RunState.WAITING.value, instance_id="", due_at=due_at)
        )
        return await self._db.write(lambda connection: connection.execute(back).rowcount == 1)

    async def send_digests(self, now: datetime, next_time: NextDigest, tell: TellDigest, limit: int) -> int:
        """See `MonitorStore.send_digests`."""
        workspace_id = await self._workspace.id()
        due = (
            select(monitor_tables.monitor_digest)
            .where(_digest.workspace_id == workspace_id, _digest.next_at <= now)
            .order_by(_digest.next_at)
            .limit(limit)
        )

        def work(connection: Connection) -> int:
            exclusive(connection, _SCHEDULING)
            rows = connection.execute(due).all()
            for row in rows:
                period = DigestPeriod(row.period)
                this_one = Digest(row.channel, period, row.timezone, row.next_at, row.since)
                outbox.put(connection, [tell(this_one)], now)
                following = next_time(period, row.timezone, now)
                this = and_(_digest.workspace_id == workspace_id, _digest.channel == row.channel)
                if following is None:
                    connection.execute(delete(monitor_tables.monitor_digest).where(this))
                else:
                    moved = update(monitor_tables.monitor_digest).where(this)
                    connection.execute(moved.values(next_at=following, since=now))
            return len(rows)

        return await self._db.write(work)

    async def set_digest(self, channel: str, period: DigestPeriod, timezone: str, next_at: datetime | None) -> None:
        """See `MonitorStore.set_digest`."""
        workspace_id, now = await self._workspace.id(), self._clock.now()
        this = and_(_digest.workspace_id == workspace_id, _digest.channel == channel)
        row = {"period": period.value, "timezone": timezone, "next_at": next_at, "since": now}

        def work(connection: Connection) -> None:
            connection.execute(delete(monitor_tables.monitor_digest).where(this))
            if next_at is not None:
                added = insert(monitor_tables.monitor_digest).values(workspace_id=workspace_id, channel=channel, **row)
                connection.execute(added)

        await self._db.write(work)

    async def digest_of(self, channel: str) -> tuple[DigestPeriod, str]:
        """See `MonitorStore.digest_of`."""
        query = select(_digest.period, _digest.timezone).where(
            _digest.workspace_id == await self._workspace.id(), _digest.channel == channel
        )
        row = await self._db.read(lambda connection: connection.execute(query).first())
        return (DigestPeriod.NONE, "UTC") if row is None else (DigestPeriod(row.period), row.timezone)

    async def cursor(self) -> str | None:
        """See `MonitorStore.cursor`."""
        query = select(_feed.cursor).where(_feed.workspace_id == await self._workspace.id())
        return await self._db.read(lambda connection: connection.execute(query).scalar())

    async def set_cursor(self, cursor: str) -> None:
        """See `MonitorStore.set_cursor`."""
        workspace_id = await self._workspace.id()

        def work(connection: Connection) -> None:
            row = {"workspace_id": workspace_id, "cursor": cursor}
            connection.execute(insert_new(connection, monitor_tables.monitor_feed).values(row))
            known = update(monitor_tables.monitor_feed).where(_feed.workspace_id == workspace_id)
            connection.execute(known.values(cursor=cursor))

        await self._db.write(work)

    async def forget_runs(self, before: datetime, keep: int) -> int:
        """See `MonitorStore.forget_runs`."""
        workspace_id = await self._workspace.id()
        place = func.row_number().over(partition_by=_run.monitor_id, order_by=_run.ended_at.desc()).label("place")
        ranked = (
            select(_run.id, _run.monitor_id, _run.ended_at, place)
            .where(_run.workspace_id == workspace_id, literal_column("monitor_run.ended_at IS NOT NULL"))
            .subquery()
        )
        old = select(ranked).where(ranked.c.place > keep, ranked.c.ended_at < before).subquery()
        has_numbers = case((literal_column("monitor_run.comparison <> 'null'"), 1), else_=0).label("has_numbers")
        nth = func.row_number().over(partition_by=(old.c.monitor_id, has_numbers), order_by=old.c.ended_at.desc())
        weighed = select(old.c.id, has_numbers, nth.label("nth")).join(_runs, _run.id == old.c.id).subquery()
        chosen = select(weighed.c.id).where(or_(weighed.c.has_numbers == 0, weighed.c.nth > 1))
        gone = delete(_runs).where(_run.id.in_(chosen))
        return await self._db.write(lambda connection: connection.execute(gone).rowcount)


def _scheduled(monitor: Monitor) -> Run:
    begins = monitor.next_run_at
    assert begins is not None, "a due monitor has its time"
    slot = f"at:{(monitor.next_slot or begins).isoformat()}"
    return Run(uuid4().hex, monitor.id, monitor.dataset, Cause.SCHEDULE, slot, begins)


def _chosen(connection: Connection, workspace_id: int, now: datetime, limit: int) -> list[str]:
    """Ids of runs to make: people's first, then the longest due, each of another dataset of which none runs."""
    busy = select(_run.dataset).where(_run.workspace_id == workspace_id, _RUNNING)
    taken: set[str] = set(connection.execute(busy).scalars())
    chosen: list[str] = []
    for asked in (_run.cause == Cause.PERSON.value, _run.cause != Cause.PERSON.value):
        query = (
            select(_run.id, _run.dataset)
            .where(_run.workspace_id == workspace_id, _WAITING, _run.due_at <= now, asked)
            .order_by(_run.due_at, _run.id)
            .limit(limit * 4)
        )
        while len(chosen) < limit:
            # A dataset with many runs does not hide the others: it is left out of the next look.
            rows = connection.execute(query.where(_run.dataset.not_in(sorted(taken)))).all()
            for row in rows:
                if len(chosen) < limit and row.dataset not in taken:
                    taken.add(row.dataset)
                    chosen.append(row.id)
            if len(rows) < limit * 4:
                break
    return chosen
