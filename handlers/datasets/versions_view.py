"""The versions of a dataset as a message."""

from __future__ import annotations

from handlers.blockkit import HEADER_TEXT, actions, context, header, section, select
from handlers.datasets.naming import command_button, dataset_command, pick_option
from handlers.datasets.phrases import BADGES, registered_phrase, shape_text
from handlers.message import Json, Message
from handlers.tables import Cell, person_cell, table, time_cell
from handlers.text import Mrkdwn, bytes_text, count_text, join, lines, md, truncate
from services.datasets.service import VersionLine, VersionPage

PAGE = 40
"""Fits a table of 100 rows and, as one section a version, a message of 50 blocks."""

_LONGEST_CHANGES = 200


def build(found: VersionPage, page: int) -> Message:
    """A page of versions, newest first. page counts from 1."""
    name = found.dataset.name
    top = (header(truncate(name, HEADER_TEXT)), context(*_notes(found)))
    bottom = actions(_elements(found, page))
    rows: list[list[Cell]] = [["Version", "Files", "What changed", "Rows", "Size", "Registered", "By"]]
    rows += [_row(line) for line in found.items]
    return Message(
        text=md("{} of {}", count_text(found.total, "version"), name),
        blocks=(*top, table(rows, right=(3, 4)), bottom),
        fallback=(*top, *(section(_classic(line)) for line in found.items), bottom),
    )


def page_command(name: str, page: int) -> str:
    """The command that shows a page."""
    return dataset_command("versions", name, None, *([f"page:{page}"] if page > 1 else []))


def _notes(found: VersionPage) -> list[str]:
    first, last = found.offset + 1, found.offset + len(found.items)
    notes = [count_text(found.total, "version")]
    if len(found.items) < found.total:
        notes.append(f"{first:,}–{last:,} shown, newest first")
    if found.dataset.deprecation:
        notes.append("deprecated")
    return notes


def _row(line: VersionLine) -> list[Cell]:
    version = line.version
    size = version.stats.total_bytes
    return [
        version.version,
        BADGES[version.check.state],
        truncate(", ".join(line.changes), _LONGEST_CHANGES),
        version.stats.row_count,
        None if size is None else bytes_text(size),
        time_cell(version.created_at),
        person_cell(version.registered_by, "—"),
    ]


def _classic(line: VersionLine) -> Mrkdwn:
    version = line.version
    return lines(
        [
            md("*{}*  {}", str(version.version), registered_phrase(version)),
            truncate(", ".join(line.changes), _LONGEST_CHANGES),
            join(" · ", [shape_text(version.stats), BADGES[version.check.state]]),
        ]
    )


def _elements(found: VersionPage, page: int) -> list[Json]:
    name = found.dataset.name
    elements: list[Json] = []
    for verb, text in (("show", "Open a version…"), ("use", "Use a version…")):
        choices = [
            pick_option(f"Version {line.version.version}", verb, name, line.version.version) for line in found.items
        ]
        elements.append(select(f"pick:{verb}", choices, placeholder=text))
    if found.total > 1:
        elements.append(command_button("Compare two…", "run:choose", dataset_command("diff", name, None, "choose")))
    if page > 1:
        elements.append(command_button("‹ Newer", "go:previous", page_command(name, page - 1)))
    if found.offset + len(found.items) < found.total:
        elements.append(command_button("Older ›", "go:next", page_command(name, page + 1)))
    return elements
