"""What an existing dataset puts into the register form, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

from handlers.datasets.register_current import filled, next_version_of, own_default
from handlers.datasets.register_form import FIELD_LIMIT, RegisterForm
from handlers.datasets.register_view import register_view
from services.datasets.model import ColumnType, DatastoreSource
from tests.golden import assert_within_limits
from tests.handlers import samples

BLANK = RegisterForm(name="flights", owner="U0BEN", filled=own_default("U0BEN"))
FLIGHTS = samples.dataset()
OTHER = samples.dataset("weather", description="Hourly weather.", tags=(), owner="U0CHIARA")
TAGS = "team=growth\ntier=gold"


def texts(form: RegisterForm) -> tuple[str, str, str]:
    return form.description, form.tags, form.owner


def test_empty_fields_are_filled_in_new_blocks() -> None:
    form = filled(BLANK, FLIGHTS)
    assert texts(form) == (FLIGHTS.description, TAGS, "U0ADA")
    assert (BLANK.block_id("tags"), form.block_id("tags"), form.block_id("name")) == ("tags", "tags:1", "name")


def test_what_was_typed_stays() -> None:
    form = filled(replace(BLANK, description="Mine.", owner="U0DEMIR"), FLIGHTS)
    assert texts(form) == ("Mine.", TAGS, "U0DEMIR")
    assert texts(filled(form, None)) == ("Mine.", "", "U0DEMIR")


def test_another_name_brings_its_own() -> None:
    form = filled(filled(BLANK, FLIGHTS), OTHER)
    assert texts(form) == ("Hourly weather.", "", "U0CHIARA")
    assert texts(filled(form, None)) == ("", "", "")
    edited = replace(filled(BLANK, FLIGHTS), tags="team=ops")
    assert texts(filled(edited, OTHER)) == ("Hourly weather.", "team=ops", "U0CHIARA")


def test_what_the_person_emptied_stays_empty() -> None:
    emptied = replace(filled(BLANK, FLIGHTS), description="")
    again = filled(emptied, FLIGHTS)
    assert texts(again) == ("", TAGS, "U0ADA")
    assert again.fills == emptied.fills


def test_a_text_too_long_for_the_form_comes_in_when_it_is_submitted() -> None:
    long = replace(FLIGHTS, description="x" * (FIELD_LIMIT + 1))
    form = filled(BLANK, long, longest=FIELD_LIMIT)
    assert form.description == ""
    assert filled(form, long).description == long.description
    assert filled(replace(form, description="Short."), long).description == "Short."


def test_tags_that_say_deprecated_are_not_typed_by_anybody() -> None:
    gone = replace(FLIGHTS, tags=(("status", "deprecated"), ("replaced_by", "trips"), ("team", "growth")))
    assert filled(BLANK, gone).tags == "team=growth"


def test_the_next_version_begins_as_the_latest_one_was_registered() -> None:
    card = samples.card()
    form = next_version_of(card, replace(BLANK, channel="C0DATA"))
    assert form.definition() == card.version.definition
    assert texts(form) == (FLIGHTS.description, TAGS, "U0ADA")
    assert (form.name, form.new_version, form.channel, form.fills) == ("flights", True, "C0DATA", 0)
    request, problems = form.read("U0BEN")
    assert not problems
    assert (request.tags, request.owner, request.create_new_version) == (FLIGHTS.tags, "U0ADA", True)


def test_what_does_not_fit_is_left_out_and_said() -> None:
    card = samples.card()
    many = tuple((f"column {number:05}", ColumnType.STRING) for number in range(900))
    source = DatastoreSource("s" * 200, tuple(f"{number:060}.csv" for number in range(90)))
    definition = replace(card.version.definition, source=source, column_types=many)
    form = next_version_of(replace(card, version=replace(card.version, definition=definition)), BLANK)
    assert "paths or addresses, datastore, column types" in form.checked
    assert_within_limits(register_view(form))
