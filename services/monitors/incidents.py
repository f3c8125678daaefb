"""Incidents as values: what stays open from the first drifted run until it is resolved, and what happens to it.

`services.monitors.incident_steps` says what each event makes of an incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.monitors.model import Destination, Outcome, Problem, Severity


class Subject(StrEnum):
    """One incident at most is open for each of a monitor. DATA: drift, schema, rows, lateness and changed files."""

    DATA = "data"
    RUN = "run"  # the run itself fails


class Status(StrEnum):
    """SUSPECTED: drifted, but not yet in as many runs as the monitor asks for."""

    SUSPECTED = "suspected"
    DETECTED = "detected"
    RESOLVED = "resolved"


class SnoozeKind(StrEnum):
    """Until when little is told. Each ends early when things become worse than was agreed."""

    UNTIL = "until"
    NEXT_VERSION = "next_version"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Snooze:
    """until: for UNTIL. version: for NEXT_VERSION, the target when it began. ceiling: a level above this is told.

    keys: the problems that were known; another one is told, whatever its level.
    """

    kind: SnoozeKind
    by: str
    at: datetime
    ceiling: float
    keys: frozenset[str]
    until: datetime | None = None
    version: int = 0


class Resolution(StrEnum):
    """How it ended."""

    CLEAN = "clean"  # the data are back
    PERSON = "person"
    ACCEPTED = "accepted"  # as the new baseline
    ENDED = "ended"  # the monitor was deleted


@dataclass(frozen=True, slots=True)
class Incident:
    """id, dataset, monitor_id, subject never change. revision: one more with every change.

    outcomes: of the latest runs on different data, the newest last, True for drifted; as many as N of M looks at.
    problems, level, result fields: of the latest drifted run. told_level: the level people were last told.
    worst: the highest level since it opened. first_target: the target whose run opened it.
    places: where its message is, the first one with the thread; thread: key of the notice in whose thread its news go
    (that of its own first message, or of a summary). Empty until it is told.
    """

    id: str
    monitor_id: str
    dataset: str
    subject: Subject
    status: Status
    opened_at: datetime
    changed_at: datetime
    outcomes: tuple[bool, ...]
    problems: tuple[Problem, ...]
    level: float
    told_level: float
    worst: float
    run_id: str
    data_key: str
    baseline: str
    target: str
    baseline_version: int
    target_version: int
    first_target: str
    revision: int = 1
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    assignee: str = ""
    snooze: Snooze | None = None
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: Resolution | None = None
    reason: str = ""
    reopened: int = 0
    places: tuple[Destination, ...] = ()
    thread: str = ""
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Not resolved."""
        return self.status is not Status.RESOLVED

    @property
    def severity(self) -> Severity:
        """Of its worst problem."""
        return max((problem.severity for problem in self.problems), default=Severity.NOTICE)


@dataclass(frozen=True, slots=True)
class Ran:
    """A run ended. needed, of: the monitor's N of M."""

    at: datetime
    run_id: str
    outcome: Outcome
    data_key: str = ""
    problems: tuple[Problem, ...] = ()
    baseline: str = ""
    target: str = ""
    baseline_version: int = 0
    target_version: int = 0
    needed: int = 1
    of: int = 1
    note: str = ""

    @property
    def level(self) -> float:
        """The worst problem's."""
        return max((problem.level for problem in self.problems), default=0.0)


class Act(StrEnum):
    """What a person does to an incident."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    WAKE = "wake"
    RESOLVE = "resolve"
    ACCEPT = "accept"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Acted:
    """A person did something. assignee: for ASSIGN, "" for nobody. reason: for RESOLVE, ACCEPT, REOPEN.

    snooze, until: for SNOOZE; until for UNTIL alone.
    """

    at: datetime
    by: str
    act: Act
    assignee: str = ""
    reason: str = ""
    snooze: SnoozeKind | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed; a snooze may be over."""

    at: datetime


@dataclass(frozen=True, slots=True)
class MonitorEnded:
    """The monitor was deleted by a person."""

    at: datetime
    by: str


Event = Ran | Acted | Ticked | MonitorEnded


class News(StrEnum):
    """What people are told. Each is one edit of the incident's message, or its posting, and one reply if it is loud."""

    SUSPECTED = "suspected"
    DETECTED = "detected"
    WORSE = "worse"
    BETTER = "better"
    CHANGED = "changed"  # other columns or problems than before, about as bad
    STILL = "still"  # another run on new data, about the same
    REOPENED = "reopened"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    WOKEN = "woken"  # the snooze is over and it is still open
    MUTED = "muted"  # a run during a snooze


@dataclass(frozen=True, slots=True)
class Effect:
    """loud: also a reply in the thread; mention: the reply (or the new message) mentions the owner."""

    news: News
    loud: bool = True
    mention: bool = False


def worst_first(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """For summaries: open ones first, then by severity, level and age."""
    return tuple(
        sorted(incidents, key=lambda each: (not each.is_open, -each.severity, -each.level, each.opened_at, each.id))
    )
