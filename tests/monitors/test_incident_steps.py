"""Incidents, event by event: what people see, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.monitors.incident_steps import REOPEN_WITHIN, is_muted, opened, snooze_of, step, takes_up
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
    SnoozeKind,
    Status,
    Subject,
    Ticked,
)
from services.monitors.model import Concern, Outcome, Problem, Severity
from tests.monitors.samples import an_incident, moment, moved, ran


def acted(act: Act, hours: float = 1, **more: object) -> Acted:
    return Acted(moment(hours), "U0BEN", act, **more)  # type: ignore[arg-type]  # any field


def through(incident: Incident, *events: Event) -> tuple[Incident, list[News | None]]:
    """The incident after all of them, and what each told."""
    told: list[News | None] = []
    for event in events:
        changed = step(incident, event)
        told.append(None if changed is None else changed[1].news)
        incident = incident if changed is None else changed[0]
    return incident, told


def muted_until(hours: float) -> Acted:
    return acted(Act.SNOOZE, snooze=SnoozeKind.UNTIL, until=moment(hours))


BACK = moved("price", 0.3)

NEWS = {
    "the same again on new data": ([ran(1, BACK)], [News.STILL]),
    "the same data tell nothing": ([ran(1, BACK, key="data-0")], [None]),
    "an unknown outcome tells nothing": ([replace(ran(1), outcome=Outcome.UNKNOWN)], [None]),
    "noticeably worse": ([ran(1, moved(level=0.45))], [News.WORSE]),
    "worse in small steps is told when it adds up": (
        [ran(n, moved(level=0.3 + 0.04 * n)) for n in (1, 2, 3)],
        [News.STILL, News.STILL, News.WORSE],
    ),
    "noticeably better": ([ran(1, moved(level=0.1))], [News.BETTER]),
    "another column": ([ran(1, moved("weight", 0.3))], [News.CHANGED]),
    "the data are back": ([ran(1)], [News.RESOLVED]),
    "back and gone again": ([ran(1), ran(2, BACK)], [News.RESOLVED, News.REOPENED]),
    "back, and long after gone again is another incident": ([ran(1), ran(200, BACK)], [News.RESOLVED, None]),
    "acknowledged once": ([acted(Act.ACKNOWLEDGE), acted(Act.ACKNOWLEDGE)], [News.ACKNOWLEDGED, None]),
    "assigned, and again to the same": (
        [acted(Act.ASSIGN, assignee="U0ADA"), acted(Act.ASSIGN, assignee="U0ADA"), acted(Act.ASSIGN)],
        [News.ASSIGNED, None, News.ASSIGNED],
    ),
    "resolved by a person": ([acted(Act.RESOLVE, reason="known"), ran(2, BACK, key="data-0")], [News.RESOLVED, None]),
    "resolved, and something new": ([acted(Act.RESOLVE), ran(2, BACK)], [News.RESOLVED, News.REOPENED]),
    "accepted, and something new is another incident": ([acted(Act.ACCEPT), ran(2, BACK)], [News.RESOLVED, None]),
    "reopened by a person": ([acted(Act.RESOLVE), acted(Act.REOPEN)], [News.RESOLVED, News.REOPENED]),
    "what was accepted stays so": ([acted(Act.ACCEPT), acted(Act.REOPEN)], [News.RESOLVED, None]),
    "nothing is done to what is resolved": (
        [ran(1), acted(Act.ACKNOWLEDGE), muted_until(9)],
        [News.RESOLVED, None, None],
    ),
    "a snooze mutes what is not worse": ([muted_until(24), ran(2, BACK)], [News.SNOOZED, News.MUTED]),
    "a snooze does not mute what is worse": (
        [muted_until(24), ran(2, moved(level=0.6))],
        [News.SNOOZED, News.WOKEN],
    ),
    "a snooze does not mute another column": (
        [muted_until(24), ran(2, BACK, moved("weight", 0.1))],
        [News.SNOOZED, News.WOKEN],
    ),
    "a snooze does not mute the end": ([muted_until(24), ran(2)], [News.SNOOZED, News.RESOLVED]),
    "a snooze ends by time": (
        [muted_until(24), Ticked(moment(23)), Ticked(moment(24))],
        [News.SNOOZED, None, News.WOKEN],
    ),
    "a snooze ends by a run after its time": ([muted_until(24), ran(25, BACK)], [News.SNOOZED, News.WOKEN]),
    "a snooze is taken back": ([muted_until(24), acted(Act.WAKE), acted(Act.WAKE)], [News.SNOOZED, News.WOKEN, None]),
    "until the next version": (
        [acted(Act.SNOOZE, snooze=SnoozeKind.NEXT_VERSION), ran(2, BACK), ran(3, BACK, target=3)],
        [News.SNOOZED, News.MUTED, News.WOKEN],
    ),
    "until worse than now": (
        [acted(Act.SNOOZE, snooze=SnoozeKind.WORSE), ran(99, BACK), ran(100, moved(level=0.31))],
        [News.SNOOZED, News.MUTED, News.WOKEN],
    ),
    "a snooze until the past is none": ([acted(Act.SNOOZE, snooze=SnoozeKind.UNTIL, until=moment(0))], [None]),
    "a snooze without its kind is none": ([acted(Act.SNOOZE)], [None]),
    "its monitor is deleted": (
        [MonitorEnded(moment(1), "U0ADA"), MonitorEnded(moment(2), "U0ADA")],
        [News.RESOLVED, None],
    ),
    "of a deleted monitor nothing is reopened": (
        [MonitorEnded(moment(1), "U0ADA"), acted(Act.REOPEN), ran(2, BACK)],
        [News.RESOLVED, None, None],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "told"), NEWS.values(), ids=NEWS)
def test_what_each_event_tells(events: list[Event], told: list[News | None]) -> None:
    assert through(an_incident(), *events)[1] == told


def test_a_first_drifted_run_opens_an_incident_and_mentions_the_owner() -> None:
    changed = opened("i1", "m1", "flights", Subject.DATA, ran(0, moved()))
    assert changed is not None
    incident, effect = changed
    assert (incident.status, incident.level, incident.first_target) == (Status.DETECTED, 0.3, "flights:2")
    assert effect == Effect(News.DETECTED, loud=True, mention=True)


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.UNKNOWN])
def test_nothing_else_opens_one(outcome: Outcome) -> None:
    assert opened("i1", "m1", "flights", Subject.DATA, replace(ran(0, moved()), outcome=outcome)) is None
    assert opened("i1", "m1", "flights", Subject.DATA, replace(ran(0), outcome=Outcome.DRIFTED)) is None


def suspected(needed: int, of: int) -> Incident:
    changed = opened("i1", "m1", "flights", Subject.DATA, ran(0, moved(), needed=needed, of=of))
    assert changed is not None
    assert changed[1] == Effect(News.SUSPECTED, loud=True, mention=False)
    return changed[0]


N_OF_M = {
    "2 of 2": (2, 2, "D", [News.DETECTED]),
    "2 of 2, once clean": (2, 2, "C", [News.RESOLVED]),
    "2 of 3 with one clean between": (2, 3, "CD", [News.BETTER, News.DETECTED]),
    "2 of 3 with two clean": (2, 3, "CC", [News.BETTER, News.RESOLVED]),
    "3 of 5": (3, 5, "CDCD", [News.BETTER, News.STILL, News.BETTER, News.DETECTED]),
    "3 of 3 needs them in a row": (3, 3, "DCD", [News.STILL, News.BETTER, News.STILL]),
}


@pytest.mark.parametrize(("needed", "of", "runs", "told"), N_OF_M.values(), ids=N_OF_M)
def test_n_of_m_runs_make_a_suspicion_certain(needed: int, of: int, runs: str, told: list[News]) -> None:
    events = [
        ran(n, *((moved(),) if kind == "D" else ()), needed=needed, of=of) for n, kind in enumerate(runs, start=1)
    ]
    after, news = through(suspected(needed, of), *events)
    assert news == told
    assert (after.status is Status.DETECTED) == (told[-1] is News.DETECTED)


def test_a_person_who_resolves_leaves_their_name_and_reason() -> None:
    after, _ = through(an_incident(), acted(Act.RESOLVE, reason="A new supplier"))
    assert (after.resolution, after.resolved_by, after.reason) == (Resolution.PERSON, "U0BEN", "A new supplier")
    again, _ = through(after, ran(3, moved("weight")))
    assert (again.status, again.reopened, again.resolution, again.reason) == (Status.DETECTED, 1, None, "")
    assert again.problems == (moved("weight"),)


def test_what_is_over_keeps_what_was_found() -> None:
    after, _ = through(an_incident(), ran(1, moved(level=0.8)), ran(2))
    assert after.problems == (moved(level=0.8),)
    assert (after.worst, after.resolved_at, after.target) == (0.8, moment(2), "flights:2")


def test_drift_is_taken_up_by_the_incident_before_for_a_week() -> None:
    resolved, _ = through(an_incident(), ran(1))
    assert takes_up(resolved, moment(1) + REOPEN_WITHIN)
    assert not takes_up(resolved, moment(1) + REOPEN_WITHIN + timedelta(seconds=1))


def test_a_failing_run_is_told_once_for_each_reason() -> None:
    def failing(hours: float, why: str) -> Ran:
        problem = Problem(Concern.FAILED, why, Severity.WARNING, 0.5, why)
        return Ran(moment(hours), f"r{hours}", Outcome.DRIFTED, f"key-{why}", (problem,))

    changed = opened("i1", "m1", "flights", Subject.RUN, failing(0, "unreachable"))
    assert changed is not None
    incident, told = through(
        changed[0],
        failing(1, "unreachable"),
        failing(2, "unreadable"),
        Ran(moment(3), "r3", Outcome.CLEAN),
    )
    assert told == [None, News.CHANGED, News.RESOLVED]
    assert incident.resolution is Resolution.CLEAN


def test_the_confirmation_of_a_snooze_shows_what_is_kept() -> None:
    incident = an_incident(level=0.95)
    snooze = snooze_of(incident, SnoozeKind.NEXT_VERSION, "U0BEN", moment(1))
    assert (snooze.ceiling, snooze.keys, snooze.version) == (1.0, frozenset({"drift:price"}), 2)
    assert is_muted(snooze, ran(1, moved(level=1.0)))
    assert not is_muted(snooze, ran(1, moved(level=0.1), moved("weight", 0.1)))
