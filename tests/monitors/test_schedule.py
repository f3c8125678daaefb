"""When monitors run: daylight saving both ways in three zones, month ends, weekdays, downtime, jitter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import InvalidInput
from services.monitors.model import DigestPeriod, Schedule, ScheduleKind
from services.monitors.schedule import check, next_digest, next_slot, with_jitter, words

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def local_times(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next local times after a UTC moment, with their offset from UTC."""
    schedule, moment, found = Schedule(cron=cron, timezone=zone), datetime.fromisoformat(after), []
    for _ in range(count):
        following = next_slot(schedule, moment)
        assert following is not None
        assert following > moment
        moment = following
        found.append(moment.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z"))
    return found


CHANGES = {
    "spring in Stockholm: 02:30 does not exist": (
        ("30 2 * * *", "Europe/Stockholm", "2026-03-28T00:00+00:00"),
        ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"],
    ),
    "autumn in Stockholm: 02:30 comes twice and runs once": (
        ("30 2 * * *", "Europe/Stockholm", "2026-10-24T12:00+00:00"),
        ["25 02:30 +0200", "26 02:30 +0100"],
    ),
    "autumn in Stockholm, asked between the two 02:30": (
        ("30 2 * * *", "Europe/Stockholm", "2026-10-25T00:45+00:00"),
        ["26 02:30 +0100"],
    ),
    "a daily time is the same on the clock all year": (
        ("0 7 * * *", "Europe/Stockholm", "2026-03-28T12:00+00:00"),
        ["29 07:00 +0200", "30 07:00 +0200"],
    ),
    "every half hour runs in both of the hours that come twice": (
        ("*/30 * * * *", "Europe/Stockholm", "2026-10-24T23:40+00:00"),
        ["25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100", "25 03:00 +0100"],
    ),
    "every half hour leaves out the hour that is skipped": (
        ("*/30 * * * *", "Europe/Stockholm", "2026-03-29T00:10+00:00"),
        ["29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"],
    ),
    "spring in New York": (
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00+00:00"),
        ["08 03:30 -0400", "09 02:30 -0400"],
    ),
    "autumn in New York": (
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00+00:00"),
        ["01 01:30 -0400", "02 01:30 -0500"],
    ),
    "spring on Lord Howe Island, by half an hour": (
        ("0 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00+00:00"),
        ["04 02:30 +1100", "05 02:00 +1100"],
    ),
    "autumn on Lord Howe Island": (
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00+00:00"),
        ["05 01:45 +1100", "06 01:45 +1030"],
    ),
    "the 31st": (
        ("0 0 31 * *", "UTC", "2026-01-01T00:00+00:00"),
        ["31 00:00 +0000", "31 00:00 +0000", "31 00:00 +0000"],
    ),
    "the last day of each month": (
        ("0 6 last * *", "UTC", "2026-01-15T00:00+00:00"),
        ["31 06:00 +0000", "28 06:00 +0000", "31 06:00 +0000", "30 06:00 +0000"],
    ),
    "29 February": (("0 0 29 2 *", "UTC", "2026-01-01T00:00+00:00"), ["29 00:00 +0000"]),
}


@pytest.mark.parametrize(("asked", "times"), CHANGES.values(), ids=CHANGES)
def test_clocks_that_change_and_months_that_end(asked: tuple[str, str, str], times: list[str]) -> None:
    assert local_times(*asked, len(times)) == times


WEEKDAYS = {"1": "Mon", "7": "Sun", "0": "Sun", "fri": "Fri", "1-5": "Mon Tue Wed Thu Fri", "sat,sun": "Sat Sun",
            "5-1": "Mon Fri Sat Sun", "*/2": "Tue Thu Sat Sun"}  # fmt: skip


@pytest.mark.parametrize(("field", "days"), WEEKDAYS.items())
def test_weekdays_are_those_of_crontab(field: str, days: str) -> None:
    schedule, moment = Schedule(cron=f"0 9 * * {field}", timezone="UTC"), datetime(2026, 3, 1, 23, tzinfo=UTC)
    found = []
    while (following := next_slot(schedule, moment)) is not None and following < datetime(2026, 3, 9, tzinfo=UTC):
        found.append(following.strftime("%a"))
        moment = following
    assert " ".join(found) == days


def test_an_interval_is_of_real_time_and_keeps_its_beat() -> None:
    start = datetime(2026, 3, 28, 20, tzinfo=UTC)
    schedule = Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=6), start=start, timezone="Europe/Stockholm")
    assert next_slot(schedule, start) == start + timedelta(hours=6)
    assert next_slot(schedule, start + timedelta(hours=6, minutes=1)) == start + timedelta(hours=12)
    assert next_slot(schedule, start + timedelta(days=7, minutes=1)) == start + timedelta(days=7, hours=6)
    assert next_slot(schedule, start - timedelta(days=1)) == start


