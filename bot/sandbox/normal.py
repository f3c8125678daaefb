"""What Slack adds to blocks when it stores them: block and action ids, text and input defaults."""

import copy
import secrets
from typing import Any

from bot.sandbox.wire import JsonObject

_INTERACTIVE = frozenset(
    {
        "button", "channels_select", "checkboxes", "conversations_select", "datepicker", "datetimepicker",
        "email_text_input", "external_select", "feedback_buttons", "file_input", "icon_button",
        "multi_channels_select", "multi_conversations_select", "multi_external_select", "multi_static_select",
        "multi_users_select", "number_input", "overflow", "plain_text_input", "radio_buttons",
        "rich_text_input", "static_select", "timepicker", "url_text_input", "users_select", "workflow_button",
    }
)  # fmt: skip


def with_defaults(value: Any) -> Any:
    """A copy of blocks (or any part) as Slack would return it."""
    return _fill(copy.deepcopy(value))


def blocks_with_ids(blocks: list[JsonObject] | None) -> list[JsonObject]:
    """Top-level blocks with every `block_id` present."""
    filled: list[JsonObject] = with_defaults(blocks or [])
    return filled


def interactive_elements(blocks: list[JsonObject]) -> list[tuple[str, JsonObject]]:
    """Every element a person can act on, with the id of its block, in order of appearance."""
    found: list[tuple[str, JsonObject]] = []
    for block in blocks:
        _collect(block, str(block.get("block_id", "")), found)
    return found


def _collect(value: Any, block_id: str, found: list[tuple[str, JsonObject]]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, block_id, found)
    elif isinstance(value, dict):
        block_id = str(value.get("block_id") or block_id)
        if value.get("type") in _INTERACTIVE and "action_id" in value:
            found.append((block_id, value))
        for item in value.values():
            _collect(item, block_id, found)


def _fill(value: Any, is_block: bool = True) -> Any:
    if isinstance(value, list):
        for item in value:
            _fill(item, is_block)
        return value
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if kind == "plain_text":
        value.setdefault("emoji", True)
    elif kind == "mrkdwn":
        value.setdefault("verbatim", False)
    elif kind in _INTERACTIVE:
        value.setdefault("action_id", secrets.token_urlsafe(4))
    elif isinstance(kind, str) and is_block:
        value.setdefault("block_id", secrets.token_urlsafe(4))
    if kind == "input":
        value.setdefault("optional", False)
        value.setdefault("dispatch_action", False)
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            _fill(item, is_block=key == "child_blocks" or (key == "elements" and kind == "carousel"))
    return value
