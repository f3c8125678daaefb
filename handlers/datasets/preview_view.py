"""First rows and a column profile as a message for one person."""

from __future__ import annotations

import math
from dataclasses import replace

from handlers.access.buttons import ask_button
from handlers.blockkit import HEADER_TEXT, TABLE_COLUMNS, actions, context, header, preformatted, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json, Message
from handlers.tables import Cell, aligned_text, data_table, number_cell, table, time_cell
from handlers.text import bold, bytes_text, count_text, md, told, truncate, when
from services.datasets.model import ColumnProfile, ColumnType, FileStamp, Preview

NOTE_SHOWN = 300
ROWS = 10
FILES = 50
PROFILED_COLUMNS = 60
_CELL = 100
_LONGEST_NUMBER = 30
_ONLY_YOU = "Only you see this: it shows data, so it cannot be shared in the channel."


def build(name: str, version: int | None, preview: Preview) -> Message:
    """The preview of a version, the latest without a number."""
    label = f"{truncate(name, HEADER_TEXT - 30)}{'' if version is None else f':{version}'}"
    top: tuple[Json, ...] = (header(f"Preview of {label}"), context(_ONLY_YOU))
    bottom = (_actions(name, version),)
    text = md("Preview of {}", label)
    if preview.schema:
        blocks, fallback = _tabular(preview)
    elif preview.files:
        blocks, fallback = _files(preview.files)
    else:
        blocks = fallback = (section("There is nothing in it: no file matches."),)
    return Message(text=text, blocks=(*top, *blocks, *bottom), fallback=(*top, *fallback, *bottom))


def refused(name: str, reason: Message) -> Message:
    """Why somebody may not look into it, with the way to ask for it."""
    buttons = [
        ask_button(name, style="primary"),
        command_button("Show it", "run:show", dataset_command("show", name)),
    ]
    return replace(reason, blocks=(*reason.blocks, actions(buttons)))


def _tabular(preview: Preview) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
    width = len(preview.schema)
    head = [column.name for column in preview.schema[:TABLE_COLUMNS]]
    rows = [[_shown(value) for value in row[:TABLE_COLUMNS]] for row in preview.rows[:ROWS]]
    columns = count_text(width, "column")
    cut = f"; the first {TABLE_COLUMNS} are shown" if width > TABLE_COLUMNS else ""
    caption = f"First rows · {columns}{cut}"
    covered = count_text(preview.profiled_rows, "row")
    scope = f"all {covered}" if preview.complete else f"the first {covered}"
    profile_title = section(md("*Columns*, over {}", scope))
    profile = [_PROFILE_HEAD, *(_profile_row(column) for column in preview.profile[:PROFILED_COLUMNS])]
    notes: tuple[Json, ...] = ()
    if len(preview.profile) > PROFILED_COLUMNS:
        notes = (context(f"and {len(preview.profile) - PROFILED_COLUMNS:,} more columns"),)
    if preview.notes:
        notes = (*notes, context(*(told(truncate(note, NOTE_SHOWN)) for note in preview.notes)))
    empty = (section("There are no rows."),)
    kinds = [column.type for column in preview.schema]
    first_rows: list[list[Cell]] = [[*head]]
    first_rows += [[_row_cell(value, kind) for value, kind in zip(row, kinds, strict=False)] for row in rows]
    blocks = (
        *((data_table(caption, first_rows, page_size=ROWS),) if rows else empty),
        profile_title,
        table([[*row] for row in profile], right=(2, 3, 5)),
        *notes,
    )
    fallback = (
        section(bold(caption)),
        *((preformatted(aligned_text([head[:6], *(row[:6] for row in rows)])),) if rows else empty),
        profile_title,
        preformatted(aligned_text([row[:6] for row in profile])),
        *notes,
    )
    return blocks, fallback


_PROFILE_HEAD: list[str | int | float | None] = [
    "Column",
    "Type",
    "Nulls",
    "Distinct",
    "Range",
    "Mean",
    "Most frequent",
]


def _profile_row(column: ColumnProfile) -> list[str | int | float | None]:
    share = column.nulls / column.count if column.count else 0.0
    top = ", ".join(f"{truncate(value, 30)} ({count:,})" for value, count in column.top[:3])
    return [
        column.name,
        column.type.value,
        f"{share:.1%}",
        column.distinct,
        _range(column),
        None if column.mean is None else f"{column.mean:,.6g}",
        top or None,
    ]


def _range(column: ColumnProfile) -> str | None:
    if column.minimum is None or column.maximum is None:
        return None
    return f"{truncate(column.minimum, 30)} … {truncate(column.maximum, 30)}"


def _row_cell(text: str, kind: ColumnType) -> Cell:
    """A value of a numeric column sorts as a number and is shown as it was read."""
    if kind not in {ColumnType.INTEGER, ColumnType.DECIMAL} or len(text) > _LONGEST_NUMBER:
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    return number_cell(value, text) if math.isfinite(value) else text


def _shown(value: str | None) -> str:
    return "null" if value is None else truncate(value, _CELL)


def _files(files: tuple[FileStamp, ...]) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
    shown = files[:FILES]
    rows: list[list[Cell]] = [["Path", "Size", "Changed"]]
    rows += [[file.path, bytes_text(file.size), time_cell(file.modified)] for file in shown]
    classic = [md("{}  {}  {}", truncate(file.path, 150), bytes_text(file.size), when(file.modified)) for file in shown]
    listed = tuple(section(line) for line in classic[:20])
    return (data_table("First files", rows, page_size=ROWS),), (section(bold("First files")), *listed)


def _actions(name: str, version: int | None) -> Json:
    return actions(
        [
            command_button("Show", "run:show", dataset_command("show", name, version)),
            command_button("Use", "run:use", dataset_command("use", name, version)),
            ask_button(name),
        ]
    )
