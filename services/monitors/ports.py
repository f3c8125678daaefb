"""What monitors need from the outside, as protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.access.model import AuditEvent
from services.datasets.model import DatasetVersion
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.monitors.incidents import Incident, Subject
from services.monitors.model import DigestPeriod, Monitor, Run
from services.outbox import Notice
from services.ports import Progress


@dataclass(frozen=True, slots=True)
class Compared:
    """digests: of the files that were compared, the baseline's first."""

    comparison: Comparison
    digests: tuple[str, str]


class Comparer(Protocol):
    """Compares the data of two versions outside the process that answers Slack, bounded in time and memory."""

    async def compare(
        self,
        baseline: DatasetVersion,
        target: DatasetVersion,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        """Raises SourceProblem and whatever reading raises."""
        ...

    async def compare_days(
        self,
        version: DatasetVersion,
        days: int,
        newest: int,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        """The newest days of a version with the days before them, by its timestamp column. Raises as `compare`."""
        ...

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        """A PNG of the columns that moved most."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction: everything or nothing of it is stored.

    monitor, incidents: of revision 1 they are added, else they replace the revision before. finished: a run that is
    DONE or FAILED now; the instance named in it must still be the one that runs it. runs: to be made; one whose slot
    its monitor has already is left out. notices: what is told of it. audit: who did what.
    """

    monitor: Monitor | None = None
    finished: Run | None = None
    incidents: tuple[Incident, ...] = ()
    runs: tuple[Run, ...] = ()
    notices: tuple[Notice, ...] = ()
    audit: tuple[AuditEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Digest:
    """A channel's digest that is due. since: when the last one was. slot: when this one was due."""

    channel: str
    period: DigestPeriod
    timezone: str
    slot: datetime
    since: datetime


NextTime = Callable[[Monitor, datetime], tuple[datetime, datetime] | None]
"""The monitor's first scheduled time after a moment, without and with its jitter; None when it has none."""


NextDigest = Callable[[DigestPeriod, str, datetime], datetime | None]
"""When a channel's next digest goes out, by its period and time zone."""

TellDigest = Callable[[Digest], Notice]
"""What is told of a digest that is due."""


class MonitorStore(Protocol):
    """Monitors, runs and incidents of one workspace."""

    async def apply(self, change: Change) -> bool:
        """Store a change; False, with nothing stored, when somebody else changed the same thing first."""
        ...

    async def monitor(self, monitor_id: str) -> Monitor | None:
        """The monitor, deleted ones too."""
        ...

    async def monitors_of(self, dataset: str) -> tuple[Monitor, ...]:
        """A dataset's monitors that are not deleted, the oldest first."""
        ...

    async def count(self) -> int:
        """How many monitors there are that are not deleted."""
        ...

    async def enqueue_due(self, now: datetime, next_time: NextTime, limit: int) -> int:
        """Turn scheduled times that have come into runs that wait, one for each monitor however many it missed.

        Whoever else does the same at the same time makes no second one. Returns how many monitors were due.
        """
        ...

    async def next_due(self) -> datetime | None:
        """When the next scheduled run begins."""
        ...

    async def claim_runs(self, now: datetime, limit: int) -> tuple[Run, ...]:
        """Take runs to make now, people's first, then the oldest; one of each dataset at a time. They are RUNNING.

        A run whose instance is not alive any more is taken over, with `attempts` one more.
        """
        ...

    async def put_back(self, run_id: str, due_at: datetime) -> bool:
        """A run that was claimed is not made now but later, by whoever claims it then."""
        ...

    async def run(self, run_id: str) -> Run | None:
        """A run with its result."""
        ...

    async def runs_of(self, monitor_id: str, before: datetime | None, limit: int) -> tuple[Run, ...]:
        """Runs that ended, the newest first, without their comparisons. before: only those that ended earlier."""
        ...

    async def unfinished(self, monitor_id: str) -> Run | None:
        """The oldest run that waits or runs."""
        ...

    async def incident(self, incident_id: str) -> Incident | None:
        """The incident."""
        ...

    async def latest_incident(self, monitor_id: str, subject: Subject) -> Incident | None:
        """The newest incident of a monitor, whatever became of it."""
        ...

    async def open_incidents(
        self, *, monitor_id: str = "", dataset: str = "", channel: str = "", limit: int = 100
    ) -> tuple[Incident, ...]:
        """Incidents that are not resolved, the newest first."""
        ...

    async def drifting(self) -> tuple[str, ...]:
        """Names of the datasets with an open incident of their data."""
        ...

    async def ended_incidents(self, channel: str, since: datetime, limit: int = 100) -> tuple[Incident, ...]:
        """Incidents of a channel that were resolved since then, the newest first."""
        ...

    async def incidents_in(self, thread: str) -> tuple[Incident, ...]:
        """Those that are told in the thread of the notice of this key."""
        ...

    async def openings(self, channel: str, since: datetime) -> int:
        """How many incidents were opened in a channel since then."""
        ...

    async def snoozes_over(self, now: datetime, limit: int) -> tuple[Incident, ...]:
        """Open incidents whose snooze ended by time."""
        ...

    async def send_digests(self, now: datetime, next_time: NextDigest, tell: TellDigest, limit: int) -> int:
        """Put the notices of digests that are due, each once; each is due again at its next time. Returns how many."""
        ...

    async def set_digest(self, channel: str, period: DigestPeriod, timezone: str, next_at: datetime | None) -> None:
        """How often a channel gets a digest; NONE ends it."""
        ...

    async def digest_of(self, channel: str) -> tuple[DigestPeriod, str]:
        """How often a channel gets a digest, and in which time zone."""
        ...

    async def watched(self, names: Sequence[str]) -> tuple[Monitor, ...]:
        """Monitors of these datasets that run on new versions, not paused, not deleted."""
        ...

    async def cursor(self) -> str | None:
        """Up to where the catalogue's changes were looked at; None for never."""
        ...

    async def set_cursor(self, cursor: str) -> None:
        """See `cursor`."""
        ...

    async def forget_runs(self, before: datetime, keep: int) -> int:
        """Forget runs that ended before then, but of each monitor the newest `keep`; returns how many.

        Of those that go, the newest one with numbers stays: runs that saw the same data point to it.
        """
        ...
