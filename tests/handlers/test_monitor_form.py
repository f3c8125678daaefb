"""The form of a monitor: words that are typed, and the draft that comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.message import Json
from handlers.monitors import form_words as words
from handlers.monitors.form import MonitorForm, shown_fields
from handlers.monitors.form_view import form_view, zone_options
from services.actor import Actor
from services.datasets.model import Problem
from services.drift.settings import EVERY, Metric, Preset
from services.errors import InvalidInput
from services.monitors.drafts import explained, sensible
from services.monitors.model import (
    Baseline,
    BaselineKind,
    Destination,
    Detail,
    MonitorDraft,
    QuietHours,
    Schedule,
    ScheduleKind,
    Severity,
)

NOW = datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC)
DRAFT = sensible("flights", Actor("U0ADA", is_admin=False), channel="C0DATA", timezone="Europe/Stockholm")


def submitted(form: MonitorForm, **typed: Any) -> Json:
    """The form's view as Slack delivers it when these fields were changed."""
    view = form_view(form, explained(form.draft))
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element, block_id = block["element"], block["block_id"]
        state = {
            "value": element.get("initial_value"),
            "selected_option": element.get("initial_option"),
            "selected_options": element.get("initial_options") or [],
            "selected_conversation": element.get("initial_conversation"),
            "selected_user": element.get("initial_user"),
        }
        if block_id in typed:
            state |= typed.pop(block_id)
        values[block_id] = {element["action_id"]: state}
    assert not typed, f"the form does not show {sorted(typed)}"
    return {**view, "id": "V1", "state": {"values": values}}


def text(value: str) -> dict[str, str]:
    return {"value": value}


