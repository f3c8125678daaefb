"""When a monitor runs next: APScheduler's triggers, with crontab's meaning of weekdays and of hours that come twice.

Daylight saving. Times are those of the named zone. A time that the clock skips runs as much later as it jumped (02:30
becomes 03:30); a time that comes twice runs once, at its first, unless the schedule runs in every hour, which has both.
Intervals are of real time. Nothing is kept in memory: the next time is computed from the last one and stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from services.errors import InvalidInput
from services.monitors.model import DigestPeriod, Monitor, Schedule, ScheduleKind

SHORTEST = timedelta(minutes=5)
"""A schedule runs no more often: a scan costs more than it tells."""

LONGEST_JITTER = 3600

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # as crontab numbers them; 7 is Sunday, too
_NAMES = {"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday",
          "sun": "Sunday"}  # fmt: skip
_EVERY = re.compile(r"\*(/\d+)?")


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """The first scheduled time later than this moment, UTC; None when there is none. Raises InvalidInput."""
    if schedule.kind is ScheduleKind.NONE:
        return None
    if schedule.kind is ScheduleKind.INTERVAL:
        start = schedule.start or after
        found = IntervalTrigger(
            seconds=int(schedule.every.total_seconds()), start_date=start.astimezone(UTC), timezone=UTC
        ).get_next_fire_time(None, after.astimezone(UTC) + timedelta(microseconds=1))
        return None if found is None else found.astimezone(UTC)
    return _next_of_cron(schedule.cron, schedule.timezone, after)


def with_jitter(slot: datetime, monitor_id: str, seconds: int) -> datetime:
    """When a scheduled time begins for this monitor: the same on every replica, spread over so many seconds."""
    if seconds <= 0:
        return slot
    digest = hashlib.sha256(f"{monitor_id} {slot.isoformat()}".encode()).digest()
    return slot + timedelta(seconds=int.from_bytes(digest[:8], "big") % (seconds + 1))


def next_time(monitor: Monitor, after: datetime) -> tuple[datetime, datetime] | None:
    """See `services.monitors.ports.NextTime`."""
    slot = next_slot(monitor.draft.schedule, after)
    return None if slot is None else (slot, with_jitter(slot, monitor.id, monitor.draft.schedule.jitter))


def check(schedule: Schedule, now: datetime) -> None:
    """Raises InvalidInput with a sentence, its field being `schedule`, `timezone` or `jitter`."""
    _zone(schedule.timezone)
    if not 0 <= schedule.jitter <= LONGEST_JITTER:
        raise InvalidInput("Runs can be spread over 0 to 3,600 seconds.", field="jitter")
    if schedule.kind is ScheduleKind.NONE:
        return
    if schedule.kind is ScheduleKind.INTERVAL:
        if schedule.every < SHORTEST:
            raise InvalidInput("Choose an interval of at least 5 minutes.", field="schedule")
        return
    first = _next_of_cron(schedule.cron, schedule.timezone, now)
    if first is None:
        raise InvalidInput(f"“{schedule.cron}” never comes: there is no such day.", field="schedule")
    second = _next_of_cron(schedule.cron, schedule.timezone, first)
    if second is not None and second - first < SHORTEST:
        raise InvalidInput(f"“{schedule.cron}” runs more often than every 5 minutes.", field="schedule")


def words(schedule: Schedule) -> str:
    """The schedule for people, to follow "runs"."""
    if schedule.kind is ScheduleKind.NONE:
        return "when a new version is registered or somebody asks"
    if schedule.kind is ScheduleKind.INTERVAL:
        minutes = int(schedule.every.total_seconds() // 60)
        hours, rest = divmod(minutes, 60)
        return f"every {minutes} minutes" if rest else "every hour" if hours == 1 else f"every {hours} hours"
    minute, hour, day, month, weekday = schedule.cron.split()
    zone = f" ({schedule.timezone})"
    if not (minute.isdigit() and hour.isdigit() and month == "*"):
        return f"at “{schedule.cron}” as crontab reads it{zone}"
    at = f"{int(hour):02}:{int(minute):02}"
    if day == "*" and weekday == "*":
        return f"daily at {at}{zone}"
    days = [_NAMES[name] for name in _weekdays(weekday)] if weekday != "*" else []
    if day == "*":
        return f"every {' and '.join(days)} at {at}{zone}" if len(days) < 3 else f"on {', '.join(days)} at {at}{zone}"
    return f"on day {day} of every month at {at}{zone}" if day.isdigit() else f"at “{schedule.cron}”{zone}"


def next_digest(period: DigestPeriod, timezone: str, after: datetime) -> datetime | None:
    """When the next digest goes out; None for none. Raises InvalidInput for a time zone that is none."""
    if period is DigestPeriod.NONE:
        return None
    return _next_of_cron("0 9 * * *" if period is DigestPeriod.DAILY else "0 9 * * 1", timezone, after)


def _next_of_cron(cron: str, timezone: str, after: datetime) -> datetime | None:
    trigger, every_hour = _trigger(cron, timezone)
    after = after.astimezone(UTC)
    while True:
        found = trigger.get_next_fire_time(None, (after + timedelta(microseconds=1)).astimezone(trigger.timezone))
        if found is None:
            return None
        moment: datetime = found.astimezone(UTC)
        # APScheduler starts its search at a wall time, which lies behind a moment of the hour that came twice.
        if moment > after and (every_hour or not _came_before(moment, trigger.timezone)):
            return moment
        after = max(moment, after + timedelta(minutes=1))


def _came_before(moment: datetime, zone: ZoneInfo) -> bool:
    """Is this the second time that the clock shows what it shows?"""
    return moment.astimezone(zone).fold == 1


@lru_cache(maxsize=4096)
def _trigger(cron: str, timezone: str) -> tuple[CronTrigger, bool]:
    """The trigger, and whether it runs in every hour (then an hour that comes twice has both its runs)."""
    zone = _zone(timezone)
    fields = cron.split()
    if len(fields) != 5:
        raise InvalidInput(
            "Write a schedule as crontab does: minute, hour, day of the month, month, weekday. "
            "“0 7 * * *” is daily at 07:00.",
            field="schedule",
        )
    minute, hour, day, month, weekday = (each.lower() for each in fields)
    if day != "*" and weekday != "*":
        raise InvalidInput("Choose either days of the month or weekdays, and leave the other at “*”.", field="schedule")
    try:
        days = "*" if weekday == "*" else ",".join(_weekdays(weekday))
        trigger = CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=days, timezone=zone)
    except ValueError as error:
        raise InvalidInput(f"“{cron}” cannot be read as a schedule: {error}.", field="schedule") from None
    return trigger, _EVERY.fullmatch(hour) is not None


def _weekdays(text: str) -> tuple[str, ...]:
    """Names of the days of a crontab field, Monday first. Raises ValueError."""
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        if span == "*":
            days: Iterable[int] = range(7)
        else:
            first, dash, last = span.partition("-")
            begin, end = _weekday(first), _weekday(last) if dash else _weekday(first)
            days = range(begin, end + 1 if end >= begin else end + 8)
        found.update(day % 7 for day in list(days)[:: _step(step)])
    return tuple(_WEEKDAYS[day] for day in sorted(found, key=lambda day: (day - 1) % 7))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"“{text}” is no weekday")


def _step(text: str) -> int:
    if not text:
        return 1
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise ValueError(f"“{text}” is no step")


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"“{timezone}” is no time zone, such as Europe/Stockholm.", field="timezone") from None
