"""What people are shown of access before and after they ask: plain values for handlers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.access.decide import Decision
from services.access.model import (
    AccessRequest,
    Grant,
    GrantPlan,
    Initiative,
    Level,
    Principal,
    Reach,
    RequestStatus,
    Subject,
    Verdict,
)
from services.datasets.model import Dataset
from services.errors import Conflict, InvalidInput

REASON_LIMIT = 1000
"""Characters of a reason, a note, a motive."""
TICKET_LIMIT = 200
"""Characters of a ticket."""
PENDING_LIMIT = 20
"""Requests of one person that may wait at once."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for.

    duration: of an extension too, counted from the moment it is executed. extends: id of the grant to prolong, whose
    dataset, level and subject it repeats; "" for new access. channel: where it was asked, "" for a direct message.
    """

    dataset: str
    level: Level
    subject: Subject
    duration: timedelta
    reason: str
    ticket: str = ""
    emergency: bool = False
    initiative: Initiative = Initiative.ASK
    extends: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a form shows before it is submitted.

    decision: as if it were submitted now, with reason and ticket given. has: live grants of the subject on this
    dataset. reach: what the subject's own access, however come by, opens of the level asked for; None when nobody is
    tied to the subject. pending: an open request for the same. presets: durations to choose from, never longer than
    the policy allows. identity_problem: why there is no principal, "" when there is one.
    """

    dataset: Dataset
    decision: Decision
    plan: GrantPlan
    has: tuple[Grant, ...]
    reach: Reach | None
    pending: AccessRequest | None
    presets: tuple[timedelta, ...]
    principal: Principal | None
    identity_problem: str


@dataclass(frozen=True, slots=True)
class RequestCard:
    """All that an approver needs, and what became of it.

    dataset: None when it is not registered any more. has: live grants of the subject on this dataset. earlier: other
    requests of the subject for it, newest first. warnings: sentences for the approver. sensitivity: "" for none.
    """

    request: AccessRequest
    dataset: Dataset | None
    decision: Decision
    principal: Principal | None
    has: tuple[Grant, ...]
    earlier: tuple[AccessRequest, ...]
    grant: Grant | None
    warnings: tuple[str, ...]
    sensitivity: str


@dataclass(frozen=True, slots=True)
class GrantList:
    """Who has access to a dataset, as far as the reader may know: all for who may manage it, else their own."""

    dataset: Dataset
    live: tuple[Grant, ...]
    ended: tuple[Grant, ...]
    may_manage: bool


@dataclass(frozen=True, slots=True)
class MyAccess:
    """One person's view. waiting: requests that wait for them. reviews: emergencies they have to review."""

    grants: tuple[Grant, ...]
    requests: tuple[AccessRequest, ...]
    waiting: tuple[AccessRequest, ...]
    reviews: tuple[Grant, ...]


class DecidedAlready(Conflict):
    """Somebody was first. by: their Slack user id, "bot" when no person did it. verdict: None when it was not a vote
    that ended it (cancelled, lapsed, refused by the policy). status: what the request is now.
    """

    code = "decided_already"

    def __init__(self, sentence: str, *, by: str, verdict: Verdict | None, status: RequestStatus, at: datetime) -> None:
        super().__init__(sentence)
        self.by = by
        self.verdict = verdict
        self.status = status
        self.at = at


class OpenAlready(InvalidInput):
    """The same was asked for and is open, or is held already. Exactly one of the ids is given."""

    code = "open_already"

    def __init__(self, sentence: str, *, request_id: str = "", grant_id: str = "") -> None:
        super().__init__(sentence, field="dataset")
        self.request_id = request_id
        self.grant_id = grant_id
