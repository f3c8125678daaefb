"""Shapes of blocks, and the surfaces that take them.

Source: docs.slack.dev/reference/block-kit/blocks; where a surface is disputed the narrower set holds.
"""

from typing import Any, Final

from bot.sandbox.element_shapes import (
    ACTION_ELEMENTS,
    ELEMENTS,
    IMAGE,
    INPUT_ELEMENTS,
    SECTION_ACCESSORIES,
    any_text,
    element,
    mrkdwn_text,
    plain_text,
    web_address,
)
from bot.sandbox.limits import limit
from bot.sandbox.rich_text_shapes import RICH_TEXT_ELEMENTS
from bot.sandbox.schema import (
    Check,
    Report,
    Rule,
    array,
    at_least_one,
    boolean,
    by_type,
    exactly_one,
    integer,
    nullable,
    number,
    one_of,
    shape,
    string,
)
from bot.sandbox.wire import JsonObject

_EVERYWHERE = frozenset(
    {"actions", "card", "context", "divider", "header", "image", "input", "rich_text", "section", "video"}
)
SURFACES: Final[dict[str, frozenset[str]]] = {
    "message": _EVERYWHERE
    | {
        "carousel",
        "container",
        "context_actions",
        "data_table",
        "data_visualization",
        "markdown",
        "plan",
        "table",
        "task_card",
    },
    "modal": _EVERYWHERE | {"alert"},
    "home": _EVERYWHERE | {"carousel", "data_table", "data_visualization"},
}
_IN_CONTAINER = frozenset(
    {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video"}
)


def _block(
    kind: str,
    required: dict[str, Rule] | None = None,
    optional: dict[str, Rule] | None = None,
    *checks: Check,
) -> Rule:
    block_id = string(limit("block_id.max_length"))
    return shape({"type": one_of(kind), **(required or {})}, {"block_id": block_id, **(optional or {})}, checks)


def _text(name: str, make: Any = any_text) -> Rule:
    rule: Rule = make(limit(f"{name}.max_length"))
    return rule


RICH_TEXT: Final = _block("rich_text", {"elements": array(RICH_TEXT_ELEMENTS, least=0)})
_RAW_TEXT = shape({"type": one_of("raw_text"), "text": string(least=limit("data_table.cell_text.min_length"))})
_RAW_NUMBER = shape({"type": one_of("raw_number"), "value": number(), "text": string()})
_CELL = by_type(lambda: {"raw_text": _RAW_TEXT, "raw_number": _RAW_NUMBER, "rich_text": RICH_TEXT})


def text_length(value: Any) -> int:
    """Characters under every `text` key, at any depth."""
    if isinstance(value, list):
        return sum(text_length(item) for item in value)
    if not isinstance(value, dict):
        return 0
    return sum(
        len(item) if key == "text" and isinstance(item, str) else text_length(item) for key, item in value.items()
    )


def _data_table(block: JsonObject, at: str, report: Report) -> None:
    rows = block["rows"]
    columns = len(rows[0])
    if any(len(row) != columns for row in rows):
        report.fail(f"{at}/rows", "all rows must have the same number of columns", type="columns")
    for index, cell in enumerate(rows[0]):
        if cell["type"] == "rich_text":
            report.fail(f"{at}/rows/0/{index}", "header cells must not be rich_text", type="enum")
    if block.get("row_header_column_index", 0) >= columns:
        report.fail(f"{at}/row_header_column_index", "must be an existing column", type="max")
    most = limit("data_table.content.max_length")
    if text_length(rows) > most:
        report.fail(f"{at}/rows", f"no more than {most} characters in all cells", type="max_length")


def _chart_data(chart: JsonObject, at: str, report: Report) -> None:
    categories = chart["axis_config"]["categories"]
    if len(set(categories)) != len(categories):
        report.fail(f"{at}/axis_config/categories", "categories must be unique", type="unique")
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) != len(names):
        report.fail(f"{at}/series", "series names must be unique", type="unique")
    for index, series in enumerate(chart["series"]):
        labels = [point["label"] for point in series["data"]]
        if sorted(labels) != sorted(categories):
            report.fail(
                f"{at}/series/{index}/data", "must have exactly one point for every category", type="categories"
            )


