"""Who the people are that a rule names: owner, admins, users and user groups, resolved from facts. Fails closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.access.decide_facts import DatasetFacts, Facts, RequestFacts
from services.access.decide_values import Needed, StageTerms
from services.access.model import Initiative, SubjectKind
from services.access.policy import Policy
from services.access.policy_fields import ADMINS, EVERYONE, OWNER
from services.access.policy_parts import Stage
from services.access.policy_terms import RuleTerms


def is_one_of(who: Sequence[str], user: str, facts: Facts) -> bool:
    """Is a person among `everyone`, or these users and members of user groups?"""
    if EVERYONE in who or user in who:
        return True
    return any(user in facts.groups.get(each, ()) for each in who)


def excluded(terms: RuleTerms, request: RequestFacts) -> frozenset[str]:
    """Who may not decide because it is their own request, unless the very rule lets them."""
    if terms.self_approval:
        return frozenset()
    found = {request.requester} if request.initiative is Initiative.ASK else set()
    if request.subject.kind is SubjectKind.USER:
        found.add(request.subject.id)
    return frozenset(found)


def owner_decides(facts: Facts, without: frozenset[str]) -> bool:
    """Or do the admins in the owner's place: nobody owns it, the owner left, cannot give, or may not decide here?"""
    owner = facts.dataset.owner
    return bool(owner) and facts.owner_can_give and owner not in without and facts.is_member(owner)


def resolved(deciders: Sequence[str], facts: Facts, without: frozenset[str]) -> frozenset[str]:
    """Members of the workspace whom these words stand for, without some."""
    found: set[str] = set()
    for each in deciders:
        if each == OWNER:
            found.update((facts.dataset.owner,) if owner_decides(facts, without) else facts.admins)
        elif each == ADMINS:
            found.update(facts.admins)
        elif each in facts.groups:
            found.update(facts.groups[each])
        else:
            found.add(each)
    return facts.members(found - without)


def stage_terms(stage: Stage, facts: Facts, without: frozenset[str], escalation: frozenset[str]) -> StageTerms:
    """escalation: who may vote besides, empty before the request is escalated."""
    approvers = resolved(stage.people, facts, without) | escalation
    return StageTerms(stage.label or spoken(stage.people, facts, without), approvers, stage.needed)


def spoken(deciders: Sequence[str], facts: Facts, without: frozenset[str]) -> str:
    """ "the owner or user group S0OWNERS": who decides and why they, to stand in a sentence."""
    words = []
    for each in deciders:
        if each == OWNER:
            words.append(
                "the owner" if owner_decides(facts, without) else "the admins of this bot in the owner's place"
            )
        elif each == ADMINS:
            words.append("the admins of this bot")
        else:
            words.append(f"user group {each}" if each.startswith("S") else f"user {each}")
    return listed(words)


def listed(words: Sequence[str]) -> str:
    """ "a", "a or b", "a, b or c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def told(terms: RuleTerms, facts: Facts) -> tuple[str, ...]:
    """Users (members only) and channels to be told, sorted."""
    if not terms.notify:
        return ()
    channels = {each for each in terms.notify if each[:1] in "CG"}
    people = resolved([each for each in terms.notify if each not in channels], facts, frozenset())
    return tuple(sorted(channels | people))


def people_needed(policy: Policy, request: RequestFacts, dataset: DatasetFacts, admins: Iterable[str]) -> Needed:
    """Which people and groups the facts must hold for `decide`, whatever rule matches this dataset.

    Rules of other levels and subjects are in it too, so that facts can be kept for one dataset's requests.
    """
    rules = [rule for rule in policy.index.holds_for(dataset) if rule.deny is None]
    deciders: set[str] = set()
    asked: set[str] = set()
    for terms in (*map(policy.terms_of, rules), policy.unmatched_terms):
        if terms is not None:
            asked.update(terms.may_request, terms.on_behalf)
            deciders.update(_deciders(terms))
    words = {OWNER, ADMINS, EVERYONE}
    groups = frozenset(each for each in asked | deciders if _is_group(each))
    users = (deciders - words - groups) | {request.requester, dataset.owner, *admins}
    if request.subject.kind is SubjectKind.USER:
        users.add(request.subject.id)
    return Needed(
        users=frozenset(each for each in users if each and each[0] not in "CG"),
        groups=groups,
        deciding_groups=frozenset(each for each in deciders if each in groups),
    )


def _deciders(terms: RuleTerms) -> set[str]:
    """Everybody who must be known to be a member."""
    found = {each for stage in terms.stages for each in stage.people} | set(terms.notify)
    if terms.escalate is not None:
        found.update(terms.escalate.to)
    if terms.break_glass is not None:
        found.update(terms.break_glass.reviewers, terms.break_glass.who)
    return found


def _is_group(word: str) -> bool:
    return word.startswith("S")
