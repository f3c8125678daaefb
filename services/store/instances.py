"""Which processes of the bot are alive: each says so every few seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.selectable import ScalarSelect

from services.ports import Clock
from services.store import tables
from services.store.database import Database

DEFAULT_LEASE = timedelta(seconds=15)
"""How long after its last heartbeat an instance still counts as alive. Beat at least three times in it."""

_REMEMBERED = timedelta(days=1)


def alive_since(moment: datetime) -> ScalarSelect[str]:
    """Subquery: ids of the instances that gave a sign of life after `moment`."""
    return select(tables.instance.c.id).where(tables.instance.c.heartbeat_at > moment).scalar_subquery()


class Instances:
    """The register of running instances. Their clocks must agree to within a fraction of the lease (NTP does)."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def register(self, instance_id: str) -> None:
        """Say that this instance has started. Also forgets instances that have been silent for a day."""
        now = self._clock.now()

        def work(connection: Connection) -> None:
            connection.execute(delete(tables.instance).where(tables.instance.c.heartbeat_at < now - _REMEMBERED))
            _beat(connection, instance_id, now)

        await self._db.write(work)

    async def heartbeat(self, instance_id: str) -> None:
        """Say that this instance is alive (again)."""
        now = self._clock.now()
        await self._db.write(lambda connection: _beat(connection, instance_id, now))

    async def deregister(self, instance_id: str) -> None:
        """Say that this instance has ended: what it left open may be taken over at once."""
        await self._db.write(
            lambda connection: connection.execute(delete(tables.instance).where(tables.instance.c.id == instance_id))
        )

    async def alive(self, *, lease: timedelta = DEFAULT_LEASE) -> tuple[str, ...]:
        """Ids of the instances heard of within the lease, sorted."""
        since = self._clock.now() - lease
        query = select(tables.instance.c.id).where(tables.instance.c.heartbeat_at > since).order_by("id")
        return await self._db.read(lambda connection: tuple(connection.execute(query).scalars()))


def _beat(connection: Connection, instance_id: str, now: datetime) -> None:
    values = {"id": instance_id, "started_at": now, "heartbeat_at": now}
    update = {"heartbeat_at": now}
    if connection.dialect.name == "sqlite":
        connection.execute(
            sqlite.insert(tables.instance).values(values).on_conflict_do_update(index_elements=["id"], set_=update)
        )
    else:
        connection.execute(
            postgresql.insert(tables.instance).values(values).on_conflict_do_update(index_elements=["id"], set_=update)
        )
