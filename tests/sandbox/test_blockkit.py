"""Block Kit validation: what Slack takes passes, what it refuses is named at the right place."""

from typing import Any

import pytest
import slackblocks as sb
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.block_shapes import BLOCKS, SURFACES
from bot.sandbox.blockkit import check_options, message_errors, view_errors
from bot.sandbox.element_shapes import ELEMENTS
from bot.sandbox.state import StoredFile

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v", text: str = "x") -> Json:
    return {"text": plain(text), "value": value}


def button(**more: Any) -> Json:
    return {"type": "button", "action_id": "a", "text": plain(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def field(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def data_table(rows: int = 2, columns: int = 1, **more: Any) -> Json:
    return {
        "type": "data_table",
        "caption": "c",
        "rows": [[cell() for _ in range(columns)] for _ in range(rows)],
        **more,
    }


def chart(series: int = 1, points: int = 1, **more: Any) -> Json:
    labels = [f"p{n}" for n in range(points)]
    data = [{"label": label, "value": 1} for label in labels]
    return {
        "type": "data_visualization",
        "title": "t",
        "chart": {
            "type": "line",
            "series": [{"name": f"s{n}", "data": data} for n in range(series)],
            "axis_config": {"categories": labels},
        },
        **more,
    }


def container(*children: Json, **more: Any) -> Json:
    return {"type": "container", "title": plain(), "child_blocks": list(children), **more}


def task(status: str = "complete", **more: Any) -> Json:
    return {"task_id": "1", "title": "t", "status": status, **more}


GOOD: list[Json] = [
    {"type": "divider"},
    {"type": "header", "text": plain("x" * 150), "level": "H2"},
    {"type": "section", "text": mrkdwn("x" * 3000), "accessory": button(style="danger")},
    {"type": "section", "fields": [mrkdwn("y" * 2000)] * 10, "text": None},
    {"type": "context", "elements": [mrkdwn(), {"type": "image", "image_url": "https://a/b", "alt_text": "x"}]},
    {"type": "image", "image_url": "https://a/b.png", "alt_text": "x", "title": plain()},
    {"type": "image", "slack_file": {"id": "FIMAGE"}, "alt_text": "x"},
    {"type": "markdown", "text": "x" * 12_000},
    actions(*({**button(), "action_id": str(n)} for n in range(25))),
    actions({"type": "overflow", "action_id": "a", "options": [option(str(n)) for n in range(5)]}),
    actions(
        {"type": "static_select", "action_id": "a", "options": [option("v" * 150)], "initial_option": option("v" * 150)}
    ),
    actions({"type": "external_select", "action_id": "a", "min_query_length": 0, "placeholder": plain()}),
    field({"type": "plain_text_input", "action_id": "a", "max_length": 3000, "multiline": True}, optional=True),
    field({"type": "number_input", "action_id": "a", "is_decimal_allowed": False, "min_value": "1"}),
    field({"type": "checkboxes", "action_id": "a", "options": [{"text": mrkdwn(), "value": "v"}]}),
    field({"type": "multi_conversations_select", "action_id": "a", "filter": {"include": ["im"]}}),
    field({"type": "datepicker", "action_id": "a", "initial_date": "2026-11-22"}),
    rich({"type": "text", "text": "x", "style": {"bold": True}}, {"type": "user", "user_id": "U1"}),
    rich({"type": "date", "timestamp": 1, "format": "{date}", "fallback": "x"}),
    {
        "type": "table",
        "rows": [[cell(), rich({"type": "text", "text": "x"})]],
        "column_settings": [None, {"align": "right"}],
    },
    data_table(101, 20, page_size=100),
    chart(6, 20),
    {"type": "data_visualization", "title": "t", "chart": {"type": "pie", "segments": [{"label": "a", "value": 0.1}]}},
    {"type": "card", "title": mrkdwn(), "actions": [button()]},
    {"type": "carousel", "elements": [{"type": "card", "body": plain()}]},
    {"type": "container", "title": plain(), "child_blocks": [{"type": "divider"}], "is_collapsible": True},
    {"type": "plan", "title": "t", "tasks": [task("pending"), task(task_id="2")]},
    {"type": "task_card", **task("in_progress")},
    {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": "a",
                "positive_button": {"text": plain(), "value": "1"},
                "negative_button": {"text": plain(), "value": "0"},
            }
        ],
    },
]

# (block, pointer within it, part of the message)
BAD: list[tuple[Json, str, str]] = [
    ({"type": "nonsense"}, "/type", "unsupported type: nonsense"),
    ({"text": plain()}, "", "missing required field: type"),
    ({"type": "alert", "text": plain()}, "/type", "unsupported type: alert"),
    ({"type": "header", "text": plain("x" * 151)}, "/text/text", "less than 151"),
    ({"type": "header", "text": mrkdwn()}, "/text/type", "plain_text"),
    ({"type": "header"}, "", "missing required field: text"),
    ({"type": "divider", "colour": "red"}, "", "invalid additional property: colour"),
    ({"type": "divider", "block_id": "x" * 256}, "/block_id", "less than 256"),
    ({"type": "section", "text": mrkdwn("x" * 3001)}, "/text/text", "less than 3001"),
    ({"type": "section", "text": mrkdwn("")}, "/text/text", "more than 0"),
    ({"type": "section", "text": "x"}, "/text", "must be an object"),
    ({"type": "section"}, "", "at least one of"),
    ({"type": "section", "fields": [plain()] * 11}, "/fields", "no more than 10"),
    ({"type": "section", "fields": [plain("x" * 2001)]}, "/fields/0/text", "less than 2001"),
    ({"type": "section", "text": plain(), "accessory": {"type": "plain_text_input"}}, "/accessory/type", "unsupported"),
    ({"type": "context", "elements": [mrkdwn()] * 11}, "/elements", "no more than 10"),
    ({"type": "context", "elements": [button()]}, "/elements/0/type", "unsupported type: button"),
    ({"type": "image", "alt_text": "x"}, "", "exactly one of"),
    ({"type": "image", "image_url": "ftp://a", "alt_text": "x"}, "/image_url", "valid URL"),
    ({"type": "image", "slack_file": {"id": "FNONE"}, "alt_text": "x"}, "/slack_file", "invalid slack file"),
    ({"type": "image", "slack_file": {"id": "FTEXT"}, "alt_text": "x"}, "/slack_file", "invalid slack file"),
    ({"type": "image", "slack_file": {"id": "FHALF"}, "alt_text": "x"}, "/slack_file", "invalid slack file"),
    ({"type": "markdown", "text": "x" * 12_001}, "/text", "less than 12001"),
    (actions(), "/elements", "no less than 1"),
    (actions(*[button()] * 26), "/elements", "no more than 25"),
    (actions(button(), button()), "", "duplicate action_id: a"),
    (actions(button(value="x" * 2001)), "/elements/0/value", "less than 2001"),
    (actions(button(text=plain("x" * 76))), "/elements/0/text/text", "less than 76"),
    (actions(button(style="pink")), "/elements/0/style", "must be one of"),
    (actions(button(confirm={"title": plain()})), "/elements/0/confirm", "missing required field"),
    (actions({"type": "static_select", "options": [option("v" * 151)]}), "/elements/0/options/0/value", "than 151"),
    (actions({"type": "static_select", "options": [option(text="x" * 76)]}), "/elements/0/options/0/text/text", "76"),
    (actions({"type": "static_select", "options": [option(str(n)) for n in range(101)]}), "/elements/0/options", "100"),
    (actions({"type": "static_select"}), "/elements/0", "exactly one of: options, option_groups"),
    (actions({"type": "static_select", "options": [option(), option()]}), "/elements/0/options", "unique"),
    (
        actions({"type": "static_select", "options": [option()], "initial_option": option("other")}),
        "/elements/0/initial_option",
        "must match",
    ),
    (actions({"type": "overflow", "options": [option(str(n)) for n in range(6)]}), "/elements/0/options", "5"),
    (actions({"type": "plain_text_input"}), "/elements/0/type", "unsupported type: plain_text_input"),
    (field({"type": "button", "text": plain()}), "/element/type", "unsupported type: button"),
    (field({"type": "file_input"}), "/element/type", "unsupported type: file_input"),
    (field({"type": "plain_text_input", "max_length": 3001}), "/element/max_length", "3000"),
    (field({"type": "plain_text_input", "min_length": 5, "max_length": 2}), "/element/min_length", "max_length"),
    (field({"type": "number_input"}), "/element", "missing required field: is_decimal_allowed"),
    (field({"type": "datepicker", "initial_date": "22.11.2026"}), "/element/initial_date", "YYYY-MM-DD"),
    (field({"type": "checkboxes", "options": [option(str(n)) for n in range(11)]}), "/element/options", "10"),
    (rich({"type": "text", "text": ""}), "/elements/0/elements/0/text", "more than 0"),
    (rich({"type": "shout", "text": "x"}), "/elements/0/elements/0/type", "unsupported type: shout"),
    ({"type": "table", "rows": [[cell()] * 21]}, "/rows/0", "no more than 20"),
    ({"type": "table", "rows": [[cell()]] * 101}, "/rows", "no more than 100"),
    ({"type": "table", "rows": [[{"type": "raw_number", "value": 3}]]}, "/rows/0/0", "missing required field: text"),
    (data_table(1), "/rows", "no less than 2"),
    (data_table(102), "/rows", "no more than 101"),
    (data_table(2, 21), "/rows/0", "no more than 20"),
    (data_table(rows=2, caption=None), "", "missing required field: caption"),
    (data_table(page_size=101), "/page_size", "100"),
    (data_table(row_header_column_index=1), "/row_header_column_index", "existing column"),
    ({**data_table(), "rows": [[cell()], [cell(), cell()]]}, "/rows", "same number of columns"),
    ({**data_table(), "rows": [[rich({"type": "text", "text": "x"})], [cell()]]}, "/rows/0/0", "header cells"),
    ({**data_table(), "rows": [[cell()], [cell("x" * 20_000)]]}, "/rows", "20000"),
    (chart(7), "/chart/series", "no more than 6"),
    (chart(1, 21), "/chart/series/0/data", "no more than 20"),
    (chart(title="x" * 51), "/title", "less than 51"),
    ({"type": "card", "subtitle": plain()}, "", "at least one of"),
    ({"type": "card", "body": plain("x" * 201)}, "/body/text", "less than 201"),
    (container({"type": "card", "body": plain()}), "/child_blocks/0/type", "unsupported type: card"),
    (container({"type": "divider"}, default_collapsed=True), "/default_collapsed", "is_collapsible"),
    ({"type": "task_card", **task("pending")}, "/status", "must be one of"),
    ({"type": "plan", "title": "t", "tasks": [task(), task()]}, "/tasks", "unique"),
]  # fmt: skip


def files() -> dict[str, StoredFile]:
    def file(id_: str, mimetype: str, complete: bool) -> StoredFile:
        return StoredFile(id_, "n", "U0BOT", 0, mimetype, 1, received=True, complete=complete)

    listed = [
        file("FIMAGE", "image/png", True),
        file("FTEXT", "text/csv", True),
        file("FHALF", "image/png", False),
    ]
    return {item.id: item for item in listed}


@pytest.mark.parametrize("block", GOOD, ids=lambda block: str(block["type"]))
def test_good_block_passes(block: Json) -> None:
    assert message_errors([block], None, files()) == []


def test_good_blocks_cover_every_type_a_message_takes() -> None:
    assert SURFACES["message"] - {block["type"] for block in GOOD} == {"video"}
    assert set(BLOCKS) == set().union(*SURFACES.values())


@pytest.mark.parametrize(("block", "pointer", "message"), BAD)
def test_bad_block_is_named(block: Json, pointer: str, message: str) -> None:
    errors = message_errors([{"type": "divider"}, block], None, files())
    assert errors
    assert errors[0].pointer == f"/blocks/1{pointer}"
    assert message in errors[0].message


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([{"type": "divider"}] * 51, "no more than 50"),
        ([{"type": "divider", "block_id": "b"}] * 2, "duplicate block_id: b"),
        ([{"type": "table", "rows": [[cell()]]}] * 2, "only_one_table_allowed"),
        ([chart(), chart(), chart()], "no more than 2 data_visualization"),
        ([{"type": "markdown", "text": "x" * 6001}] * 2, "12000"),
        ([{**data_table(), "rows": [[cell()], [cell("x" * 10_000)]]}] * 2, "20000"),
    ],
)
def test_whole_message_limits(blocks: list[Json], message: str) -> None:
    errors = message_errors(blocks, None, {})
    assert errors
    assert message in errors[0].message


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "blocks": list(blocks), **more}


