"""What a decision is: outcome, reason and terms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """REFUSE: no. ASK: people must decide. GRANT: give it now."""

    REFUSE = "refuse"
    ASK = "ask"
    GRANT = "grant"


class ReasonCode(StrEnum):
    """Why, as logs, metrics and the audit have it."""

    # refused
    UNKNOWN_DATASET = "unknown_dataset"
    REQUESTER_NOT_MEMBER = "requester_not_member"
    SUBJECT_NOT_MEMBER = "subject_not_member"
    DENIED_BY_RULE = "denied_by_rule"
    NO_RULE = "no_rule"
    MAY_NOT_REQUEST = "may_not_request"
    MAY_NOT_REQUEST_FOR_OTHERS = "may_not_request_for_others"
    MAY_NOT_GIVE = "may_not_give"
    DURATION_INVALID = "duration_invalid"
    DURATION_TOO_LONG = "duration_too_long"
    REASON_MISSING = "reason_missing"
    TICKET_MISSING = "ticket_missing"
    TICKET_MALFORMED = "ticket_malformed"
    NOBODY_CAN_DECIDE = "nobody_can_decide"
    EMERGENCY_NOT_ALLOWED = "emergency_not_allowed"
    EMERGENCY_ONLY_FOR_YOURSELF = "emergency_only_for_yourself"
    EMERGENCY_CANNOT_EXTEND = "emergency_cannot_extend"
    EMERGENCY_TOO_LONG = "emergency_too_long"
    DENIED_BY_APPROVER = "denied_by_approver"
    # people decide
    WAITING = "waiting"
    # given
    AUTOMATIC = "automatic"
    APPROVED = "approved"
    EMERGENCY = "emergency"
    # votes
    MAY_VOTE = "may_vote"
    VOTER_NOT_MEMBER = "voter_not_member"
    OWN_REQUEST = "own_request"
    ALREADY_VOTED = "already_voted"
    NOT_AN_APPROVER = "not_an_approver"
    NOT_WAITING = "not_waiting"


@dataclass(frozen=True, slots=True)
class StageTerms:
    """approvers: everyone whose vote counts in this stage, whether they voted yet or not. label: who they are and
    why, to stand in a sentence ("the owner", "user group S0OWNERS").
    """

    label: str
    approvers: frozenset[str]
    needed: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for this request, with people resolved as they are now.

    rule: its id, "unmatched" where none matched. presets: none is longer than `longest`. emergency_longest: None where
    break-glass is not for this requester. notify: user and channel ids. channel: where cards go, "" for direct
    messages. remind_after: wait before the first reminder, None for no reminders; each later wait is remind_factor
    times the one before, remind_most in all. escalate_after: None for no escalation; escalation: who may vote then.
    needs_browser: approving takes a sign-in in the browser. reviewers: of break-glass, never who took it.
    """

    rule: str
    stages: tuple[StageTerms, ...]
    longest: timedelta
    presets: tuple[timedelta, ...]
    reason_required: bool
    ticket_required: bool
    automatic: bool
    self_approval: bool
    emergency_longest: timedelta | None
    notify: tuple[str, ...]
    channel: str
    remind_after: timedelta | None
    remind_factor: float
    remind_most: int
    escalate_after: timedelta | None
    escalation: frozenset[str]
    expires_after: timedelta
    needs_browser: bool
    reviewers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """May this access be given now?

    explanation: sentences for the reader, with what to do next; people are left to `approvers`. terms: None when no
    rule gave any. stage: the stage that waits (0-based); the number of stages once all are passed. approvers: who may
    vote now, empty unless outcome is ASK. needed: approvals still missing in this stage.
    """

    outcome: Outcome
    code: ReasonCode
    explanation: str
    terms: Terms | None = None
    stage: int = 0
    approvers: frozenset[str] = frozenset()
    needed: int = 0


@dataclass(frozen=True, slots=True)
class VoteDecision:
    """May this person vote on the stage that waits? explanation: for that person."""

    allowed: bool
    code: ReasonCode
    explanation: str


@dataclass(frozen=True, slots=True)
class Needed:
    """Which facts a decision wants: accounts of `users`, members of `groups`, and the accounts of those members of
    `deciding_groups` (part of `groups`), since only members of the workspace count as approvers.
    """

    users: frozenset[str]
    groups: frozenset[str]
    deciding_groups: frozenset[str]
