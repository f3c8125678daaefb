"""Whatever a name, tag, path or file holds, it stays text, and every screen stays within Slack's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import blockkit, tables
from handlers.datasets import compare_form, diff_view, list_view, preview_view, refs, show_view, use_view, versions_view
from handlers.datasets.list_request import ListRequest
from handlers.message import Json, Message
from handlers.sharing import for_everybody, with_share_button
from handlers.text import code, md, one_line, told
from tests.golden import as_json, assert_within_limits
from tests.handlers.nasty import TEXTS, World

WORLDS = st.builds(
    World, st.lists(st.sampled_from(TEXTS) | st.text(max_size=60), min_size=1, max_size=5), st.integers(0, 2**32)
)
TRUSTED = re.compile(
    r"<!date\^[0-9]+\^[^|<>]*\|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5} UTC>"
    r"|<@[UW][A-Z0-9]+>"
    r"|<!subteam\^S[A-Z0-9]+>"
    r"|<https?://[^\s<>|]*\|[^<>|]*>"
)
"""Markup of our own making: dates, people and user groups by id, and the link to the studio."""
QUOTE = re.compile("^>", re.MULTILINE)


def list_screen(world: World) -> Message:
    request = ListRequest(words=world.text()[:900], tags=((world.text()[:30], world.text()[:30]),), owner=world.text())
    return list_view.build(world.page(), request)


def use_screen(world: World) -> Message:
    guide = world.guide()
    return use_view.build(guide, use_view.Shown(world.name(), None, use_view.way_of(guide, "v1")))


MESSAGES: dict[str, Callable[[World], Message]] = {
    "list": list_screen,
    "show": lambda world: show_view.build(world.card(), world.text()),
    "versions": lambda world: versions_view.build(world.version_page(), 2),
    "diff": lambda world: diff_view.build(world.diff(), values_missing=world.flag()),
    "working": lambda world: diff_view.working(world.name(), world.name()),
    "preview": lambda world: preview_view.build(world.name(), world.version_number(), world.preview()),
    "use": use_screen,
}


def markup(value: object) -> Iterator[str]:
    """Every text of a screen that Slack reads as markup."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for inner in value.values():
            yield from markup(inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from markup(item)


def assert_stays_text(screen: Message | Json) -> None:
    """Outside of our own markup no text holds a character that begins or ends markup."""
    read = list(markup(as_json(screen)))
    if isinstance(screen, Message):
        read.append(screen.text)
    for text in read:
        rest = TRUSTED.sub("", text)
        assert "<" not in rest, text
        assert ">" not in QUOTE.sub("", rest), text
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest), text


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=25, deadline=None)
@given(world=WORLDS)
def test_messages(name: str, world: World) -> None:
    screen = MESSAGES[name](world)
    assert_within_limits(screen)
    assert_stays_text(screen)
    assert_within_limits(for_everybody(screen, "U0ADA"))
    assert_within_limits(with_share_button(screen, "/dataset show x"))


@settings(max_examples=25, deadline=None)
@given(WORLDS)
def test_modals_and_their_choices(world: World) -> None:
    address = refs.ReturnAddress(command="diff", name=world.name(), response_url="https://hooks.example/" + "x" * 99)
    for view in (compare_form.build(address, 7), refs.build(address)):
        assert_within_limits(view)
        assert_stays_text(view)
        assert refs.return_address(view) == address
    made = refs.dataset_option(world.summary())
    assert 1 <= len(made["text"]["text"]) <= 75
    assert 1 <= len(made["value"]) <= 150
    assert 1 <= len(made["description"]["text"]) <= 75


@pytest.mark.parametrize("mark", ["\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068"])
def test_a_text_does_not_turn_what_follows_it(mark: str) -> None:
    name = f"{mark}fdp.exe"
    shown = "�fdp.exe"
    assert md("{}", name) == shown
    assert code(name) == f"`{shown}`"
    assert blockkit.header(name)["text"]["text"] == shown
    assert blockkit.preformatted(name)["elements"][0]["elements"][0]["text"] == shown
    assert tables.table([["Name"], [name]])["rows"][1][0]["text"] == shown
    assert Message(text=name).notification == shown


def test_who_a_sentence_names_by_id_is_mentioned() -> None:
    named = "Ask user U0ADA, user W012ABCDEF or user group S0OWNERS"
    others = "about “user U0BEN”, not the user UPN or user group S."
    assert told(f"{named} {others}") == (
        "Ask <@U0ADA>, <@W012ABCDEF> or <!subteam^S0OWNERS> about `user U0BEN`, not the user UPN or user group S."
    )
    assert told("user U0ADA<!channel>") == "<@U0ADA>&lt;!channel&gt;"


def test_text_from_right_to_left_stays_as_it_is() -> None:
    assert md("{}", "\u200fنتائج 2026") == "\u200fنتائج 2026"


_SHAPING = "".join(
    chr(point) for point in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
)


@given(st.text(st.sampled_from(_SHAPING + "aé_ 漢") | st.characters()))
def test_one_line_leaves_nothing_that_shapes_a_message(text: str) -> None:
    flat = one_line(text)
    breaks_and_marks = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\u202a-\u202e\u2066-\u2069]")
    assert not breaks_and_marks.search(flat.replace("\t", ""))
    assert one_line(flat) == flat
    if not breaks_and_marks.search(text):
        assert flat == text
