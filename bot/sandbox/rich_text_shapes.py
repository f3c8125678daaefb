"""Shapes inside a rich_text block. Source: docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from typing import Final

from bot.sandbox.limits import limit
from bot.sandbox.schema import Rule, array, boolean, by_type, integer, one_of, shape, string

_STYLES: Final = ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
_STYLE: Final = shape({}, dict.fromkeys(_STYLES, boolean))


def _inline(kind: str, required: dict[str, Rule], optional: dict[str, Rule] | None = None) -> Rule:
    return shape({"type": one_of(kind), **required}, {"style": _STYLE, **(optional or {})})


_INLINE: dict[str, Rule] = {
    "text": _inline("text", {"text": string()}),
    "link": _inline("link", {"url": string()}, {"text": string(), "unsafe": boolean}),
    "user": _inline("user", {"user_id": string()}),
    "usergroup": _inline("usergroup", {"usergroup_id": string()}),
    "channel": _inline("channel", {"channel_id": string()}),
    "team": _inline("team", {"team_id": string()}),
    "broadcast": _inline("broadcast", {"range": one_of("here", "channel", "everyone")}),
    "emoji": _inline("emoji", {"name": string()}, {"unicode": string(), "skin_tone": integer(1, 6)}),
    "color": _inline("color", {"value": string()}),
    "date": _inline("date", {"timestamp": integer(0), "format": string()}, {"url": string(), "fallback": string()}),
}
_LINE = array(by_type(lambda: _INLINE), least=0)
_CODE = array(by_type(lambda: {"text": _INLINE["text"], "link": _INLINE["link"]}))
_SECTION = shape({"type": one_of("rich_text_section"), "elements": _LINE})

RICH_TEXT_ELEMENTS: Final = by_type(
    lambda: {
        "rich_text_section": _SECTION,
        "rich_text_list": shape(
            {
                "type": one_of("rich_text_list"),
                "style": one_of("bullet", "ordered"),
                "elements": array(by_type(lambda: {"rich_text_section": _SECTION})),
            },
            {
                "indent": integer(0, limit("rich_text_list.indent.max")),
                "offset": integer(0),
                "border": integer(0, limit("rich_text_list.border.max")),
            },
        ),
        "rich_text_preformatted": shape(
            {"type": one_of("rich_text_preformatted"), "elements": _CODE},
            {"border": integer(0, limit("rich_text_preformatted.border.max")), "language": string()},
        ),
        "rich_text_quote": shape(
            {"type": one_of("rich_text_quote"), "elements": _LINE},
            {"border": integer(0, limit("rich_text_quote.border.max"))},
        ),
    }
)
