"""Blocks and texts for the renderer's tests, and what the page should make of them."""

from typing import Final

from tests.browser.page_stage import Json

HOSTILE: Final = '<script>hacked=1</script><img src=x onerror="hacked=1"><!channel><@U0BEN>'


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def rich(*elements: Json, part: str = "rich_text_section") -> Json:
    return {"type": "rich_text", "elements": [{"type": part, "elements": list(elements)}]}


def raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def number(value: float) -> Json:
    return {"type": "raw_number", "value": value, "text": f"{value:,}"}


MRKDWN: Final[list[tuple[str, str, dict[str, str]]]] = [
    ("*bold* text", "bold text", {"strong": "bold"}),
    ("_it_ and ~gone~", "it and gone", {"em": "it", "s": "gone"}),
    ("*_both_*", "both", {"strong em": "both"}),
    ("2*3*4 snake_case_name", "2*3*4 snake_case_name", {}),
    ("a * b * c", "a * b * c", {}),
    ("`*code* &lt;b&gt;`", "*code* <b>", {"code": "*code* <b>"}),
    ("```a\n*b*```", "a\n*b*", {"pre": "a\n*b*"}),
    ("> said\nnot", "said\nnot", {"blockquote": "said"}),
    ("&gt; said", "said", {"blockquote": "said"}),
    ("<https://a.example/x|label>", "label", {"a[href='https://a.example/x']": "label"}),
    ("see https://a.example/x.", "see https://a.example/x.", {"a[href='https://a.example/x']": "https://a.example/x"}),
    ("<javascript:alert(1)|click>", "<javascript:alert(1)|click>", {}),
    ("<@U0BEN>", "@Ben Lindqvist", {"[data-mention=U0BEN]": "@Ben Lindqvist"}),
    ("<@U0NOBODY|name>", "@name", {"[data-mention=U0NOBODY]": "@name"}),
    ("<#C0DRIFT|old-name>", "#drift", {"button[data-mention=C0DRIFT]": "#drift"}),
    ("<!subteam^S1|@owners>", "@owners", {"[data-mention=S1]": "@owners"}),
    ("&lt;!channel&gt; &amp;lt;", "<!channel> &lt;", {}),
    ("&lt;@U0BEN&gt; &lt;#C0DATA|x&gt;", "<@U0BEN> <#C0DATA|x>", {}),
    ("<b>x</b> <script>hacked=1</script>", "<b>x</b> <script>hacked=1</script>", {}),
    ("<!date^1700000000^{date_num} {time}|then>", "2023-11-15 7:13 AM", {"time": "2023-11-15 7:13 AM"}),
    ("<!date^1700000000^{nonsense}|then>", "then", {}),
    ("<!date^0^{date_short}^https://a.example/|then>", "Jan 1, 1970", {"a time": "Jan 1, 1970"}),
]


def hostile_blocks() -> list[Json]:
    """Every block of a message with the hostile text in each field that holds plain text."""
    text = plain(HOSTILE)
    option = {"text": text, "value": "v", "description": text}
    series = [{"name": HOSTILE, "data": [{"label": HOSTILE, "value": 1}]}]
    axis = {"categories": [HOSTILE], "x_label": HOSTILE, "y_label": HOSTILE}
    task = {"task_id": "1", "title": HOSTILE, "status": "complete", "output": rich({"type": "text", "text": HOSTILE})}
    return [
        {"type": "header", "text": text},
        {"type": "section", "text": text, "fields": [text]},
        {"type": "context", "elements": [text]},
        {"type": "image", "image_url": "https://a.example/x.png", "alt_text": HOSTILE, "title": text},
        rich({"type": "text", "text": HOSTILE}, {"type": "link", "url": "https://a.example", "text": HOSTILE}),
        rich({"type": "text", "text": HOSTILE}, part="rich_text_preformatted"),
        {"type": "table", "rows": [[raw(HOSTILE)], [raw(HOSTILE)]]},
        {"type": "data_table", "caption": HOSTILE, "rows": [[raw(HOSTILE)], [raw(HOSTILE)]]},
        {"type": "data_visualization", "title": "T", "chart": {"type": "bar", "series": series, "axis_config": axis}},
        {
            "type": "data_visualization",
            "title": "T",
            "chart": {"type": "pie", "segments": [{"label": HOSTILE, "value": 1}]},
        },
        {"type": "card", "title": text, "subtitle": text, "body": text},
        {"type": "container", "title": text, "subtitle": text, "child_blocks": [{"type": "section", "text": text}]},
        {"type": "plan", "title": HOSTILE, "tasks": [task]},
        {"type": "file", "source": "remote", "external_id": HOSTILE},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "action_id": "a", "text": text, "accessibility_label": HOSTILE},
                {"type": "static_select", "action_id": "s", "placeholder": text, "options": [option]},
                {"type": "checkboxes", "action_id": "c", "options": [option]},
                {"type": "radio_buttons", "action_id": "r", "options": [option]},
            ],
        },
        {"type": HOSTILE, "text": HOSTILE},
    ]


