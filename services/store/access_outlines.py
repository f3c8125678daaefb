"""Live grants as the reconcile sweep needs them, a hundred thousand in a few seconds: few columns, plainly decoded."""

from __future__ import annotations

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, Text, literal_column, select, type_coerce

from services.access.model import AssignmentKind, GrantStatus
from services.access.ports import GrantOutline
from services.store.access_tables import access_grant

_grant = access_grant.c
_LIVE: ColumnElement[bool] = literal_column("access_grant.status <> 'ended'")  # as the partial index says it
_KINDS = {kind.value: kind for kind in AssignmentKind}
_STATUSES = {status.value: status for status in GrantStatus}


def page(connection: Connection, workspace_id: int, after: str, limit: int) -> tuple[GrantOutline, ...]:
    """See `AccessStore.live_outlines`."""
    query = (
        select(
            _grant.id,
            type_coerce(_grant.status, Text).label("status"),
            _grant.next_try_at,
            _grant.verified_at,
            type_coerce(_grant.assignments, Text).label("assignments"),
        )
        .where(_grant.workspace_id == workspace_id, _LIVE, _grant.id > after)
        .order_by(_grant.id)
        .limit(limit)
    )
    return tuple(_outline(row._mapping) for row in connection.execute(query))


def _outline(values: RowMapping) -> GrantOutline:
    # Assignments as `services.store.access_rows` writes them, kind and id first.
    made = tuple((_KINDS[kind], assignment_id) for kind, assignment_id, *_ in orjson.loads(values["assignments"]))
    tries = values["next_try_at"] is not None
    return GrantOutline(values["id"], _STATUSES[values["status"]], tries, values["verified_at"], made)