def _chart(name: str) -> int:
    return limit(f"data_visualization.{name}")


_POINT = shape({"label": string(_chart("point_label.max_length")), "value": number()})
_SERIES = shape({"name": string(_chart("series_name.max_length")), "data": array(_POINT, _chart("data.max_items"))})
_AXES = shape(
    {"categories": array(string(_chart("category_label.max_length")), _chart("categories.max_items"))},
    {"x_label": string(_chart("axis_label.max_length")), "y_label": string(_chart("axis_label.max_length"))},
)
_SEGMENT = shape({"label": string(_chart("segment.label.max_length")), "value": number(above=0)})


def _axis_chart(kind: str) -> Rule:
    series = array(_SERIES, _chart("series.max_items"))
    return shape({"type": one_of(kind), "series": series, "axis_config": _AXES}, {}, (_chart_data,))


_CHARTS: dict[str, Rule] = {
    "pie": shape({"type": one_of("pie"), "segments": array(_SEGMENT, _chart("segments.max_items"))}),
    **{kind: _axis_chart(kind) for kind in ("bar", "line", "area")},
}


def _unique_tasks(block: JsonObject, at: str, report: Report) -> None:
    ids = [task["task_id"] for task in block["tasks"]]
    if len(set(ids)) != len(ids):
        report.fail(f"{at}/tasks", "task_id must be unique", type="unique")


_URL_SOURCE = shape({"type": one_of("url"), "url": web_address(3000), "text": string()})


def _task(*statuses: str) -> tuple[dict[str, Rule], dict[str, Rule]]:
    return (
        {"task_id": string(), "title": string(), "status": one_of(*statuses)},
        {"details": RICH_TEXT, "output": RICH_TEXT, "sources": array(_URL_SOURCE)},
    )


_ALONE = _task("in_progress", "complete", "error")
_IN_PLAN = _task("pending", "in_progress", "complete", "error")


def _collapsing(block: JsonObject, at: str, report: Report) -> None:
    if block.get("default_collapsed") and not block.get("is_collapsible"):
        report.fail(f"{at}/default_collapsed", "requires is_collapsible", type="requires")
    if block.get("has_header_divider") and block.get("is_collapsible"):
        report.fail(f"{at}/has_header_divider", "not allowed with is_collapsible", type="requires")


def _one_icon(block: JsonObject, at: str, report: Report) -> None:
    if block.get("icon") and block.get("slack_icon"):
        report.fail(at, "icon and slack_icon exclude each other", type="one_of")


def _file_input_in_modal(block: JsonObject, at: str, report: Report) -> None:
    if block["element"]["type"] == "file_input" and report.surface != "modal":
        report.fail(f"{at}/element/type", "unsupported type: file_input", type="enum", got="file_input")


def _image_block(block: JsonObject, at: str, report: Report) -> None:
    """The same rules as for an image element, once the block's own fields are taken away."""
    ELEMENTS["image"]({k: v for k, v in block.items() if k not in {"block_id", "title"}}, at, report)


_IMAGE_FIELDS: dict[str, Rule] = {
    "image_url": string(limit("image.image_url.max_length")),
    "slack_file": shape({}, {"id": string(), "url": string()}),
    "title": plain_text(limit("image.title.max_length")),
}

