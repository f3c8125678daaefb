"""Durable jobs: stored before the acknowledgement, taken over when the instance that ran them died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from pydantic import JsonValue
from sqlalchemy import Connection, Row, delete, literal_column, select, update

from services.jobs import DurableJob
from services.ports import Clock
from services.store import tables
from services.store.database import Database, exclusive, insert_new
from services.store.instances import DEFAULT_LEASE, alive_since
from services.store.origins import origin_from_json, origin_to_json

_TAKING_OVER = 0x6A6F6273  # "jobs": what `exclusive` is told


class JobState(StrEnum):
    """OPEN: waiting, running, or left by an instance that died."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job with what became of it. instance_id: who runs or ran it last; error_code: "" unless it failed."""

    job: DurableJob
    state: JobState
    instance_id: str
    error_code: str
    created_at: datetime
    updated_at: datetime


class JobStore:
    """The table of durable jobs. Payloads are plain JSON and hold no secrets: they stay readable in the database."""

    def __init__(self, db: Database, *, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def add(self, job: DurableJob, instance_id: str) -> bool:
        """Store a job that this instance will run; returns once it is on disk. False if its id is stored already."""
        now = self._clock.now()

        values = {
            "id": job.id,
            "kind": job.kind,
            "payload": dict(job.payload),
            "origin": origin_to_json(job.origin),
            "instance_id": instance_id,
            "attempt": job.attempt,
            "state": JobState.OPEN.value,
            "created_at": now,
            "updated_at": now,
        }

        def work(connection: Connection) -> bool:
            added = insert_new(connection, tables.job).values(values).returning(tables.job.c.id)
            return connection.execute(added).first() is not None

        return await self._db.write(work)

    async def claim_abandoned(self, instance_id: str, lease: timedelta = DEFAULT_LEASE) -> tuple[DurableJob, ...]:
        """Take over the open jobs of instances unheard of for longer than the lease, oldest first.

        Each is given to one caller only, as its next attempt. The caller must be registered in `Instances`,
        or the next one to ask takes them from it.
        """
        now = self._clock.now()
        row = tables.job.c
        take = (
            update(tables.job)
            .where(
                literal_column("state = 'open'"),  # written out, so that the partial index serves it
                row.instance_id != instance_id,
                row.instance_id.not_in(alive_since(now - lease)),
            )
            .values(instance_id=instance_id, attempt=row.attempt + 1, updated_at=now)
            .returning(*row)
        )

        def work(connection: Connection) -> tuple[DurableJob, ...]:
            exclusive(connection, _TAKING_OVER)
            taken = [_stored(found) for found in connection.execute(take)]
            return tuple(stored.job for stored in sorted(taken, key=lambda stored: stored.created_at))

        return await self._db.write(work)

    async def finish(self, job_id: str, state: JobState, error_code: str = "") -> None:
        """Record the outcome. The first one stays: a late second run changes nothing."""
        query = (
            update(tables.job)
            .where(tables.job.c.id == job_id, tables.job.c.state == JobState.OPEN.value)
            .values(state=state.value, error_code=error_code, updated_at=self._clock.now())
        )
        await self._db.write(lambda connection: connection.execute(query))

    async def get(self, job_id: str) -> StoredJob | None:
        """The job, None if there is none (any more)."""
        query = select(tables.job).where(tables.job.c.id == job_id)
        found = await self._db.read(lambda connection: connection.execute(query).first())
        return None if found is None else _stored(found)

    async def open_count(self) -> int:
        """How many jobs are open, over all instances."""
        query = select(tables.job.c.id).where(literal_column("state = 'open'"))
        return await self._db.read(lambda connection: len(connection.execute(query).all()))

    async def sweep(self, keep: timedelta = timedelta(days=7)) -> int:
        """Forget jobs that ended longer ago than `keep`; returns how many."""
        query = delete(tables.job).where(
            tables.job.c.state != JobState.OPEN.value, tables.job.c.updated_at < self._clock.now() - keep
        )
        return await self._db.write(lambda connection: connection.execute(query).rowcount)


def _stored(row: Row[tuple[object, ...]]) -> StoredJob:
    values = row._mapping
    return StoredJob(
        job=DurableJob(
            id=values["id"],
            kind=values["kind"],
            payload=cast("dict[str, JsonValue]", values["payload"]),
            origin=origin_from_json(values["origin"]),
            attempt=values["attempt"],
        ),
        state=JobState(values["state"]),
        instance_id=values["instance_id"],
        error_code=values["error_code"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
    )
