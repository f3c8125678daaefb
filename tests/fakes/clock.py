"""Time that moves when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `Clock` that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **by: float) -> datetime:
        """Move on by timedelta's arguments (hours=1, seconds=30) and return the new moment."""
        self._now += timedelta(**by)
        return self._now