BLOCKS: Final[dict[str, Rule]] = {
    "actions": _block("actions", {"elements": array(element(ACTION_ELEMENTS), limit("actions.elements.max_items"))}),
    "alert": _block(
        "alert",
        {"text": _text("alert.text")},
        {"level": one_of("default", "info", "warning", "error", "success")},
    ),
    "card": _block(
        "card",
        {},
        {
            "title": _text("card.title"),
            "subtitle": _text("card.subtitle"),
            "body": _text("card.body"),
            "subtext": _text("card.subtext"),
            "hero_image": IMAGE,
            "icon": IMAGE,
            "slack_icon": shape({"type": one_of("icon"), "name": string()}),
            "actions": array(element(frozenset({"button"})), limit("card.actions.max_items")),
        },
        at_least_one("hero_image", "title", "actions", "body"),
        _one_icon,
    ),
    "carousel": _block(
        "carousel",
        {"elements": array(by_type(lambda: {"card": BLOCKS["card"]}), limit("carousel.elements.max_items"))},
    ),
    "container": _block(
        "container",
        {"child_blocks": array(by_type(lambda: BLOCKS, _IN_CONTAINER), limit("container.child_blocks.max_items"))},
        {
            "title": _text("container.title", plain_text),
            "rich_text_title": RICH_TEXT,
            "subtitle": _text("container.subtitle"),
            "width": one_of("narrow", "standard", "wide", "full"),
            "icon": IMAGE,
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        },
        exactly_one("title", "rich_text_title"),
        _collapsing,
    ),
    "context": _block(
        "context",
        {
            "elements": array(
                by_type(lambda: {"image": IMAGE, "plain_text": plain_text(), "mrkdwn": mrkdwn_text()}),
                limit("context.elements.max_items"),
            )
        },
    ),
    "context_actions": _block(
        "context_actions",
        {
            "elements": array(
                element(frozenset({"feedback_buttons", "icon_button"})),
                limit("context_actions.elements.max_items"),
            )
        },
    ),
    "data_table": _block(
        "data_table",
        {
            "caption": string(),
            "rows": array(
                array(_CELL, limit("data_table.columns.max_items")),
                limit("data_table.rows.max_items"),
                limit("data_table.rows.min_items"),
            ),
        },
        {
            "page_size": integer(1, limit("data_table.page_size.max")),
            "row_header_column_index": integer(0),
        },
        _data_table,
    ),
    "data_visualization": _block(
        "data_visualization",
        {"title": string(_chart("title.max_length")), "chart": by_type(lambda: _CHARTS)},
    ),
    "divider": _block("divider"),
    "header": _block("header", {"text": _text("header.text", plain_text)}, {"level": one_of("H1", "H2", "H3", "H4")}),
    "image": _block("image", {"alt_text": string(limit("image.alt_text.max_length"))}, _IMAGE_FIELDS, _image_block),
    "input": _block(
        "input",
        {"label": _text("input.label", plain_text), "element": element(INPUT_ELEMENTS)},
        {"hint": _text("input.hint", plain_text), "optional": boolean, "dispatch_action": boolean},
        _file_input_in_modal,
    ),
    "markdown": _block("markdown", {"text": string(limit("markdown.text.max_length"))}),
    "plan": _block(
        "plan",
        {"title": string(), "tasks": array(shape(*_IN_PLAN), limit("plan.tasks.max_items"))},
        {},
        _unique_tasks,
    ),
    "rich_text": RICH_TEXT,
    "section": _block(
        "section",
        {},
        {
            "text": _text("section.text"),
            "fields": array(any_text(limit("section.fields.item_max_length")), limit("section.fields.max_items")),
            "accessory": element(SECTION_ACCESSORIES),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "table": _block(
        "table",
        {"rows": array(array(_CELL, limit("table.columns.max_items")), limit("table.rows.max_items"))},
        {
            "column_settings": array(
                nullable(shape({}, {"align": one_of("left", "center", "right"), "is_wrapped": boolean})),
                limit("table.column_settings.max_items"),
            )
        },
    ),
    "task_card": _block("task_card", *_ALONE),
    "video": _block(
        "video",
        {
            "alt_text": string(limit("video.alt_text.max_length")),
            "title": _text("video.title", plain_text),
            "thumbnail_url": web_address(limit("video.thumbnail_url.max_length")),
            "video_url": web_address(limit("video.video_url.max_length")),
        },
        {
            "author_name": string(limit("video.author_name.max_length")),
            "description": _text("video.description", plain_text),
            "provider_icon_url": web_address(limit("video.provider_icon_url.max_length")),
            "provider_name": string(limit("video.provider_name.max_length")),
            "title_url": web_address(limit("video.title_url.max_length")),
        },
    ),
}
