"""May this access be given now? One pure function for submit, click, execution and extension."""

from __future__ import annotations

from datetime import timedelta

from services.access.decide_facts import DatasetFacts, Facts, RequestFacts
from services.access.decide_people import (
    excluded,
    is_one_of,
    listed,
    people_needed,
    resolved,
    stage_terms,
    told,
)
from services.access.decide_values import (
    Decision,
    Needed,
    Outcome,
    ReasonCode,
    StageTerms,
    Terms,
    VoteDecision,
)
from services.access.decide_votes import Progress, progress
from services.access.model import Initiative, SubjectKind
from services.access.policy import Policy
from services.access.policy_fields import spoken_duration
from services.access.policy_terms import RuleTerms
from services.access.policy_ticket import matches_ticket

__all__ = [
    "DatasetFacts",
    "Decision",
    "Facts",
    "Needed",
    "Outcome",
    "ReasonCode",
    "RequestFacts",
    "StageTerms",
    "Terms",
    "VoteDecision",
    "decide",
    "decide_vote",
    "people_needed",
    "who_decides",
]


def decide(policy: Policy, request: RequestFacts, facts: Facts) -> Decision:
    """The same answer in each moment for the same facts; what is not known counts as a no."""
    refusal = _unfit(request, facts)
    if refusal is not None:
        return refusal
    found = policy.index.find(facts.dataset, request.level, request.subject.kind)
    if found.denied is not None:
        return _refuse(ReasonCode.DENIED_BY_RULE, f"The access policy refuses this: {_sentence(found.denied.deny)}")
    rule_terms = policy.unmatched_terms if found.rule is None else policy.terms_of(found.rule)
    if rule_terms is None:
        return _refuse(
            ReasonCode.NO_RULE,
            "No rule of the access policy covers this data, so nobody can be given access to it. "
            "Ask an admin of this bot to add a rule.",
        )
    without = excluded(rule_terms, request)
    terms = _terms(rule_terms, request, facts, without)
    if request.emergency:
        return _emergency(rule_terms, terms, request, facts)
    state = progress(terms, request, facts)
    refusal = _not_on_these_terms(rule_terms, terms, request, facts)
    return refusal if refusal is not None else _by_votes(terms, state)


def decide_vote(policy: Policy, request: RequestFacts, facts: Facts, voter: str) -> VoteDecision:
    """May this person approve or deny the stage that waits now?"""
    if not facts.is_member(voter):
        return VoteDecision(
            False, ReasonCode.VOTER_NOT_MEMBER, "Only active full members of this workspace can decide on access."
        )
    decision = decide(policy, request, facts)
    if decision.outcome is not Outcome.ASK or decision.terms is None:
        return VoteDecision(
            False, ReasonCode.NOT_WAITING, f"There is nothing to decide any more. {decision.explanation}"
        )
    if voter in decision.approvers:
        return VoteDecision(True, ReasonCode.MAY_VOTE, "You may decide on this request.")
    stage = decision.terms.stages[decision.stage]
    if voter in stage.approvers:
        return VoteDecision(
            False, ReasonCode.ALREADY_VOTED, "You approved this already. Others must approve too before it is given."
        )
    own = voter == request.requester or request.is_subject(voter)
    if own and not decision.terms.self_approval:
        return VoteDecision(
            False, ReasonCode.OWN_REQUEST, f"You cannot decide on your own access. {_decides(stage)} must decide."
        )
    return VoteDecision(
        False,
        ReasonCode.NOT_AN_APPROVER,
        f"This is not yours to decide. {_decides(stage)} must decide; ask them to look at the request.",
    )


def who_decides(terms: Terms) -> str:
    """One sentence for the form: "The owner decides, then 2 of user group S0SECURITY"."""
    if terms.automatic:
        return "The access policy gives this at once; nobody needs to decide."
    parts = [f"{stage.needed} of {stage.label}" if stage.needed > 1 else stage.label for stage in terms.stages]
    return f"Decided by {', then by '.join(parts)}."


