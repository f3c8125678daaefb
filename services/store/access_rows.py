"""Requests, votes and grants as rows, and rows as them again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import cast

from pydantic import JsonValue
from sqlalchemy import Row

from services.access.model import (
    AccessRequest,
    Assignment,
    AssignmentKind,
    DataPlace,
    EndReason,
    Grant,
    GrantStatus,
    Initiative,
    Level,
    Principal,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
    Verdict,
    Vote,
    reminder_lead,
)
from services.store.access_tables import access_grant, access_request

_MICROSECOND = timedelta(microseconds=1)

REQUEST_COLUMNS = tuple(column for column in access_request.c if column.name not in {"workspace_id", "due_at"})
"""What `to_request` needs, in its order."""

GRANT_COLUMNS = tuple(
    column
    for column in access_grant.c
    if column.name not in {"workspace_id", "due_at", "remind_at", "claimed_by", "claimed_until"}
)
"""What `to_grant` needs, in its order."""


def request_due_at(request: AccessRequest) -> datetime | None:
    """When time alone asks for something: it lapses, a reminder is due, or it is decided and has no grant yet."""
    if request.status is RequestStatus.PENDING:
        return min(request.expires_at, request.next_reminder_at or request.expires_at)
    if request.status is RequestStatus.APPROVED and not request.grant_id:
        return request.decided_at or request.created_at
    return None


def grant_due_at(grant: Grant) -> datetime | None:
    """From when on there is something to execute."""
    if grant.status in {GrantStatus.GRANTING, GrantStatus.ENDING}:
        return grant.next_try_at or grant.created_at
    if grant.status is GrantStatus.ACTIVE:  # a time to try: an extension or a repair is asked for
        return min(filter(None, (grant.ends_at, grant.next_try_at)), default=None)
    return None


def grant_remind_at(grant: Grant) -> datetime | None:
    """From when on its holder is to be reminded of its end, unless that was done."""
    lead = reminder_lead(grant.duration)
    if grant.status is not GrantStatus.ACTIVE or grant.reminded_at or lead is None or grant.ends_at is None:
        return None
    return grant.ends_at - lead


def request_values(request: AccessRequest) -> dict[str, object]:
    """All columns but the workspace's number."""
    return {
        "id": request.id,
        "dataset": request.dataset,
        "level": request.level.value,
        **_subject_values(request.subject),
        "requester": request.requester,
        "duration": request.duration // _MICROSECOND,
        "reason": request.reason,
        "created_at": request.created_at,
        "expires_at": request.expires_at,
        "ticket": request.ticket,
        "initiative": request.initiative.value,
        "emergency": request.emergency,
        "extends": request.extends,
        "channel": request.channel,
        "opens": list(request.opens),
        "rule": request.rule,
        "status": request.status.value,
        "stage": request.stage,
        "revision": request.revision,
        "reminders": request.reminders,
        "next_reminder_at": request.next_reminder_at,
        "escalated_at": request.escalated_at,
        "decided_at": request.decided_at,
        "decided_by": request.decided_by,
        "decision_reason": request.decision_reason,
        "reason_code": request.reason_code,
        "grant_id": request.grant_id,
        "failure": request.failure,
        "due_at": request_due_at(request),
    }


def vote_values(request_id: str, position: int, vote: Vote) -> dict[str, object]:
    """All columns of a vote; position: its place among the votes of the request."""
    return {
        "request_id": request_id,
        "stage": vote.stage,
        "approver": vote.approver,
        "position": position,
        "verdict": vote.verdict.value,
        "at": vote.at,
        "reason": vote.reason,
    }


def to_vote(values: Mapping[str, object]) -> Vote:
    """The vote that `vote_values` stored."""
    return Vote(
        approver=cast("str", values["approver"]),
        stage=cast("int", values["stage"]),
        verdict=Verdict(cast("str", values["verdict"])),
        at=cast("datetime", values["at"]),
        reason=cast("str", values["reason"]),
    )


