"""How long one decision takes among a thousand rules, beside reading a small JSON document."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from scripts.bench_processes import Machine
from scripts.bench_table import Figure, Table
from services.access.decide import DatasetFacts, Facts, Outcome, RequestFacts, decide
from services.access.model import Level, PersonFacts, Subject, SubjectKind
from services.access.policy import Policy

RULES = 1000
GOAL_MICROSECONDS = 50
ROUNDS = 9
CALLS = 400

_OWNER, _ASKER, _ADMIN, _GROUP = "U0OWNER", "U0ASKER", "U0ADMIN", "S0GROUP"
_MEMBERS = frozenset(f"U0MEMBER{number}" for number in range(12))
_DOCUMENT = json.dumps({"id": 1, "name": "sales", "tags": {"team": "x", "year": "2024"}, "people": sorted(_MEMBERS)})


def _whens(shape: str) -> list[dict[str, object]]:
    """What each rule is for; only the last matches."""
    match shape:
        case "exact names":
            return [{"datasets": f"team-{number}-sales"} for number in range(RULES)]
        case "patterns":
            shapes = ("team-{0}-*", "*-{0}-sales", "*m-{0}-s*")
            return [{"datasets": shapes[(RULES - 1 - number) % 3].format(number)} for number in range(RULES)]
        case "tags":
            return [{"tags": {"team": f"team-{number}"}, "levels": "read"} for number in range(RULES)]
    kinds = ({"datastores": "store_{0}"}, {"tags": {"cost": "c-{0}*"}}, {"datasets": "*-{0}-sales"})
    return [
        {key: _filled(value, number) for key, value in kinds[(RULES - 1 - number) % 3].items()}
        for number in range(RULES)
    ]


def _filled(value: object, number: int) -> object:
    if isinstance(value, dict):
        return {key: _filled(each, number) for key, each in value.items()}
    return str(value).format(number)


def _call(shape: str) -> Callable[[], Outcome]:
    rules = [
        {"id": f"rule-{number}", "when": when, "approvers": [{"from": ["owner", _GROUP], "needed": 2}]}
        for number, when in enumerate(_whens(shape))
    ]
    policy = Policy.model_validate({"version": 1, "rules": rules})
    last = RULES - 1
    dataset = DatasetFacts(
        f"team-{last}-sales",
        _OWNER,
        (("team", f"team-{last}"), ("cost", f"c-{last}"), ("sensitivity", "internal"), ("year", "2024")),
        frozenset({f"store_{last}"}),
    )
    people = {user: PersonFacts(user, True) for user in (*_MEMBERS, _OWNER, _ASKER, _ADMIN)}
    facts = Facts(dataset, people, {_GROUP: _MEMBERS}, frozenset({_ADMIN}))
    request = RequestFacts(Level.READ, Subject(SubjectKind.USER, _ASKER), _ASKER, timedelta(days=7), "for the forecast")
    decision = decide(policy, request, facts)
    if decision.terms is None or decision.terms.rule != f"rule-{last}":
        raise AssertionError(f"the last rule must match, but it was {decision.terms}")
    return lambda: decide(policy, request, facts).outcome


def _microseconds(call: Callable[[], object]) -> float:
    """Of processor time: a pure function waits for nothing, and what others use of the machine is not its own."""
    begun = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - begun) / CALLS * 1e6


def measure_decide(table: Table) -> None:
    """The last of the rules matches; in rounds that alternate with the reference's."""
    for shape in ("exact names", "patterns", "tags", "tags, datastores and patterns mixed"):
        call, machine = _call(shape), Machine()
        own, reference = [], []
        for _ in range(ROUNDS):
            reference.append(_microseconds(lambda: json.loads(_DOCUMENT)))
            own.append(_microseconds(call))
        middle, beside = statistics.median(own), statistics.median(reference)
        table.add(
            Figure(
                f"decide, {RULES:,} rules by {shape}, the last matches",
                f"median {middle:.1f} µs of a core, best {min(own):.1f} µs, worst {max(own):.1f} µs",
                f"json.loads of {len(_DOCUMENT)} characters: {beside:.1f} µs",
                middle / beside,
                f"≤ {GOAL_MICROSECONDS} µs",
                middle <= GOAL_MICROSECONDS,
                machine.others(),
            )
        )


if __name__ == "__main__":
    measure_decide(Table())
