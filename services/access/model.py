"""Requests, grants and what they open, as plain values.

*Request → decision → grant*: a request asks for one level on one dataset for one subject; the decision function says
who may move it; a grant is what was executed, and ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Level(StrEnum):
    """What one may do with the data. WRITE includes READ."""

    READ = "read"
    WRITE = "write"

    def covers(self, other: Level) -> bool:
        """Does having this level make asking for the other one needless?"""
        return self is Level.WRITE or other is Level.READ


class SubjectKind(StrEnum):
    """For whom. A managed identity is a service principal in Entra. GROUP is an Entra group, not a Slack one."""

    USER = "user"
    GROUP = "group"
    SERVICE_PRINCIPAL = "service_principal"


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom access is. id: Slack user id for USER, Entra object id otherwise. name: as shown, "" for a USER."""

    kind: SubjectKind
    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """An Entra object. kind: never guessed (Azure needs it). login: user principal name or application id, "" for a
    group. In a local workspace a person's principal has the Slack user id as object_id.
    """

    kind: SubjectKind
    object_id: str
    name: str
    login: str = ""


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """A Slack account as the decision sees it.

    is_member: a full member of the installing workspace whose account is active; guests, strangers, bots, deactivated
    and unknown people are not. email: confirmed address, "" when there is none that can be trusted.
    """

    user_id: str
    is_member: bool
    name: str = ""
    tz: str = "UTC"
    email: str = ""


class Verdict(StrEnum):
    """What an approver said."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Vote:
    """One approver's word on one stage (0-based). reason: required for DENY."""

    approver: str
    stage: int
    verdict: Verdict
    at: datetime
    reason: str = ""


class RequestStatus(StrEnum):
    """PENDING waits for approvers. APPROVED: decided, being executed. REFUSED: the policy said no (at submit or
    execution). FAILED: execution failed and can be retried. All but PENDING, APPROVED and FAILED are final.
    """

    PENDING = "pending"
    APPROVED = "approved"
    GRANTED = "granted"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    FAILED = "failed"


class Initiative(StrEnum):
    """Who began. ASK: somebody asks for access. GIVE: an approver gives it (`/dataset grant`), which is their vote."""

    ASK = "ask"
    GIVE = "give"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request as stored; messages and buttons carry only its id.

    extends: id of the grant it prolongs, "" for a new one. emergency: break-glass. stage: the stage that waits
    (0-based). revision: raised by every change. rule: id of the policy rule that decided its terms. expires_at: when
    it lapses unanswered. channel: where it was asked, "" for a direct message. opens: what granting opens, as told.
    asked: who was asked to decide so far, each of whom has a copy of the card; destinations that are channels too.
    grant_id: "" before there is one. failure: sentence of the last failed execution, "" otherwise.
    """

    id: str
    dataset: str
    level: Level
    subject: Subject
    requester: str
    duration: timedelta
    reason: str
    created_at: datetime
    expires_at: datetime
    ticket: str = ""
    initiative: Initiative = Initiative.ASK
    emergency: bool = False
    extends: str = ""
    channel: str = ""
    opens: tuple[str, ...] = ()
    rule: str = ""
    status: RequestStatus = RequestStatus.PENDING
    stage: int = 0
    revision: int = 1
    votes: tuple[Vote, ...] = ()
    asked: tuple[str, ...] = ()
    reminders: int = 0
    next_reminder_at: datetime | None = None
    escalated_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str = ""
    decision_reason: str = ""
    reason_code: str = ""
    grant_id: str = ""
    failure: str = ""


class GrantStatus(StrEnum):
    """GRANTING and ENDING are being executed (again and again until done). FAILED: granting was given up, retryable."""

    GRANTING = "granting"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why a grant ended. LOST: its assignment vanished and was not restored. POLICY: the policy no longer allows it.
    LEFT: its holder is no active full member of the Slack workspace any more.
    """

    EXPIRED = "expired"
    DONE = "done"
    REVOKED = "revoked"
    POLICY = "policy"
    LOST = "lost"
    LEFT = "left"


class AssignmentKind(StrEnum):
    """How the end is enforced. PLAIN: the bot's due-scan. PIM: Entra too. LOCAL: the bot's own reads only.

    FOREIGN: somebody else's assignment that already gives the same; accepted, never removed by the bot.
    """

    PLAIN = "plain"
    PIM = "pim"
    LOCAL = "local"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One role of one principal at one scope, as executed.

    id: the full resource id of the role assignment or schedule, "" for LOCAL. scope, role_id: full ids. condition:
    the ABAC condition, "" for none.
    """

    kind: AssignmentKind
    id: str
    scope: str
    role_id: str
    role_name: str
    principal_id: str
    condition: str = ""


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where data lies that a grant opens: a datastore (name in small letters) and path prefixes in it.

    "" is all of the datastore; "sales/" what lies under that folder; "sales/a.csv", without a slash at its end, that
    file, or what lies under it when it is a folder.
    """

    datastore: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedAssignment:
    """What would be assigned where, and what that opens in a person's words."""

    role_name: str
    scope: str
    opens: str


