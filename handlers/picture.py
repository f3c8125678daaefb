"""A picture that a message shows: drawn when it is needed, uploaded once, shown by Slack's own copy of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from handlers.message import Json
from handlers.text import truncate

ALT_TEXT = 2000
TITLE = 2000
_PLACE = "picture"  # stands for the file's id until it is known; Slack's ids begin with F


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of one message.

    key: names what it shows; while that is the same, the file that was uploaded is shown again. name: of the file,
    with its ending. make: its bytes (PNG, JPEG or GIF), asked for only when it must be uploaded.
    """

    key: str
    name: str
    alt: str
    make: Callable[[], Awaitable[bytes]]


def picture_block(alt: str, *, title: str = "") -> Json:
    """Where a message shows its picture. alt: what it says, for those who do not see it."""
    block: Json = {"type": "image", "slack_file": {"id": _PLACE}, "alt_text": truncate(alt, ALT_TEXT)}
    if title:
        block["title"] = {"type": "plain_text", "text": truncate(title, TITLE)}
    return block


def with_file(blocks: Sequence[Json], file_id: str) -> tuple[Json, ...]:
    """The same blocks showing this uploaded file."""
    return tuple({**block, "slack_file": {"id": file_id}} if _is_place(block) else block for block in blocks)


def without_picture(blocks: Sequence[Json]) -> tuple[Json, ...]:
    """The same blocks without the place of the picture."""
    return tuple(block for block in blocks if not _is_place(block))


def _is_place(block: Json) -> bool:
    return block.get("type") == "image" and block.get("slack_file") == {"id": _PLACE}
