"""What is typed, pressed and filled in about access, read into values and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.access import buttons
from handlers.access.audit_request import AuditRequest, read_audit
from handlers.access.durations import duration_text, read_duration
from handlers.access.request import submission_key
from handlers.access.request_form import RequestForm, Whom, shown_blocks
from handlers.access.request_view import Offered, chosen_duration, presets_of, request_view
from handlers.access.request_words import read_wish
from handlers.access.turned_away import COMMANDS, FORMS, GRANT_BUTTONS, REQUEST_BUTTONS, Attempt, attempt_of
from handlers.command_table import TABLE
from handlers.grammar import tokenize
from services.access.model import Initiative, Level, SubjectKind
from services.datasets.model import Problem
from services.errors import InvalidInput
from tests.handlers import access_samples as access

DAY = 86_400
EVERY = tuple(SubjectKind)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", RequestForm()),
        ("sales", RequestForm(dataset="sales", dataset_label="sales")),
        ("sales:3 write", RequestForm(dataset="sales", dataset_label="sales", level=Level.WRITE)),
        (
            "sales for <@U0BEN|ben> read 2w",
            RequestForm(dataset="sales", dataset_label="sales", whom=Whom.USER, colleague="U0BEN", seconds=14 * DAY),
        ),
        ('"my sales" me 12h', RequestForm(dataset="my sales", dataset_label="my sales", seconds=DAY // 2)),
        ("sales <@U0BEN> me", RequestForm(dataset="sales", dataset_label="sales", colleague="U0BEN")),
    ],
)
def test_what_is_typed_fills_the_form(text: str, form: RequestForm) -> None:
    assert read_wish(tokenize(text), Initiative.ASK) == form


def test_given_access_is_for_somebody_else() -> None:
    form = read_wish(tokenize("sales <@U0BEN> 7d"), Initiative.GIVE)
    assert (form.initiative, form.whom, form.colleague, form.seconds) == (Initiative.GIVE, Whom.USER, "U0BEN", 7 * DAY)
    assert read_wish(tokenize("sales"), Initiative.GIVE).subject("U0ADA") is None


@pytest.mark.parametrize("text", ["sales forever", "sales 0d", "sales @ben", 'sales "read"', "sales 7"])
def test_other_words_are_told(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_wish(tokenize(text), Initiative.ASK)


@pytest.mark.parametrize(
    ("typed", "length", "told"),
    [
        ("90min", timedelta(minutes=90), "90 minutes"),
        ("12h", timedelta(hours=12), "12 hours"),
        ("1d", timedelta(days=1), "1 day"),
        ("30hours", timedelta(hours=30), "1 day and 6 hours"),
        ("2weeks", timedelta(weeks=2), "14 days"),
        ("1month", timedelta(days=30), "30 days"),
    ],
)
def test_durations(typed: str, length: timedelta, told: str) -> None:
    assert read_duration(typed) == length
    assert duration_text(length) == told


@pytest.mark.parametrize("typed", ["0d", "d", "7", "7y", "-1d", "99999d", "٧d", "1.5h"])
def test_no_durations(typed: str) -> None:
    assert read_duration(typed) is None


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", AuditRequest()),
        ("sales", AuditRequest("sales")),
        ("<@U0BEN> since 2026-01-31", AuditRequest(person="U0BEN", since=date(2026, 1, 31))),
        (
            'until:2026-02-28 "my sales" from:2026-01-01 before:70',
            AuditRequest("my sales", since=date(2026, 1, 1), until=date(2026, 2, 28), before=70),
        ),
    ],
)
def test_audit_is_read_and_written_back(text: str, request_: AuditRequest) -> None:
    assert read_audit(tokenize(text)) == request_
    again = request_.command(request_.before).removeprefix("/dataset audit")
    assert read_audit(tokenize(again)) == request_


@pytest.mark.parametrize("text", ["sales orders", "since", "since yesterday", "until 1999-01-01", "before:x"])
def test_audit_of_nonsense_is_told(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_audit(tokenize(text))


# The form


def filled(form: RequestForm, **elements: dict[str, Any]) -> dict[str, Any]:
    """The form's view as Slack delivers it when it is submitted: what was preset, and these values by block id."""
    view = request_view(form, Offered(EVERY, access.offer()), "U0BEN")
    values: dict[str, Any] = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            given_ = elements.get(block["block_id"].partition(":")[0])
            kept = {
                "value": element.get("initial_value"),
                "selected_option": element.get("initial_option"),
                "selected_options": element.get("initial_options", []),
                "selected_user": element.get("initial_user"),
            }
            values[block["block_id"]] = {element["action_id"]: given_ or kept}
    return {**view, "id": "V1", "state": {"values": values}}


FORMS_FILLED = st.builds(
    RequestForm,
    dataset=st.sampled_from(["sales", "x" * 110]),
    dataset_label=st.sampled_from(["sales", "x" * 75]),
    level=st.sampled_from(Level),
    whom=st.sampled_from(Whom),
    colleague=st.sampled_from(["", "U0ADA"]),
    group=st.sampled_from(["", access.TEAM.id]),
    group_name=st.just("Growth analysts"),
    principal=st.sampled_from(["", access.JOB.id]),
    principal_name=st.just("nightly-training"),
    seconds=st.sampled_from([DAY, 7 * DAY, 30 * DAY]),
    reason=st.text(max_size=50).map(str.strip),
    channel=st.sampled_from(["", "C0DATA"]),
    extends=st.sampled_from(["", "c0ffee5f3a0e5d1c9f536a3f0f6f2c11"]),
)


