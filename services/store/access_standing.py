"""How access stands, in numbers: what waits, what is in force, what does not work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, literal_column, select

from services.access.model import GrantStatus
from services.access.ports import AccessStanding
from services.store.access_tables import access_grant, access_request

_request, _grant = access_request.c, access_grant.c


def standing(connection: Connection, workspace_id: int, now: datetime) -> AccessStanding:
    """See `AccessStore.standing`. Each look goes along one partial index."""
    is_pending = literal_column("access_request.status = 'pending'")
    waiting = connection.execute(
        select(func.count(), func.min(_request.created_at)).where(_request.workspace_id == workspace_id, is_pending)
    ).one()
    is_live = literal_column("access_grant.status <> 'ended'")
    counted = connection.execute(
        select(_grant.status, func.count()).where(_grant.workspace_id == workspace_id, is_live).group_by(_grant.status)
    ).all()
    is_timed = literal_column("access_grant.due_at IS NOT NULL")
    failing, due = connection.execute(
        select(
            func.count().filter(_grant.attempts > 0),
            func.count().filter(_grant.due_at <= now),
        ).where(_grant.workspace_id == workspace_id, is_timed)
    ).one()
    grants = dict.fromkeys((each for each in GrantStatus if each is not GrantStatus.ENDED), 0)
    grants.update({GrantStatus(status): count for status, count in counted})
    return AccessStanding(waiting[0], waiting[1], grants, failing, due)