def _unfit(request: RequestFacts, facts: Facts) -> Decision | None:
    """What no policy can allow."""
    if not facts.dataset.exists:
        return _refuse(
            ReasonCode.UNKNOWN_DATASET, "There is no dataset of this name. Look for its name with /dataset list."
        )
    if not facts.is_member(request.requester):
        return _refuse(
            ReasonCode.REQUESTER_NOT_MEMBER,
            "Only active full members of this workspace can ask for access. Ask a full member to do it.",
        )
    if request.subject.kind is SubjectKind.USER and not facts.is_member(request.subject.id):
        return _refuse(
            ReasonCode.SUBJECT_NOT_MEMBER,
            "Access is given to active full members of this workspace only, not to guests, bots or people of other "
            "workspaces. Choose a full member.",
        )
    if request.duration <= timedelta(0):
        return _refuse(ReasonCode.DURATION_INVALID, "Access must last some time. Choose how long.")
    return None


def _terms(rule: RuleTerms, request: RequestFacts, facts: Facts, without: frozenset[str]) -> Terms:
    escalation = frozenset() if rule.escalate is None else resolved(rule.escalate.to, facts, without)
    joined = escalation if facts.escalated else frozenset()
    glass = rule.break_glass
    may_break = glass is not None and request.for_self and is_one_of(glass.who, request.requester, facts)
    reviewers = frozenset() if glass is None else resolved(glass.reviewers, facts, frozenset({request.requester}))
    return Terms(
        rule=rule.rule,
        stages=tuple(stage_terms(stage, facts, without, joined) for stage in rule.stages),
        longest=rule.longest,
        presets=rule.presets,
        reason_required=rule.reason_required,
        ticket_required=rule.ticket.required,
        automatic=rule.automatic,
        self_approval=rule.self_approval,
        emergency_longest=glass.longest if glass is not None and may_break else None,
        notify=told(rule, facts),
        channel=rule.channel,
        remind_after=rule.remind.after if rule.remind.at_most else None,
        remind_factor=rule.remind.factor,
        remind_most=rule.remind.at_most,
        escalate_after=None if rule.escalate is None else rule.escalate.after,
        escalation=escalation,
        expires_after=rule.expires,
        needs_browser=rule.approve_in_browser,
        reviewers=reviewers,
    )


def _not_on_these_terms(rule: RuleTerms, terms: Terms, request: RequestFacts, facts: Facts) -> Decision | None:
    refusal = _may_not_ask(rule, terms, request, facts) or _incomplete(rule, terms, request)
    if refusal is not None or terms.automatic:
        return refusal
    for stage in terms.stages:
        if len(stage.approvers) < stage.needed:
            return _refuse(
                ReasonCode.NOBODY_CAN_DECIDE,
                f"{_decides(stage)} would have to decide, but there are not enough active members who may"
                f" ({len(stage.approvers)} of {stage.needed}). Ask an admin of this bot to put that right.",
                terms,
            )
    return None


def _may_not_ask(rule: RuleTerms, terms: Terms, request: RequestFacts, facts: Facts) -> Decision | None:
    gives = request.initiative is Initiative.GIVE and not request.for_self
    if gives and any(request.requester in stage.approvers for stage in terms.stages):
        return None
    if gives and not terms.automatic:
        return _refuse(
            ReasonCode.MAY_NOT_GIVE,
            f"Only those who decide on this data can give access to it: {listed([s.label for s in terms.stages])}. "
            "Ask for access instead; they will be asked.",
            terms,
        )
    if not is_one_of(rule.may_request, request.requester, facts):
        return _refuse(
            ReasonCode.MAY_NOT_REQUEST,
            f"The access policy lets only some people ask for this data (rule “{rule.rule}”). "
            "Ask one of them, or an admin of this bot.",
            terms,
        )
    if not request.for_self and not is_one_of(rule.on_behalf, request.requester, facts):
        return _refuse(
            ReasonCode.MAY_NOT_REQUEST_FOR_OTHERS,
            "The access policy does not let you ask for this data for somebody else. Let them ask for themselves.",
            terms,
        )
    return None


