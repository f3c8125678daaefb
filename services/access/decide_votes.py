"""Counts votes: which stage waits, for whom, and for how many more."""

from __future__ import annotations

from dataclasses import dataclass

from services.access.decide_facts import Facts, RequestFacts
from services.access.decide_values import Terms
from services.access.model import Initiative, Verdict


@dataclass(frozen=True, slots=True)
class Progress:
    """denied: one who may decide said no. stage: the stage that waits, the number of stages once all are passed.

    approvers: whose vote that stage waits for. needed: how many more of them must approve.
    """

    denied: bool
    stage: int
    approvers: frozenset[str]
    needed: int


def progress(terms: Terms, request: RequestFacts, facts: Facts) -> Progress:
    """Only votes of those who are approvers of their stage now count, each once.

    Somebody may approve in several stages, but each stage takes its own vote. Who gives access on their own accord
    has approved with that in every stage they are an approver of.
    """
    stages = terms.stages
    approved: list[set[str]] = [set() for _ in stages]
    denied = False
    for vote in facts.votes:
        if 0 <= vote.stage < len(stages) and vote.approver in stages[vote.stage].approvers:
            if vote.verdict is Verdict.DENY:
                denied = True
            else:
                approved[vote.stage].add(vote.approver)
    for number, stage in enumerate(stages):
        if request.initiative is Initiative.GIVE and request.requester in stage.approvers:
            approved[number].add(request.requester)
        if len(approved[number]) < stage.needed:
            return Progress(denied, number, stage.approvers - approved[number], stage.needed - len(approved[number]))
    return Progress(denied, len(stages), frozenset(), 0)
