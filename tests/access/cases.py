"""Policies, requests and facts of every shape, for Hypothesis, and the rules found the plain way to compare with."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import strategies as st

from services.access.decide import DatasetFacts, Facts, Outcome, RequestFacts
from services.access.model import Initiative, Level, PersonFacts, Subject, SubjectKind, Verdict, Vote
from services.access.policy import Policy, Rule

USERS = ("U0ONE", "U0TWO", "U0THREE", "U0FOUR", "U0FIVE")
GROUPS = ("S0RED", "S0BLUE")
NAMES = ("sales", "sales-eu", "payroll", "Weather")
DATASTORES = ("lake", "vault")
WIDTH = {Outcome.REFUSE: 0, Outcome.ASK: 1, Outcome.GRANT: 2}
"""How much an outcome lets through."""
BATCH = 25
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_names = st.sampled_from(["sales", "sales*", "*eu", "pay?oll", "*", "weather", "s*s"])
_deciders = st.lists(st.sampled_from([*USERS, *GROUPS, "owner", "admins"]), min_size=1, max_size=3, unique=True)
_who = st.one_of(st.just("everyone"), st.lists(st.sampled_from([*USERS, *GROUPS]), min_size=1, max_size=3, unique=True))
_whens = st.fixed_dictionaries(
    {},
    optional={
        "datasets": st.lists(_names, min_size=1, max_size=2, unique=True),
        "tags": st.dictionaries(
            st.sampled_from(["team", "cost"]),
            st.lists(st.sampled_from(["", "red", "bl*", "blue"]), min_size=1, max_size=2, unique=True),
            max_size=1,
        ),
        "datastores": st.lists(st.sampled_from(["lake", "v*"]), min_size=1, max_size=2, unique=True),
        "sensitivity": st.lists(st.sampled_from(["", "personal", "p*"]), min_size=1, max_size=2, unique=True),
        "levels": st.lists(st.sampled_from(["read", "write"]), min_size=1, max_size=2, unique=True),
        "subjects": st.lists(st.sampled_from([each.value for each in SubjectKind]), min_size=1, unique=True),
    },
)


@st.composite
def _stages(draw: st.DrawFn) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for people in draw(st.lists(_deciders, min_size=1, max_size=2)):
        is_counted = all(each in USERS for each in people)
        found.append({"from": people, "needed": draw(st.integers(1, len(people) if is_counted else 2))})
    return found


_terms: dict[str, st.SearchStrategy[object]] = {
    "may_request": _who,
    "on_behalf": st.one_of(st.just("nobody"), _who),
    "approvers": _stages(),
    "longest": st.sampled_from(["1d", "30d"]),
    "reason": st.sampled_from(["required", "optional"]),
    "ticket": st.sampled_from(["required", "optional"]),
    "notify": st.lists(st.sampled_from([*USERS, "C0ROOM"]), max_size=2, unique=True),
    "escalate": st.fixed_dictionaries({"after": st.just("1d"), "to": _deciders}),
}
_granting = st.fixed_dictionaries(
    {"when": _whens},
    optional={
        **_terms,
        "automatic": st.booleans(),
        "self_approval": st.booleans(),
        "break_glass": st.fixed_dictionaries({"longest": st.just("4h"), "who": _who}),
    },
)
_denying = st.fixed_dictionaries({"when": _whens, "deny": st.just("No.")})


@st.composite
def policies(draw: st.DrawFn, most: int = 4) -> dict[str, object]:
    """The content of a policy file."""
    rules = draw(st.lists(st.one_of(_granting, _granting, _denying), max_size=most))
    return {
        "version": 1,
        "rules": [{"id": f"r{number}", **rule} for number, rule in enumerate(rules)],
        "defaults": draw(st.fixed_dictionaries({}, optional=_terms)),
        "unmatched": draw(st.sampled_from(["owner", "refuse"])),
    }


def _subject(random: Random) -> Subject:
    kind = random.choice([SubjectKind.USER, SubjectKind.USER, SubjectKind.GROUP, SubjectKind.SERVICE_PRINCIPAL])
    return Subject(kind, random.choice(USERS) if kind is SubjectKind.USER else "object-1")


def _request(random: Random) -> RequestFacts:
    subject = _subject(random)
    for_self = subject.kind is SubjectKind.USER and random.random() < 0.5
    return RequestFacts(
        level=random.choice(list(Level)),
        subject=subject,
        requester=subject.id if for_self else random.choice(USERS),
        duration=random.choice([timedelta(0), timedelta(hours=3), timedelta(hours=3), timedelta(days=60)]),
        reason=random.choice(["", "Forecast", "Forecast"]),
        ticket=random.choice(["", "OPS-1"]),
        initiative=random.choice([Initiative.ASK, Initiative.ASK, Initiative.GIVE]),
        emergency=random.random() < 0.2,
        extends=random.random() < 0.2,
    )


def _some(random: Random, among: Sequence[str], most: int) -> frozenset[str]:
    return frozenset(random.sample(among, random.randint(0, most)))


def _dataset(random: Random) -> DatasetFacts:
    tags = [
        (random.choice(["team", "sensitivity", "Cost"]), random.choice(["red", "blue", "personal", ""]))
        for _ in range(random.randint(0, 2))
    ]
    return DatasetFacts(
        name=random.choice(NAMES),
        owner=random.choice(["", *USERS]),
        tags=tuple(tags),
        datastores=_some(random, DATASTORES, 2),
        exists=random.random() < 0.9,
    )


def _facts(random: Random) -> Facts:
    """Most people are members, some are not, some are unknown."""
    known = {user: random.choice([True, True, True, True, False, None]) for user in USERS}
    verdicts = [Verdict.APPROVE] * 5 + [Verdict.DENY]
    cast = {(random.choice(USERS), random.choice([0, 0, 1, 2])) for _ in range(random.randint(0, 4))}
    return Facts(
        dataset=_dataset(random),
        people={user: PersonFacts(user, is_member) for user, is_member in known.items() if is_member is not None},
        groups={group: _some(random, USERS, 4) for group in GROUPS},
        admins=_some(random, USERS, 2),
        owner_can_give=random.random() < 0.7,
        escalated=random.random() < 0.3,
        votes=tuple(Vote(voter, stage, random.choice(verdicts), NOON) for voter, stage in sorted(cast)),
    )


@dataclass(frozen=True)
class Case:
    """One thing to decide. random: for whatever else a property chooses."""

    content: dict[str, object]
    policy: Policy
    request: RequestFacts
    facts: Facts
    random: Random


@dataclass(frozen=True)
class Batch:
    """So many things to decide by one policy, made from a number: drawing each of their fields from Hypothesis would
    take a hundred times as long as deciding them.
    """

    content: dict[str, object]
    seed: int

    def cases(self) -> Iterator[Case]:
        """The same each time."""
        policy, random = Policy.model_validate(self.content), Random(self.seed)
        for _ in range(BATCH):
            yield Case(self.content, policy, _request(random), _facts(random), random)


batches = st.builds(Batch, policies(), st.integers(0, 2**32))


def plainly_matching(policy: Policy, dataset: DatasetFacts, level: Level, kind: SubjectKind) -> list[Rule]:
    """The rules that hold, each asked in turn, by other means than the index."""
    return [rule for rule in policy.rules if _holds(rule, policy.sensitivity_tag, dataset, level, kind)]


def _holds(rule: Rule, sensitivity: str, dataset: DatasetFacts, level: Level, kind: SubjectKind) -> bool:
    when = rule.when
    stores = [_any(when.datastores, each) for each in sorted(dataset.datastores)]
    tags = dict(when.tags) | ({sensitivity: when.sensitivity} if when.sensitivity else {})
    return (
        (not when.levels or level in when.levels)
        and (not when.subjects or kind in when.subjects)
        and (not when.datasets or _any(when.datasets, dataset.name))
        and all(_tag(patterns, key, dataset) for key, patterns in when.tags.items())
        and (sensitivity not in tags or not when.sensitivity or _tag(when.sensitivity, sensitivity, dataset))
        and (not when.datastores or (bool(stores) and (all(stores) if rule.takes_people_out else any(stores))))
    )


def _tag(patterns: Sequence[str], key: str, dataset: DatasetFacts) -> bool:
    values = [value for name, value in dataset.tags if name.lower() == key.lower()]
    return any(_any(patterns, value) for value in values or [""])


def _any(patterns: Sequence[str], text: str) -> bool:
    # fnmatch's own [ ] cannot stand in a pattern of the policy; "" is no pattern, but no value.
    return any(re.fullmatch(fnmatch.translate(each.lower()), text.lower()) is not None for each in patterns)