def choice(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


def all_of(draft: MonitorDraft = DRAFT) -> MonitorForm:
    return replace(MonitorForm.of(draft, 3), shows_all=True)


@pytest.mark.parametrize("form", [MonitorForm.of(DRAFT, 3), all_of()])
def test_an_unchanged_form_is_the_draft_it_was_drawn_from(form: MonitorForm) -> None:
    assert MonitorForm.parse(submitted(form)).wish("U0ADA", NOW) == (DRAFT, ())


RICH = replace(
    DRAFT,
    name="weekly, strict",
    baseline=Baseline(BaselineKind.PINNED, 2),
    compare=replace(
        DRAFT.compare,
        preset=Preset.EVIDENTLY,
        columns=("price", "a, b", 'say "x"'),
        metrics={"price": Metric.PSI, EVERY: Metric.WASSERSTEIN_NORMED},
        thresholds={"price": 0.25},
        minimum_rows=100,
    ),
    needed=2,
    of=3,
    rows_change=None,
    late_after=timedelta(days=2),
    schema=False,
    schedule=Schedule(cron="30 6 * * 1-5", timezone="America/New_York", jitter=60),
    on_new_version=False,
    destinations=(Destination("C0DATA"), Destination("C0OWNERS", Detail.BRIEF)),
    mention="U0BEN",
    quiet=QuietHours(time(22), time(7), "America/New_York", Severity.WARNING),
)


def test_a_form_of_everything_is_the_draft_it_was_drawn_from() -> None:
    draft = replace(RICH, compare=replace(RICH.compare, columns=("price", "a, b")))
    assert MonitorForm.parse(submitted(all_of(draft))).wish("U0ADA", NOW) == (draft, ())


def test_what_is_chosen_and_typed_becomes_the_draft() -> None:
    form = MonitorForm.parse(submitted(MonitorForm.of(DRAFT, 3), baseline=choice("pinned"), schedule=choice("custom")))
    assert {"version", "cron"} <= shown_fields(form_view(form, {}))
    form = MonitorForm.parse(
        submitted(
            replace(form, shows_all=True),
            version=choice("2"),
            cron=text(" 30  6 * * 1-5 "),
            channel={"selected_conversation": None},
            new_version={"selected_options": []},
            columns=text('price, "a, b"'),
            metrics=text("price=psi, *=Wasserstein-Normed"),
            thresholds=text("0.2"),
            minimum=text("1,000"),
            needed=choice("2 of 3"),
            rows_change=text("25 %"),
            late=text("2 days"),
            quiet=text("22-7"),
            except_from=choice("2"),
            timezone=choice("Asia/Tokyo"),
            mention={"selected_user": "U0BEN"},
            brief={"selected_conversation": "C0OWNERS"},
        )
    )
    draft, problems = form.wish("U0ADA", NOW)
    assert problems == ()
    assert draft.baseline == Baseline(BaselineKind.PINNED, 2)
    assert (draft.schedule.cron, draft.schedule.timezone, draft.schedule.jitter) == ("30 6 * * 1-5", "Asia/Tokyo", 60)
    assert draft.destinations == (Destination("C0OWNERS", Detail.BRIEF),)
    assert not draft.on_new_version
    assert draft.compare.columns == ("price", "a, b")
    assert draft.compare.metrics == {"price": Metric.PSI, EVERY: Metric.WASSERSTEIN_NORMED}
    assert draft.compare.thresholds == {EVERY: 0.2}
    assert (draft.compare.minimum_rows, draft.needed, draft.of, draft.rows_change) == (1000, 2, 3, 0.25)
    assert draft.late_after == timedelta(days=2)
    assert draft.quiet == QuietHours(time(22), time(7), "Asia/Tokyo", Severity.WARNING)
    assert draft.mention == "U0BEN"


def test_no_place_is_a_direct_message() -> None:
    form = MonitorForm.parse(submitted(MonitorForm.of(DRAFT, 3), channel={"selected_conversation": None}))
    assert form.wish("U0ADA", NOW)[0].destinations == (Destination("U0ADA"),)


def test_an_interval_begins_when_it_is_chosen_and_keeps_its_beginning() -> None:
    form = MonitorForm.parse(submitted(MonitorForm.of(DRAFT, 3), schedule=choice("hourly")))
    first = form.wish("U0ADA", NOW)[0]
    assert first.schedule.kind is ScheduleKind.INTERVAL
    assert first.schedule.start == NOW.replace(microsecond=0)
    again = MonitorForm.parse(submitted(MonitorForm.of(first, 3))).wish("U0ADA", NOW + timedelta(days=3))[0]
    assert again == first


def test_mistakes_stand_beside_their_fields() -> None:
    view = submitted(
        all_of(),
        metrics=text("price=nonsense"),
        thresholds=text("price=-1"),
        minimum=text("few"),
        rows_change=text("a lot"),
        late=text("soon"),
        quiet=text("25-7"),
    )
    form = MonitorForm.parse(view)
    _, problems = form.wish("U0ADA", NOW)
    errors = form.errors(problems, shown_fields(view))
    assert set(errors) == {"metrics", "thresholds", "minimum", "rows_change", "late", "quiet"}
    assert "There are jensen_shannon" in errors["metrics"]


@pytest.mark.parametrize(
    ("field", "block"),
    [
        ("baseline", "baseline"),
        ("compare", "columns"),
        ("timezone", "timezone"),
        ("dataset", "schedule"),
        ("late_after", "late"),
    ],
)
def test_problems_of_the_service_stand_beside_the_field_that_decides_them(field: str, block: str) -> None:
    form = all_of()
    shown = shown_fields(form_view(form, {}))
    assert form.errors([Problem(field, "No.")], shown) == {block: "No."}


def test_a_problem_of_a_hidden_field_is_told_all_the_same() -> None:
    form = MonitorForm.of(DRAFT, 3)
    assert form.errors([Problem("compare", "No.")], shown_fields(form_view(form, {}))) == {"schedule": "No."}


def test_a_form_of_an_older_bot_says_so() -> None:
    with pytest.raises(InvalidInput, match="older version"):
        MonitorForm.parse({"private_metadata": "nonsense", "state": {"values": {}}})


@pytest.mark.parametrize("choice", [each for each in words.SCHEDULES if each != words.CUSTOM])
def test_every_choice_of_the_menu_is_found_again(choice: str) -> None:
    schedule = words.schedule_of(choice, "", Schedule(timezone="UTC"), "UTC", NOW)
    assert words.schedule_choice(schedule) == choice


@given(names=st.lists(st.text(st.characters(blacklist_characters='"\n', blacklist_categories=["Cs"]), min_size=1)))
def test_names_are_written_as_they_are_read(names: list[str]) -> None:
    wanted = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    assert (words.read_names(words.names_text(wanted)) or ()) == wanted


@pytest.mark.parametrize(("typed", "hours"), [("36", 36), ("36 hours", 36), ("2 days", 48), ("1w", 168), ("3D", 72)])
def test_spans(typed: str, hours: int) -> None:
    span = words.read_span(typed)
    assert span == timedelta(hours=hours)
    assert words.read_span(words.span_text(span)) == span


def test_time_zones_are_found_by_their_city_first() -> None:
    found = [each["value"] for each in zone_options("new y")]
    assert found[0] == "America/New_York"
    assert [each["value"] for each in zone_options("utc")][:1] == ["UTC"]
    assert len(zone_options("a")) == 100
    assert zone_options("nowhere at all") == []
