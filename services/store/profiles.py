"""Profiles of data, kept by what was counted: dataset, version, the files' fingerprint, the plan, and the day."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from services.drift.stored import plan_id_of
from services.ports import Clock
from services.store.columns import storable
from services.store.database import Database
from services.store.tables import drift_profile as _profile
from services.store.workspaces import WorkspaceRow

NO_DAY = "none"
"""Stands for the day of rows without a time; kept last, so that it tells that all days were counted."""

_TOUCH = timedelta(hours=6)
"""How exact it is known when a profile was last used: looking one up need not write every time."""


class SqlProfiles:
    """`Profiles` in tables. workspace_key: tells workspaces apart."""

    def __init__(self, db: Database, workspace_key: str, *, clock: Clock) -> None:
        self._db = db
        self._workspace = WorkspaceRow(db, workspace_key)
        self._clock = clock

    async def own(self, name: str, version: int, fingerprint: str) -> bytes | None:
        """The profile of these data with the plan that was made for them; the newest of several."""
        return await self._find(and_(await self._data(name, version, fingerprint), _profile.c.is_own))

    async def get(self, name: str, version: int, fingerprint: str, plan: str) -> bytes | None:
        """The profile of these data with a certain plan."""
        return await self._find(and_(await self._data(name, version, fingerprint), _profile.c.plan == plan))

    async def days(
        self, name: str, version: int, fingerprint: str, plan: str, *, column: str, first: str, last: str
    ) -> tuple[bytes, ...] | None:
        """Profiles of the days from first to last (2026-01-31) that have rows, in their order.

        None where the days of these data were not counted to the end, which the last of them, "none", tells.
        """
        these = and_(self._of(await self._workspace.id(), name, version, fingerprint), _profile.c.plan == plan)
        complete = select(_profile.c.part).where(these, _profile.c.part == _part(column, NO_DAY))
        query = (
            select(_profile.c.data)
            # Not BETWEEN: PostgreSQL's grammar takes no COLLATE inside it.
            .where(these, _profile.c.part >= _part(column, first), _profile.c.part <= _part(column, last))
            .order_by(_profile.c.part)
        )

        def work(connection: Connection) -> tuple[bytes, ...] | None:
            if connection.execute(complete).first() is None:
                return None
            return tuple(bytes(row.data) for row in connection.execute(query))

        return await self._db.read(work)

    async def put(
        self, name: str, version: int, fingerprint: str, data: bytes, *, own: bool, day: tuple[str, str] = ("", "")
    ) -> None:
        """Keep an encoded profile in the place of an older one of the same data and plan. day: of this day alone."""
        workspace_id, now = await self._workspace.id(), self._clock.now()
        plan, part = plan_id_of(data), _part(*day)
        this = and_(
            self._of(workspace_id, name, version, fingerprint), _profile.c.plan == plan, _profile.c.part == part
        )
        row = {
            "workspace_id": workspace_id,
            "name": name,
            "version": version,
            "fingerprint": fingerprint,
            "plan": plan,
            "part": part,
            "is_own": own,
            "data": data,
            "made_at": now,
            "used_at": now,
        }

        def work(connection: Connection) -> None:
            connection.execute(delete(_profile).where(this))
            connection.execute(insert(_profile).values(row))

        await self._db.write(work)

    async def sweep(self, unused_since: datetime) -> int:
        """Forget what nobody has looked up since then; returns how many profiles that were."""
        workspace_id = await self._workspace.id()
        old = delete(_profile).where(_profile.c.workspace_id == workspace_id, _profile.c.used_at < unused_since)
        return await self._db.write(lambda connection: connection.execute(old).rowcount)

    async def _data(self, name: str, version: int, fingerprint: str) -> ColumnElement[bool]:
        these = self._of(await self._workspace.id(), name, version, fingerprint)
        return and_(these, _profile.c.part == "")

    @staticmethod
    def _of(workspace_id: int, name: str, version: int, fingerprint: str) -> ColumnElement[bool]:
        return and_(
            _profile.c.workspace_id == workspace_id,
            _profile.c.name == name,
            _profile.c.version == version,
            _profile.c.fingerprint == fingerprint,
        )

    async def _find(self, these: ColumnElement[bool]) -> bytes | None:
        query = select(_profile.c.data, _profile.c.used_at).where(these).order_by(_profile.c.made_at.desc()).limit(1)
        found = await self._db.read(lambda connection: connection.execute(query).one_or_none())
        if found is None:
            return None
        now = self._clock.now()
        if now - found.used_at > _TOUCH:
            used = update(_profile).where(these).values(used_at=now)
            await self._db.write(lambda connection: connection.execute(used).rowcount)
        return bytes(found.data)


def _part(column: str, day: str) -> str:
    """What tells the parts of some data apart; "" for all of their rows."""
    return storable(f"{column}/{day}") if day else ""
