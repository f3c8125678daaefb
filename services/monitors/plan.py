"""Which versions a run compares: pure functions."""

from __future__ import annotations

from services.monitors.incidents import Incident
from services.monitors.model import BaselineKind, Monitor


def sides(monitor: Monitor, latest: int, open_incident: Incident | None) -> tuple[int, int] | str:
    """(baseline, target) as version numbers, or a sentence that says why there is nothing to compare.

    While an incident is open its baseline stays what it was, so that the incident ends when the data are back and not
    when they have been wrong twice.
    """
    name, kind = monitor.dataset, monitor.draft.baseline.kind
    if kind is BaselineKind.WINDOW:
        return latest, latest
    if latest <= monitor.accepted:
        return f"{name}:{latest} was accepted as the new baseline; comparing begins with the next version."
    if kind is BaselineKind.PINNED:
        return _pinned(name, monitor.draft.baseline.version, latest)
    if latest <= 1:
        return f"{name} has one version only; comparing begins with the second."
    held = open_incident.baseline_version if open_incident is not None and open_incident.is_open else 0
    return (held if 0 < held < latest else latest - 1), latest


def _pinned(name: str, pinned: int, latest: int) -> tuple[int, int] | str:
    if pinned == latest:
        return f"{name}:{latest} is the baseline itself; comparing begins with the next version."
    if pinned > latest:
        return f"The baseline {name}:{pinned} does not exist any more. Edit the monitor and choose another one."
    return pinned, latest
