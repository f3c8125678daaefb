"""What holds of every decision, whatever the policy, the request, the people and their votes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from services.access.decide import (
    Outcome,
    ReasonCode,
    decide,
    decide_vote,
    people_needed,
)
from services.access.facts import request_facts
from services.access.model import AccessRequest, Initiative, PersonFacts, Verdict, Vote
from services.access.offer import Wish
from services.access.policy import Policy
from services.access.submitting import wish_facts
from tests.access.cases import GROUPS, NOON, USERS, WIDTH, Batch, Case, batches, plainly_matching

pytestmark = pytest.mark.slow
many = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""Of `BATCH` cases each; nine properties make 13,500."""

Property = Callable[[Case], None]


def every(check: Property) -> Callable[[], None]:
    """A test of many batches."""

    @many
    @given(batches)
    def test(batch: Batch) -> None:
        for case in batch.cases():
            try:
                check(case)
            except AssertionError as error:
                error.add_note(f"{case.request}\n{case.facts}")
                raise

    test.__doc__ = check.__doc__
    return test


@every
def test_submit_click_and_execution_never_differ_on_the_same_facts(case: Case) -> None:
    """Each moment makes its facts in its own way, from a form and from what is stored."""
    one = case.request
    wish = Wish(
        "sales",
        one.level,
        one.subject,
        one.duration,
        one.reason,
        one.ticket,
        one.emergency,
        one.initiative,
        "grant" if one.extends else "",
    )
    at_submit = decide(case.policy, wish_facts(wish, one.requester), case.facts)
    stored = AccessRequest(
        id="r",
        dataset="sales",
        level=one.level,
        subject=one.subject,
        requester=one.requester,
        duration=one.duration,
        reason=one.reason,
        created_at=NOON,
        expires_at=NOON,
        ticket=one.ticket,
        initiative=one.initiative,
        emergency=one.emergency,
        extends="grant" if one.extends else "",
        votes=case.facts.votes,
    )
    another_process = Policy.model_validate(copy.deepcopy(case.content))
    shuffled = replace(case.facts, people=dict(reversed(list(case.facts.people.items()))))
    assert decide(another_process, request_facts(stored), shuffled) == at_submit


@every
def test_the_facts_that_are_gathered_are_all_that_matter(case: Case) -> None:
    needed = people_needed(case.policy, case.request, case.facts.dataset, case.facts.admins)
    members = frozenset().union(*(case.facts.groups[each] for each in needed.deciding_groups))
    users = needed.users | members | {vote.approver for vote in case.facts.votes}
    gathered = replace(
        case.facts,
        people={user: facts for user, facts in case.facts.people.items() if user in users},
        groups={group: members for group, members in case.facts.groups.items() if group in needed.groups},
    )
    assert decide(case.policy, case.request, gathered) == decide(case.policy, case.request, case.facts)


@every
def test_nobody_outside_the_approvers_moves_a_request(case: Case) -> None:
    voter, verdict, stage = case.random.choice(USERS), case.random.choice(list(Verdict)), case.random.randint(0, 2)
    before = decide(case.policy, case.request, case.facts)
    allowed = decide_vote(case.policy, case.request, case.facts, voter)
    assert allowed.allowed == (before.outcome is Outcome.ASK and voter in before.approvers)
    if allowed.allowed:
        return
    approvers = before.terms.stages[stage].approvers if before.terms and stage < len(before.terms.stages) else ()
    if voter in approvers:  # who voted in this stage already, or may in a later one, is an approver of it
        return
    forged = replace(case.facts, votes=(*case.facts.votes, Vote(voter, stage, verdict, NOON, "forged")))
    assert decide(case.policy, case.request, forged) == before


@every
def test_another_deny_never_widens(case: Case) -> None:
    content = copy.deepcopy(case.content)
    rules = content["rules"]
    assert isinstance(rules, list)
    when = case.random.choice([{}, {"datasets": "sales*"}, {"levels": "write"}, {"sensitivity": [""]}])
    rules.insert(case.random.randint(0, len(rules)), {"id": "added", "when": when, "deny": "No."})
    before = decide(case.policy, case.request, case.facts)
    after = decide(Policy.model_validate(content), case.request, case.facts)
    assert after == before or (after.outcome is Outcome.REFUSE and after.code is ReasonCode.DENIED_BY_RULE)