@given(FORMS_FILLED)
def test_what_a_form_holds_comes_back(form: RequestForm) -> None:
    # A menu with nothing chosen has no name of it either.
    group = form.whom is Whom.GROUP and not form.group and not form.is_fixed
    principal = form.whom is Whom.SERVICE_PRINCIPAL and not form.principal and not form.is_fixed
    expected = replace(
        form,
        group_name="" if group else form.group_name,
        principal_name="" if principal else form.principal_name,
    )
    assert RequestForm.parse(filled(form)) == expected


def test_another_choice_of_whom_keeps_what_was_chosen_before() -> None:
    form = RequestForm(dataset="sales", dataset_label="sales", whom=Whom.USER, colleague="U0ADA", reason="Why")
    read = RequestForm.parse(filled(form, whom={"selected_option": {"value": "group"}}))
    assert (read.whom, read.colleague, read.reason) == (Whom.GROUP, "U0ADA", "Why")


def test_problems_stand_beside_fields_that_are_there() -> None:
    form = RequestForm(dataset="sales", whom=Whom.GROUP)
    view = filled(form)
    shown = shown_blocks(view)
    duration = next(block for block in shown if block.startswith("seconds:"))
    problems = tuple(
        Problem(field, field) for field in ("subject", "duration", "ticket", "emergency", "reason", "dataset", "level")
    )
    errors = form.errors(problems, shown, duration)
    assert errors["group"] == "subject"
    assert errors[duration] == "duration"
    assert errors["reason"] == "ticket", "what has no field of its own stands beside the reason, the first of them"
    assert set(errors) <= shown


def test_durations_offered_are_never_longer_than_allowed() -> None:
    form = RequestForm(seconds=60 * DAY)
    presets = presets_of(form, Offered(EVERY, access.offer()))
    assert presets == access.offer().presets
    assert chosen_duration(form, presets) == timedelta(days=30)
    short = access.offer(decision=access.decision(terms=access.terms(longest=timedelta(hours=8))))
    assert presets_of(form, Offered(EVERY, short)) == (timedelta(hours=8),)
    typed = RequestForm(seconds=3 * DAY)
    assert timedelta(days=3) in presets_of(typed, Offered(EVERY, access.offer()))


def test_a_submission_delivered_twice_has_one_key() -> None:
    form = RequestForm(dataset="sales", reason="Why")
    assert submission_key("V1", form) == submission_key("V1", replace(form))
    others = {submission_key("V2", form), submission_key("V1", replace(form, reason="Because"))}
    assert submission_key("V1", form) not in others
    assert len(others) == 2
    assert submission_key("V1", replace(form, reason="\ud83d")) != submission_key("V1", form)


# At the door


def click(action_id: str, value: str) -> dict[str, Any]:
    return {"type": "block_actions", "actions": [{"action_id": action_id, "value": value}]}


@pytest.mark.parametrize(
    ("body", "attempt"),
    [
        ({"command": "/dataset", "text": "access sales"}, Attempt("request", dataset="sales")),
        ({"command": "/dataset", "text": "GRANTS"}, Attempt("grants.read")),
        ({"command": "/dataset", "text": "list"}, None),
        ({"command": "/dataset"}, None),
        (click(buttons.APPROVE, "r1"), Attempt("request.approve", request_id="r1")),
        (click(f"{buttons.CANCEL}:3", "r1"), Attempt("request.cancel", request_id="r1")),
        (click(buttons.REVOKE, "g1"), Attempt("grant.revoke", grant_id="g1")),
        (click("run:access", '/dataset access "my sales"'), Attempt("request", dataset="my sales")),
        (click("run:show", "/dataset show sales"), None),
        (click("access:nonsense", "x"), None),
        ({"type": "view_submission", "view": {"callback_id": "access_deny"}}, Attempt("request.deny")),
        ({"type": "view_submission", "view": {"callback_id": "register"}}, None),
        ({"type": "shortcut", "callback_id": "request_access"}, Attempt("request")),
        ({"type": "shortcut", "callback_id": "register_dataset"}, None),
        ({"type": "event_callback", "event": {"type": "message"}}, None),
    ],
)
def test_what_was_tried_at_the_door(body: dict[str, Any], attempt: Attempt | None) -> None:
    assert attempt_of(body) == attempt


def test_the_door_knows_every_button_form_and_command_of_access() -> None:
    ids = (buttons.APPROVE, buttons.DENY, buttons.CANCEL, buttons.RETRY, buttons.DECIDE)
    assert {each.removeprefix("access:") for each in ids} == REQUEST_BUTTONS
    ids_of_grants = (buttons.DONE, buttons.EXTEND, buttons.REVOKE, buttons.REVIEW)
    assert {each.removeprefix("access:") for each in ids_of_grants} == GRANT_BUTTONS
    named = {
        name
        for command in TABLE.commands
        if command.name in {"access", "grant", "revoke", "grants", "audit"}
        for name in (command.name, *command.aliases)
    }
    assert set(COMMANDS) == named
    assert set(FORMS) == {"access_request", "access_deny", "access_revoke", "access_review"}