def to_request(row: Row[tuple[object, ...]], votes: tuple[Vote, ...], asked: tuple[str, ...]) -> AccessRequest:
    """The request of a row of `REQUEST_COLUMNS`."""
    values = row._mapping
    return AccessRequest(
        id=values["id"],
        dataset=values["dataset"],
        level=Level(values["level"]),
        subject=Subject(SubjectKind(values["subject_kind"]), values["subject_id"], values["subject_name"]),
        requester=values["requester"],
        duration=timedelta(microseconds=values["duration"]),
        reason=values["reason"],
        created_at=values["created_at"],
        expires_at=values["expires_at"],
        ticket=values["ticket"],
        initiative=Initiative(values["initiative"]),
        emergency=values["emergency"],
        extends=values["extends"],
        channel=values["channel"],
        opens=tuple(values["opens"]),
        rule=values["rule"],
        status=RequestStatus(values["status"]),
        stage=values["stage"],
        revision=values["revision"],
        votes=votes,
        asked=asked,
        reminders=values["reminders"],
        next_reminder_at=values["next_reminder_at"],
        escalated_at=values["escalated_at"],
        decided_at=values["decided_at"],
        decided_by=values["decided_by"],
        decision_reason=values["decision_reason"],
        reason_code=values["reason_code"],
        grant_id=values["grant_id"],
        failure=values["failure"],
    )


def grant_values(grant: Grant) -> dict[str, object]:
    """All columns but the workspace's number and those of the lease."""
    places: JsonValue = [[place.datastore, list(place.prefixes)] for place in grant.places]
    assignments: JsonValue = [
        [each.kind.value, each.id, each.scope, each.role_id, each.role_name, each.principal_id, each.condition]
        for each in grant.assignments
    ]
    return {
        "id": grant.id,
        "request_id": grant.request_id,
        "dataset": grant.dataset,
        "level": grant.level.value,
        **_subject_values(grant.subject),
        "principal_kind": grant.principal.kind.value,
        "principal_id": grant.principal.object_id,
        "principal_name": grant.principal.name,
        "principal_login": grant.principal.login,
        "requested_by": grant.requested_by,
        "approved_by": list(grant.approved_by),
        "duration": grant.duration // _MICROSECOND,
        "created_at": grant.created_at,
        "places": places,
        "opens": list(grant.opens),
        "status": grant.status.value,
        "granted_at": grant.granted_at,
        "ends_at": grant.ends_at,
        "ended_at": grant.ended_at,
        "end_reason": "" if grant.end_reason is None else grant.end_reason.value,
        "ended_by": grant.ended_by,
        "end_note": grant.end_note,
        "assignments": assignments,
        "emergency": grant.emergency,
        "review": grant.review.value,
        "reviewed_by": grant.reviewed_by,
        "review_note": grant.review_note,
        "reminded_at": grant.reminded_at,
        "verified_at": grant.verified_at,
        "failure": grant.failure,
        "attempts": grant.attempts,
        "next_try_at": grant.next_try_at,
        "revision": grant.revision,
        "due_at": grant_due_at(grant),
        "remind_at": grant_remind_at(grant),
    }


def to_grant(row: Row[tuple[object, ...]]) -> Grant:
    """The grant of a row of `GRANT_COLUMNS`."""
    values = row._mapping
    end_reason = values["end_reason"]
    return Grant(
        id=values["id"],
        request_id=values["request_id"],
        dataset=values["dataset"],
        level=Level(values["level"]),
        subject=Subject(SubjectKind(values["subject_kind"]), values["subject_id"], values["subject_name"]),
        principal=Principal(
            SubjectKind(values["principal_kind"]),
            values["principal_id"],
            values["principal_name"],
            values["principal_login"],
        ),
        requested_by=values["requested_by"],
        approved_by=tuple(values["approved_by"]),
        duration=timedelta(microseconds=values["duration"]),
        created_at=values["created_at"],
        places=tuple(DataPlace(datastore, tuple(prefixes)) for datastore, prefixes in values["places"]),
        opens=tuple(values["opens"]),
        status=GrantStatus(values["status"]),
        granted_at=values["granted_at"],
        ends_at=values["ends_at"],
        ended_at=values["ended_at"],
        end_reason=EndReason(end_reason) if end_reason else None,
        ended_by=values["ended_by"],
        end_note=values["end_note"],
        assignments=tuple(Assignment(AssignmentKind(kind), *rest) for kind, *rest in values["assignments"]),
        emergency=values["emergency"],
        review=Review(values["review"]),
        reviewed_by=values["reviewed_by"],
        review_note=values["review_note"],
        reminded_at=values["reminded_at"],
        verified_at=values["verified_at"],
        failure=values["failure"],
        attempts=values["attempts"],
        next_try_at=values["next_try_at"],
        revision=values["revision"],
    )


def _subject_values(subject: Subject) -> dict[str, object]:
    return {"subject_kind": subject.kind.value, "subject_id": subject.id, "subject_name": subject.name}
