"""What must hold for incidents whatever happens to them, in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitors.incident_steps import opened, step, takes_up
from services.monitors.incidents import (
    Act,
    Acted,
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
from services.monitors.model import Destination, Outcome
from services.monitors.notices import message_key, told
from services.outbox import Action
from tests.monitors.samples import moment, moved, ran

LEVELS = st.sampled_from([0.05, 0.15, 0.3, 0.31, 0.45, 0.7, 1.0])
PROBLEMS = st.lists(
    st.builds(moved, st.sampled_from(["a", "b", "c"]), LEVELS), max_size=3, unique_by=lambda p: p.subject
)


@st.composite
def happenings(draw: st.DrawFn) -> tuple[int, int, list[Event]]:
    """N, M, and events in the order of time."""
    of = draw(st.integers(1, 4))
    needed = draw(st.integers(1, of))
    events: list[Event] = []
    hours = 0.0
    for number in range(draw(st.integers(1, 12))):
        hours += draw(st.sampled_from([0.0, 1.0, 30.0, 200.0]))
        events.append(draw(_event(number, hours, needed, of)))
    return needed, of, events


@st.composite
def _event(draw: st.DrawFn, number: int, hours: float, needed: int, of: int) -> Event:
    kind = draw(st.sampled_from(["ran", "ran", "ran", "acted", "acted", "ticked", "ended"]))
    if kind == "ticked":
        return Ticked(moment(hours))
    if kind == "ended" and draw(st.integers(0, 5)) == 0:
        return MonitorEnded(moment(hours), "U0ADA")
    if kind != "acted":
        key = draw(st.sampled_from([f"new-{number}", "old-1", "old-2"]))
        problems = draw(PROBLEMS)
        found = ran(hours, *problems, key=key, target=draw(st.integers(2, 5)), needed=needed, of=of)
        return replace(found, outcome=Outcome.UNKNOWN) if draw(st.integers(0, 5)) == 0 else found
    return Acted(
        moment(hours),
        draw(st.sampled_from(["U0ADA", "U0BEN"])),
        draw(st.sampled_from(list(Act))),
        assignee=draw(st.sampled_from(["", "U0ADA"])),
        snooze=draw(st.sampled_from([None, *SnoozeKind])),
        until=draw(st.sampled_from([None, moment(hours + 24)])),
    )


def lived(events: list[Event]) -> list[tuple[Incident | None, Event, Incident | None, News | None]]:
    """What each event found, and what it made of it; incidents are opened as `Running` opens them."""
    incident: Incident | None = None
    seen = []
    for number, event in enumerate(events):
        before = incident
        if isinstance(event, Ran) and (incident is None or not takes_up(incident, event.at)):
            changed = opened(f"i{number}", "m1", "flights", Subject.DATA, event)
        else:
            changed = None if incident is None else step(incident, event)
        if changed is not None:
            incident = changed[0]
        seen.append(
            (before, event, None if changed is None else changed[0], None if changed is None else changed[1].news)
        )
    return seen


@settings(max_examples=120)
@given(happenings())
def test_nothing_opens_without_a_drifted_run_and_nothing_ends_without_a_clean_one_or_a_person(
    happened: tuple[int, int, list[Event]],
) -> None:
    for before, event, after, _ in lived(happened[2]):
        if after is None:
            continue
        was_open = before is not None and before.is_open and before.id == after.id
        if after.is_open and not was_open:
            by_person = isinstance(event, Acted) and event.act is Act.REOPEN
            assert by_person or (isinstance(event, Ran) and event.outcome is Outcome.DRIFTED and event.problems)
        if was_open and not after.is_open:
            clean = (isinstance(event, Ran) and event.outcome is Outcome.CLEAN) or (
                isinstance(event, Ran) and not event.problems and event.outcome is Outcome.DRIFTED
            )
            by_person = isinstance(event, Acted | MonitorEnded)
            assert clean or by_person
            assert (after.resolution is Resolution.CLEAN) == (not by_person)
            assert bool(after.resolved_by) == by_person


@settings(max_examples=120)
@given(happenings())
def test_detected_means_n_drifted_runs_of_the_last_m_or_a_person(happened: tuple[int, int, list[Event]]) -> None:
    needed, of, events = happened
    for before, event, after, _ in lived(events):
        if after is None or after.status is not Status.DETECTED:
            continue
        if before is not None and before.id == after.id and before.status is Status.DETECTED:
            continue
        if isinstance(event, Acted):
            assert event.act is Act.REOPEN
            continue
        assert isinstance(event, Ran)
        assert sum(after.outcomes[-of:]) >= needed


@settings(max_examples=120)
@given(happenings())
def test_a_snooze_never_hides_more_than_was_agreed(happened: tuple[int, int, list[Event]]) -> None:
    for before, event, after, news in lived(happened[2]):
        snooze = None if before is None else before.snooze
        if news is not News.MUTED:
            continue
        assert snooze is not None
        assert isinstance(event, Ran)
        assert event.level <= snooze.ceiling
        assert {problem.key for problem in event.problems} <= snooze.keys
        assert snooze.until is None or event.at < snooze.until
        assert snooze.kind is not SnoozeKind.NEXT_VERSION or event.target_version <= snooze.version
        assert after is not None
        assert after.snooze == snooze, "what was agreed does not creep up"


@settings(max_examples=120)
@given(happenings())
def test_every_transition_has_exactly_one_effect_on_its_message(happened: tuple[int, int, list[Event]]) -> None:
    incident: Incident | None = None
    revision = 0
    for number, event in enumerate(happened[2]):
        if isinstance(event, Ran) and (incident is None or not takes_up(incident, event.at)):
            changed = opened(f"i{number}", "m1", "flights", Subject.DATA, event)
            revision = 0 if changed is not None else revision
        else:
            changed = None if incident is None else step(incident, event)
        if changed is None:
            continue
        incident, effect = changed
        assert incident.revision == revision + 1, "no change without an effect"
        revision = incident.revision
        incident = replace(incident, places=(Destination("C1"),), thread=message_key(incident.id, "C1"))
        notices = told(incident, effect, mention="U0ADA")
        about_message = [n for n in notices if n.key.startswith(message_key(incident.id, "C1"))]
        assert [n.action for n in about_message] == [Action.POST if revision == 1 else Action.UPDATE]
        replies = [n for n in notices if n.of and n.action is Action.POST]
        assert len(replies) == (1 if effect.loud and revision > 1 else 0)
        assert len({n.key for n in notices}) == len(notices)


@settings(max_examples=120)
@given(happenings())
def test_time_of_change_never_goes_back_and_identity_stays(happened: tuple[int, int, list[Event]]) -> None:
    for before, event, after, _ in lived(happened[2]):
        if after is None:
            continue
        assert after.changed_at == event.at
        if before is not None and before.id == after.id:
            assert after.opened_at == before.opened_at
            assert after.worst >= before.worst
            assert after.changed_at - before.changed_at >= timedelta(0)
        assert after.is_open == (after.resolved_at is None) == (after.resolution is None)
        assert after.is_open or after.snooze is None
