"""The form of a monitor: sensible first values, why they are, and what is wrong with what was filled in. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.actor import Actor
from services.datasets.model import Dataset, DatasetType, DatasetVersion, Problem
from services.drift.settings import EVERY, MINIMUM_ROWS
from services.errors import InvalidInput
from services.monitors import schedule
from services.monitors.model import (
    BaselineKind,
    Destination,
    MonitorDraft,
    QuietHours,
    Schedule,
    ScheduleKind,
)

MOST_RUNS = 20
MOST_PLACES = 10
MOST_DAYS = 3660
LONGEST_NAME = 80


def sensible(dataset: str, actor: Actor, *, channel: str, timezone: str) -> MonitorDraft:
    """The monitor of an unchanged form.

    Previous version against latest, all columns, default metrics, at once on every new version and daily at 07:00 in
    the person's time zone, told where the command came from.
    """
    zone = known_zone(timezone)
    return MonitorDraft(
        dataset=dataset,
        schedule=Schedule(timezone=zone, jitter=60),
        destinations=(Destination(channel or actor.user_id),),
        quiet=QuietHours(timezone=zone),
    )


def known_zone(timezone: str) -> str:
    """The time zone, or UTC for one that is not known here."""
    try:
        return ZoneInfo(timezone).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def explained(draft: MonitorDraft) -> dict[str, str]:
    """Why each first value is a sensible one, by the name of its field."""
    return {
        "baseline": "Each version is compared with the one before. While an incident is open, its baseline stays.",
        "compare": "Every column, by the metric and threshold that fit its type and size.",
        "minimum_rows": f"Columns with fewer than {MINIMUM_ROWS} values on a side are shown and do not count.",
        "needed": "The first drifted run opens an incident. With 2 of 3, one bad run is only suspected.",
        "rows_change": "A row count that halves, or grows by half, is told.",
        "schedule": f"Runs {schedule.words(draft.schedule)}. A run without new data costs nothing and tells nothing.",
        "on_new_version": "A new version is compared as soon as it is registered.",
        "destinations": "Told where this command came from, unless the dataset's tag “alerts” names another place.",
        "mention": "The dataset's owner is mentioned when something opens or becomes worse.",
    }


def check_draft(draft: MonitorDraft, dataset: Dataset, latest: DatasetVersion, now: datetime) -> tuple[Problem, ...]:
    """What is wrong, by field."""
    found: list[Problem] = []
    if dataset.type is not DatasetType.TABULAR:
        found.append(Problem("dataset", f"{dataset.name} is a file dataset: there are no columns to compare."))
    if len(draft.name) > LONGEST_NAME:
        found.append(Problem("name", f"A monitor's name has at most {LONGEST_NAME} characters."))
    found += _sides(draft, dataset, latest)
    found += _comparing(draft, latest)
    try:
        schedule.check(draft.schedule, now)
    except InvalidInput as error:
        found.append(Problem(error.field or "schedule", error.sentence))
    if draft.schedule.kind is ScheduleKind.NONE and not draft.on_new_version and draft.late_after is None:
        found.append(Problem("schedule", "Nothing would ever start this monitor but a person. Choose a schedule."))
    if len(draft.destinations) > MOST_PLACES:
        found.append(Problem("destinations", f"Choose at most {MOST_PLACES} places."))
    if known_zone(draft.quiet.timezone) != draft.quiet.timezone:
        found.append(Problem("quiet", f"“{draft.quiet.timezone}” is no time zone."))
    return tuple(found)


def _sides(draft: MonitorDraft, dataset: Dataset, latest: DatasetVersion) -> list[Problem]:
    baseline = draft.baseline
    if baseline.kind is BaselineKind.WINDOW:
        if not latest.definition.timestamp_column:
            told = f"{latest.label} has no timestamp column, so it has no days to compare. Register it with one."
            return [Problem("baseline", told)]
        if not (1 <= baseline.days <= MOST_DAYS and 1 <= baseline.newest <= MOST_DAYS):
            return [Problem("days", f"Choose 1 to {MOST_DAYS:,} days.")]
    if baseline.kind is BaselineKind.PINNED and not 1 <= baseline.version <= dataset.latest_version:
        return [Problem("baseline", f"{dataset.name} has the versions 1 to {dataset.latest_version}.")]
    return []


def _comparing(draft: MonitorDraft, latest: DatasetVersion) -> list[Problem]:
    found = []
    known = {column.name for column in latest.stats.schema}
    named = {*(draft.compare.columns or ()), *draft.compare.metrics, *draft.compare.thresholds} - {EVERY}
    if known and (unknown := sorted(named - known)):
        found.append(Problem("compare", f"{latest.label} has no column “{unknown[0]}”."))
    if draft.compare.columns is not None and not draft.compare.columns:
        found.append(Problem("compare", "Choose at least one column."))
    if any(not value >= 0 for value in draft.compare.thresholds.values()):
        found.append(Problem("compare", "A threshold is a number from 0 on."))
    if not 1 <= draft.needed <= draft.of <= MOST_RUNS:
        found.append(Problem("needed", f"Choose N of M with 1 ≤ N ≤ M ≤ {MOST_RUNS}."))
    if draft.rows_change is not None and not draft.rows_change > 0:
        found.append(Problem("rows_change", "Choose a share above 0, such as 0.5 for half."))
    if draft.late_after is not None and draft.late_after < timedelta(hours=1):
        found.append(Problem("late_after", "Choose at least one hour."))
    return found
