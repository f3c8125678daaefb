"""Every reason of a decision, as a table: what the policy says, who asks for what, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.access.decide import (
    DatasetFacts,
    Facts,
    Outcome,
    ReasonCode,
    RequestFacts,
    decide,
    decide_vote,
    who_decides,
)
from services.access.model import Initiative, Level, PersonFacts, Subject, SubjectKind, Verdict, Vote
from services.access.policy import Policy
from tests.access.world import ADA, BEN, CHIARA, DAN, EVE, GUEST, OWNERS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEMBERS = (ADA, BEN, CHIARA, DAN, EVE)
REQUEST = RequestFacts(Level.READ, Subject(SubjectKind.USER, BEN), BEN, timedelta(days=7), "Forecast")
FACTS = Facts(
    DatasetFacts("sales", ADA, (("sensitivity", "internal"),), frozenset({"lake"})),
    {user: PersonFacts(user, is_member=True) for user in MEMBERS} | {GUEST: PersonFacts(GUEST, is_member=False)},
    {OWNERS: frozenset({CHIARA, DAN})},
    frozenset({EVE}),
)
FOR_GROUP = Subject(SubjectKind.GROUP, "g-1")
GLASS = {"break_glass": {"longest": "4h", "who": [OWNERS, BEN]}}
SHORT = timedelta(hours=1)


def vote(who: str, stage: int = 0, verdict: Verdict = Verdict.APPROVE) -> Vote:
    return Vote(who, stage, verdict, NOON)


def policy(rule: Mapping[str, object], **more: object) -> Policy:
    return Policy.model_validate({"version": 1, "rules": [{"id": "r", **rule}], **more})


TABLE: dict[str, tuple[Mapping[str, object], Mapping[str, object], Mapping[str, object], Outcome, ReasonCode]] = {
    "the owner decides": ({}, {}, {}, Outcome.ASK, ReasonCode.WAITING),
    "no dataset": ({}, {}, {"dataset": DatasetFacts("x", exists=False)}, Outcome.REFUSE, ReasonCode.UNKNOWN_DATASET),
    "a guest asks": ({}, {"requester": GUEST}, {}, Outcome.REFUSE, ReasonCode.REQUESTER_NOT_MEMBER),
    "somebody unknown asks": ({}, {"requester": "U0X"}, {}, Outcome.REFUSE, ReasonCode.REQUESTER_NOT_MEMBER),
    "for a guest": (
        {},
        {"subject": Subject(SubjectKind.USER, GUEST)},
        {},
        Outcome.REFUSE,
        ReasonCode.SUBJECT_NOT_MEMBER,
    ),
    "denied": ({"deny": "No"}, {}, {}, Outcome.REFUSE, ReasonCode.DENIED_BY_RULE),
    "another's rule": ({"may_request": [OWNERS]}, {}, {}, Outcome.REFUSE, ReasonCode.MAY_NOT_REQUEST),
    "one of the group asks": ({"may_request": [OWNERS]}, {"requester": DAN}, {}, Outcome.ASK, ReasonCode.WAITING),
    "not for others": (
        {"on_behalf": "nobody"},
        {"subject": FOR_GROUP},
        {},
        Outcome.REFUSE,
        ReasonCode.MAY_NOT_REQUEST_FOR_OTHERS,
    ),
    "gives without deciding": (
        {},
        {"initiative": Initiative.GIVE, "requester": CHIARA},
        {},
        Outcome.REFUSE,
        ReasonCode.MAY_NOT_GIVE,
    ),
    "the owner gives": ({}, {"initiative": Initiative.GIVE, "requester": ADA}, {}, Outcome.GRANT, ReasonCode.APPROVED),
    "for no time": ({}, {"duration": timedelta(0)}, {}, Outcome.REFUSE, ReasonCode.DURATION_INVALID),
    "for too long": ({}, {"duration": timedelta(days=31)}, {}, Outcome.REFUSE, ReasonCode.DURATION_TOO_LONG),
    "without a reason": ({}, {"reason": " "}, {}, Outcome.REFUSE, ReasonCode.REASON_MISSING),
    "no reason needed": ({"reason": "optional"}, {"reason": ""}, {}, Outcome.ASK, ReasonCode.WAITING),
    "without a ticket": ({"ticket": "required"}, {}, {}, Outcome.REFUSE, ReasonCode.TICKET_MISSING),
    "a wrong ticket": (
        {"ticket": {"pattern": "[A-Z]+-[0-9]+"}},
        {"ticket": "soon"},
        {},
        Outcome.REFUSE,
        ReasonCode.TICKET_MALFORMED,
    ),
    "a ticket": (
        {"ticket": {"pattern": "[A-Z]+-[0-9]+"}},
        {"ticket": "OPS-1"},
        {},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "nobody could decide": (
        {"approvers": [{"from": [OWNERS], "needed": 3}]},
        {},
        {},
        Outcome.REFUSE,
        ReasonCode.NOBODY_CAN_DECIDE,
    ),
    "at once": ({"automatic": True}, {}, {}, Outcome.GRANT, ReasonCode.AUTOMATIC),
    "at once, but too long": (
        {"automatic": True},
        {"duration": timedelta(days=31)},
        {},
        Outcome.REFUSE,
        ReasonCode.DURATION_TOO_LONG,
    ),
    "approved": ({}, {}, {"votes": (vote(ADA),)}, Outcome.GRANT, ReasonCode.APPROVED),
    "approved by a stranger": ({}, {}, {"votes": (vote(CHIARA),)}, Outcome.ASK, ReasonCode.WAITING),
    "approved in another stage": ({}, {}, {"votes": (vote(ADA, 1),)}, Outcome.ASK, ReasonCode.WAITING),
    "denied by the owner": (
        {},
        {},
        {"votes": (vote(ADA, verdict=Verdict.DENY),)},
        Outcome.REFUSE,
        ReasonCode.DENIED_BY_APPROVER,
    ),
    "one of two": (
        {"approvers": [{"from": [OWNERS], "needed": 2}]},
        {},
        {"votes": (vote(DAN),)},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "one of two, twice": (
        {"approvers": [{"from": [OWNERS], "needed": 2}]},
        {},
        {"votes": (vote(DAN), vote(DAN, 1))},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "the owner's own": (
        {},
        {"requester": ADA, "subject": Subject(SubjectKind.USER, ADA)},
        {"votes": (vote(ADA),)},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "the owner's own, where the rule lets": (
        {"self_approval": True},
        {"requester": ADA, "subject": Subject(SubjectKind.USER, ADA)},
        {"votes": (vote(ADA),)},
        Outcome.GRANT,
        ReasonCode.APPROVED,
    ),
    "no owner, an admin": (
        {},
        {},
        {"dataset": DatasetFacts("sales"), "votes": (vote(EVE),)},
        Outcome.GRANT,
        ReasonCode.APPROVED,
    ),
    "an owner who cannot give, an admin": (
        {},
        {},
        {"owner_can_give": False, "votes": (vote(EVE),)},
        Outcome.GRANT,
        ReasonCode.APPROVED,
    ),
    "an owner who cannot give": (
        {},
        {},
        {"owner_can_give": False, "votes": (vote(ADA),)},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "escalated": (
        {"escalate": {"after": "1d", "to": [OWNERS]}},
        {},
        {"escalated": True, "votes": (vote(DAN),)},
        Outcome.GRANT,
        ReasonCode.APPROVED,
    ),
    "not yet escalated": (
        {"escalate": {"after": "1d", "to": [OWNERS]}},
        {},
        {"votes": (vote(DAN),)},
        Outcome.ASK,
        ReasonCode.WAITING,
    ),
    "an emergency": (GLASS, {"emergency": True, "duration": SHORT}, {}, Outcome.GRANT, ReasonCode.EMERGENCY),
    "no emergencies here": ({}, {"emergency": True}, {}, Outcome.REFUSE, ReasonCode.EMERGENCY_NOT_ALLOWED),
    "not their emergency": (
        GLASS,
        {"emergency": True, "requester": EVE, "subject": Subject(SubjectKind.USER, EVE)},
        {},
        Outcome.REFUSE,
        ReasonCode.EMERGENCY_NOT_ALLOWED,
    ),
    "an emergency of others": (
        GLASS,
        {"emergency": True, "subject": FOR_GROUP},
        {},
        Outcome.REFUSE,
        ReasonCode.EMERGENCY_ONLY_FOR_YOURSELF,
    ),
    "an emergency that goes on": (
        GLASS,
        {"emergency": True, "extends": True},
        {},
        Outcome.REFUSE,
        ReasonCode.EMERGENCY_CANNOT_EXTEND,
    ),
    "a long emergency": (GLASS, {"emergency": True}, {}, Outcome.REFUSE, ReasonCode.EMERGENCY_TOO_LONG),
    "an emergency without a motive": (
        GLASS,
        {"emergency": True, "duration": SHORT, "reason": ""},
        {},
        Outcome.REFUSE,
        ReasonCode.REASON_MISSING,
    ),
}


@pytest.mark.parametrize(("rule", "asked", "known", "outcome", "code"), TABLE.values(), ids=TABLE)
def test_every_reason(
    rule: Mapping[str, object],
    asked: Mapping[str, object],
    known: Mapping[str, object],
    outcome: Outcome,
    code: ReasonCode,
) -> None:
    request, facts = replace(REQUEST, **asked), replace(FACTS, **known)  # type: ignore[arg-type]  # any field
    decision = decide(policy(rule), request, facts)
    assert (decision.outcome, decision.code) == (outcome, code)
    assert decision.explanation.endswith((".", "!"))
    assert bool(decision.approvers) == (outcome is Outcome.ASK)


def test_every_reason_of_a_decision_is_in_the_table() -> None:
    of_votes = {
        ReasonCode.MAY_VOTE,
        ReasonCode.VOTER_NOT_MEMBER,
        ReasonCode.OWN_REQUEST,
        ReasonCode.ALREADY_VOTED,
        ReasonCode.NOT_AN_APPROVER,
        ReasonCode.NOT_WAITING,
    }
    assert {row[-1] for row in TABLE.values()} | of_votes | {ReasonCode.NO_RULE} == set(ReasonCode)


def test_data_that_no_rule_matches() -> None:
    other: dict[str, object] = {"when": {"datasets": "payroll"}, "automatic": True}
    assert decide(policy(other), REQUEST, FACTS).approvers == {ADA}
    refused = decide(policy(other, unmatched="refuse"), REQUEST, FACTS)
    assert refused.code is ReasonCode.NO_RULE


@pytest.mark.parametrize(
    ("voter", "votes", "code"),
    [
        (ADA, (), ReasonCode.MAY_VOTE),
        (GUEST, (), ReasonCode.VOTER_NOT_MEMBER),
        (BEN, (), ReasonCode.OWN_REQUEST),
        (EVE, (), ReasonCode.NOT_AN_APPROVER),
        (ADA, (vote(ADA),), ReasonCode.ALREADY_VOTED),
        (CHIARA, (vote(ADA),), ReasonCode.MAY_VOTE),
        (CHIARA, (vote(ADA), vote(DAN)), ReasonCode.NOT_WAITING),
    ],
)
def test_every_reason_of_a_vote(voter: str, votes: tuple[Vote, ...], code: ReasonCode) -> None:
    two = policy({"approvers": [{"from": ["owner", OWNERS], "needed": 2}]})
    decision = decide_vote(two, REQUEST, replace(FACTS, votes=votes), voter)
    assert (decision.code, decision.allowed) == (code, code is ReasonCode.MAY_VOTE)


def test_what_takes_people_out_comes_from_the_very_rule() -> None:
    """A broad rule that lets people approve for themselves says nothing for the one that matches before it."""
    content = {
        "version": 1,
        "rules": [
            {"id": "narrow", "when": {"datasets": "sales"}},
            {"id": "broad", "self_approval": True, "automatic": True, **GLASS},
        ],
    }
    own = replace(REQUEST, requester=ADA, subject=Subject(SubjectKind.USER, ADA))
    decision = decide(Policy.model_validate(content), own, replace(FACTS, votes=(vote(ADA),)))
    assert decision.outcome is Outcome.ASK
    assert decision.approvers == {EVE}
    assert decision.terms is not None
    assert (decision.terms.self_approval, decision.terms.automatic, decision.terms.emergency_longest) == (
        False,
        False,
        None,
    )


def test_who_decides_in_a_sentence() -> None:
    staged = policy({"approvers": [{"from": ["owner"]}, {"from": [OWNERS], "needed": 2, "label": "the privacy team"}]})
    terms = decide(staged, REQUEST, FACTS).terms
    assert terms is not None
    assert who_decides(terms) == "Decided by the owner, then by 2 of the privacy team."
