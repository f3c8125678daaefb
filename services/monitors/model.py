"""Monitors and their runs as plain values.

A monitor compares a baseline with the latest version of one dataset, on a schedule and when a new version comes. A
run is one comparison. What a run finds opens, changes and ends incidents (`services.monitors.incidents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum

from pydantic import JsonValue

from services.drift.settings import CompareSettings


class BaselineKind(StrEnum):
    """PREVIOUS: the version before the target. PINNED: one version, until another one is accepted.

    WINDOW: days of a time-series dataset right before its newest days; both in the latest version.
    """

    PREVIOUS = "previous"
    PINNED = "pinned"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Baseline:
    """version: for PINNED. days, newest: for WINDOW, so many days before the newest ones, which are the target."""

    kind: BaselineKind = BaselineKind.PREVIOUS
    version: int = 0
    days: int = 0
    newest: int = 0


class ScheduleKind(StrEnum):
    """NONE: only new versions and people start runs."""

    CRON = "cron"
    INTERVAL = "interval"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a monitor runs by itself. See `services.monitors.schedule` for what daylight saving does to it.

    cron: five fields, as crontab has them. every: for INTERVAL, counted from `start`. timezone: IANA name.
    jitter: runs begin up to so many seconds later, always the same for the same monitor and time.
    """

    kind: ScheduleKind = ScheduleKind.CRON
    cron: str = "0 7 * * *"
    every: timedelta = timedelta(0)
    start: datetime | None = None
    timezone: str = "UTC"
    jitter: int = 0


class Severity(IntEnum):
    """How bad a problem is; also what quiet hours let through."""

    NOTICE = 1
    WARNING = 2
    CRITICAL = 3


class Detail(StrEnum):
    """FULL: picture, columns, buttons and thread. BRIEF: one line that follows the incident."""

    FULL = "full"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True)
class Destination:
    """to: Slack id of a channel or, for a direct message, of a person."""

    to: str
    detail: Detail = Detail.FULL


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Nothing is told between begin and end, local time; what is at least `except_from` is. begin = end: none."""

    begin: time = time(0)
    end: time = time(0)
    timezone: str = "UTC"
    except_from: Severity = Severity.CRITICAL


class DigestPeriod(StrEnum):
    """How often a channel gets a list of its open incidents."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class MonitorDraft:
    """What a person sets. The defaults are the useful monitor of an unchanged form.

    name: told beside the dataset's where a dataset has several; "" for the only one. compare: metrics, thresholds,
    columns and minimum rows. needed, of: so many drifted of so many runs on different data make it `detected`.
    rows_change: row count may change by this share of the baseline's (0.5: half to one and a half); None: any.
    late_after: a newer version is expected within so long; None: no expectation. schema: are changed columns told.
    on_new_version: run at once when one is registered. destinations: the first, FULL, holds the thread and the
    buttons; empty: where routing sends it. mention: Slack id of the person to mention, "" for the dataset's owner.
    """

    dataset: str
    name: str = ""
    baseline: Baseline = Baseline()
    compare: CompareSettings = field(default_factory=CompareSettings)
    needed: int = 1
    of: int = 1
    rows_change: float | None = 0.5
    late_after: timedelta | None = None
    schema: bool = True
    schedule: Schedule = Schedule()
    on_new_version: bool = True
    destinations: tuple[Destination, ...] = ()
    mention: str = ""
    quiet: QuietHours = QuietHours()


@dataclass(frozen=True, slots=True)
class Monitor:
    """A stored monitor. revision: 1, and one more with every change.

    next_slot: the next scheduled time; next_run_at: that with its jitter; both None when nothing is scheduled.
    trouble: why its messages cannot arrive where they should, a sentence; "" when they can.
    accepted: the version that was last accepted as the new baseline, 0 for none.
    """

    id: str
    draft: MonitorDraft
    created_by: str
    created_at: datetime
    revision: int = 1
    paused: bool = False
    deleted: bool = False
    next_slot: datetime | None = None
    next_run_at: datetime | None = None
    trouble: str = ""
    accepted: int = 0

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return self.draft.dataset

    @property
    def label(self) -> str:
        """As people call it: the dataset, and the monitor's own name if it has one."""
        return f"{self.draft.dataset} ({self.draft.name})" if self.draft.name else self.draft.dataset


class Cause(StrEnum):
    """Why there is a run."""

    SCHEDULE = "schedule"
    VERSION = "version"  # a new version was registered
    CHANGE = "change"  # the files of a version changed under its number
    PERSON = "person"


class RunState(StrEnum):
    """WAITING for a free worker; RUNNING on an instance; DONE and FAILED have a result."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Outcome(StrEnum):
    """What a run says of the data. UNKNOWN: it says nothing (failed, nothing to compare with yet, too few rows)."""

    CLEAN = "clean"
    DRIFTED = "drifted"
    UNKNOWN = "unknown"


class Concern(StrEnum):
    """What is wrong. The first four are found in the data, LATE by the clock."""

    DRIFT = "drift"  # a column moved
    SCHEMA = "schema"
    ROWS = "rows"
    LATE = "late"
    CHANGED = "changed"  # files changed under a version's number
    FAILED = "failed"  # the run itself


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. subject: the column, or "" for the whole. level: 0 to 1, how far it is from right.

    sentence: plain text for the reader. metric, value, threshold: of a column that moved, else "" and None.
    """

    concern: Concern
    subject: str
    severity: Severity
    level: float
    sentence: str
    metric: str = ""
    value: float | None = None
    threshold: float | None = None

    @property
    def key(self) -> str:
        """The same for the same thing in two runs."""
        return f"{self.concern}:{self.subject}"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run found.

    baseline, target: as people call them ("flights:3"). data_key: the same for the same data and settings, so that a
    run that saw nothing new is recognised. magnitude: `DatasetDrift.magnitude`. note: a sentence about what
    was not compared and why; for a failed run the reason and what to do. comparison: `comparison_json.to_json`; empty
    where the run `same_as` saw the same and keeps it.
    """

    outcome: Outcome
    baseline: str = ""
    target: str = ""
    baseline_version: int = 0
    target_version: int = 0
    data_key: str = ""
    problems: tuple[Problem, ...] = ()
    magnitude: float = 0.0
    baseline_rows: int = 0
    target_rows: int = 0
    columns: int = 0
    note: str = ""
    error_code: str = ""
    comparison: Mapping[str, JsonValue] = field(default_factory=dict)
    same_as: str = ""

    @property
    def level(self) -> float:
        """0 to 1: the worst of its problems."""
        return max((problem.level for problem in self.problems), default=0.0)


@dataclass(frozen=True, slots=True)
class Run:
    """One comparison of a monitor, made or to be made.

    slot: what makes it unlike other runs of the monitor: the scheduled time, the new version, a person's click.
    due_at: from when on it should run. instance: who runs it. by: the person who asked for it, "" for nobody.
    """

    id: str
    monitor_id: str
    dataset: str
    cause: Cause
    slot: str
    due_at: datetime
    state: RunState = RunState.WAITING
    attempts: int = 0
    instance: str = ""
    by: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: RunResult | None = None
