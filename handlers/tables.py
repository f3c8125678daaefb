"""Tables whose cells hold people, moments and numbers, and parts of a message that fold.

These blocks are new to Slack, so every message that uses them carries a classic `fallback`. Cells are raw text or
rich text elements: nothing in them is read as markup. Limits:
https://docs.slack.dev/reference/block-kit/blocks/table-block and …/data-table-block
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from handlers.blockkit import DATA_TABLE_CHARACTERS, DATA_TABLE_ROWS, HEADER_TEXT, TABLE_COLUMNS, TABLE_ROWS, plain
from handlers.message import Json
from handlers.text import ELLIPSIS, one_line, truncate

Cell = str | int | float | Json | None
"""Text, a number, nothing, or a ready cell from `person_cell`, `time_cell` or `number_cell`."""

CONTAINER_BLOCKS = 10
_CELL_TEXT = 300
_SLACK_USER = re.compile(r"[UW][A-Z0-9]+")


def person_cell(user_id: str, nobody: str = "nobody") -> Cell:
    """A person as Slack draws them; anything that is no Slack id stays text."""
    if not user_id:
        return nobody
    if not _SLACK_USER.fullmatch(user_id):
        return user_id
    return _rich({"type": "user", "user_id": user_id})


def time_cell(moment: datetime | None, style: str = "{date_num} {time}") -> Cell:
    """A moment in each reader's own zone. The default style also sorts as text."""
    if moment is None:
        return None
    utc = moment.astimezone(UTC)
    return _rich(
        {
            "type": "date",
            "timestamp": int(utc.timestamp()),
            "format": style,
            "fallback": utc.strftime("%Y-%m-%d" if style == "{date_num}" else "%Y-%m-%d %H:%M UTC"),
        }
    )


def number_cell(value: float, text: str) -> Cell:
    """A number that sorts as one and is shown as `text`, such as a year without a thousands separator."""
    return {"type": "raw_number", "value": value, "text": text}


def _rich(element: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}


def table(rows: Sequence[Sequence[Cell]], *, right: Iterable[int] = ()) -> Json:
    """A plain table, header first, at most 100 rows. right: columns aligned to the right. One in a message."""
    kept = _within_limits(rows[:TABLE_ROWS])
    aligned = set(right)
    return {
        "type": "table",
        "rows": kept,
        "column_settings": [
            {"align": "right" if i in aligned else "left", "is_wrapped": True} for i in range(len(kept[0]))
        ],
    }


def data_table(caption: str, rows: Sequence[Sequence[Cell]], *, page_size: int = 10) -> Json:
    """A table that pages, sorts and filters in the client. rows: header first, then 1 to 100 rows."""
    return {
        "type": "data_table",
        "caption": truncate(one_line(caption), HEADER_TEXT),
        "page_size": page_size,
        "row_header_column_index": 0,
        "rows": _within_limits(rows[: DATA_TABLE_ROWS + 1]),
    }


def collapsible(title: str, blocks: Sequence[Json], *, collapsed: bool = True) -> Json:
    """Blocks behind a title that the reader opens; at most ten."""
    return {
        "type": "container",
        "title": plain(one_line(title), HEADER_TEXT),
        "child_blocks": list(blocks[:CONTAINER_BLOCKS]),
        "is_collapsible": True,
        "default_collapsed": collapsed,
    }


def aligned_text(rows: Sequence[Sequence[str | int | float | None]], *, limit: int = 2900, width: int = 24) -> str:
    """The same table as columns of plain text, for preformatted blocks; rows that do not fit are counted."""
    texts = [[truncate(one_line(_text(value)), width) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    shown, used = [], 0
    for number, row in enumerate(texts):
        line = "  ".join(value.ljust(widths[i]) for i, value in enumerate(row)).rstrip()
        if used + len(line) + 1 > limit - 30:
            shown.append(f"{ELLIPSIS} and {len(texts) - number:,} more")
            break
        shown.append(line)
        used += len(line) + 1
    return "\n".join(shown)


def _within_limits(rows: Sequence[Sequence[Cell]]) -> list[list[Json]]:
    """Cells as Slack takes them, texts cut as little as the limit on all of a table's text needs."""
    width = min(max(len(row) for row in rows), TABLE_COLUMNS)
    made: list[list[Json]] = []
    for longest in (_CELL_TEXT, 120, 60, 30, 8):
        made = [[_cell(value, longest) for value in (*row, *[None] * width)[:width]] for row in rows]
        if sum(_characters(cell) for row in made for cell in row) <= DATA_TABLE_CHARACTERS:
            break
    return made


def _cell(value: Cell, longest: int) -> Json:
    if isinstance(value, dict):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return {"type": "raw_number", "value": value, "text": _text(value)}
    return {"type": "raw_text", "text": truncate(one_line(_text(value)), longest) or " "}


def _text(value: str | int | float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _characters(cell: Json) -> int:
    """Characters that count. For rich cells the drawn text is unknown, so a generous width."""
    return len(cell["text"]) if "text" in cell else 24
