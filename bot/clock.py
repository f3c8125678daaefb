"""The real clock."""

from datetime import UTC, datetime


class SystemClock:
    """`services.ports.Clock` of this machine."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        return datetime.now(UTC)
