"""What events make of an incident: a pure state machine.

`step(incident, event) -> (incident, effect)`: an event that changes an incident has exactly one effect on what people
see, one that does not has none. Nothing opens without a drifted run, nothing resolves without a clean one or a person,
and a snooze never mutes more than was agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.monitors.incidents import (
    Act,
    Acted,
    Effect,
    Event,
    Incident,
    MonitorEnded,
    News,
    Ran,
    Resolution,
    Snooze,
    SnoozeKind,
    Status,
    Subject,
    Ticked,
)
from services.monitors.model import Outcome

REOPEN_WITHIN = timedelta(days=7)
"""Drift that comes back so soon after it ended is the same incident."""

NOTICEABLY = 0.1
"""A level that moved by so much since it was last told is news; so much above the agreed one breaks a snooze."""

_FOR_GOOD = frozenset({Resolution.ENDED, Resolution.ACCEPTED})

Step = tuple[Incident, Effect] | None
"""The incident as it is now and what is told of it; None when nothing changes."""


def opened(incident_id: str, monitor_id: str, dataset: str, subject: Subject, ran: Ran) -> Step:
    """The incident that a run opens; None unless the run drifted."""
    if not _drifted(ran):
        return None
    detected = ran.needed <= 1
    incident = Incident(
        id=incident_id,
        monitor_id=monitor_id,
        dataset=dataset,
        subject=subject,
        status=Status.DETECTED if detected else Status.SUSPECTED,
        opened_at=ran.at,
        changed_at=ran.at,
        outcomes=(True,),
        problems=ran.problems,
        level=ran.level,
        told_level=ran.level,
        worst=ran.level,
        run_id=ran.run_id,
        data_key=ran.data_key,
        baseline=ran.baseline,
        target=ran.target,
        baseline_version=ran.baseline_version,
        target_version=ran.target_version,
        first_target=ran.target,
        note=ran.note,
    )
    return incident, Effect(News.DETECTED if detected else News.SUSPECTED, mention=detected)


def step(incident: Incident, event: Event) -> Step:
    """What the event makes of the incident."""
    if isinstance(event, Ran):
        changed = _ran(incident, event)
    elif isinstance(event, Acted):
        changed = _acted(incident, event)
    elif isinstance(event, Ticked):
        changed = _ticked(incident, event)
    else:
        changed = _ended(incident, event)
    if changed is None:
        return None
    after, effect = changed
    return replace(after, changed_at=event.at, revision=incident.revision + 1), effect


def takes_up(incident: Incident, at: datetime) -> bool:
    """Does drift found at this moment belong to this incident rather than to a new one?"""
    if incident.is_open:
        return True
    ended = incident.resolved_at
    return ended is not None and at - ended <= REOPEN_WITHIN and incident.resolution not in _FOR_GOOD


def snooze_of(incident: Incident, kind: SnoozeKind, by: str, at: datetime, until: datetime | None = None) -> Snooze:
    """What a snooze that began now would mute: shown to the person before, kept afterwards."""
    margin = 0.0 if kind is SnoozeKind.WORSE else NOTICEABLY
    return Snooze(
        kind=kind,
        by=by,
        at=at,
        ceiling=min(1.0, incident.level + margin),
        keys=frozenset(problem.key for problem in incident.problems),
        until=until if kind is SnoozeKind.UNTIL else None,
        version=incident.target_version,
    )


def is_muted(snooze: Snooze, ran: Ran) -> bool:
    """Does the snooze hold for what this run found? Never for more than was agreed."""
    if snooze.kind is SnoozeKind.UNTIL and (snooze.until is None or ran.at >= snooze.until):
        return False
    if snooze.kind is SnoozeKind.NEXT_VERSION and ran.target_version > snooze.version:
        return False
    return ran.level <= snooze.ceiling and {problem.key for problem in ran.problems} <= snooze.keys


def _drifted(ran: Ran) -> bool:
    return ran.outcome is Outcome.DRIFTED and bool(ran.problems)


def _ran(incident: Incident, ran: Ran) -> Step:
    if ran.outcome is Outcome.UNKNOWN or (ran.data_key and ran.data_key == incident.data_key):
        return None  # it says nothing, or nothing new
    if not incident.is_open:
        return _reopened(incident, ran) if _drifted(ran) and takes_up(incident, ran.at) else None
    if not _drifted(ran):
        return _clean(incident, ran)
    return _drifted_again(incident, ran)


def _drifted_again(incident: Incident, ran: Ran) -> Step:
    seen = _seen(incident, ran, drifted=True)
    if incident.status is Status.SUSPECTED and sum(seen.outcomes) >= ran.needed:
        detected = replace(seen, status=Status.DETECTED, snooze=None, told_level=ran.level)
        return detected, Effect(News.DETECTED, mention=True)
    if incident.snooze is None:
        news = _compared(incident, ran)
        if news in {News.WORSE, News.BETTER}:  # else small steps would never add up
            seen = replace(seen, told_level=ran.level)
        return seen, Effect(news, mention=news is News.WORSE)
    if is_muted(incident.snooze, ran):
        return seen, Effect(News.MUTED, loud=False)
    return replace(seen, snooze=None, told_level=ran.level), Effect(News.WOKEN, mention=True)


def _seen(incident: Incident, ran: Ran, *, drifted: bool) -> Incident:
    """What every run on new data changes. A clean one leaves what was found, for the message to tell."""
    seen = replace(
        incident,
        outcomes=(*incident.outcomes, drifted)[-max(ran.of, 1) :],
        run_id=ran.run_id,
        data_key=ran.data_key,
        baseline=ran.baseline,
        target=ran.target,
        baseline_version=ran.baseline_version,
        target_version=ran.target_version,
        note=ran.note,
    )
    if not drifted:
        return seen
    return replace(
        seen,
        problems=ran.problems,
        before=incident.problems,
        level=ran.level,
        worst=max(incident.worst, ran.level),
    )


def _clean(incident: Incident, ran: Ran) -> Step:
    """Detected drift is over. A suspicion is over once no drifted run can count with the next one any more."""
    seen = _seen(incident, ran, drifted=False)
    if incident.status is Status.SUSPECTED and any(seen.outcomes[-(ran.of - 1) :] if ran.of > 1 else ()):
        return seen, Effect(News.BETTER, loud=False)
    return (
        replace(
            seen,
            status=Status.RESOLVED,
            resolved_at=ran.at,
            resolution=Resolution.CLEAN,
            resolved_by="",
            reason="",
            snooze=None,
        ),
        Effect(News.RESOLVED),
    )


def _compared(incident: Incident, ran: Ran) -> News:
    before, now = {problem.key for problem in incident.problems}, {problem.key for problem in ran.problems}
    if ran.level >= incident.told_level + NOTICEABLY:
        return News.WORSE
    if ran.level <= incident.told_level - NOTICEABLY:
        return News.BETTER
    return News.STILL if before == now else News.CHANGED


def _reopened(incident: Incident, ran: Ran) -> Step:
    detected = ran.needed <= 1
    seen = _seen(replace(incident, outcomes=()), ran, drifted=True)
    again = replace(
        seen,
        status=Status.DETECTED if detected else Status.SUSPECTED,
        told_level=ran.level,
        acknowledged_by="",
        acknowledged_at=None,
        snooze=None,
        resolved_at=None,
        resolved_by="",
        resolution=None,
        reason="",
        reopened=incident.reopened + 1,
    )
    return again, Effect(News.REOPENED, mention=detected)


def _acted(incident: Incident, acted: Acted) -> Step:
    if acted.act is not Act.REOPEN and not incident.is_open:
        return None
    return _ACTS[acted.act](incident, acted)


def _acknowledge(incident: Incident, acted: Acted) -> Step:
    if incident.acknowledged_by:
        return None
    return replace(incident, acknowledged_by=acted.by, acknowledged_at=acted.at), Effect(News.ACKNOWLEDGED)


def _assign(incident: Incident, acted: Acted) -> Step:
    if acted.assignee == incident.assignee:
        return None
    return replace(incident, assignee=acted.assignee), Effect(News.ASSIGNED, mention=bool(acted.assignee))


def _snooze(incident: Incident, acted: Acted) -> Step:
    """A snooze until a moment that is not ahead, or until none, mutes nothing: it is no change."""
    if acted.snooze is None:
        return None
    if acted.snooze is SnoozeKind.UNTIL and (acted.until is None or acted.until <= acted.at):
        return None
    snooze = snooze_of(incident, acted.snooze, acted.by, acted.at, acted.until)
    return replace(incident, snooze=snooze), Effect(News.SNOOZED)


def _wake(incident: Incident, _: Acted) -> Step:
    if incident.snooze is None:
        return None
    return replace(incident, snooze=None, told_level=incident.level), Effect(News.WOKEN)


def _resolve(incident: Incident, acted: Acted) -> Step:
    how = Resolution.ACCEPTED if acted.act is Act.ACCEPT else Resolution.PERSON
    return _resolved(incident, how, acted.at, acted.by, acted.reason), Effect(News.RESOLVED)


def _reopen(incident: Incident, acted: Acted) -> Step:
    """What a person or a run resolved may be opened again; not what was accepted or ended with its monitor."""
    if incident.is_open or incident.resolution in _FOR_GOOD:
        return None
    again = replace(
        incident,
        status=Status.DETECTED,
        resolved_at=None,
        resolved_by="",
        resolution=None,
        reason=acted.reason,
        reopened=incident.reopened + 1,
    )
    return again, Effect(News.REOPENED)


_ACTS: Mapping[Act, Callable[[Incident, Acted], Step]] = {
    Act.ACKNOWLEDGE: _acknowledge,
    Act.ASSIGN: _assign,
    Act.SNOOZE: _snooze,
    Act.WAKE: _wake,
    Act.RESOLVE: _resolve,
    Act.ACCEPT: _resolve,
    Act.REOPEN: _reopen,
}


def _ticked(incident: Incident, ticked: Ticked) -> Step:
    snooze = incident.snooze
    if not incident.is_open or snooze is None or snooze.until is None or ticked.at < snooze.until:
        return None
    return replace(incident, snooze=None, told_level=incident.level), Effect(News.WOKEN, mention=True)


def _ended(incident: Incident, ended: MonitorEnded) -> Step:
    if not incident.is_open:
        return None
    return _resolved(incident, Resolution.ENDED, ended.at, ended.by, ""), Effect(News.RESOLVED)


def _resolved(incident: Incident, how: Resolution, at: datetime, by: str, reason: str) -> Incident:
    return replace(
        incident,
        status=Status.RESOLVED,
        resolved_at=at,
        resolved_by=by,
        resolution=how,
        reason=reason,
        snooze=None,
    )
