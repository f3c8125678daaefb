"""A window of days of a time-series dataset, as a plain value. Imports neither numpy nor pyarrow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """Rows whose time lies on one of these days. first, last: days in UTC, both within."""

    column: str
    first: date
    last: date

    @property
    def words(self) -> str:
        """As people say it."""
        if self.first == self.last:
            return self.first.isoformat()
        return f"{self.first.isoformat()} to {self.last.isoformat()}"


def newest(column: str, last: date, days: int) -> Window:
    """So many days up to the last one."""
    return Window(column, last - timedelta(days=days - 1), last)


def before(window: Window, days: int) -> Window:
    """So many days right before a window."""
    end = window.first - timedelta(days=1)
    return Window(window.column, end - timedelta(days=days - 1), end)
