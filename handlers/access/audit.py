"""`/dataset audit`: who did what to whose access, for auditors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from handlers.access import audit_view
from handlers.access.audit_request import PAGE, AuditRequest, read_audit
from handlers.call import Call, Run
from handlers.grammar import Token


def bind_audit(tokens: Sequence[Token]) -> Run:
    """`[NAME] [@who] [since DAY] [until DAY]`."""
    return partial(show_audit, request=read_audit(tokens))


async def show_audit(call: Call, request: AuditRequest) -> None:
    """Answer with a page. It tells of people, so it is for the one who asked, never for a channel."""
    entries = await call.services.access.audit(
        call.caller.actor,
        since=_start(request.since),
        until=_start(request.until + timedelta(days=1)) if request.until else None,
        dataset=request.dataset,
        person=request.person,
        before=request.before,
        limit=PAGE + 1,
    )
    await replace(call, in_channel=False).answer(audit_view.build(entries, request))


def _start(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
