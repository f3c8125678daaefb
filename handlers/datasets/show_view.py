"""One version of a dataset as a message."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.access.buttons import ask_button, give_button
from handlers.access.phrases import held_phrase
from handlers.blockkit import HEADER_TEXT, actions, context, fields, header, overflow, preformatted, section
from handlers.datasets.naming import command_button, dataset_command, pick_option
from handlers.datasets.phrases import (
    badge_sentence,
    owner_phrase,
    registered_phrase,
    shape_text,
    source_phrase,
    tags_phrase,
    type_text,
)
from handlers.message import Json, Message
from handlers.monitors.phrases import headline, mark
from handlers.tables import Cell, aligned_text, collapsible, table
from handlers.text import Mrkdwn, code, count_text, lines, link, md, truncate, when
from services.access.model import Grant
from services.datasets.model import (
    Column,
    DatasetCard,
    DatasetType,
    DatasetVersion,
    Deprecation,
    FingerprintCheck,
    FingerprintState,
)
from services.monitors.views import Watching

DESCRIPTION_BLOCK = 2900
COLUMNS_SHOWN = 99


def build(
    card: DatasetCard, viewer: str, held: Sequence[Grant] | None = None, watching: Watching | None = None
) -> Message:
    """The card. viewer: Slack id of the person who looks, "" when it is for everybody in a channel. held: what they
    were given through the bot, None when that is not told. watching: how it is watched for drift.
    """
    yours = _your_access(card, viewer, held)
    facts_ = _facts(card, yours, watching)
    top = (*_deprecation(card), header(title_of(card.version)), _position(card), *_description(card), *facts_)
    bottom = (*_studio(card), *_actions(card, viewer))
    schema = card.version.stats.schema
    if not schema:
        return Message(text=_text(card), blocks=(*top, *bottom))
    title = f"Schema: {count_text(len(schema), 'column')}"
    return Message(
        text=_text(card),
        blocks=(*top, collapsible(title, _schema_blocks(schema)), *bottom),
        fallback=(*top, section(md("*{}*", title)), preformatted(aligned_text(_schema_rows(schema))), *bottom),
    )


def title_of(version: DatasetVersion) -> str:
    """`name:version` for a heading: a long name loses its end, never the number."""
    return f"{truncate(version.name, HEADER_TEXT - 12)}:{version.version}"


def _text(card: DatasetCard) -> Mrkdwn:
    state = ", deprecated" if card.dataset.deprecation else ""
    return md("{}, {} dataset{}", card.version.label, card.dataset.type.value, state)


def _deprecation(card: DatasetCard) -> tuple[Json, ...]:
    gone: Deprecation | None = card.dataset.deprecation
    if gone is None:
        return ()
    by = md(" by {}", owner_phrase(gone.by)) if gone.by else Mrkdwn("")
    parts = [md(":no_entry: *Deprecated* {}{}.", when(gone.at, "{date_short_pretty}"), by)]
    if gone.reason:
        parts.append(md("Reason: {}", truncate(gone.reason, 500)))
    if not gone.replaced_by:
        return (section(lines(parts)),)
    name, version = _replacement(gone.replaced_by)
    parts.append(md("Use {} instead.", code(gone.replaced_by)))
    show = command_button("Show replacement", "run:replacement", dataset_command("show", name, version))
    return (section(lines(parts), accessory=show),)


def _replacement(label: str) -> tuple[str, int | None]:
    name, colon, version = label.rpartition(":")
    return (name, int(version)) if colon and version.isascii() and version.isdecimal() else (label, None)


def _position(card: DatasetCard) -> Json:
    version, latest = card.version.version, card.dataset.latest_version
    if version == latest:
        place = "the only version" if latest == 1 else f"the latest of {latest:,} versions"
    else:
        place = f"version {version:,}; the latest is {latest:,}"
    return context(place)


def _description(card: DatasetCard) -> tuple[Json, ...]:
    text = card.dataset.description.strip()
    if not text:
        return (context("No description yet."),)
    return tuple(section(text[i : i + DESCRIPTION_BLOCK]) for i in range(0, len(text), DESCRIPTION_BLOCK)[:2])


def _your_access(card: DatasetCard, viewer: str, held: Sequence[Grant] | None) -> Mrkdwn | None:
    """Nothing for a card that everybody sees."""
    if not viewer or held is None:
        return None
    return Mrkdwn("you own it") if viewer == card.dataset.owner else held_phrase(held)


def _drift(watching: Watching) -> Mrkdwn:
    """How many monitors there are, and what is open."""
    said = Mrkdwn(count_text(watching.monitors, "monitor") if watching.monitors else "no monitor")
    for incident in watching.open[:1]:
        said = md("{}; {} {} since {}", said, mark(incident), headline(incident), when(incident.opened_at))
    more = len(watching.open) - 1
    return md("{}, and {}", said, count_text(more, "more open incident")) if more > 0 else said


def _facts(card: DatasetCard, yours: Mrkdwn | None, watching: Watching | None) -> tuple[Json, ...]:
    version, dataset = card.version, card.dataset
    pairs: list[tuple[str, str]] = [
        ("Owner", owner_phrase(dataset.owner)),
        ("Type", type_text(version.definition)),
        ("Source", source_phrase(version.definition.source)),
        ("Data", shape_text(version.stats)),
        ("Tags", tags_phrase(dataset.tags)),
        ("Registered", registered_phrase(version)),
        ("Files", badge_sentence(version.check)),
        ("Watched by", count_text(len(dataset.watchers), "person", "people") if dataset.watchers else "nobody"),
    ]
    if watching is not None and (card.dataset.type is DatasetType.TABULAR or watching.monitors):
        pairs.append(("Drift", _drift(watching)))
    if yours is not None:
        pairs.append(("Your access", yours))
    if version.definition.timestamp_column:
        pairs.append(("Timestamp column", code(version.definition.timestamp_column)))
    if version.definition.partition_format:
        pairs.append(("Partition format", code(version.definition.partition_format)))
    return tuple(fields(pairs))


def _schema_rows(schema: tuple[Column, ...]) -> list[list[str]]:
    rows = [[column.name, column.type.value, "yes" if column.nullable else "no"] for column in schema]
    return [["Column", "Type", "Nulls"], *rows]


def _schema_blocks(schema: tuple[Column, ...]) -> list[Json]:
    rows: list[list[Cell]] = [[*row] for row in _schema_rows(schema[:COLUMNS_SHOWN])]
    blocks = [table(rows)]
    if len(schema) > COLUMNS_SHOWN:
        blocks.append(context(f"and {count_text(len(schema) - COLUMNS_SHOWN, 'more column', 'more columns')}"))
    return blocks


def _studio(card: DatasetCard) -> tuple[Json, ...]:
    return (context(link(card.studio_url, "Open in the studio")),) if card.studio_url else ()


def _actions(card: DatasetCard, viewer: str) -> tuple[Json, ...]:
    name, number = card.version.name, card.version.version
    watching = bool(viewer) and viewer in card.dataset.watchers
    is_table = card.dataset.type is DatasetType.TABULAR
    elements = [
        command_button("Versions", "run:versions", dataset_command("versions", name)),
        command_button("Use", "run:use", dataset_command("use", name, number)),
        command_button("Preview", "run:preview", dataset_command("preview", name, number)),
        give_button(name) if viewer and viewer == card.dataset.owner else ask_button(name),
    ]
    if number > 1:
        compare = dataset_command("diff", name, number - 1, str(number))
        elements.insert(1, command_button("Compare with previous", "run:diff", compare))
    elements += [
        command_button("Edit tags", "run:tag", dataset_command("tag", name)),
        command_button("Describe", "run:describe", dataset_command("describe", name)),
        command_button(
            "Stop watching" if watching else "Watch",
            "run:watch",
            dataset_command("watch", name, None, *(["off"] if watching else [])),
        ),
        command_button("New version", "run:register", dataset_command("register", name)),
        *([command_button("Drift monitors", "run:drift", dataset_command("drift", name))] if is_table else []),
        overflow(
            "pick:more",
            [
                pick_option("Change owner…", "owner", name),
                pick_option("Reinstate", "reinstate", name)
                if card.dataset.deprecation
                else pick_option("Deprecate…", "deprecate", name),
                pick_option("Compare versions…", "diff", name, rest="choose"),
                pick_option("Lineage", "lineage", name, number),
                pick_option("Who has access", "grants", name),
            ],
        ),
    ]
    return (actions(elements),)


def recheck_note(version: DatasetVersion, now: FingerprintCheck) -> Message | None:
    """What a second look at the files found, when it is more than "as they were"."""
    if now.state in {FingerprintState.UNCHECKED, FingerprintState.UNCHANGED}:
        return None
    return Message(
        text=md("The files of {} are not what they were", version.label),
        blocks=(section(md("I looked at the files of {} just now. {}", code(version.label), badge_sentence(now))),),
    )
