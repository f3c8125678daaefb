"""What registering led to: the card of the new version, the version that is there already, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.access.buttons import ask_button
from handlers.blockkit import BUTTON_VALUE, actions, button, context, divider, fields, modal, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.phrases import (
    badge_sentence,
    owner_phrase,
    registered_phrase,
    shape_text,
    source_phrase,
    tags_phrase,
    type_text,
)
from handlers.datasets.register_view import note_lines
from handlers.errors import error_message
from handlers.message import Json, Message
from handlers.text import Mrkdwn, bold, code, lines, md, mention, told, truncate
from handlers.working import done_view
from services.datasets.model import DatasetCard, DatasetVersion, Registered

DESCRIPTION_SHOWN = 1200


def card_message(registered: Registered, *, resumed: bool = False) -> Message:
    """The new version, for everybody in the channel, with buttons for what follows."""
    version = registered.version
    who = mention(version.registered_by)
    what = "a new dataset" if version.version == 1 else "a new version"
    blocks = [section(md(":package: {} registered {}: {}", who, what, bold(version.label)))]
    if resumed:
        blocks.append(context("I was restarted while I registered it, and have finished it now."))
    blocks += [
        *changes_blocks(registered.version, registered.changes),
        *version_blocks(version, registered.dataset.owner),
    ]
    blocks.append(actions(next_steps(version)))
    return Message(text=f"{version.label} is registered.", blocks=tuple(blocks))


def changes_blocks(version: DatasetVersion, changes: Sequence[str]) -> list[Json]:
    """What a version changed against the one before."""
    if not changes:
        return []
    return [section(md("*Since version {}:* {}", str(version.version - 1), truncate(", ".join(changes), 500)))]


def version_blocks(version: DatasetVersion, owner: str) -> list[Json]:
    """What is known of a version, in short."""
    blocks = [section(truncate(version.description, DESCRIPTION_SHOWN))] if version.description.strip() else []
    blocks += fields(
        [
            ("Type", type_text(version.definition)),
            ("Data", shape_text(version.stats)),
            ("Source", source_phrase(version.definition.source)),
            ("Owner", owner_phrase(owner)),
            ("Tags", tags_phrase(version.tags)),
            ("Registered", registered_phrase(version)),
        ]
    )
    return blocks


def next_steps(version: DatasetVersion) -> list[Json]:
    """Buttons that run commands."""
    name, number = version.name, version.version
    row = [
        command_button("Use it", "run:use", dataset_command("use", name, number), style="primary"),
        command_button("Show", "run:show", dataset_command("show", name, number)),
    ]
    if number > 1:
        compare = dataset_command("diff", name, number - 1, str(number))
        row.append(command_button(f"Compare with version {number - 1}", "run:diff", compare))
    row += [command_button("Watch", "run:watch", dataset_command("watch", name)), ask_button(name)]
    return row


def registered_view(title: str, registered: Registered, where: str) -> Json:
    """The end of the modal: the card, where it was posted, and what to type next."""
    version = registered.version
    name, number = version.name, version.version
    steps = [
        md("{} code that reads it", code(dataset_command("use", name))),
        md("{} rows and a profile of the columns", code(dataset_command("preview", name))),
    ]
    if number > 1:
        compare = dataset_command("diff", name, number - 1, str(number))
        steps.append(md("{} all that changed since version {}", code(compare), str(number - 1)))
    if registered.dataset.owner == version.registered_by:
        steps.append(md("As its owner you hear when its files change."))
    else:
        steps.append(md("{} hear of new versions and when its files change", code(dataset_command("watch", name))))
    blocks = [
        section(md(":white_check_mark: {} is registered. {}", bold(version.label), where)),
        *changes_blocks(registered.version, registered.changes),
        *version_blocks(version, registered.dataset.owner),
        *([section(lines(note_lines(registered.notes)))] if registered.notes else []),
        divider(),
        section(lines([Mrkdwn("*Next*"), *steps])),
    ]
    return done_view(title, blocks)


def identical_view(title: str, sentence: str, existing: DatasetCard) -> Json:
    """The same data are there already: which version, and all of it in short."""
    version = existing.version
    show = command_button(f"Show {version.label}", "run:show", dataset_command("show", version.name, version.version))
    blocks = [
        section(md(":information_source: {}", told(sentence))),
        *version_blocks(version, existing.dataset.owner),
        section(badge_sentence(version.check)),
        actions([show]),
        context("Its full card comes as a direct message. Back leads to your form, filled as it was."),
    ]
    return modal("error", title, blocks, close="Back")


def failed_message(error: BaseException, request_id: str, name: str, again: str) -> Message:
    """What went wrong, for a person whose form is closed. again: the packed form, offered when it fits a button."""
    shown = error_message(error, request_id)
    blocks: Sequence[Json] = [
        section(md(":warning: {} was not registered.", bold(name))),
        *shown.blocks,
        actions(
            [
                button("Open the form again", "register:again", again, style="primary")
                if 0 < len(again) <= BUTTON_VALUE
                else command_button("Open the form", "run:register", dataset_command("register", name))
            ]
        ),
    ]
    return Message(text=f"“{name}” was not registered. {shown.text}", blocks=tuple(blocks))
