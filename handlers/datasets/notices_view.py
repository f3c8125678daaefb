"""The messages of `handlers.datasets.notices`."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import actions, context, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.outcome_view import changes_blocks, version_blocks
from handlers.datasets.phrases import badge_sentence
from handlers.message import Json, Message
from handlers.text import bold, code, lines, md, mention, truncate
from services.datasets.model import (
    DRIFTING,
    Dataset,
    DatasetVersion,
    Deprecation,
    FingerprintCheck,
    FingerprintState,
)

REASON_SHOWN = 1500

_CHANGED = {
    FingerprintState.UNCHECKED: "The files of {} cannot be compared.",
    FingerprintState.UNCHANGED: "The files of {} are as they should be again.",
    FingerprintState.CHANGED: "Files changed under {}.",
    FingerprintState.GROWN: "New files appeared under {}.",
    FingerprintState.VANISHED: "Files of {} are gone.",
    FingerprintState.UNREACHABLE: "I cannot reach the files of {}.",
}


def registered_notice(version: DatasetVersion, owner: str, changes: Sequence[str]) -> Message:
    """A new version of a dataset that somebody owns or watches."""
    name, number = version.name, version.version
    row = [command_button("Show", "run:show", dataset_command("show", name, number))]
    if number > 1:
        compare = dataset_command("diff", name, number - 1, str(number))
        row.append(command_button(f"Compare with version {number - 1}", "run:diff", compare))
    head = md(":package: {} registered {}.", mention(version.registered_by), bold(version.label))
    return Message(
        text=f"{version.label} is registered.",
        blocks=(
            section(head),
            *changes_blocks(version, changes),
            *version_blocks(version, owner),
            actions(row),
            why(name),
        ),
    )


def changed_notice(version: DatasetVersion, check: FingerprintCheck) -> Message:
    """Files are not what they were when the version was registered, or are again."""
    name = version.name
    row = [command_button("Show", "run:show", dataset_command("show", name, version.version))]
    if check.state in DRIFTING:
        register = dataset_command("register", name)
        row.append(command_button("Register what is there now", "run:register", register))
    head = _CHANGED[check.state]
    return Message(
        text=f"{version.label}: {check.detail}" if check.detail else head.format(version.label),
        blocks=(
            section(lines([md(head, bold(version.label)), badge_sentence(check)])),
            actions(row),
            why(name),
        ),
    )


def deprecated_notice(dataset: Dataset, deprecation: Deprecation) -> Message:
    """A dataset should not be used any more."""
    name = dataset.name
    said = [md(":no_entry: {} deprecated {}.", mention(deprecation.by), bold(name))]
    row = [command_button("Show", "run:show", dataset_command("show", name))]
    if deprecation.replaced_by:
        said.append(md("Use {} instead.", code(deprecation.replaced_by)))
    if deprecation.reason:
        said.append(md("Reason: {}", truncate(deprecation.reason, REASON_SHOWN)))
    return Message(text=f"{name} is deprecated.", blocks=(section(lines(said)), actions(row), why(name)))


def why(name: str) -> Json:
    """Why the person is told, and how to end it."""
    return context(
        md("You own or watch this dataset. {} ends what you hear as a watcher.", code(dataset_command("unwatch", name)))
    )
