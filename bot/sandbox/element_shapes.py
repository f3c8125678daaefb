"""Shapes of composition objects and block elements, and which element may stand where.

Source: docs.slack.dev/reference/block-kit/composition-objects and /block-elements.
"""

import re
from typing import Any, Final

from bot.sandbox.limits import limit
from bot.sandbox.schema import (
    Check,
    Report,
    Rule,
    anything,
    array,
    at_least_one,
    boolean,
    by_type,
    exactly_one,
    integer,
    one_of,
    shape,
    string,
)
from bot.sandbox.wire import JsonObject

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def plain_text(most: int | None = None) -> Rule:
    """A plain_text object of at most so many characters."""
    return shape({"type": one_of("plain_text"), "text": string(most or limit("text.max_length"))}, {"emoji": boolean})


def mrkdwn_text(most: int | None = None) -> Rule:
    """A mrkdwn object of at most so many characters."""
    return shape({"type": one_of("mrkdwn"), "text": string(most or limit("text.max_length"))}, {"verbatim": boolean})


def any_text(most: int | None = None) -> Rule:
    """A text object of either kind."""
    return by_type(lambda: {"plain_text": plain_text(most), "mrkdwn": mrkdwn_text(most)})


def _pattern(pattern: re.Pattern[str], example: str) -> Rule:
    def rule(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            report.fail(at, f"must match the format {example}", type="format", expected=example, got=value)

    return rule


def web_address(most: int) -> Rule:
    """An http or https address."""
    size = string(most)

    def rule(value: Any, at: str, report: Report) -> None:
        size(value, at, report)
        if isinstance(value, str) and not value.startswith(("http://", "https://")):
            report.fail(at, "must be a valid URL", type="format", expected="url")

    return rule


ACTION_ID: Final = string(limit("action_id.max_length"))
CONFIRM: Final = shape(
    {
        "title": plain_text(limit("confirmation.title.max_length")),
        "text": any_text(limit("confirmation.text.max_length")),
        "confirm": plain_text(limit("confirmation.confirm.max_length")),
        "deny": plain_text(limit("confirmation.deny.max_length")),
    },
    {"style": one_of("primary", "danger")},
)


def _slack_file(value: JsonObject, at: str, report: Report) -> None:
    """The file must have been uploaded, finished and be an image."""
    reference = value.get("slack_file")
    if reference is None:
        return
    wanted = reference.get("id")
    file = report.files.get(wanted) if wanted else None
    if wanted is None:
        address = str(reference.get("url", ""))
        file = next((f for f in report.files.values() if f"/files/{f.id}/" in address), None)
    if file is None or not file.complete or not file.mimetype.startswith("image/"):
        report.fail(f"{at}/slack_file", "invalid slack file", type="slack_file", got=wanted)


SLACK_FILE: Final = shape({}, {"id": string(), "url": string()}, (exactly_one("id", "url"),))
IMAGE: Final = shape(
    {"type": one_of("image"), "alt_text": string(limit("image_element.alt_text.max_length"))},
    {"image_url": web_address(limit("image_element.image_url.max_length")), "slack_file": SLACK_FILE},
    (exactly_one("image_url", "slack_file"), _slack_file),
)


def option(*, mrkdwn: bool = False, url: bool = False) -> Rule:
    """An option; only checkboxes and radio buttons may use mrkdwn, only overflow menus a URL."""
    text = any_text if mrkdwn else plain_text
    return shape(
        {
            "text": text(limit("option.text.max_length")),
            "value": string(limit("option.value.max_length"), least=0),
        },
        {
            "description": text(limit("option.description.max_length")),
            **({"url": web_address(limit("option.url.max_length"))} if url else {}),
        },
    )


OPTIONS: Final = array(option(), limit("select.options.max_items"))
OPTION_GROUPS: Final = array(
    shape(
        {
            "label": plain_text(limit("option_group.label.max_length")),
            "options": array(option(), limit("option_group.options.max_items")),
        }
    ),
    limit("select.option_groups.max_items"),
)
FILTER: Final = shape(
    {},
    {
        "include": array(one_of("im", "mpim", "private", "public")),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
    (at_least_one("include", "exclude_external_shared_channels", "exclude_bot_users"),),
)
DISPATCH: Final = shape(
    {
        "trigger_actions_on": array(
            one_of("on_enter_pressed", "on_character_entered"),
            limit("dispatch_action_configuration.trigger_actions_on.max_items"),
        )
    }
)


def _presets_offered(value: JsonObject, at: str, report: Report) -> None:
    """A preset option must be one of the options, word for word."""
    offered = list(value.get("options") or [])
    for group in value.get("option_groups") or []:
        offered += group["options"]
    pairs = {(item["text"]["text"], item["value"]) for item in offered}
    preset = value.get("initial_options") or ([value["initial_option"]] if value.get("initial_option") else [])
    for item in preset:
        if (item["text"]["text"], item["value"]) not in pairs:
            name = "initial_options" if value.get("initial_options") else "initial_option"
            report.fail(f"{at}/{name}", "must match one of the options", type="enum", got=item["value"])


def _distinct_values(value: JsonObject, at: str, report: Report) -> None:
    seen = [item["value"] for item in value.get("options") or []]
    if len(set(seen)) != len(seen):
        report.fail(f"{at}/options", "option values must be unique", type="unique")


def _length_order(value: JsonObject, at: str, report: Report) -> None:
    if value.get("min_length", 0) > value.get("max_length", limit("plain_text_input.max_length.max")):
        report.fail(f"{at}/min_length", "must not be greater than max_length", type="max")


def _element(
    kind: str,
    required: dict[str, Rule] | None = None,
    optional: dict[str, Rule] | None = None,
    *checks: Check,
    confirm: bool = True,
) -> Rule:
    more = {"confirm": CONFIRM} if confirm else {}
    return shape(
        {"type": one_of(kind), **(required or {})},
        {"action_id": ACTION_ID, "focus_on_load": boolean, **more, **(optional or {})},
        checks,
    )


def _select(prefix: str, kind: str, initial: Rule, extra: dict[str, Rule], *checks: Check) -> Rule:
    """A select menu or its multi form; `kind` is e.g. `static_select`."""
    multi = prefix == "multi_"
    name = {"static_select": "option", "external_select": "option", "users_select": "user"}.get(kind)
    name = name or kind.removesuffix("s_select")
    preset = {f"initial_{name}s": array(initial)} if multi else {f"initial_{name}": initial}
    return _element(
        prefix + kind,
        {},
        {
            "placeholder": plain_text(limit("select.placeholder.max_length")),
            **preset,
            **({"max_selected_items": integer(limit("multi_select.max_selected_items.min"))} if multi else {}),
            **extra,
        },
        *checks,
    )


def _selects(prefix: str) -> dict[str, Rule]:
    url: dict[str, Rule] = {} if prefix else {"response_url_enabled": boolean}
    return {
        f"{prefix}static_select": _select(
            prefix,
            "static_select",
            option(),
            {"options": OPTIONS, "option_groups": OPTION_GROUPS},
            exactly_one("options", "option_groups"),
            _presets_offered,
            _distinct_values,
        ),
        f"{prefix}external_select": _select(
            prefix,
            "external_select",
            option(),
            {"min_query_length": integer(limit("select.min_query_length.min"))},
        ),
        f"{prefix}users_select": _select(prefix, "users_select", string(), {}),
        f"{prefix}conversations_select": _select(
            prefix,
            "conversations_select",
            string(),
            {"default_to_current_conversation": boolean, "filter": FILTER, **url},
        ),
        f"{prefix}channels_select": _select(prefix, "channels_select", string(), url),
    }


def _choices(kind: str, preset: dict[str, Rule]) -> Rule:
    return _element(
        kind,
        {"options": array(option(mrkdwn=True), limit(f"{kind}.options.max_items"))},
        preset,
        _presets_offered,
        _distinct_values,
    )


def _input(kind: str, limits: str, optional: dict[str, Rule], *checks: Check) -> Rule:
    placeholder = plain_text(limit(f"{limits}.placeholder.max_length"))
    fields = {"placeholder": placeholder, "dispatch_action_config": DISPATCH, **optional}
    return _element(kind, {}, fields, *checks, confirm=False)


_FEEDBACK = shape(
    {
        "text": plain_text(limit("feedback_button.text.max_length")),
        "value": string(limit("feedback_button.value.max_length")),
    },
    {"accessibility_label": string(limit("feedback_button.accessibility_label.max_length"))},
)

ELEMENTS: Final[dict[str, Rule]] = {
    "button": shape(
        {"type": one_of("button"), "text": plain_text(limit("button.text.max_length"))},
        {
            "action_id": ACTION_ID,
            "url": web_address(limit("button.url.max_length")),
            "value": string(limit("button.value.max_length")),
            "style": one_of("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(limit("button.accessibility_label.max_length")),
            "visible_to_user_ids": array(string()),
        },
    ),
    "checkboxes": _choices("checkboxes", {"initial_options": array(option(mrkdwn=True))}),
    "radio_buttons": _choices("radio_buttons", {"initial_option": option(mrkdwn=True)}),
    "overflow": _element(
        "overflow", {"options": array(option(url=True), limit("overflow.options.max_items"))}, {}, _distinct_values
    ),
    "datepicker": _element(
        "datepicker",
        {},
        {
            "initial_date": _pattern(_DATE, "YYYY-MM-DD"),
            "placeholder": plain_text(limit("date_picker.placeholder.max_length")),
        },
    ),
    "timepicker": _element(
        "timepicker",
        {},
        {
            "initial_time": _pattern(_TIME, "HH:mm"),
            "placeholder": plain_text(limit("time_picker.placeholder.max_length")),
            "timezone": string(),
        },
    ),
    "datetimepicker": _element("datetimepicker", {}, {"initial_date_time": integer(1_000_000_000, 9_999_999_999)}),
    "plain_text_input": _input(
        "plain_text_input",
        "plain_text_input",
        {
            "initial_value": string(limit("plain_text_input.max_length.max"), least=0),
            "multiline": boolean,
            "min_length": integer(0, limit("plain_text_input.min_length.max")),
            "max_length": integer(1, limit("plain_text_input.max_length.max")),
        },
        _length_order,
    ),
    "email_text_input": _input("email_text_input", "email_input", {"initial_value": string()}),
    "url_text_input": _input("url_text_input", "url_input", {"initial_value": string()}),
    "number_input": shape(
        {"type": one_of("number_input"), "is_decimal_allowed": boolean},
        {
            "action_id": ACTION_ID,
            "focus_on_load": boolean,
            "initial_value": string(),
            "min_value": string(),
            "max_value": string(),
            "dispatch_action_config": DISPATCH,
            "placeholder": plain_text(limit("number_input.placeholder.max_length")),
        },
    ),
    "rich_text_input": _input(
        "rich_text_input",
        "rich_text_input",
        {
            "initial_value": anything,
            "min_lines": integer(1, limit("rich_text_input.min_lines.max")),
            "max_lines": integer(1, limit("rich_text_input.max_lines.max")),
        },
    ),
    "file_input": shape(
        {"type": one_of("file_input")},
        {
            "action_id": ACTION_ID,
            "filetypes": array(string()),
            "max_files": integer(1, limit("file_input.max_files.max")),
        },
    ),
    "feedback_buttons": shape(
        {"type": one_of("feedback_buttons"), "positive_button": _FEEDBACK, "negative_button": _FEEDBACK},
        {"action_id": ACTION_ID},
    ),
    "icon_button": shape(
        {"type": one_of("icon_button"), "icon": one_of("trash"), "text": plain_text()},
        {
            "action_id": ACTION_ID,
            "value": string(limit("icon_button.value.max_length")),
            "confirm": CONFIRM,
            "accessibility_label": string(limit("icon_button.accessibility_label.max_length")),
            "visible_to_user_ids": array(string(), limit("icon_button.visible_to_user_ids.max_items")),
        },
    ),
    "workflow_button": shape(
        {
            "type": one_of("workflow_button"),
            "text": plain_text(limit("workflow_button.text.max_length")),
            "workflow": anything,
        },
        {
            "action_id": ACTION_ID,
            "style": one_of("primary", "danger"),
            "accessibility_label": string(limit("workflow_button.accessibility_label.max_length")),
        },
    ),
    "image": IMAGE,
    **_selects(""),
    **_selects("multi_"),
}

_SELECTS = frozenset({*_selects(""), *_selects("multi_")})
_PICKERS = frozenset({"checkboxes", "datepicker", "radio_buttons", "timepicker"})
SECTION_ACCESSORIES: Final = _SELECTS | _PICKERS | {"button", "image", "overflow", "workflow_button"}
ACTION_ELEMENTS: Final = (
    _SELECTS | _PICKERS | {"button", "datetimepicker", "overflow", "rich_text_input", "workflow_button"}
)
INPUT_ELEMENTS: Final = (
    _SELECTS
    | _PICKERS
    | {
        "datetimepicker",
        "email_text_input",
        "file_input",
        "number_input",
        "plain_text_input",
        "rich_text_input",
        "url_text_input",
    }
)


def element(allowed: frozenset[str]) -> Rule:
    """An element of one of these types."""
    return by_type(lambda: ELEMENTS, allowed)