def test_nothing_is_scheduled_for_a_monitor_that_waits_for_versions() -> None:
    assert next_slot(Schedule(ScheduleKind.NONE), NOW) is None


def test_jitter_is_the_same_everywhere_and_spreads() -> None:
    found = {with_jitter(NOW, f"m{number}", 60) - NOW for number in range(200)}
    assert with_jitter(NOW, "m1", 60) == with_jitter(NOW, "m1", 60)
    assert min(found) >= timedelta(0)
    assert max(found) <= timedelta(seconds=60)
    assert len(found) > 50
    assert with_jitter(NOW, "m1", 0) == NOW


REFUSED = {
    "four fields": (Schedule(cron="0 7 * *"), "crontab"),
    "an hour that is none": (Schedule(cron="0 77 * * *"), "77"),
    "a weekday that is none": (Schedule(cron="0 7 * * 8"), "weekday"),
    "a step that is none": (Schedule(cron="0 7 * * 1-5/0"), "step"),
    "a day that never comes": (Schedule(cron="0 0 30 2 *"), "never"),
    "days of the month and weekdays": (Schedule(cron="0 0 1 * 1"), "either"),
    "too often": (Schedule(cron="* * * * *"), "5 minutes"),
    "an interval that is too short": (Schedule(ScheduleKind.INTERVAL, every=timedelta(minutes=4)), "5 minutes"),
    "a zone that is none": (Schedule(timezone="Mars/Olympus"), "time zone"),
    "a zone that is a path": (Schedule(timezone="../etc/passwd"), "time zone"),
    "too much jitter": (Schedule(jitter=4000), "3,600"),
}


@pytest.mark.parametrize(("schedule", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_schedule_is_refused_with_a_sentence(schedule: Schedule, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        check(schedule, NOW)


WORDS = {
    "daily at 07:00 (UTC)": Schedule(),
    "every Monday at 09:30 (UTC)": Schedule(cron="30 9 * * 1"),
    "every Saturday and Sunday at 00:00 (UTC)": Schedule(cron="0 0 * * 6,0"),
    "on Monday, Wednesday, Friday at 08:00 (UTC)": Schedule(cron="0 8 * * mon,wed,fri"),
    "on day 15 of every month at 06:00 (UTC)": Schedule(cron="0 6 15 * *"),
    "at “*/20 8-18 * * *” as crontab reads it (UTC)": Schedule(cron="*/20 8-18 * * *"),
    "every hour": Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=1)),
    "every 6 hours": Schedule(ScheduleKind.INTERVAL, every=timedelta(hours=6)),
    "every 90 minutes": Schedule(ScheduleKind.INTERVAL, every=timedelta(minutes=90)),
    "when a new version is registered or somebody asks": Schedule(ScheduleKind.NONE),
}


@pytest.mark.parametrize(("told", "schedule"), WORDS.items())
def test_a_schedule_in_words(told: str, schedule: Schedule) -> None:
    check(schedule, NOW)
    assert words(schedule) == told


def test_digests_come_at_nine() -> None:
    assert next_digest(DigestPeriod.DAILY, "Europe/Stockholm", NOW) == datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert next_digest(DigestPeriod.WEEKLY, "Europe/Stockholm", NOW) == datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert next_digest(DigestPeriod.NONE, "UTC", NOW) is None


@settings(max_examples=150)
@given(
    st.sampled_from(["30 2 * * *", "0 * * * *", "15 1 * * 1-5", "0 0 last * *", "59 23 31 12 *", "*/10 1-3 * * *"]),
    st.sampled_from(["UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]),
    st.integers(0, 3 * 365 * 86_400),
)
def test_times_go_on_and_no_wall_time_of_a_day_runs_twice(cron: str, zone: str, after: int) -> None:
    schedule, moment = Schedule(cron=cron, timezone=zone), NOW + timedelta(seconds=after)
    seen = []
    for _ in range(6):
        following = next_slot(schedule, moment)
        assert following is not None
        assert following > moment
        moment = following
        seen.append(moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None))
    if cron != "0 * * * *":
        assert len(set(seen)) == len(seen)
