"""Finds the rules that hold for a request among many, without asking each of them.

A rule is filed under one thing that must be there for it to match: the dataset's exact name, three letters in a row of
a name pattern (the rarest ones among all patterns), a tag's value, a datastore. What is found under the request's own
keys is then tested in full, in file order. Rules without such a thing are tested always.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from services.access.decide_facts import DatasetFacts
from services.access.model import Level, SubjectKind


class _When(Protocol):
    @property
    def datasets(self) -> tuple[str, ...]: ...
    @property
    def tags(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def datastores(self) -> tuple[str, ...]: ...
    @property
    def sensitivity(self) -> tuple[str, ...]: ...
    @property
    def levels(self) -> tuple[Level, ...]: ...
    @property
    def subjects(self) -> tuple[SubjectKind, ...]: ...


class _Rule(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def when(self) -> _When: ...
    @property
    def deny(self) -> str | None: ...
    @property
    def takes_people_out(self) -> bool: ...


R = TypeVar("R", bound=_Rule)
Matcher = Callable[[str], object]


@lru_cache(maxsize=20_000)
def glob_matcher(pattern: str) -> Matcher:
    """Does a text in small letters match? `*` is anything, `?` one character; case does not matter."""
    pattern = pattern.lower()
    if not _WILD.search(pattern):
        return pattern.__eq__
    if pattern == "*":
        return _anything
    if pattern.endswith("*") and not _WILD.search(pattern[:-1]):
        prefix = pattern[:-1]
        return lambda text: text.startswith(prefix)
    # `**` is `*`: fewer repeats for the matcher to try.
    parts = re.split(r"(\*+|\?)", pattern)
    return re.compile(
        "".join(".*" if part[:1] == "*" else "." if part == "?" else re.escape(part) for part in parts), re.DOTALL
    ).fullmatch


_WILD = re.compile(r"[*?]")


def _anything(_text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Subject:
    """A dataset with everything in small letters. A tag that is there twice has both values."""

    name: str
    tags: Mapping[str, tuple[str, ...]]
    datastores: frozenset[str]


def _folded(dataset: DatasetFacts) -> _Subject:
    tags: dict[str, tuple[str, ...]] = {}
    for key, value in dataset.tags:
        folded = key.lower()
        tags[folded] = (*tags[folded], value.lower()) if folded in tags else (value.lower(),)
    return _Subject(dataset.name.lower(), tags, frozenset([each.lower() for each in dataset.datastores]))


Test = Callable[[_Subject], bool]


def _tests(rule: _Rule, sensitivity_tag: str) -> tuple[Test, ...]:
    """What must hold of the dataset, the cheapest first."""
    when = rule.when
    tests: list[Test] = []
    if when.datasets:
        tests.append(_name_test(when.datasets))
    if when.sensitivity:
        tests.append(_tag_test(sensitivity_tag, when.sensitivity))
    tests.extend(_tag_test(key, values) for key, values in when.tags.items())
    if when.datastores:
        tests.append(_datastore_test(when.datastores, every=rule.takes_people_out))
    return tuple(tests)


def _name_test(patterns: Sequence[str]) -> Test:
    matchers = tuple(glob_matcher(pattern) for pattern in patterns)
    return lambda dataset: any(matches(dataset.name) for matches in matchers)


def _tag_test(key: str, patterns: Sequence[str]) -> Test:
    key = key.lower()
    without = "" in patterns
    matchers = tuple(glob_matcher(pattern) for pattern in patterns if pattern)

    def test(dataset: _Subject) -> bool:
        values = dataset.tags.get(key)
        if values is None:
            return without
        return any((without and not value) or any(matches(value) for matches in matchers) for value in values)

    return test


def _datastore_test(patterns: Sequence[str], *, every: bool) -> Test:
    matchers = tuple(glob_matcher(pattern) for pattern in patterns)

    def test(dataset: _Subject) -> bool:
        found = [any(matches(each) for matches in matchers) for each in dataset.datastores]
        return bool(found) and (all(found) if every else any(found))

    return test


@dataclass(frozen=True, slots=True)
class _Filed(Generic[R]):
    rule: R
    levels: frozenset[Level]
    subjects: frozenset[SubjectKind]
    tests: tuple[Test, ...]

    def holds(self, dataset: _Subject, level: Level, kind: SubjectKind) -> bool:
        if level not in self.levels or kind not in self.subjects:
            return False
        for test in self.tests:  # noqa: SIM110  # the hot loop: a generator costs twice as much
            if not test(dataset):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """denied: the first rule that refuses, wherever it stands. rule: the first one that gives terms."""

    denied: R | None
    rule: R | None


class RuleIndex(Generic[R]):
    """The rules of one policy, filed."""

    def __init__(self, rules: Sequence[R], sensitivity_tag: str) -> None:
        self._tag = sensitivity_tag.lower()
        self._filed = tuple(
            _Filed(
                rule,
                frozenset(rule.when.levels or Level),
                frozenset(rule.when.subjects or SubjectKind),
                _tests(rule, sensitivity_tag),
            )
            for rule in rules
        )
        self._denies = frozenset(number for number, rule in enumerate(rules) if rule.deny is not None)
        letters = Letters()
        for rule in rules:
            for kind, patterns in _places(rule.when, self._tag):
                letters.count(kind, patterns)
        self._always: list[int] = []
        self._exact: dict[str, dict[str, list[int]]] = {}  # kind of place: text: rules
        self._letters: dict[str, dict[str, list[int]]] = {}
        for number, rule in enumerate(rules):
            for shelf in self._shelves(rule.when, letters):
                shelf.append(number)

    def _shelves(self, when: _When, letters: Letters) -> list[list[int]]:
        """Where a rule is filed: in every place of one kind, of which a matching request knows at least one."""
        for kind, patterns in _places(when, self._tag):
            keys = letters.keys(kind, patterns)
            if keys is not None:
                return [
                    (self._letters if is_letters else self._exact).setdefault(kind, {}).setdefault(text, [])
                    for text, is_letters in keys
                ]
        return [self._always]

    def find(self, dataset: DatasetFacts, level: Level, kind: SubjectKind) -> Found[R]:
        """The rules that hold for this request."""
        subject = _folded(dataset)
        denied: R | None = None
        first: R | None = None
        for number in self._candidates(subject):
            if first is not None and number not in self._denies:
                continue
            filed = self._filed[number]
            if filed.holds(subject, level, kind):
                if number in self._denies:
                    denied = filed.rule
                    break
                first = filed.rule
        return Found(denied, first)

    def holds_for(self, dataset: DatasetFacts) -> tuple[R, ...]:
        """Every rule that names this dataset, at whatever level and for whomever."""
        subject = _folded(dataset)
        return tuple(
            self._filed[number].rule
            for number in self._candidates(subject)
            if all(test(subject) for test in self._filed[number].tests)
        )

    def _candidates(self, subject: _Subject) -> list[int]:
        found = set(self._always)
        self._look(found, _NAME, (subject.name,))
        for key, values in subject.tags.items():
            self._look(found, _TAG + key, values)
        self._look(found, _STORE, subject.datastores)
        return sorted(found)

    def _look(self, found: set[int], kind: str, texts: Iterable[str]) -> None:
        exact, letters = self._exact.get(kind), self._letters.get(kind)
        if exact:
            for text in texts:
                if text in exact:
                    found.update(exact[text])
        if letters:
            for text in texts:
                for at in range(len(text) - 2):
                    if (three := text[at : at + 3]) in letters:
                        found.update(letters[three])


class Letters:
    """How often three letters in a row are in the patterns of one kind of place, to file a rule under the rarest."""

    def __init__(self) -> None:
        self._frequency: Counter[tuple[str, str]] = Counter()

    def count(self, kind: str, patterns: Sequence[str]) -> None:
        """Take the patterns of a rule along."""
        self._frequency.update((kind, each) for pattern in patterns for each in _trigrams(pattern))

    def keys(self, kind: str, patterns: Sequence[str]) -> list[tuple[str, bool]] | None:
        """What a matching text has at least one of: itself, or (True) three letters. None when it may have none."""
        found: dict[tuple[str, bool], None] = {}
        for pattern in patterns:
            if _is_plain(pattern):
                if not pattern:
                    return None  # stands for what is not there
                found[pattern, False] = None
                continue
            rarest = min(_trigrams(pattern), key=lambda each: (self._frequency[kind, each], each), default="")
            if not rarest:
                return None
            found[rarest, True] = None
        return list(found)


_NAME, _STORE, _TAG = "name", "store", "tag:"


def _places(when: _When, sensitivity_tag: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Kind of place and patterns in small letters, for all that a rule says."""
    conditions = [(_NAME, when.datasets), (f"{_TAG}{sensitivity_tag}", when.sensitivity)]
    conditions += [(f"{_TAG}{key.lower()}", values) for key, values in when.tags.items()]
    conditions.append((_STORE, when.datastores))
    for kind, patterns in conditions:
        if patterns:
            yield kind, tuple(pattern.lower() for pattern in patterns)


def _is_plain(pattern: str) -> bool:
    return not _WILD.search(pattern)


def _trigrams(pattern: str) -> Iterable[str]:
    """Every three letters in a row that a matching text must have."""
    return {part[at : at + 3] for part in _WILD.split(pattern) for at in range(len(part) - 2)}
