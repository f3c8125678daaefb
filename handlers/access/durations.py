"""How long: as people type it, and as it is told."""

from __future__ import annotations

import re
from datetime import timedelta

from handlers.text import count_text

_TYPED = re.compile(
    r"(?P<count>[0-9]{1,4})(?P<unit>m|min|minutes?|h|hours?|d|days?|w|weeks?|months?)", re.IGNORECASE | re.ASCII
)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def read_duration(word: str) -> timedelta | None:
    """`7d`, `12h`, `2w`, `90min`, `1month` (30 days); None for anything else, and for nothing at all (`0d`)."""
    found = _TYPED.fullmatch(word)
    if found is None:
        return None
    unit = found["unit"].lower()
    length = timedelta(days=30) if unit.startswith("mo") else _UNITS.get(unit[0], _MINUTE)
    return int(found["count"]) * length or None


def duration_text(duration: timedelta) -> str:
    """ "30 days", "12 hours", "1 day and 6 hours", "90 minutes"."""
    if duration >= _DAY:
        days, rest = divmod(duration, _DAY)
        hours = rest // _HOUR
        return count_text(days, "day") + (f" and {count_text(hours, 'hour')}" if hours else "")
    if duration % _HOUR == timedelta(0) and duration >= _HOUR:
        return count_text(duration // _HOUR, "hour")
    return count_text(max(duration // _MINUTE, 1), "minute")
