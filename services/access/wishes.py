"""What is wrong with the fields of a wish, by itself and by what the policy says to it."""

from __future__ import annotations

from datetime import timedelta

from services.access.decide import Decision, ReasonCode
from services.access.model import Initiative, SubjectKind
from services.access.offer import REASON_LIMIT, TICKET_LIMIT, Wish
from services.datasets.model import Problem

_LONGEST = timedelta(days=3660)
_FIELDS = {
    ReasonCode.SUBJECT_NOT_MEMBER: "subject",
    ReasonCode.MAY_NOT_REQUEST_FOR_OTHERS: "subject",
    ReasonCode.MAY_NOT_GIVE: "subject",
    ReasonCode.EMERGENCY_ONLY_FOR_YOURSELF: "subject",
    ReasonCode.DURATION_INVALID: "duration",
    ReasonCode.DURATION_TOO_LONG: "duration",
    ReasonCode.EMERGENCY_TOO_LONG: "duration",
    ReasonCode.REASON_MISSING: "reason",
    ReasonCode.TICKET_MISSING: "ticket",
    ReasonCode.TICKET_MALFORMED: "ticket",
    ReasonCode.EMERGENCY_NOT_ALLOWED: "emergency",
    ReasonCode.EMERGENCY_CANNOT_EXTEND: "emergency",
}


def plain_problems(wish: Wish) -> tuple[Problem, ...]:
    """What can be told from the wish alone."""
    found = []
    if not timedelta(0) < wish.duration <= _LONGEST:
        found.append(Problem("duration", "Access must last some time, and not for ever. Choose how long."))
    if len(wish.reason) > REASON_LIMIT:
        found.append(Problem("reason", f"The reason is too long; {REASON_LIMIT:,} characters are the most."))
    if len(wish.ticket) > TICKET_LIMIT:
        found.append(Problem("ticket", f"The ticket is too long; {TICKET_LIMIT} characters are the most."))
    if not wish.subject.id:
        missing = "Choose the person." if wish.subject.kind is SubjectKind.USER else "Choose for which it is."
        found.append(Problem("subject", missing))
    if wish.emergency and wish.initiative is Initiative.GIVE:
        found.append(Problem("emergency", "Emergency access is for yourself only. Let whoever needs it take it."))
    return tuple(found)


def decision_problem(decision: Decision) -> Problem:
    """A refusal beside the field that would have to change."""
    return Problem(_FIELDS.get(decision.code, "dataset"), decision.explanation)
