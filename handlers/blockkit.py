"""Builders of Slack blocks, elements and views: the one owner of Slack's limits on this side.

A `str` becomes plain text, a `Mrkdwn` becomes markup; both are cut at Slack's limit. Each builder returns the JSON
object; ids are the caller's constants. Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handlers.message import Json
from handlers.text import Mrkdwn, quiet, truncate, unturned

SECTION_TEXT = 3000
FIELD_TEXT = 2000
FIELDS = 10
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTION_ELEMENTS = 25
BUTTON_TEXT = 75
BUTTON_VALUE = 2000
OPTION_TEXT = 75
OPTION_VALUE = 150
OPTIONS = 100
PLACEHOLDER = 150
LABEL = 2000
VIEW_TITLE = 24
VIEW_BLOCKS = 100
MESSAGE_BLOCKS = 50
INPUT_LENGTH = 3000
TABLE_ROWS = 100
TABLE_COLUMNS = 20
DATA_TABLE_ROWS = 100
DATA_TABLE_CHARACTERS = 20_000
CONFIRM_TITLE = 100
CONFIRM_TEXT = 300
CONFIRM_BUTTON = 30


def plain(text: str, limit: int) -> Json:
    """A plain_text object; emoji codes in untrusted text stay text."""
    return {"type": "plain_text", "text": truncate(unturned(str(text)), limit) or " ", "emoji": False}


def text_object(text: str, limit: int) -> Json:
    """plain_text for `str`, mrkdwn for `Mrkdwn` (verbatim: nothing is linked that was not meant to be)."""
    if isinstance(text, Mrkdwn):
        return {"type": "mrkdwn", "text": _cut_markup(text, limit) or " ", "verbatim": True}
    return plain(text, limit)


def _cut_markup(text: Mrkdwn, limit: int) -> str:
    """Cut between parts of markup: at the last line or word before the limit that leaves no `<` open."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    if cut.rfind("<") > cut.rfind(">"):
        cut = cut[: cut.rfind("<")]
    if cut.rfind("&") > cut.rfind(";"):
        cut = cut[: cut.rfind("&")]
    if cut.count("`") % 2:
        cut = cut[: cut.rfind("`")]
    return cut.rstrip() + "…"


# Blocks


def header(text: str) -> Json:
    """A heading."""
    return {"type": "header", "text": plain(text, HEADER_TEXT)}


def section(text: str, *, accessory: Json | None = None, block_id: str | None = None) -> Json:
    """A paragraph with an optional element beside it."""
    return _block({"type": "section", "text": text_object(text, SECTION_TEXT), "accessory": accessory}, block_id)


def fields(pairs: Sequence[tuple[str, str]], *, block_id: str | None = None) -> list[Json]:
    """Label and value pairs in two columns, as many sections as Slack's limit of 10 fields needs."""
    texts = [
        {
            "type": "mrkdwn",
            "text": _cut_markup(
                Mrkdwn(f"*{label}*\n{value if isinstance(value, Mrkdwn) else text_escape(value)}"), FIELD_TEXT
            ),
            "verbatim": True,
        }
        for label, value in pairs
    ]
    return [
        _block({"type": "section", "fields": texts[i : i + FIELDS]}, block_id if i == 0 else None)
        for i in range(0, len(texts), FIELDS)
    ]


def text_escape(text: str) -> str:
    """Untrusted text inside a markup field."""
    return quiet(text) or " "


def context(*texts: str) -> Json:
    """Small print, up to ten texts."""
    return {"type": "context", "elements": [text_object(t, FIELD_TEXT) for t in texts[:CONTEXT_ELEMENTS]]}


def divider() -> Json:
    """A line."""
    return {"type": "divider"}


def actions(elements: Sequence[Json], *, block_id: str | None = None) -> Json:
    """A row of buttons and selects."""
    return _block({"type": "actions", "elements": list(elements[:ACTION_ELEMENTS])}, block_id)


def preformatted(text: str) -> Json:
    """Preformatted text that nothing in it can leave."""
    cut = truncate(unturned(text), SECTION_TEXT) or " "
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": cut}]}],
    }


def alert(text: str, level: str = "warning") -> Json:
    """A coloured notice; modals only. level: default, info, warning, error, success."""
    return {"type": "alert", "text": text_object(text, 200), "level": level}


def input_block(
    block_id: str,
    label: str,
    element: Json,
    *,
    hint: str | None = None,
    optional: bool = False,
    dispatch: bool = False,
) -> Json:
    """A form field. dispatch: its changes are sent as block_actions while the person fills the form."""
    block: Json = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, LABEL),
        "element": element,
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, LABEL)
    if dispatch:
        block["dispatch_action"] = True
    return block


def _block(block: Json, block_id: str | None) -> Json:
    clean = {key: value for key, value in block.items() if value is not None}
    if block_id:
        clean["block_id"] = block_id
    return clean


# Elements