@dataclass(frozen=True, slots=True)
class GrantPlan:
    """What granting would do. possible: False when per-dataset access does not exist for this data; then `why_not`
    says so and `instead` what can be done. opens: one sentence for each thing opened. warnings: shown to the approver.
    takes: how long until it works everywhere ("up to ten minutes"), "" for at once.
    """

    possible: bool
    assignments: tuple[PlannedAssignment, ...] = ()
    opens: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    takes: str = ""
    why_not: str = ""
    instead: str = ""
    places: tuple[DataPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantWish:
    """What an adapter is told to make true: this principal has this level on these places until ends_at.

    slack_id: who holds it in Slack, "" for groups and service principals. request_id is for the description from
    which a lost record can be rebuilt.
    """

    grant_id: str
    request_id: str
    dataset: str
    level: Level
    principal: Principal
    places: tuple[DataPlace, ...]
    ends_at: datetime
    slack_id: str = ""


@dataclass(frozen=True, slots=True)
class FoundAssignment:
    """An assignment that the bot made, as found at the workspace's side. grants: what its description says of the
    grants behind it; empty when the description cannot be read. altered: somebody has changed it by hand since the bot
    wrote it, what it opens or its description.
    """

    assignment: Assignment
    grants: tuple[DescribedGrant, ...]
    altered: bool = False


@dataclass(frozen=True, slots=True)
class DescribedGrant:
    """What an assignment's description says of one grant: enough to rebuild a lost record. slack_id: "" if none."""

    grant_id: str
    request_id: str
    dataset: str
    level: Level
    ends_at: datetime
    slack_id: str = ""


class Review(StrEnum):
    """The after-review of break-glass access. OPEN stays until somebody did it."""

    NONE = "none"
    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Grant:
    """Access as it was given, is and ended. granted_at, ends_at: None before it was executed.

    places: what it opens, fixed when it was planned. failure: sentence of the last failed attempt. verified_at: when
    it was last seen to be there. next_try_at: not before then is it tried again. revision: raised by every change.
    """

    id: str
    request_id: str
    dataset: str
    level: Level
    subject: Subject
    principal: Principal
    requested_by: str
    approved_by: tuple[str, ...]
    duration: timedelta
    created_at: datetime
    places: tuple[DataPlace, ...]
    opens: tuple[str, ...] = ()
    status: GrantStatus = GrantStatus.GRANTING
    granted_at: datetime | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    ended_by: str = ""
    end_note: str = ""
    assignments: tuple[Assignment, ...] = ()
    emergency: bool = False
    review: Review = Review.NONE
    reviewed_by: str = ""
    review_note: str = ""
    reminded_at: datetime | None = None
    verified_at: datetime | None = None
    failure: str = ""
    attempts: int = 0
    next_try_at: datetime | None = None
    revision: int = 1


def reminder_lead(duration: timedelta) -> timedelta | None:
    """How long before its end the holder of a grant is reminded: a fifth of its duration, 15 minutes to three days.

    None when the whole grant is shorter than an hour: then nobody is reminded.
    """
    if duration < timedelta(hours=1):
        return None
    return min(max(duration / 5, timedelta(minutes=15)), timedelta(days=3))


class ReachKind(StrEnum):
    """Whether somebody's own access lets them at data. UNKNOWN counts as no, with its reason told."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reach:
    """why: one sentence ("You own this dataset.", "Your role Storage Blob Data Reader covers it.")."""

    kind: ReachKind
    why: str

    @property
    def is_yes(self) -> bool:
        """Proven access."""
        return self.kind is ReachKind.YES


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit: what happened, never a secret.

    seq: 1, 2, 3 … without gaps. actor: Slack user id, or "bot". action: "request.approved" and the like. details:
    plain JSON-able text pairs. hash: hex sha256 over the previous hash and this entry's content.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    dataset: str
    subject: str
    request_id: str
    grant_id: str
    details: tuple[tuple[str, str], ...]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An entry before it is in the chain."""

    actor: str
    action: str
    dataset: str = ""
    subject: str = ""
    request_id: str = ""
    grant_id: str = ""
    details: tuple[tuple[str, str], ...] = ()
