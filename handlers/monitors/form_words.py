"""What is typed into the form of a monitor as words, read as values and written back: pure functions.

Each `read_…` raises InvalidInput with a sentence for the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

from services.drift.settings import EVERY, Metric
from services.errors import InvalidInput
from services.monitors.model import QuietHours, Schedule, ScheduleKind

CUSTOM = "custom"
SCHEDULES: Mapping[str, tuple[str, Schedule]] = {
    "daily": ("Daily at 07:00", Schedule(cron="0 7 * * *")),
    "weekdays": ("On working days at 07:00", Schedule(cron="0 7 * * 1-5")),
    "weekly": ("Mondays at 07:00", Schedule(cron="0 7 * * 1")),
    "hourly": ("Every hour", Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=1))),
    "quarterly": ("Every six hours", Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=6))),
    "none": ("Only when a new version comes", Schedule(ScheduleKind.NONE)),
    CUSTOM: ("Another time, as crontab writes it", Schedule()),
}
"""Choices of the menu by their value, with the schedule each stands for; the time zone is a field of its own."""

_QUIET = re.compile(r"\s*(\d{1,2})(?::(\d\d))?\s*(?:-|–|to)\s*(\d{1,2})(?::(\d\d))?\s*")
_SPAN = re.compile(r"\s*(\d{1,5})\s*(h|hours?|d|days?|w|weeks?)?\s*", re.IGNORECASE)
_HOURS = {"h": 1, "d": 24, "w": 168}


def schedule_choice(schedule: Schedule) -> str:
    """The menu's entry for a schedule."""
    for value, (_, known) in SCHEDULES.items():
        is_kind = value != CUSTOM and (known.kind, known.every) == (schedule.kind, schedule.every)
        if is_kind and (schedule.kind is not ScheduleKind.CRON or known.cron == schedule.cron):
            return value
    return CUSTOM


def schedule_of(choice: str, cron: str, was: Schedule, timezone: str, now: datetime) -> Schedule:
    """The schedule that was chosen. was: the one before, whose beginning and spread stay. cron: for CUSTOM."""
    chosen = SCHEDULES.get(choice, SCHEDULES[CUSTOM])[1]
    kind = ScheduleKind.CRON if choice == CUSTOM else chosen.kind
    words = " ".join(cron.split()) if choice == CUSTOM else chosen.cron
    start = was.start
    if kind is ScheduleKind.INTERVAL and (start is None or was.every != chosen.every):
        start = now.astimezone(UTC).replace(microsecond=0)
    every = was.every if choice == CUSTOM and was.kind is ScheduleKind.INTERVAL else chosen.every
    if choice == CUSTOM and was.kind is ScheduleKind.INTERVAL and not words:
        kind, words = ScheduleKind.INTERVAL, was.cron
    return Schedule(kind=kind, cron=words, every=every, start=start, timezone=timezone, jitter=was.jitter)


def names_text(names: Sequence[str] | None) -> str:
    """`a, b, "c, d"`; nothing for all."""
    return ", ".join(map(_quoted, names or ()))


def read_names(text: str) -> tuple[str, ...] | None:
    """Columns separated by commas or lines; None for all."""
    found = tuple(dict.fromkeys(filter(None, map(_unquoted, _split(text)))))
    return found or None


def pairs_text(pairs: Mapping[str, object]) -> str:
    """`price=0.2, *=0.1`."""
    return ", ".join(f"{_quoted(name)}={value}" for name, value in pairs.items())


def read_metrics(text: str) -> dict[str, Metric]:
    """`price=psi, *=wasserstein_normed`; a metric alone counts for every column."""
    found: dict[str, Metric] = {}
    for name, value in _pairs(text):
        try:
            found[name] = Metric(value.strip().lower().replace("-", "_").replace(" ", "_"))
        except ValueError:
            known = ", ".join(metric.value for metric in Metric)
            raise InvalidInput(f"“{value}” is no metric. There are {known}.", field="metrics") from None
    return found


def read_thresholds(text: str) -> dict[str, float]:
    """`price=0.2, *=0.1`; a number alone counts for every column."""
    found: dict[str, float] = {}
    for name, value in _pairs(text):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise InvalidInput(
                f"“{value}” is no threshold. Write a number from 0 on, as in price=0.2.", field="thresholds"
            )
        found[name] = number
    return found


def percent_text(share: float | None) -> str:
    """0.5 as "50"."""
    return "" if share is None else f"{100 * share:g}"


def read_percent(text: str) -> float | None:
    """ "50" or "50 %" as 0.5; None for nothing."""
    words = text.strip().removesuffix("%").strip()
    if not words:
        return None
    try:
        found = float(words) / 100
    except ValueError:
        found = -1.0
    if not 0 < found < 1e6:
        raise InvalidInput("Write a percentage above 0, such as 50.", field="rows_change")
    return found


def span_text(span: timedelta | None) -> str:
    """ "2 days", "36 hours"."""
    if span is None:
        return ""
    hours = int(span.total_seconds() // 3600)
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"


def read_span(text: str) -> timedelta | None:
    """ "36 hours", "2 days", "1w", "36" (hours); None for nothing."""
    if not text.strip():
        return None
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise InvalidInput("Write for example 36 hours or 2 days.", field="late")
    return timedelta(hours=int(found[1]) * _HOURS[(found[2] or "h")[0].lower()])


def quiet_text(quiet: QuietHours) -> str:
    """ "22:00-07:00"; nothing for none."""
    return "" if quiet.begin == quiet.end else f"{quiet.begin:%H:%M}-{quiet.end:%H:%M}"


def read_quiet(text: str, was: QuietHours, timezone: str) -> QuietHours:
    """ "22-7" or "22:00-07:00" in this time zone; nothing for none."""
    if not text.strip():
        return QuietHours(timezone=timezone, except_from=was.except_from)
    found = _QUIET.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        begin, end = time(int(found[1]), int(found[2] or 0)), time(int(found[3]) % 24, int(found[4] or 0))
    except ValueError:
        raise InvalidInput("Write from when to when, as in 22:00-07:00.", field="quiet") from None
    return QuietHours(begin, end, timezone, was.except_from)


def read_rows(text: str) -> int | None:
    """A number of rows; None leaves it to the preset."""
    words = text.strip().replace(",", "")
    if not words:
        return None
    if not words.isdecimal() or not 0 < int(words) < 10**9:
        raise InvalidInput("Write a number of rows, such as 100.", field="minimum")
    return int(words)


def read_days(text: str, field: str) -> int:
    """A number of days."""
    words = text.strip()
    if not words.isdecimal() or not 0 < int(words) < 10**4:
        raise InvalidInput("Write a number of days, such as 7.", field=field)
    return int(words)


def _split(text: str) -> list[str]:
    return [part for part in re.findall(r"""(?:"[^"]*"|[^,\n"]|")+""", text) if part.strip()]


def _pairs(text: str) -> list[tuple[str, str]]:
    found = []
    for part in _split(text):
        name, equals, value = part.rpartition("=")
        found.append((_unquoted(name) if equals else EVERY, value.strip()))
    return found


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r'[,="\s]', name) else name


def _unquoted(name: str) -> str:
    stripped = name.strip()
    return stripped[1:-1] if len(stripped) > 1 and stripped[0] == stripped[-1] == '"' else stripped