def button(
    text: str,
    action_id: str,
    value: str | None = None,
    *,
    style: str | None = None,
    confirm: Json | None = None,
    url: str | None = None,
    label: str | None = None,
) -> Json:
    """A button. value: an opaque key or a command, never trusted when it comes back. label: for screen readers."""
    if value is not None and len(value) > BUTTON_VALUE:
        raise ValueError(f"button value of {len(value)} characters")
    element: Json = {"type": "button", "text": plain(text, BUTTON_TEXT), "action_id": action_id}
    if label:
        element["accessibility_label"] = truncate(label, BUTTON_TEXT)
    return element | _given(value=value, style=style, confirm=confirm, url=url)


def numbered(action_id: str, number: int | None) -> str:
    """The same button once for each of several rows."""
    return action_id if number is None else f"{action_id}:{number}"


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = False) -> Json:
    """A question asked before a button acts."""
    return {
        "title": plain(title, CONFIRM_TITLE),
        "text": text_object(text, CONFIRM_TEXT),
        "confirm": plain(yes, CONFIRM_BUTTON),
        "deny": plain(no, CONFIRM_BUTTON),
    } | _given(style="danger" if danger else None)


def option(text: str, value: str, description: str | None = None) -> Json:
    """A choice. value: at most 150 characters."""
    if len(value) > OPTION_VALUE:
        raise ValueError(f"option value of {len(value)} characters")
    made: Json = {"text": plain(text, OPTION_TEXT), "value": value}
    if description:
        made["description"] = plain(description, OPTION_TEXT)
    return made


def text_input(
    action_id: str,
    *,
    initial: str | None = None,
    placeholder: str | None = None,
    multiline: bool = False,
    max_length: int | None = None,
    focus: bool = False,
    dispatch_on: Sequence[str] = (),
) -> Json:
    """A plain text field. dispatch_on: on_enter_pressed and/or on_character_entered."""
    element: Json = {"type": "plain_text_input", "action_id": action_id, "multiline": multiline}
    if dispatch_on:
        element["dispatch_action_config"] = {"trigger_actions_on": list(dispatch_on)}
    return element | _given(
        initial_value=initial or None,
        placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None,
        max_length=min(max_length, INPUT_LENGTH) if max_length else None,
        focus_on_load=True if focus else None,
    )


def select(
    action_id: str, options: Sequence[Json], *, initial: Json | None = None, placeholder: str | None = None
) -> Json:
    """A drop-down of at most 100 choices."""
    return {"type": "static_select", "action_id": action_id, "options": list(options[:OPTIONS])} | _given(
        initial_option=initial, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None
    )


def type_ahead(
    action_id: str, *, initial: Json | None = None, placeholder: str | None = None, min_query: int = 0
) -> Json:
    """A drop-down whose choices are asked from us while the person types."""
    return {"type": "external_select", "action_id": action_id, "min_query_length": min_query} | _given(
        initial_option=initial, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None
    )


def user_select(action_id: str, *, initial: str | None = None, placeholder: str | None = None) -> Json:
    """A person of the workspace."""
    return {"type": "users_select", "action_id": action_id} | _given(
        initial_user=initial or None, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None
    )


def channel_select(action_id: str, *, initial: str | None = None, placeholder: str | None = None) -> Json:
    """A public or private channel of the workspace; none that other organisations read along in."""
    return {
        "type": "conversations_select",
        "action_id": action_id,
        "filter": {"include": ["public", "private"], "exclude_external_shared_channels": True},
    } | _given(
        initial_conversation=initial or None, placeholder=plain(placeholder, PLACEHOLDER) if placeholder else None
    )


def radio(action_id: str, options: Sequence[Json], *, initial: Json | None = None) -> Json:
    """Up to ten choices, all visible."""
    return {"type": "radio_buttons", "action_id": action_id, "options": list(options[:10])} | _given(
        initial_option=initial
    )


def checkboxes(action_id: str, options: Sequence[Json], *, initial: Sequence[Json] = ()) -> Json:
    """Up to ten boxes to tick."""
    return {"type": "checkboxes", "action_id": action_id, "options": list(options[:10])} | _given(
        initial_options=list(initial) or None
    )


def overflow(action_id: str, options: Sequence[Json]) -> Json:
    """A menu behind three dots, one to five entries."""
    return {"type": "overflow", "action_id": action_id, "options": list(options[:5])}


# Views


def modal(
    callback_id: str,
    title: str,
    blocks: Sequence[Json],
    *,
    submit: str | None = None,
    close: str = "Cancel",
    private_metadata: str = "",
    external_id: str | None = None,
    notify_on_close: bool = False,
    clear_on_close: bool = False,
) -> Json:
    """A modal. private_metadata: at most 3,000 characters, opaque ids only."""
    view: Json = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, VIEW_TITLE),
        "blocks": list(blocks[:VIEW_BLOCKS]),
        "close": plain(close, VIEW_TITLE),
        "private_metadata": private_metadata,
    }
    if submit:
        view["submit"] = plain(submit, VIEW_TITLE)
    return view | _given(
        external_id=external_id,
        notify_on_close=True if notify_on_close else None,
        clear_on_close=True if clear_on_close else None,
    )


def home(blocks: Sequence[Json]) -> Json:
    """The App Home tab."""
    return {"type": "home", "blocks": list(blocks[:VIEW_BLOCKS])}


def _given(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value is not None}
