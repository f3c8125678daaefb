"""Block Kit validation: what Slack refuses in messages, modals, App Home and option lists, and how it says so."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bot.sandbox.block_shapes import BLOCKS, SURFACES, text_length
from bot.sandbox.element_shapes import OPTION_GROUPS, OPTIONS, plain_text
from bot.sandbox.limits import VIEW_BYTES, limit
from bot.sandbox.normal import interactive_elements
from bot.sandbox.schema import (
    BlockError,
    Report,
    Rule,
    anything,
    array,
    boolean,
    by_type,
    one_of,
    shape,
    string,
)
from bot.sandbox.state import StoredFile
from bot.sandbox.wire import JsonObject, SlackError

Files = Mapping[str, StoredFile]

_COMMON: Final[dict[str, Rule]] = {
    "private_metadata": string(limit("view.private_metadata.max_length"), least=0),
    "callback_id": string(limit("view.callback_id.max_length"), least=0),
    "external_id": string(limit("view.external_id.max_length"), least=0),
}


def _view_shape(surface: str) -> Rule:
    blocks = array(by_type(lambda: BLOCKS, SURFACES[surface]), limit("view.blocks.max_items"), least=0)
    required: dict[str, Rule] = {"type": one_of(surface), "blocks": blocks}
    if surface == "home":
        return shape(required, _COMMON)
    return shape(
        {**required, "title": plain_text(limit("view.title.max_length"))},
        {
            **_COMMON,
            "submit": plain_text(limit("view.submit.max_length")),
            "close": plain_text(limit("view.close.max_length")),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
    )


_VIEWS: Final[dict[str, Rule]] = {surface: _view_shape(surface) for surface in ("modal", "home")}
_MESSAGE_BLOCKS: Final = array(by_type(lambda: BLOCKS, SURFACES["message"]), limit("message.blocks.max_items"), least=0)
_ATTACHMENT_BLOCKS: Final = array(by_type(lambda: BLOCKS, SURFACES["message"]), limit("message.blocks.max_items"))
_LEGACY: Final = (
    *("author_icon", "author_link", "author_name", "callback_id", "color", "fallback", "fields", "footer"),
    *("footer_icon", "from_url", "hide_color", "image_url", "mrkdwn_in", "pretext", "preview", "text"),
    *("thumb_url", "title", "title_link", "ts", "unfurl_id"),
)
_ATTACHMENT: Final = shape({}, {"blocks": _ATTACHMENT_BLOCKS, **dict.fromkeys(_LEGACY, anything)})


def message_errors(
    blocks: Any, attachments: Any, files: Files, refused: Iterable[str] = (), root: str = "/blocks"
) -> list[BlockError]:
    """What Slack refuses in a message's blocks and attachments. `root` is the pointer of `blocks`."""
    report = Report(files, frozenset(refused))
    own: list[JsonObject] = []
    if blocks is not None:
        _MESSAGE_BLOCKS(blocks, root, report)
        own += blocks if isinstance(blocks, list) else []
    if attachments is not None:
        array(_ATTACHMENT, limit("message.attachments.max_items"), least=0)(attachments, "/attachments", report)
    if report.errors:
        return report.errors
    _unique_ids(own, root, report)
    every = own + [block for item in attachments or [] for block in item.get("blocks") or []]
    _message_totals(every, root, report)
    return report.errors


def view_errors(
    view: Any, kind: str | None, files: Files, refused: Iterable[str] = (), root: str = "/view"
) -> list[BlockError]:
    """What Slack refuses in a view. `kind` is the surface it must have (None: what it says itself)."""
    report = Report(files, frozenset(refused))
    surface = kind or (view.get("type") if isinstance(view, dict) else None)
    if not isinstance(surface, str) or surface not in _VIEWS:
        report.fail(f"{root}/type", "must be one of: modal, home", type="enum", expected=["modal", "home"])
        return report.errors
    report.surface = surface
    _VIEWS[surface](view, root, report)
    if report.errors:
        return report.errors
    _unique_ids(view["blocks"], f"{root}/blocks", report)
    _data_total(view["blocks"], f"{root}/blocks", report)
    if surface == "modal" and any(b["type"] == "input" for b in view["blocks"]) and not view.get("submit"):
        report.missing(root, "submit")
    focused = [e for _, e in interactive_elements(view["blocks"]) if e.get("focus_on_load")]
    if len(focused) > 1:
        report.fail(root, "only one element may have focus_on_load", type="max_items", expected=1)
    return report.errors


