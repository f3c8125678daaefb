"""Where a version comes from and who uses it, as a message."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import HEADER_TEXT, actions, context, header, section
from handlers.datasets.naming import command_button, dataset_command
from handlers.datasets.phrases import registered_phrase, shape_text, source_phrase
from handlers.message import Json, Message
from handlers.text import Mrkdwn, bold, code, count_text, join, lines, md, mention, truncate, when
from services.datasets.lineage import DERIVED_FROM_TAG, USED_BY_TAG, Lineage, NewerVersion

NAMES_SHOWN = 20
WATCHERS_SHOWN = 10
_CHANGES = 200
_NAME = 100


def build(found: Lineage, *, shared: bool = False) -> Message:
    """The lineage. shared: for everybody in a channel, where mentions would call people."""
    label = found.version.label
    return Message(
        text=md("Lineage of {}", label),
        blocks=(
            header(f"{truncate(found.version.name, HEADER_TEXT - 24)}:{found.version.version}, lineage"),
            section(lines(_origin(found))),
            section(lines(_after(found, shared))),
            section(lines(_use(found, shared))),
            context(_unknown(found)),
            actions(_buttons(found)),
        ),
    )


def _origin(found: Lineage) -> list[Mrkdwn]:
    version = found.version
    said = [
        bold("Where it comes from"),
        md("Registered {}", registered_phrase(version)),
        md("From {}", source_phrase(version.definition.source)),
        md("Data then: {}", shape_text(version.stats)),
    ]
    if found.open_title:
        said.append(md("It is the Azure Open Dataset {}.", bold(found.open_title)))
    if found.origins:
        said.append(md("Made of {}, says its tag {}", _names(found.origins), code(DERIVED_FROM_TAG)))
    if version.version > 1:
        said.append(md("It follows {}.", code(f"{truncate(version.name, _NAME)}:{version.version - 1}")))
    if found.replaced:
        said.append(md("It replaces {}.", _names(found.replaced)))
    return said


def _after(found: Lineage, shared: bool) -> list[Mrkdwn]:
    title = bold("What came after")
    gone = found.dataset.deprecation
    said = [title, *(_newer(each, shared) for each in found.newer)]
    rest = found.newer_count - len(found.newer)
    if rest:
        said.append(md("and {} after these", count_text(rest, "version")))
    if not found.newer_count:
        said.append(Mrkdwn("Nothing: it is the latest version."))
    if gone is not None and gone.replaced_by:
        said.append(md("The dataset is deprecated; {} replaces it.", code(truncate(gone.replaced_by, _NAME))))
    return said


def _newer(each: NewerVersion, shared: bool) -> Mrkdwn:
    changes = truncate(", ".join(each.changes), _CHANGES)
    made = when(each.version.created_at) if shared else registered_phrase(each.version)
    return md("• {} {}: {}", bold(f"version {each.version.version}"), made, changes)


def _use(found: Lineage, shared: bool) -> list[Mrkdwn]:
    said = [bold("Who uses it")]
    if found.derived:
        said.append(md("Made of it, say their tags: {}", _names(found.derived)))
    if found.used_by:
        said.append(md("Says its tag {}: {}", code(USED_BY_TAG), _names(found.used_by)))
    watchers = found.dataset.watchers
    if watchers and shared:
        said.append(md("Watched by {}", count_text(len(watchers), "person", "people")))
    elif watchers:
        shown = join(", ", [mention(each) for each in watchers[:WATCHERS_SHOWN]])
        rest = len(watchers) - WATCHERS_SHOWN
        said.append(md("Watched by {}{}", shown, f" and {rest:,} more" if rest > 0 else ""))
    if len(said) == 1:
        said.append(Mrkdwn("Nobody is known to."))
    return said


def _unknown(found: Lineage) -> Mrkdwn:
    """What nothing here can tell."""
    hint = md(
        "Say more with tags: {} on what was made of it, {} on what uses it.",
        code(f"{DERIVED_FROM_TAG}={truncate(found.version.label, _NAME)}"),
        code(f"{USED_BY_TAG}=…"),
    )
    if found.in_azure:
        return md(
            "Runs and notebooks that read it cannot be listed: Azure Machine Learning keeps a run’s inputs with the "
            "run and offers no way to ask from the dataset’s side. {}",
            hint,
        )
    return md("Who reads the files themselves is not recorded anywhere. {}", hint)


def _names(names: Sequence[str]) -> Mrkdwn:
    text = join(", ", [code(each, _NAME) for each in names[:NAMES_SHOWN]])
    rest = len(names) - NAMES_SHOWN
    return text if rest <= 0 else md("{} and {} more", text, f"{rest:,}")


def _buttons(found: Lineage) -> list[Json]:
    name, number = found.version.name, found.version.version
    return [
        command_button("Show", "run:show", dataset_command("show", name, number)),
        command_button("Versions", "run:versions", dataset_command("versions", name)),
        command_button("Edit tags", "run:tag", dataset_command("tag", name)),
    ]
