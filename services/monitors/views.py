"""What the door answers with: everything that a screen or a message about monitors and incidents shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.drift.comparison import Comparison
from services.monitors.incidents import Incident, News, Snooze
from services.monitors.model import DigestPeriod, Monitor, MonitorDraft, Run, RunResult


@dataclass(frozen=True, slots=True)
class MonitorCard:
    """A monitor with what is going on. owner: of the dataset, "" for nobody. may_change: the one who asked may.

    latest: its newest run that ended; running: one that waits or runs. open: its open incidents.
    """

    monitor: Monitor
    owner: str
    latest: Run | None
    running: Run | None
    open: tuple[Incident, ...]
    may_change: bool


@dataclass(frozen=True, slots=True)
class Watching:
    """How a dataset is watched. monitors: how many there are. open: its open incidents, the worst first."""

    monitors: int
    open: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident with what its message shows. run: the run its numbers are of, None if it was forgotten.

    comparison: of that run, None for a failed one. mention: Slack id of whom it concerns, "" for nobody.
    studio_url: of the target version, None where there is no studio.
    """

    incident: Incident
    monitor: Monitor
    run: Run | None
    comparison: Comparison | None
    mention: str
    studio_url: str | None


@dataclass(frozen=True, slots=True)
class SnoozePreview:
    """What a snooze would mute. sentences: one each for what is muted, until when, and what breaks through."""

    snooze: Snooze
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BacktestLine:
    """What the monitor would have found at one version. at: when that was registered. news: what it would have told."""

    at: datetime
    result: RunResult
    news: News | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a monitor would have done on the versions that exist, the oldest first.

    skipped: older versions that were not looked at. sentence: the whole in one sentence.
    """

    lines: tuple[BacktestLine, ...]
    skipped: int
    alerts: int
    sentence: str


@dataclass(frozen=True, slots=True)
class History:
    """Runs of a monitor, the newest first. more: older ones exist."""

    monitor: Monitor
    runs: tuple[Run, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class SummaryView:
    """Incidents told under one summary, the worst first."""

    channel: str
    incidents: tuple[Incident, ...]

    @property
    def open_count(self) -> int:
        """How many of them are still open."""
        return sum(1 for incident in self.incidents if incident.is_open)


@dataclass(frozen=True, slots=True)
class DigestView:
    """A channel's open incidents, the worst first, and those that ended since the last digest."""

    channel: str
    period: DigestPeriod
    open: tuple[Incident, ...]
    ended: tuple[Incident, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Filled:
    """A form's first values, and a sentence for each that says why it is a sensible one."""

    draft: MonitorDraft
    explained: dict[str, str]
