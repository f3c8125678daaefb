"""The elements people act on: what an action reports, and what Slack checks before a modal is submitted."""

import re
from typing import Any, Final

from bot.sandbox.wire import JsonObject, SlackError

# The key under which each element's state and action carry their value.
VALUE_KEY: Final[dict[str, str]] = {
    "channels_select": "selected_channel",
    "checkboxes": "selected_options",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "datetimepicker": "selected_date_time",
    "email_text_input": "value",
    "external_select": "selected_option",
    "file_input": "files",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "multi_external_select": "selected_options",
    "multi_static_select": "selected_options",
    "multi_users_select": "selected_users",
    "number_input": "value",
    "overflow": "selected_option",
    "plain_text_input": "value",
    "radio_buttons": "selected_option",
    "rich_text_input": "rich_text_value",
    "static_select": "selected_option",
    "timepicker": "selected_time",
    "url_text_input": "value",
    "users_select": "selected_user",
}

# The key of an element's definition that presets its value.
INITIAL_KEY: Final[dict[str, str]] = {
    "channels_select": "initial_channel",
    "checkboxes": "initial_options",
    "conversations_select": "initial_conversation",
    "datepicker": "initial_date",
    "datetimepicker": "initial_date_time",
    "email_text_input": "initial_value",
    "external_select": "initial_option",
    "multi_channels_select": "initial_channels",
    "multi_conversations_select": "initial_conversations",
    "multi_external_select": "initial_options",
    "multi_static_select": "initial_options",
    "multi_users_select": "initial_users",
    "number_input": "initial_value",
    "plain_text_input": "initial_value",
    "radio_buttons": "initial_option",
    "rich_text_input": "initial_value",
    "static_select": "initial_option",
    "timepicker": "initial_time",
    "url_text_input": "initial_value",
    "users_select": "initial_user",
}

_WITH_FIXED_OPTIONS = frozenset({"checkboxes", "multi_static_select", "overflow", "radio_buttons", "static_select"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def initial_state(elements: list[tuple[str, JsonObject]]) -> JsonObject:
    """`state.values` of a view nobody has touched yet: every stateful element with its preset."""
    values: JsonObject = {}
    for block_id, element in elements:
        kind = element["type"]
        key = VALUE_KEY.get(kind)
        if key is None or kind == "overflow":
            continue
        empty: object = [] if key in {"selected_options", "files"} or kind.startswith("multi_") else None
        preset = element.get(INITIAL_KEY.get(kind, ""), empty)
        values.setdefault(block_id, {})[element["action_id"]] = {"type": kind, key: preset}
    return values


def action_details(element: JsonObject, chosen: JsonObject) -> JsonObject:
    """The entry of `actions`: the button's own value, or the choice if the element offers it.

    Raises SlackError `invalid_action` for a choice that the element does not have.
    """
    kind = element["type"]
    details: JsonObject = {"type": kind, "action_id": element["action_id"]}
    if kind in {"button", "icon_button", "workflow_button"}:
        details |= {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        return details
    if kind == "feedback_buttons":
        buttons = (element["positive_button"], element["negative_button"])
        pick = next((b for b in buttons if b["value"] == chosen.get("value")), None)
        if pick is None:
            raise SlackError("invalid_action")
        return details | {"text": pick["text"], "value": pick["value"]}
    key = VALUE_KEY[kind]
    value = chosen.get(key)
    if kind in _WITH_FIXED_OPTIONS:
        offered = _option_values(element)
        picked = value if isinstance(value, list) else [value] if value else []
        if any(not isinstance(o, dict) or o.get("value") not in offered for o in picked):
            raise SlackError("invalid_action")
    details[key] = value
    if "placeholder" in element:
        details["placeholder"] = element["placeholder"]
    return details


def input_problems(blocks: list[JsonObject], values: JsonObject) -> dict[str, str]:
    """Messages by block_id for what Slack itself refuses when a modal is submitted."""
    problems: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        state = values.get(block["block_id"], {}).get(element["action_id"], {})
        value = state.get(VALUE_KEY[element["type"]])
        empty = value is None or value in ("", [])
        if empty and not block.get("optional"):
            problems[block["block_id"]] = "Please complete this required field."
        elif not empty and (problem := _value_problem(element, value)):
            problems[block["block_id"]] = problem
    return problems


def _value_problem(element: JsonObject, value: Any) -> str:
    match element["type"]:
        case "plain_text_input":
            problem = _length_problem(element, str(value))
        case "number_input":
            problem = _number_problem(element, str(value))
        case "email_text_input":
            problem = "" if _EMAIL.fullmatch(str(value)) else "Please enter a valid email address."
        case "url_text_input":
            problem = "" if _URL.fullmatch(str(value)) else "Please enter a valid URL."
        case kind:
            problem = _choice_problem(element, value if isinstance(value, list) else [value], kind)
    return problem


def _choice_problem(element: JsonObject, picked: list[Any], kind: str) -> str:
    if kind in _WITH_FIXED_OPTIONS:
        offered = _option_values(element)
        if any(option.get("value") not in offered for option in picked):
            return "Please choose one of the options."
    most = element.get("max_selected_items") or element.get("max_files")
    if most and len(picked) > most:
        return f"Please choose at most {most}."
    return ""


def _length_problem(element: JsonObject, text: str) -> str:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < least:
        return f"Please enter at least {least} characters."
    if len(text) > most:
        return f"Please enter at most {most} characters."
    return ""


def _number_problem(element: JsonObject, text: str) -> str:
    if not _NUMBER.fullmatch(text):
        return "Please enter a number."
    if "." in text and not element.get("is_decimal_allowed"):
        return "Please enter a whole number."
    number = float(text)
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return ""


def _option_values(element: JsonObject) -> set[str]:
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    return {str(option.get("value")) for option in options}
