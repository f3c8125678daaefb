"""Where an incident is told, and when: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.datasets.model import Dataset
from services.monitors.model import Destination, Detail, MonitorDraft, QuietHours, Severity

ALERTS_TAG = "alerts"
"""A dataset's tag whose value names where its incidents go: ids of channels or people, separated by commas."""


def destinations(
    draft: MonitorDraft, dataset: Dataset | None, policy: Sequence[Destination] = (), *, fallback: str = ""
) -> tuple[Destination, ...]:
    """Dataset tag, else policy, else the monitor's own, else a direct message to the fallback. FULL comes first.

    dataset: None when it is gone. policy: what the installation's rules say for it. Only one place is FULL: there the
    thread and the buttons are.
    """
    tagged = _of_tag(dataset) if dataset is not None else ()
    chosen = tagged or tuple(policy) or draft.destinations or ((Destination(fallback),) if fallback else ())
    once: dict[str, Destination] = {}
    for destination in chosen:
        if destination.to:
            once.setdefault(destination.to, destination)
    places = sorted(once.values(), key=lambda each: each.detail is not Detail.FULL)
    return tuple(
        Destination(place.to, Detail.FULL if number == 0 else Detail.BRIEF) for number, place in enumerate(places)
    )


def _of_tag(dataset: Dataset) -> tuple[Destination, ...]:
    value = dict(dataset.tags).get(ALERTS_TAG, "")
    names = [each.strip() for each in value.split(",")]
    return tuple(Destination(name) for name in names if name[:1] in {"C", "G", "U", "W"} and name.isalnum())


def is_quiet(quiet: QuietHours, at: datetime, severity: Severity) -> bool:
    """Is nothing of this severity to be told at this moment?"""
    if quiet.begin == quiet.end or severity >= quiet.except_from:
        return False
    local = at.astimezone(ZoneInfo(quiet.timezone)).time()
    if quiet.begin < quiet.end:
        return quiet.begin <= local < quiet.end
    return local >= quiet.begin or local < quiet.end


def told_from(quiet: QuietHours, at: datetime, severity: Severity) -> datetime | None:
    """From when on it may be told: the end of the quiet hours, None for at once."""
    if not is_quiet(quiet, at, severity):
        return None
    zone = ZoneInfo(quiet.timezone)
    local = at.astimezone(zone)
    end = local.replace(hour=quiet.end.hour, minute=quiet.end.minute, second=0, microsecond=0, fold=0)
    if end <= local:
        end = (local + timedelta(days=1)).replace(hour=quiet.end.hour, minute=quiet.end.minute, second=0, microsecond=0)
    return end