BROKEN: Final[list[tuple[str, Json, str]]] = [
    ("unknown type", {"type": "hologram", "x": 1}, "unsupported block type"),
    ("no type", {"text": plain("x")}, "unsupported block type"),
    ("section without text", {"type": "section"}, "text or fields"),
    ("unknown text type", {"type": "section", "text": {"type": "html", "text": "x"}}, "unknown text object type"),
    ("mrkdwn header", {"type": "header", "text": mrkdwn("x")}, "plain_text"),
    ("alert in a message", {"type": "alert", "text": plain("x")}, "not allowed in a message"),
    ("no caption", {"type": "data_table", "rows": [[raw("a")], [raw("b")]]}, "caption"),
    ("ragged table", {"type": "table", "rows": [[raw("a")], [raw("b"), raw("c")]]}, "same number"),
    ("unknown cell", {"type": "table", "rows": [[plain("a")]]}, "raw_text"),
    (
        "label that is no category",
        {
            "type": "data_visualization",
            "title": "T",
            "chart": {
                "type": "line",
                "series": [{"name": "s", "data": [{"label": "Tue", "value": 1}]}],
                "axis_config": {"categories": ["Mon"]},
            },
        },
        "not a category",
    ),
    ("unknown element", {"type": "actions", "elements": [{"type": "lever", "action_id": "a"}]}, "unknown element"),
    ("unknown rich text", rich({"type": "blink", "text": "x"}), "unknown rich text element"),
    ("image without alt", {"type": "image", "image_url": "https://a.example/x.png"}, "alt_text"),
    ("pending task card", {"type": "task_card", "task_id": "1", "title": "t", "status": "pending"}, "pending"),
]


LINE: Final[Json] = {
    "type": "line",
    "series": [{"name": "s", "data": [{"label": "Mon", "value": 1}, {"label": "Tue", "value": 2.5}]}],
    "axis_config": {"categories": ["Mon", "Tue"], "y_label": "Rows"},
}
CARD: Final[Json] = {"type": "card", "title": mrkdwn("*Card*"), "body": plain("Body")}
DRAWN: Final[list[tuple[Json, str]]] = [
    ({"type": "section", "text": mrkdwn("a"), "fields": [plain("f1"), plain("f2")]}, ".section-field >> nth=1"),
    (
        {
            "type": "section",
            "text": mrkdwn("a"),
            "accessory": {"type": "button", "action_id": "x", "text": plain("Go")},
        },
        "button",
    ),
    ({"type": "header", "text": plain("H"), "level": 1}, "h2"),
    ({"type": "divider"}, "hr"),
    ({"type": "image", "image_url": "https://a.example/x.png", "alt_text": "Away"}, "[role=img]"),
    ({"type": "context", "elements": [mrkdwn("*c*")]}, ".context strong"),
    (rich({"type": "user", "user_id": "U0BEN"}), "[data-mention=U0BEN]"),
    (rich({"type": "broadcast", "range": "here"}), "[data-testid=broadcast]"),
    (rich({"type": "text", "text": "x", "style": {"bold": True, "code": True}}), "code strong"),
    (rich({"type": "text", "text": "q"}, part="rich_text_quote"), "blockquote"),
    (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "indent": 1,
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "i"}]}],
                }
            ],
        },
        "ol.indent-1 li",
    ),
    ({"type": "markdown", "text": "# T\n\n- [x] **done** `c`\n\n|a|b|\n|-|-:|\n|1|2|"}, "table td >> nth=1"),
    ({"type": "table", "rows": [[raw("n")], [number(3)]], "column_settings": [{"align": "center"}]}, "td.align-center"),
    ({"type": "data_visualization", "title": "T", "chart": LINE}, "svg path.line"),
    ({"type": "data_visualization", "title": "T", "chart": {**LINE, "type": "area"}}, "svg path.area"),
    ({"type": "data_visualization", "title": "T", "chart": {**LINE, "type": "bar"}}, "svg rect.bar >> nth=1"),
    (
        {
            "type": "data_visualization",
            "title": "T",
            "chart": {"type": "pie", "segments": [{"label": "a", "value": 1}]},
        },
        "svg path.slice",
    ),
    (CARD, ".card strong"),
    ({"type": "carousel", "elements": [CARD, CARD]}, ".carousel .card >> nth=1"),
    (
        {"type": "plan", "title": "P", "tasks": [{"task_id": "1", "title": "t", "status": "in_progress"}]},
        ".task-in_progress",
    ),
    ({"type": "task_card", "task_id": "1", "title": "t", "status": "complete"}, ".task-complete"),
    (
        {
            "type": "video",
            "alt_text": "v",
            "title": plain("V"),
            "video_url": "https://a.example/v",
            "thumbnail_url": "https://a.example/t",
        },
        ".video a",
    ),
    (
        {
            "type": "context_actions",
            "elements": [{"type": "icon_button", "action_id": "i", "icon": "trash", "text": plain("Delete")}],
        },
        "[data-action-id=i][aria-label=Delete]",
    ),
]
