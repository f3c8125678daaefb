"""Requests, grants and notices with every field set, for the storage tests of access."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.access.model import (
    AccessRequest,
    Assignment,
    AssignmentKind,
    AuditEvent,
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
)
from services.outbox import Action, Notice

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ADA = Subject(SubjectKind.USER, "U1")
TEAM = Subject(SubjectKind.GROUP, "g-1", "Büro")


def request(request_id: str = "r1", **changes: object) -> AccessRequest:
    """A pending request of Ada's for herself, asked on the day of `NOON`."""
    plain = AccessRequest(
        id=request_id,
        dataset="sales",
        level=Level.READ,
        subject=ADA,
        requester="U1",
        duration=timedelta(days=30),
        reason="Forecast",
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
        opens=("Blobs under sales/",),
        rule="default",
        asked=("U2", "C9"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def full_request(request_id: str = "r1") -> AccessRequest:
    """A request in which no field has its default."""
    return request(
        request_id,
        level=Level.WRITE,
        subject=TEAM,
        duration=timedelta(days=3, microseconds=7),
        reason="Für 'x' \U0001f600",
        ticket="OPS-1",
        initiative=Initiative.GIVE,
        emergency=True,
        extends="g0",
        channel="C1",
        opens=("a", "b"),
        status=RequestStatus.FAILED,
        stage=1,
        votes=(
            Vote("U3", 0, Verdict.APPROVE, NOON + timedelta(seconds=1)),
            Vote("U2", 1, Verdict.DENY, NOON + timedelta(seconds=2), "No"),
        ),
        asked=("U3", "U2", "C9"),
        reminders=2,
        next_reminder_at=NOON + timedelta(hours=1),
        escalated_at=NOON + timedelta(hours=2),
        decided_at=NOON + timedelta(hours=3),
        decided_by="U2",
        decision_reason="ok",
        reason_code="owner",
        grant_id="g1",
        failure="Azure said no.",
    )


def grant(grant_id: str = "g1", **changes: object) -> Grant:
    """A grant of Ada's, just decided, to be executed."""
    plain = Grant(
        id=grant_id,
        request_id="r1",
        dataset="sales",
        level=Level.READ,
        subject=ADA,
        principal=Principal(SubjectKind.USER, "p-1", "Ada", "ada@example.org"),
        requested_by="U1",
        approved_by=("U2",),
        duration=timedelta(days=30),
        created_at=NOON,
        places=(DataPlace("blobs", ("sales/", "more.csv")),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def active(grant_id: str = "g1", ends_at: datetime = NOON + timedelta(days=30), **changes: object) -> Grant:
    """A grant in force."""
    return grant(grant_id, status=GrantStatus.ACTIVE, granted_at=NOON, ends_at=ends_at, **changes)


def full_grant(grant_id: str = "g1") -> Grant:
    """A grant in which no field has its default."""
    return grant(
        grant_id,
        subject=TEAM,
        principal=Principal(SubjectKind.GROUP, "g-1", "Büro"),
        opens=("a",),
        status=GrantStatus.ENDED,
        granted_at=NOON + timedelta(minutes=1),
        ends_at=NOON + timedelta(days=30),
        ended_at=NOON + timedelta(days=2),
        end_reason=EndReason.REVOKED,
        ended_by="U2",
        end_note="left",
        assignments=(
            Assignment(AssignmentKind.PLAIN, "/a/1", "/s", "/r", "Reader", "g-1", "@Resource[x] StringLike 'y'"),
            Assignment(AssignmentKind.PIM, "/a/2", "/s", "/r", "Reader", "g-1"),
        ),
        emergency=True,
        review=Review.DONE,
        reviewed_by="U5",
        review_note="fine",
        reminded_at=NOON + timedelta(days=1),
        verified_at=NOON + timedelta(hours=1),
        failure="once",
        attempts=3,
        next_try_at=NOON + timedelta(hours=2),
    )


def event(action: str = "request.submitted", **changes: object) -> AuditEvent:
    """Something Ada did."""
    plain = AuditEvent("U1", action, "sales", "U1", "r1", "g1", (("level", "read"),))
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def post(key: str, **changes: object) -> Notice:
    """A message to Ada in a lane of its own."""
    return replace(Notice(key=key, lane=key, kind="access.told", to="U1", args={"n": 1}), **changes)  # type: ignore[arg-type]  # any field


def redraw(of: str, number: int, **changes: object) -> Notice:
    """A change of the message that the notice `of` posted."""
    plain = Notice(key=f"{of}:{number}", lane=of, kind="access.request", action=Action.UPDATE, of=of)
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field
