"""Sentences and values of requests that are over, and of grants on their way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.access.gate import BOT
from services.access.model import (
    AccessRequest,
    EndReason,
    Grant,
    GrantStatus,
    RequestStatus,
    Verdict,
)
from services.access.offer import DecidedAlready

_OVER = {
    RequestStatus.APPROVED: "This was approved already{by}, and is being given now.",
    RequestStatus.GRANTED: "This was approved already{by}, and given.",
    RequestStatus.DENIED: "This was denied already{by}.",
    RequestStatus.CANCELLED: "This request was cancelled{by}.",
    RequestStatus.EXPIRED: "Nobody decided in time, so this request lapsed. Ask again.",
    RequestStatus.REFUSED: "The access policy refused this.",
    RequestStatus.FAILED: "This was approved already{by}, but could not be given. Try it again.",
}


def decided_already(request: AccessRequest) -> DecidedAlready:
    """The error for who comes second to a request that does not wait any more."""
    verdict = None
    if request.status is RequestStatus.DENIED:
        verdict = Verdict.DENY
    elif request.status in {RequestStatus.APPROVED, RequestStatus.GRANTED, RequestStatus.FAILED}:
        verdict = Verdict.APPROVE
    by = request.decided_by
    return DecidedAlready(
        _OVER[request.status].format(by=f" by user {by}" if by and by != BOT else ""),
        by=request.decided_by or BOT,
        verdict=verdict,
        status=request.status,
        at=request.decided_at or request.expires_at,
    )


def over(
    request: AccessRequest, status: RequestStatus, at: datetime, *, by: str = BOT, reason: str = "", code: str = ""
) -> AccessRequest:
    """The request in its final state, one revision on. code: left as it was when not given."""
    return replace(
        request,
        status=status,
        decided_at=at,
        decided_by=by,
        decision_reason=reason,
        reason_code=code or request.reason_code,
        next_reminder_at=None,
        revision=request.revision + 1,
    )


def ending(grant: Grant, reason: EndReason, at: datetime, *, by: str = BOT, note: str = "") -> Grant:
    """The grant as the executor is to end it at once, one revision on."""
    return replace(
        grant,
        status=GrantStatus.ENDING,
        end_reason=reason,
        ended_by=by,
        end_note=note,
        next_try_at=at,
        attempts=0,
        failure="",
        revision=grant.revision + 1,
    )