TEXT_INPUT = field({"type": "plain_text_input", "action_id": "a"})


@pytest.mark.parametrize(
    ("view", "pointer", "message"),
    [
        (modal(title=plain("x" * 25)), "/view/title/text", "less than 25"),
        (modal(title=mrkdwn()), "/view/title/type", "plain_text"),
        ({"type": "modal", "blocks": []}, "/view", "missing required field: title"),
        (modal(submit=plain("x" * 25)), "/view/submit/text", "less than 25"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata", "less than 3001"),
        (modal(callback_id="x" * 256), "/view/callback_id", "less than 256"),
        (modal(*[{"type": "divider"}] * 101), "/view/blocks", "no more than 100"),
        (modal(TEXT_INPUT), "/view", "missing required field: submit"),
        (modal({"type": "markdown", "text": "x"}), "/view/blocks/0/type", "unsupported type: markdown"),
        (modal(data_table()), "/view/blocks/0/type", "unsupported type: data_table"),
        (modal(colour="red"), "/view", "invalid additional property: colour"),
        (
            modal(
                *(field({"type": "plain_text_input", "action_id": a, "focus_on_load": True}) for a in "ab"),
                submit=plain(),
            ),
            "/view",
            "focus_on_load",
        ),
    ],
)
def test_bad_modal_is_named(view: Json, pointer: str, message: str) -> None:
    errors = view_errors(view, "modal", {})
    assert errors
    assert (errors[0].pointer, message in errors[0].message) == (pointer, True)


def test_alert_and_file_input_belong_in_modals_only() -> None:
    alert: Json = {"type": "alert", "text": mrkdwn(), "level": "warning"}
    upload = field({"type": "file_input", "action_id": "f", "filetypes": ["csv"], "max_files": 1})
    assert view_errors(modal(alert, upload, submit=plain()), "modal", {}) == []
    assert view_errors({"type": "home", "blocks": [alert]}, "home", {})


def test_home_takes_no_title() -> None:
    errors = view_errors({"type": "home", "title": plain(), "blocks": []}, "home", {})
    assert errors[0].message == "invalid additional property: title"


def test_refused_types_look_unsupported() -> None:
    assert message_errors([data_table()], None, {}, ["data_table"])[0].message == "unsupported type: data_table"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"options": []}, False),
        ({"options": [option(str(n)) for n in range(100)]}, False),
        ({"option_groups": [{"label": plain(), "options": [option()]}]}, False),
        ({"options": [option(str(n)) for n in range(101)]}, True),
        ({"options": [option("v" * 151)]}, True),
        ({"options": [{"text": mrkdwn(), "value": "v"}]}, True),
        ({}, True),
        ({"options": [], "option_groups": []}, True),
    ],
)
def test_suggested_options(body: Json, wrong: bool) -> None:
    assert bool(check_options(body)) is wrong


