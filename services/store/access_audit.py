"""The audit in tables: appended to by one transaction at a time, read in pages, verified."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Row, insert, or_, select, update

from services.access.audit import Broken, Fault, Head, compare_heads, follow, linked
from services.access.model import AuditEntry, AuditEvent
from services.store import tables
from services.store.access_tables import access_audit, access_audit_head
from services.store.columns import storable
from services.store.database import Database, exclusive

PAGE = 2000
"""Entries read at once where all are read."""

_APPENDING = 0x6175646974000000  # "audit", and the workspace's number: what `exclusive` is told
_COLUMNS = (
    access_audit.c.seq,
    access_audit.c.at,
    access_audit.c.actor,
    access_audit.c.action,
    access_audit.c.dataset,
    access_audit.c.subject,
    access_audit.c.request_id,
    access_audit.c.grant_id,
    access_audit.c.details,
    access_audit.c.previous,
    access_audit.c.hash,
)


def append(connection: Connection, workspace_id: int, events: Sequence[AuditEvent], at: datetime) -> None:
    """Put events at the end of a workspace's chain, in this transaction; others that append wait until it ends.

    Call it last in a transaction. What no database stores (NUL, lone surrogates) is replaced before it is hashed.
    """
    if not events:
        return
    exclusive(connection, _APPENDING + workspace_id)
    known = _head(connection, workspace_id)
    head, rows = known or Head(), []
    for event in events:
        entry = linked(head, _storable(event), at)
        head = Head(entry.seq, entry.hash)
        rows.append({"workspace_id": workspace_id} | {column.name: getattr(entry, column.name) for column in _COLUMNS})
    connection.execute(insert(access_audit), rows)
    newest = {"seq": head.seq, "hash": head.hash}
    if known is None:
        connection.execute(insert(access_audit_head).values(workspace_id=workspace_id, **newest))
    else:
        moved = update(access_audit_head).where(access_audit_head.c.workspace_id == workspace_id).values(**newest)
        connection.execute(moved)


def page(
    connection: Connection,
    workspace_id: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    dataset: str = "",
    person: str = "",
    request_id: str = "",
    before: int | None = None,
    limit: int = 20,
) -> tuple[AuditEntry, ...]:
    """See `AccessStore.audit_page`. since is within the range, until is not."""
    column = access_audit.c
    query = select(*_COLUMNS).where(column.workspace_id == workspace_id)
    if since is not None:
        query = query.where(column.at >= since)
    if until is not None:
        query = query.where(column.at < until)
    if dataset:
        query = query.where(column.dataset == dataset)
    if person:
        query = query.where(or_(column.actor == person, column.subject == person))
    if request_id:
        query = query.where(column.request_id == request_id)
    if before is not None:
        query = query.where(column.seq < before)
    rows = connection.execute(query.order_by(column.seq.desc()).limit(limit))
    return tuple(_entry(row) for row in rows)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk along a chain found. count: entries that were seen and are right. broken: None for a whole chain."""

    workspace: str
    head: Head
    count: int
    broken: Broken | None


class AuditChains:
    """All chains of a database, whichever workspace they are of."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def workspaces(self) -> tuple[tuple[int, str], ...]:
        """Number and key of each workspace, by number."""
        query = select(tables.workspace.c.id, tables.workspace.c.key).order_by(tables.workspace.c.id)
        rows = await self._db.read(lambda connection: connection.execute(query).all())
        return tuple((row.id, row.key) for row in rows)

    async def verify(self, workspace_id: int, key: str, *, anchor: Head | None = None) -> Verified:
        """Walk a chain in pages, while others may append to it.

        anchor: a head that was noted at an earlier time outside the database; the chain must still contain it.
        """
        head, met = Head(), anchor is None or anchor.seq == 0
        while True:
            entries, kept = await self._db.read(_next_page_and_head(workspace_id, head.seq))
            reached = follow(head, entries)
            if isinstance(reached, Broken):
                good = next(number for number, entry in enumerate(entries) if entry.seq >= reached.seq)
                last = Head(entries[good - 1].seq, entries[good - 1].hash) if good else head
                return Verified(key, last, last.seq, reached)
            if anchor is not None and not met:
                found = next((entry for entry in entries if entry.seq == anchor.seq), None)
                if found is not None and found.hash != anchor.hash:
                    sentence = f"Entry {anchor.seq} is another than when its hash was noted: the chain was rewritten."
                    return Verified(key, reached, reached.seq, Broken(anchor.seq, Fault.HEAD, sentence))
                met = found is not None
            head = reached
            if len(entries) < PAGE:
                broken = compare_heads(head, kept or Head())
                if broken is None and anchor is not None and not met:
                    broken = compare_heads(head, anchor)
                return Verified(key, head, head.seq, broken)

    async def entries(
        self, workspace_id: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[AuditEntry]:
        """All entries of a chain with since ≤ at < until, oldest first, read in pages."""
        after = 0
        while True:
            found = await self._db.read(_next_page(workspace_id, after, since, until))
            for entry in found:
                yield entry
            if len(found) < PAGE:
                return
            after = found[-1].seq


def _next_page(
    workspace_id: int, after: int, since: datetime | None = None, until: datetime | None = None
) -> Callable[[Connection], tuple[AuditEntry, ...]]:
    column = access_audit.c
    query = select(*_COLUMNS).where(column.workspace_id == workspace_id, column.seq > after)
    if since is not None:
        query = query.where(column.at >= since)
    if until is not None:
        query = query.where(column.at < until)
    query = query.order_by(column.seq).limit(PAGE)
    return lambda connection: tuple(_entry(row) for row in connection.execute(query))


def _next_page_and_head(
    workspace_id: int, after: int
) -> Callable[[Connection], tuple[tuple[AuditEntry, ...], Head | None]]:
    entries = _next_page(workspace_id, after)
    return lambda connection: (entries(connection), _head(connection, workspace_id))


def _head(connection: Connection, workspace_id: int) -> Head | None:
    query = select(access_audit_head.c.seq, access_audit_head.c.hash).where(
        access_audit_head.c.workspace_id == workspace_id
    )
    row = connection.execute(query).first()
    return None if row is None else Head(row.seq, row.hash)


def _storable(event: AuditEvent) -> AuditEvent:
    return replace(
        event,
        actor=storable(event.actor),
        action=storable(event.action),
        dataset=storable(event.dataset),
        subject=storable(event.subject),
        request_id=storable(event.request_id),
        grant_id=storable(event.grant_id),
        details=tuple((storable(key), storable(value)) for key, value in event.details),
    )


def _entry(row: Row[tuple[object, ...]]) -> AuditEntry:
    values = dict(row._mapping)
    details = cast("list[list[str]]", values.pop("details"))
    return AuditEntry(details=tuple((key, value) for key, value in details), **values)
