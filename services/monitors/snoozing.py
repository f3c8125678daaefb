"""What a snooze mutes, in sentences: shown before it begins, and in the message while it lasts."""

from __future__ import annotations

from services.monitors.incidents import Incident, Snooze, SnoozeKind


def what_it_mutes(incident: Incident, snooze: Snooze) -> tuple[str, ...]:
    """What is muted, until when, and what is told all the same."""
    count = len(snooze.keys)
    known = "the problem that is known now" if count == 1 else f"the {count} problems that are known now"
    muted = f"Mutes new messages about {known} of {incident.dataset}, up to level {snooze.ceiling:.2f}."
    level = f"The level is {incident.level:.2f} now."
    breaks = "A higher level or another problem is told at once, and so is the end of the incident."
    return muted, level, _until(snooze), breaks


def _until(snooze: Snooze) -> str:
    if snooze.kind is SnoozeKind.NEXT_VERSION:
        return "It ends with the next version."
    if snooze.kind is SnoozeKind.WORSE:
        return "It ends when things become worse than now."
    return "It ends at the chosen time; what is still open then is told."
