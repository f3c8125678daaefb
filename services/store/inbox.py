"""Every Slack delivery is handled once, whichever replica it reaches and however often it comes.

Claims are written by group commit: while one transaction is under way the next claims gather, and one statement
writes them all. So the cost of a commit is shared by whatever arrives at the same time, and a claim that comes
alone does not wait for company.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue
from sqlalchemy import Connection, delete, update

from services.jobs import Origin
from services.ports import Clock
from services.store import tables
from services.store.columns import to_json, to_microseconds
from services.store.database import Database, NotAtOnceError, exclusive
from services.store.instances import DEFAULT_LEASE, alive_since
from services.store.origins import origin_from_json, origin_to_json

BATCH = 500
"""Most claims in one transaction."""

RECENT_KEYS = 20_000
"""Keys remembered in memory, so that a duplicate that comes to the same replica costs nothing."""

_DONE_DELAY_SECONDS = 0.05  # finished deliveries gather this long, unless a claim takes them along
_RETRY_SECONDS = 1.0
_LONGEST_KEY = 200
_TAKING_OVER = 0x696E626F78  # "inbox": what `exclusive` is told

# One parameter each, so that a batch of any size is the same prepared statement. Sorted by key: two replicas that
# insert overlapping batches then wait for one another in the same order, never in a circle.
_CLAIM = {
    "sqlite": (
        "INSERT INTO delivery (key, instance_id, origin, expires_at, done)"
        " SELECT json_extract(value, '$[0]'), :instance, json_extract(value, '$[1]'), :expires, FALSE"
        " FROM json_each(:claims) WHERE TRUE ON CONFLICT (key) DO NOTHING RETURNING key"
    ),
    "postgresql": (
        "INSERT INTO delivery (key, instance_id, origin, expires_at, done)"
        " SELECT value->>0, %(instance)s, value->>1, %(expires)s, FALSE"
        " FROM json_array_elements(%(claims)s::json) ON CONFLICT (key) DO NOTHING RETURNING key"
    ),
}
_OWN = {
    "sqlite": "instance_id = :instance AND key IN (SELECT value FROM json_each(:keys))",
    "postgresql": "instance_id = %(instance)s AND key = ANY(ARRAY(SELECT json_array_elements_text(%(keys)s::json)))",
}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Claim:
    origin: Origin
    outcome: asyncio.Future[bool]  # whether the key was new
    abandoned: bool = False  # the one who asked was cancelled and will never handle it


class Inbox:
    """The deliveries one instance has taken, and those of instances that died.

    ttl: how long a key is remembered at least after its claim. lease: see `Instances`; an instance that has not
    registered counts as dead. Belongs to one event loop.
    """

    def __init__(
        self,
        db: Database,
        instance_id: str,
        *,
        ttl: timedelta = timedelta(minutes=30),
        lease: timedelta = DEFAULT_LEASE,
        clock: Clock,
    ) -> None:
        self._db = db
        self._instance_id = instance_id
        self._ttl = ttl
        self._lease = lease
        self._clock = clock
        self._recent: dict[str, None] = {}  # claimed by somebody, oldest first
        self._claims: dict[str, _Claim] = {}  # wait for the next transaction, or are in the one under way
        self._waiting: list[str] = []  # keys of _claims that no transaction has taken yet
        self._done: set[str] = set()
        self._release: set[str] = set()  # ours in the database, perhaps, but nobody here was told so
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def claim(self, key: str, origin: Origin) -> bool:
        """True for the first claim of a key over all replicas, once; False for every other.

        Raises what the database raises when it cannot tell: the delivery then counts as not taken and Slack's
        retry may claim it.
        """
        key = _stored_key(key)
        while key not in self._recent and (under_way := self._claims.get(key)) is not None:
            await asyncio.wait([under_way.outcome])
            if under_way.abandoned:  # whoever asked first has gone and gives the key back, if it was new
                continue
            if (error := under_way.outcome.exception()) is not None:
                raise error  # a duplicate is only one if the first claim succeeds
            return False
        if key in self._recent:
            return False
        claim = _Claim(origin, asyncio.get_running_loop().create_future())
        self._claims[key] = claim
        self._waiting.append(key)
        self._write_soon()
        try:
            return await asyncio.shield(claim.outcome)
        except asyncio.CancelledError:
            self._give_up(key, claim)
            raise

    def done(self, key: str) -> None:
        """The delivery was handled, or told as failed. Written in the background; its key stays remembered."""
        self._done.add(_stored_key(key))
        self._write_after(_DONE_DELAY_SECONDS)

    async def abandoned(self) -> tuple[Origin, ...]:
        """Take the open deliveries of instances that are alive no more: each is returned to one caller, once."""
        alive = alive_since(self._clock.now() - self._lease)
        row = tables.delivery.c
        take = (
            update(tables.delivery)
            .where(~row.done, row.instance_id != self._instance_id, row.instance_id.not_in(alive))
            .values(done=True)
            .returning(row.origin)
        )

        def work(connection: Connection) -> tuple[Origin, ...]:
            exclusive(connection, _TAKING_OVER)
            taken: Sequence[JsonValue] = connection.execute(take).scalars().all()
            return tuple(origin_from_json(stored) for stored in taken)

        return await self._db.write(work)

    async def sweep(self) -> int:
        """Forget handled deliveries whose time to live is over; returns how many. Open ones stay to be told of."""
        expired = delete(tables.delivery).where(
            tables.delivery.c.done, tables.delivery.c.expires_at < self._clock.now()
        )
        return await self._db.write(lambda connection: connection.execute(expired).rowcount)

    async def close(self) -> None:
        """Write what is still to be written (finished deliveries above all). Call before the database is closed."""
        self._stop_timer()
        self._write_soon()
        if self._writing is not None:
            await self._writing
        self._stop_timer()  # set again only if the last write failed: these deliveries count as abandoned

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, key: str, claim: _Claim) -> None:
        """The claim's caller was cancelled: give the key back, if it is or becomes ours."""
        if not claim.outcome.done():
            claim.abandoned = True
        elif not claim.outcome.cancelled() and claim.outcome.exception() is None and claim.outcome.result():
            self._recent.pop(key, None)
            self._release.add(key)
            self._write_soon()

    def _write_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._timer_rang)

    def _timer_rang(self) -> None:
        self._timer = None
        self._write_soon()

    def _write_soon(self) -> None:
        if self._writing is None:
            # The task starts after the callbacks that are ready now, so claims that arrive together go together.
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._waiting or self._done or self._release:
                await self._write_batch()
                if self._timer is not None and not self._waiting:
                    return  # something failed, or only finished deliveries are left: the timer goes on
        finally:
            self._writing = None

    async def _write_batch(self) -> None:
        keys, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        done, self._done = self._done, set()
        release, self._release = self._release, set()
        batch = [(key, self._claims[key].origin) for key in sorted(keys)]
        expires = self._clock.now() + self._ttl
        try:
            new = await self._commit(lambda connection: self._in_transaction(connection, batch, done, release, expires))
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits for this batch
            self._done |= done
            # The commit may have reached the database all the same: then the keys must be free for Slack's retry.
            self._release |= release | set(keys)
            for key in keys:
                claim = self._claims.pop(key)
                if not claim.abandoned:
                    claim.outcome.set_exception(error)
                else:
                    claim.outcome.set_result(False)
            if not keys:
                _log.warning("deliveries could not be marked, trying again", exc_info=error)
            self._write_after(_RETRY_SECONDS)
            return
        for key in keys:
            claim = self._claims.pop(key)
            first = key in new
            if first and claim.abandoned:
                self._release.add(key)
            else:
                self._remember(key)
            claim.outcome.set_result(first)

    async def _commit(self, work: Callable[[Connection], set[str]]) -> set[str]:
        try:
            return self._db.write_at_once(work)
        except NotAtOnceError:
            return await self._db.write(work)

    def _in_transaction(
        self,
        connection: Connection,
        batch: list[tuple[str, Origin]],
        done: set[str],
        release: set[str],
        expires: datetime,
    ) -> set[str]:
        own = _OWN[self._db.dialect]
        if release:
            parameters = {"instance": self._instance_id, "keys": json.dumps(sorted(release))}
            connection.exec_driver_sql(f"DELETE FROM delivery WHERE NOT done AND {own}", parameters)  # noqa: S608
        new: set[str] = set()
        if batch:
            claims = json.dumps([(key, to_json(origin_to_json(origin))) for key, origin in batch])
            rows = connection.exec_driver_sql(
                _CLAIM[self._db.dialect],
                {"instance": self._instance_id, "expires": to_microseconds(expires), "claims": claims},
            )
            new = set(rows.scalars())
        if done:
            parameters = {"instance": self._instance_id, "keys": json.dumps(sorted(done))}
            connection.exec_driver_sql(f"UPDATE delivery SET done = TRUE WHERE {own}", parameters)  # noqa: S608
        return new

    def _remember(self, key: str) -> None:
        self._recent[key] = None
        if len(self._recent) > RECENT_KEYS:
            del self._recent[next(iter(self._recent))]


def _stored_key(key: str) -> str:
    """The key itself, or its hash where it is too long for an index or holds what a database refuses."""
    if len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable():
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