def _incomplete(rule: RuleTerms, terms: Terms, request: RequestFacts) -> Decision | None:
    if request.duration > terms.longest:
        return _refuse(
            ReasonCode.DURATION_TOO_LONG,
            f"Access to this data lasts {spoken_duration(terms.longest)} at most. Choose a shorter time.",
            terms,
        )
    if terms.reason_required and not request.reason.strip():
        return _refuse(ReasonCode.REASON_MISSING, "A reason is needed. Say what the data is for.", terms)
    ticket = request.ticket.strip()
    if terms.ticket_required and not ticket:
        return _refuse(ReasonCode.TICKET_MISSING, "A ticket is needed. Name the one this is for.", terms)
    if ticket and not matches_ticket(rule.ticket.pattern, ticket):
        return _refuse(
            ReasonCode.TICKET_MALFORMED,
            "That does not look like a ticket of the kind this data needs. Write its number as your tracker shows it.",
            terms,
        )
    return None


def _emergency(rule: RuleTerms, terms: Terms, request: RequestFacts, facts: Facts) -> Decision:
    glass = rule.break_glass
    if glass is None or not is_one_of(glass.who, request.requester, facts):
        return _refuse(
            ReasonCode.EMERGENCY_NOT_ALLOWED,
            "The access policy does not let you take emergency access to this data. Ask for access in the usual way.",
            terms,
        )
    if not request.for_self:
        return _refuse(
            ReasonCode.EMERGENCY_ONLY_FOR_YOURSELF,
            "Emergency access is for yourself only. Let whoever needs it take it.",
            terms,
        )
    if request.extends:
        return _refuse(
            ReasonCode.EMERGENCY_CANNOT_EXTEND,
            "Emergency access cannot prolong what you have. Ask for more time in the usual way.",
            terms,
        )
    if request.duration > glass.longest:
        return _refuse(
            ReasonCode.EMERGENCY_TOO_LONG,
            f"Emergency access to this data lasts {spoken_duration(glass.longest)} at most. Choose a shorter time.",
            terms,
        )
    if not request.reason.strip():
        return _refuse(ReasonCode.REASON_MISSING, "A reason is needed. Say what the emergency is.", terms)
    return Decision(
        Outcome.GRANT,
        ReasonCode.EMERGENCY,
        "Emergency access is given at once, everyone concerned is told, and it is reviewed afterwards.",
        terms,
        len(terms.stages),
    )


def _by_votes(terms: Terms, state: Progress) -> Decision:
    if state.denied:
        return _refuse(
            ReasonCode.DENIED_BY_APPROVER, "This was denied. See the reason given, and ask again if it changes.", terms
        )
    passed = len(terms.stages)
    if terms.automatic:
        return Decision(
            Outcome.GRANT, ReasonCode.AUTOMATIC, "The access policy gives this without a decision.", terms, passed
        )
    if state.stage == passed:
        return Decision(Outcome.GRANT, ReasonCode.APPROVED, "Everyone who had to approve did.", terms, passed)
    stage = terms.stages[state.stage]
    missing = "one approval is" if state.needed == 1 else f"{state.needed} approvals are"
    where = f" (stage {state.stage + 1} of {passed})" if passed > 1 else ""
    return Decision(
        Outcome.ASK,
        ReasonCode.WAITING,
        f"{_decides(stage)} must decide{where}; {missing} missing.",
        terms,
        state.stage,
        state.approvers,
        state.needed,
    )


def _refuse(code: ReasonCode, explanation: str, terms: Terms | None = None) -> Decision:
    return Decision(Outcome.REFUSE, code, explanation, terms)


def _decides(stage: StageTerms) -> str:
    return stage.label[:1].upper() + stage.label[1:]


def _sentence(text: str | None) -> str:
    text = (text or "").strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
