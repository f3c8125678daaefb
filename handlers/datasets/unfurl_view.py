"""What stands below a link to a dataset."""

from __future__ import annotations

from handlers.blockkit import actions, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.outcome_view import version_blocks
from handlers.message import Json
from handlers.text import bold, md
from services.datasets.model import DatasetCard


def unfurl_blocks(card: DatasetCard) -> list[Json]:
    """The version that the link leads to, in short, and the way to all of it."""
    version = card.version
    latest = "" if version.version == card.versions else f", the latest is version {card.versions}"
    deprecated = " (deprecated)" if card.dataset.deprecation is not None else ""
    return [
        section(md(":package: {}{}{}", bold(version.label), deprecated, latest)),
        *version_blocks(version, card.dataset.owner),
        actions([command_button("Show", "run:show", dataset_command("show", version.name, version.version))]),
    ]