def validate_message(blocks: Any, attachments: Any, files: Files, refused: Iterable[str] = ()) -> None:
    """Raise what chat.* answers: `invalid_blocks_format`, `invalid_blocks`, `invalid_attachments` …"""
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if attachments is not None and not isinstance(attachments, list):
        raise SlackError("invalid_attachments_format" if isinstance(attachments, str) else "invalid_attachments")
    if attachments and len(attachments) > limit("message.attachments.max_items"):
        raise SlackError("too_many_attachments")
    errors = message_errors(blocks, attachments, files, refused)
    if errors:
        lines = [error.as_text() for error in errors]
        code = "invalid_attachments" if errors[0].pointer.startswith("/attachments") else "invalid_blocks"
        raise SlackError(code, errors=lines, response_metadata={"messages": [f"[ERROR] {line}" for line in lines]})


def validate_view(view: Any, kind: str, files: Files, refused: Iterable[str] = ()) -> None:
    """Raise what views.* answers: `invalid_arguments` with messages, or `view_too_large`."""
    if view is None:
        raise SlackError("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field: view"]})
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    errors = view_errors(view, kind, files, refused)
    if errors:
        lines = [f"[ERROR] {error.as_text()}" for error in errors]
        raise SlackError("invalid_arguments", response_metadata={"messages": lines})


def check_options(body: JsonObject) -> list[str]:
    """What is wrong with an app's answer to block_suggestion; empty when Slack would show it."""
    report = Report({})
    given = [name for name in ("options", "option_groups") if name in body]
    if len(given) != 1:
        return ["must have exactly one of: options, option_groups"]
    rule = OPTIONS if given[0] == "options" else OPTION_GROUPS
    if body[given[0]] != []:
        rule(body[given[0]], f"/{given[0]}", report)
    return [error.as_text() for error in report.errors]


def _unique_ids(blocks: list[JsonObject], root: str, report: Report) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            report.fail(f"{root}/{index}/block_id", f"duplicate block_id: {block_id}", type="unique", got=block_id)
        elif block_id:
            seen.add(block_id)
        actions = [item["action_id"] for _, item in interactive_elements([block])]
        for action_id in {a for a in actions if actions.count(a) > 1}:
            report.fail(f"{root}/{index}", f"duplicate action_id: {action_id}", type="unique", got=action_id)


def _message_totals(blocks: list[JsonObject], root: str, report: Report) -> None:
    everywhere = blocks + [child for block in blocks for child in block.get("child_blocks") or []]
    kinds = [block["type"] for block in everywhere]
    if kinds.count("table") > limit("message.tables.max_items"):
        report.fail(root, "only_one_table_allowed", type="max_items", expected=1)
    charts = limit("message.data_visualizations.max_items")
    if kinds.count("data_visualization") > charts:
        report.fail(root, f"no more than {charts} data_visualization blocks", type="max_items", expected=charts)
    most = limit("markdown.total_text.max_length")
    if sum(len(block["text"]) for block in everywhere if block["type"] == "markdown") > most:
        report.fail(root, f"no more than {most} characters in markdown blocks", type="max_length")
    _data_total(blocks, root, report)


def _data_total(blocks: list[JsonObject], root: str, report: Report) -> None:
    most = limit("data_table.total_content.max_length")
    if sum(text_length(block["rows"]) for block in blocks if block["type"] == "data_table") > most:
        report.fail(root, f"no more than {most} characters in data_table blocks", type="max_length")
