"""Live grants as the reconcile sweep needs them, a hundred thousand in a second or two: few columns, few objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, Text, literal_column, select, type_coerce

from services.access.model import AssignmentKind, GrantStatus
from services.access.ports import GrantOutline
from services.store.access_tables import access_grant
from services.store.columns import from_microseconds

_grant = access_grant.c
_LIVE: ColumnElement[bool] = literal_column("access_grant.status <> 'ended'")  # as the partial index says it
_LISTED = {AssignmentKind.PLAIN.value, AssignmentKind.PIM.value}
_LOCAL = AssignmentKind.LOCAL.value
_STATUSES = {status.value: status for status in GrantStatus}


def page(connection: Connection, workspace_id: int, after: str, limit: int) -> tuple[GrantOutline, ...]:
    """See `AccessStore.live_outlines`."""
    query = (
        select(
            _grant.id,
            type_coerce(_grant.status, Text),
            type_coerce(_grant.next_try_at, BigInteger),
            type_coerce(_grant.verified_at, BigInteger),
            type_coerce(_grant.assignments, Text),
        )
        .where(_grant.workspace_id == workspace_id, _LIVE, _grant.id > after)
        .order_by(_grant.id)
        .limit(limit)
    )
    return tuple(_outlines(connection.execute(query).all()))


def _outlines(rows: Iterable[Any]) -> Iterator[GrantOutline]:  # rows of plain values
    for grant_id, status, next_try_at, verified_at, stored in rows:
        # Assignments as `services.store.access_rows` writes them, kind and id first.
        made = orjson.loads(stored)
        yield GrantOutline(
            grant_id,
            _STATUSES[status],
            next_try_at is not None,
            None if verified_at is None else from_microseconds(verified_at),
            [each[1].lower() for each in made if each[0] in _LISTED],
            any(each[0] != _LOCAL for each in made),
        )
