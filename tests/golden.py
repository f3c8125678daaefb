"""Golden screens: the JSON that a screen sends, kept in `tests/golden/`, checked against Slack's limits.

`pytest tests/handlers --refresh-golden` writes them anew; the difference is read like any other change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from slackblocks import Block

from bot.sandbox.blockkit import message_errors, view_errors
from handlers.message import CLASSIC_BLOCKS, Json, Message
from handlers.picture import without_picture

FOLDER = Path(__file__).parent / "golden"
_PARSED_BY_SLACKBLOCKS = frozenset({"context", "divider", "header", "section", "image", "alert"})


def check(name: str, screen: Message | Json, refresh: bool) -> None:
    """Is the screen what Slack takes, and what the golden file holds? refresh: write the file instead of comparing."""
    assert_within_limits(screen)
    text = json.dumps(as_json(screen), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    path = FOLDER / f"{name}.json"
    if refresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run pytest tests/handlers --refresh-golden and read it"
    assert path.read_text(encoding="utf-8") == text, f"{path.name} differs: refresh it when the change is meant"


def as_json(screen: Message | Json) -> Json:
    """A message with both of its ways of being drawn, or a view."""
    if isinstance(screen, Message):
        return {"text": screen.text, "blocks": list(screen.blocks), "fallback": list(screen.fallback)}
    return screen


def assert_within_limits(screen: Message | Json) -> None:
    """Slack's limits as the local Slack knows them; classic blocks also as the slackblocks package knows them."""
    if not isinstance(screen, Message):
        assert view_errors(screen, None, {}) == []
        _parse_independently(screen["blocks"])
        return
    assert screen.text
    for drawn in (screen.blocks, screen.fallback):
        # As it is sent: without its picture where that could not be uploaded, which takes nothing else away.
        blocks = without_picture(drawn)
        assert len(drawn) - len(blocks) == (screen.picture is not None and bool(drawn))
        assert message_errors(list(blocks), None, {}) == []
        _parse_independently(blocks)
    assert {block["type"] for block in screen.fallback} <= CLASSIC_BLOCKS
    if screen.new_blocks:
        assert screen.fallback, f"no classic blocks behind {sorted(screen.new_blocks)}"


def _parse_independently(blocks: Iterable[Json]) -> None:
    for block in blocks:
        if block["type"] in _PARSED_BY_SLACKBLOCKS and "accessory" not in block:
            Block.from_dict(block)


def texts(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a screen with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for inner, item in value.items():
            yield from texts(item, inner)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item, key)
