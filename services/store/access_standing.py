"""How access stands: what waits, what is in force and for whom, what does not work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, func, literal_column, select, type_coerce

from services.access.model import GrantStatus, SubjectKind
from services.access.ports import AccessStanding
from services.store.access_tables import access_grant, access_request

_request, _grant = access_request.c, access_grant.c


# The conditions of the partial indexes, in their words, so that these serve.
_PENDING: ColumnElement[bool] = literal_column("access_request.status = 'pending'")
_LIVE: ColumnElement[bool] = literal_column("access_grant.status <> 'ended'")
_TIMED: ColumnElement[bool] = literal_column("access_grant.due_at IS NOT NULL")
_STATUS = type_coerce(_grant.status, Text)


def standing(connection: Connection, workspace_id: int, now: datetime) -> AccessStanding:
    """See `AccessStore.standing`. Each look goes along one partial index."""
    asked = select(func.count().label("waiting"), func.min(_request.created_at).label("oldest"))
    waits = connection.execute(asked.where(_request.workspace_id == workspace_id, _PENDING)).one()._mapping
    counted = connection.execute(
        select(_STATUS, func.count()).where(_grant.workspace_id == workspace_id, _LIVE).group_by(_STATUS)
    )
    grants = {each: 0 for each in GrantStatus if each.value != GrantStatus.ENDED.value}
    for status, count in counted:
        grants[GrantStatus(status)] = count
    failing, due = connection.execute(
        select(
            func.count().filter(_grant.attempts > 0),
            func.count().filter(_grant.due_at <= now),
        ).where(_grant.workspace_id == workspace_id, _TIMED)
    ).one()
    return AccessStanding(waits["waiting"], waits["oldest"], grants, failing, due)


def holders(connection: Connection, workspace_id: int, after: str, limit: int) -> tuple[str, ...]:
    """See `AccessStore.holders`."""
    query = (
        select(_grant.subject_id)
        .distinct()
        .where(
            _grant.workspace_id == workspace_id,
            _LIVE,
            _grant.subject_kind == SubjectKind.USER.value,
            _grant.status == GrantStatus.ACTIVE.value,
            _grant.subject_id > after,
        )
        .order_by(_grant.subject_id)
        .limit(limit)
    )
    return tuple(row._mapping["subject_id"] for row in connection.execute(query))
