"""Requests, grants and what is shown of them, with fixed times."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from services.access.decide import Decision, Outcome, ReasonCode, StageTerms, Terms
from services.access.model import (
    AccessRequest,
    Assignment,
    AssignmentKind,
    AuditEntry,
    DataPlace,
    EndReason,
    Grant,
    GrantPlan,
    GrantStatus,
    Level,
    PlannedAssignment,
    Principal,
    Reach,
    ReachKind,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
    Verdict,
    Vote,
)
from services.access.offer import GrantList, MyAccess, Offer, RequestCard
from tests.handlers import samples
from tests.handlers.samples import NOON

_T = TypeVar("_T")

BEN = Subject(SubjectKind.USER, "U0BEN")
TEAM = Subject(SubjectKind.GROUP, "6f0e2c1a-7d52-4f5e-9a38-0b6f1f6f2c11", "Growth analysts")
JOB = Subject(SubjectKind.SERVICE_PRINCIPAL, "9d0e2c1a-7d52-4f5e-9a38-0b6f1f6f2c12", "nightly-training")
BEN_IN_ENTRA = Principal(SubjectKind.USER, "1a0e2c1a-7d52", "Ben Fischer", "ben@northwind.example")
OPENS = (
    "Read every file under “flights/” in the container “data” of the storage account “northwind”.",
    "Open the workspace “northwind-ml” (role AzureML Data Scientist).",
)


def _with(made: _T, changes: dict[str, object]) -> _T:
    return replace(made, **changes)  # type: ignore[type-var]  # fields by name, checked when the test runs


def terms(**changes: object) -> Terms:
    """The owner decides."""
    made = Terms(
        rule="sensitive",
        stages=(StageTerms("the owner", frozenset({"U0ADA"}), 1),),
        longest=timedelta(days=30),
        presets=(timedelta(days=1), timedelta(days=7), timedelta(days=30)),
        reason_required=True,
        ticket_required=False,
        automatic=False,
        self_approval=False,
        emergency_longest=None,
        notify=(),
        channel="",
        remind_after=timedelta(hours=4),
        remind_factor=2.0,
        remind_most=3,
        escalate_after=None,
        escalation=frozenset(),
        expires_after=timedelta(days=7),
        needs_browser=False,
        reviewers=frozenset({"U0ADA"}),
    )
    return _with(made, changes)


TWO_STAGES = terms(
    stages=(
        StageTerms("the owner", frozenset({"U0ADA"}), 1),
        StageTerms("user group S0OWNERS", frozenset({"U0ADA", "U0CHIARA", "U0DAN"}), 2),
    ),
    ticket_required=True,
    emergency_longest=timedelta(hours=4),
    channel="C0DATA",
)


def decision(**changes: object) -> Decision:
    """Waits for the owner."""
    made = Decision(Outcome.ASK, ReasonCode.WAITING, "Decided by the owner.", terms(), 0, frozenset({"U0ADA"}), 1)
    return _with(made, changes)


def request(**changes: object) -> AccessRequest:
    """Ben asks for himself, and it waits."""
    made = AccessRequest(
        id="7b0ad5f23a0e5d1c9f536a3f0f6f2c11",
        dataset="flights",
        level=Level.READ,
        subject=BEN,
        requester="U0BEN",
        duration=timedelta(days=7),
        reason="Delay model for the March report.\nOnly carrier and delay are read.",
        created_at=NOON,
        expires_at=NOON + timedelta(days=7),
        opens=OPENS,
        rule="sensitive",
        asked=("U0ADA",),
    )
    return _with(made, changes)


def grant(**changes: object) -> Grant:
    """What became of it."""
    made = Grant(
        id="c0ffee5f3a0e5d1c9f536a3f0f6f2c11",
        request_id="7b0ad5f23a0e5d1c9f536a3f0f6f2c11",
        dataset="flights",
        level=Level.READ,
        subject=BEN,
        principal=BEN_IN_ENTRA,
        requested_by="U0BEN",
        approved_by=("U0ADA",),
        duration=timedelta(days=7),
        created_at=NOON,
        places=(DataPlace("workspaceblobstore", ("flights/",)),),
        opens=OPENS,
        status=GrantStatus.ACTIVE,
        granted_at=NOON + timedelta(minutes=5),
        ends_at=NOON + timedelta(days=7, minutes=5),
        assignments=(
            Assignment(
                AssignmentKind.PLAIN,
                "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a",
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/northwind",
                "/providers/Microsoft.Authorization/roleDefinitions/r",
                "Storage Blob Data Reader",
                BEN_IN_ENTRA.object_id,
            ),
        ),
    )
    return _with(made, changes)


ENDED = grant(
    status=GrantStatus.ENDED,
    ended_at=NOON + timedelta(days=2),
    end_reason=EndReason.REVOKED,
    ended_by="U0ADA",
    end_note="The report is out.",
)


def approve(who: str, stage: int = 0) -> Vote:
    """A vote for it."""
    return Vote(who, stage, Verdict.APPROVE, NOON + timedelta(minutes=4))


def card(request_: AccessRequest | None = None, **changes: object) -> RequestCard:
    """All of a request, as it waits when nothing else is said."""
    made = RequestCard(
        request=request_ or request(),
        dataset=samples.dataset(owner="U0ADA"),
        decision=decision(),
        principal=BEN_IN_ENTRA,
        has=(),
        earlier=(
            request(
                status=RequestStatus.DENIED,
                decided_by="U0ADA",
                decided_at=NOON - timedelta(days=20),
                decision_reason="Ask again when the data are cleaned.",
                created_at=NOON - timedelta(days=21),
            ),
        ),
        grant=None,
        warnings=("The rights hold for every version of “flights”, also those to come.",),
        sensitivity="confidential",
    )
    return _with(made, changes)


GRANTED = request(
    status=RequestStatus.GRANTED,
    votes=(approve("U0ADA"),),
    decided_at=NOON + timedelta(minutes=4),
    decided_by="U0ADA",
    grant_id=grant().id,
    revision=4,
)
GRANTED_CARD = card(
    GRANTED,
    grant=grant(),
    has=(grant(),),
    decision=decision(outcome=Outcome.GRANT, code=ReasonCode.APPROVED, approvers=frozenset(), needed=0, stage=1),
)


def plan(**changes: object) -> GrantPlan:
    """What granting would do on an identity-based datastore."""
    made = GrantPlan(
        possible=True,
        assignments=(PlannedAssignment("Storage Blob Data Reader", "/subscriptions/s/x", OPENS[0]),),
        opens=OPENS,
        warnings=("It opens the folder for every dataset that lies under it.",),
        takes="up to ten minutes",
        places=(DataPlace("workspaceblobstore", ("flights/",)),),
    )
    return _with(made, changes)


def offer(**changes: object) -> Offer:
    """What the form shows Ben before he asks."""
    made = Offer(
        dataset=samples.dataset(owner="U0ADA"),
        decision=decision(),
        plan=plan(),
        has=(),
        reach=Reach(ReachKind.NO, "You have no role that covers it."),
        pending=None,
        presets=(timedelta(days=1), timedelta(days=7), timedelta(days=30)),
        principal=BEN_IN_ENTRA,
        identity_problem="",
    )
    return _with(made, changes)


def grant_list(**changes: object) -> GrantList:
    """Everybody's access, as the owner sees it."""
    made = GrantList(
        dataset=samples.dataset(owner="U0ADA"),
        live=(
            grant(),
            grant(id="g2", subject=TEAM, requested_by="U0CHIARA", level=Level.WRITE, emergency=False),
            grant(id="g3", subject=Subject(SubjectKind.USER, "U0CHIARA"), emergency=True, review=Review.OPEN,
                  requested_by="U0CHIARA", approved_by=()),
            grant(id="g4", subject=JOB, requested_by="U0ADA", status=GrantStatus.ENDING, end_reason=EndReason.EXPIRED,
                  failure="The bot lacks Microsoft.Authorization/roleAssignments/delete on the storage account."),
        ),
        ended=(ENDED,),
        may_manage=True,
    )  # fmt: skip
    return _with(made, changes)


MINE = MyAccess(
    grants=(grant(), grant(id="g5", dataset="sales", status=GrantStatus.GRANTING, ends_at=None)),
    requests=(request(), GRANTED, request(id="r3", status=RequestStatus.FAILED, dataset="orders", failure="No role.")),
    waiting=(request(id="r4", requester="U0CHIARA", subject=TEAM),),
    reviews=(grant(id="g6", emergency=True, review=Review.OPEN, subject=BEN),),
)


def entry(seq: int, **changes: object) -> AuditEntry:
    """One line of the audit."""
    made = AuditEntry(
        seq=seq,
        at=NOON + timedelta(minutes=seq),
        actor="U0ADA",
        action="request.approved",
        dataset="flights",
        subject="U0BEN",
        request_id="r",
        grant_id="",
        details=(("code", "approved"), ("policy", "default")),
        previous="p",
        hash="h",
    )
    return _with(made, changes)


ENTRIES = (
    entry(7, actor="bot", action="grant.ended", details=(("reason", "expired"),)),
    entry(6),
    entry(5, actor="U0GUS", action="request.approve.refused", details=(("code", "not_a_member"),)),
    entry(4, actor="U0BEN", action="request.submitted", subject=TEAM.id, details=(("reason", "Delay model"),)),
)