@every
def test_an_approver_less_never_widens(case: Case) -> None:
    """Taken out of the file, out of a user group, or out of the workspace."""
    before = decide(case.policy, case.request, case.facts)
    if before.code is ReasonCode.DENIED_BY_APPROVER:
        return  # whose no it was is not asked again: it is final
    gone, how = case.random.choice(USERS), case.random.choice(["file", "group", "account"])
    policy, facts = case.policy, case.facts
    if how == "group":
        group = case.random.choice(GROUPS)
        facts = replace(facts, groups={**facts.groups, group: facts.groups[group] - {gone}})
    elif how == "account":
        if gone == facts.dataset.owner:
            return  # then the admins decide in the owner's place: others, not more
        facts = replace(facts, people={**facts.people, gone: PersonFacts(gone, is_member=False)})
    else:
        content = copy.deepcopy(case.content)
        if not _taken_out(content, gone):
            return
        policy = Policy.model_validate(content)
    after = decide(policy, case.request, facts)
    assert WIDTH[after.outcome] <= WIDTH[before.outcome]
    assert after.outcome is not Outcome.GRANT or before.outcome is Outcome.GRANT


def _taken_out(content: dict[str, object], user: str) -> bool:
    """Out of every stage that has somebody else too; False when there is none."""
    found = False
    rules = content["rules"]
    assert isinstance(rules, list)
    for holder in (*rules, content["defaults"]):
        for stage in holder.get("approvers", ()):
            if user in stage["from"] and len(stage["from"]) > max(1, stage["needed"]):
                stage["from"].remove(user)
                found = True
    return found


@every
def test_unknown_people_fail_closed(case: Case) -> None:
    nobody = replace(case.facts, people={})
    assert decide(case.policy, case.request, nobody).outcome is Outcome.REFUSE
    decision = decide(case.policy, case.request, case.facts)
    members = {user for user, person in case.facts.people.items() if person.is_member}
    assert decision.approvers <= members
    if case.request.requester not in members:
        assert decision.outcome is Outcome.REFUSE
    if decision.code is ReasonCode.DENIED_BY_APPROVER:
        return  # whose no it was is not asked again: it is final
    without_groups = replace(case.facts, groups={})
    assert WIDTH[decide(case.policy, case.request, without_groups).outcome] <= WIDTH[decision.outcome]


@every
def test_a_grant_has_its_reason(case: Case) -> None:
    """Automatic, an emergency that the rule allows, or enough approvals of those who may, none of them their own."""
    decision = decide(case.policy, case.request, case.facts)
    if decision.outcome is not Outcome.GRANT:
        return
    terms, request = decision.terms, case.request
    assert terms is not None
    if decision.code is ReasonCode.EMERGENCY:
        assert request.emergency
        assert request.for_self
        assert terms.emergency_longest is not None
        assert request.duration <= terms.emergency_longest
        return
    assert timedelta(0) < request.duration <= terms.longest
    assert request.reason or not terms.reason_required
    if decision.code is ReasonCode.AUTOMATIC:
        assert terms.automatic
        return
    own = {request.requester} if request.initiative is Initiative.ASK else set()
    if request.subject.kind == "user":
        own.add(request.subject.id)
    for number, stage in enumerate(terms.stages):
        votes = {each.approver for each in case.facts.votes if each.stage == number and each.verdict is Verdict.APPROVE}
        if request.initiative is Initiative.GIVE:
            votes.add(request.requester)
        assert len(votes & stage.approvers) >= stage.needed
        assert terms.self_approval or not stage.approvers & own


@every
def test_one_no_of_an_approver_ends_it(case: Case) -> None:
    decision = decide(case.policy, case.request, case.facts)
    for voter in decision.approvers:
        no = Vote(voter, decision.stage, Verdict.DENY, NOON, "No.")
        after = decide(case.policy, case.request, replace(case.facts, votes=(*case.facts.votes, no)))
        assert (after.outcome, after.code) == (Outcome.REFUSE, ReasonCode.DENIED_BY_APPROVER)


@every
def test_the_index_finds_what_asking_every_rule_finds(case: Case) -> None:
    dataset, level, kind = case.facts.dataset, case.request.level, case.request.subject.kind
    matching = plainly_matching(case.policy, dataset, level, kind)
    found = case.policy.index.find(dataset, level, kind)
    denies = [rule for rule in matching if rule.deny is not None]
    if denies:
        assert found.denied == denies[0]
    else:
        assert found.denied is None
        assert found.rule == next((rule for rule in matching if rule.deny is None), None)
    if matching:
        assert {each.id for each in matching} <= {each.id for each in case.policy.index.holds_for(dataset)}
