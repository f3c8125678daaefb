"""Code that reads a dataset as a message: one way of reading at a time, each snippet in a block of its own."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.blockkit import SECTION_TEXT, actions, context, header, preformatted, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.message import Json, Message
from handlers.text import bold, md, truncate
from services.datasets.model import Snippet, UsageGuide

WAYS = {"files": "The files", "v1": "SDK v1", "v2": "SDK v2", "cli": "CLI v2"}
"""Ways of reading a dataset: the word of the command and the button's text."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: the dataset as it was asked for and one of the ways."""

    name: str
    version: int | None
    way: str

    def command(self, way: str) -> str:
        """The command that shows the same dataset in another way."""
        return dataset_command("use", self.name, self.version, way)


def way_of_snippet(snippet: Snippet) -> str:
    """Which way a snippet belongs to, by its title."""
    for way in ("v1", "v2", "cli"):
        if snippet.title.startswith(WAYS[way]):
            return way
    return "files"


def way_of(guide: UsageGuide, asked: str) -> str:
    """The way asked for when the guide has it, else that of its first snippet."""
    there = [way_of_snippet(snippet) for snippet in guide.snippets]
    return asked if asked in there else there[0]


def build(guide: UsageGuide, shown: Shown) -> Message:
    """The snippets of one way."""
    blocks: list[Json] = [header(truncate(f"Use {guide.label}", 150))]
    for snippet in guide.snippets:
        if way_of_snippet(snippet) == shown.way:
            blocks += [section(bold(snippet.title)), *_code(snippet)]
    blocks.append(context(guide.access_note))
    ways = dict.fromkeys(way_of_snippet(snippet) for snippet in guide.snippets)
    blocks.append(
        actions(
            [
                command_button(
                    WAYS[way],
                    f"go:{way}",
                    shown.command(way),
                    style="primary" if way == shown.way else None,
                    label=f"{WAYS[way]}, shown" if way == shown.way else f"Show {WAYS[way]}",
                )
                for way in ways
            ]
        )
    )
    return Message(text=md("How to use {}", guide.label), blocks=tuple(blocks))


def _code(snippet: Snippet) -> list[Json]:
    if len(snippet.code) <= SECTION_TEXT:
        return [preformatted(snippet.code)]
    return [
        preformatted(snippet.code[: SECTION_TEXT - 1]),
        context("This snippet is too long for a message and is cut: it names many files. A glob makes it short."),
    ]