def test_what_an_independent_builder_makes_passes() -> None:
    built = [
        sb.HeaderBlock("Title"),
        sb.SectionBlock("Text", fields=["a", "b"]),
        sb.DividerBlock(),
        sb.ActionsBlock([sb.Button("Go", "go", value="v", style="primary")]),
        sb.ContextBlock([sb.Text("note")]),
        sb.MarkdownBlock("**bold**"),
        sb.TaskCardBlock("1", "Load", status="complete"),
        sb.DataTableBlock([[sb.RawText("h")], [sb.RawText("x")]], caption="c"),
        sb.DataVisualizationBlock("t", sb.PieChart([sb.ChartSegment("a", 1)])),
        sb.CardBlock(title="t", body="b"),
    ]
    assert message_errors([block._resolve() for block in built], None, {}) == []


WORDS = sorted(
    {
        *BLOCKS,
        *ELEMENTS,
        "type",
        "text",
        "elements",
        "element",
        "rows",
        "options",
        "blocks",
        "plain_text",
        "mrkdwn",
        "raw_text",
    }
    | {
        "chart",
        "series",
        "axis_config",
        "categories",
        "data",
        "label",
        "value",
        "child_blocks",
        "title",
        "accessory",
        "tasks",
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_no_input_breaks_the_validator(value: Any) -> None:
    """Whatever is sent gets an answer; a list of odd blocks never counts as right by accident of a crash."""
    errors = message_errors([value], None, {}) + view_errors(value, None, {})
    if not isinstance(value, dict):
        assert len(errors) >= 2
