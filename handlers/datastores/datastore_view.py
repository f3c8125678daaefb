"""Datastores as messages and forms."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import (
    actions,
    button,
    confirm,
    context,
    fields,
    header,
    section,
)
from handlers.datasets.naming import command_button
from handlers.datastores.naming import datastore_command
from handlers.datastores.register_form import KINDS, NOT_READ, TITLE
from handlers.message import Json, Message
from handlers.tables import Cell, data_table
from handlers.text import Mrkdwn, bold, code, count_text, md, mention, truncate, when
from handlers.working import done_view
from services.datastores.model import Datastore, DatastoreAccess, DatastoreKind

DEFAULT_ACTION = "datastore:default"
ROWS = 100
FALLBACK_ROWS = 20
STORED = {
    DatastoreAccess.IDENTITY: "each reader’s own identity",
    DatastoreAccess.ACCOUNT_KEY: "a stored account key",
    DatastoreAccess.SAS: "a stored shared access signature",
    DatastoreAccess.SERVICE_PRINCIPAL: "a stored service principal",
}


def list_message(stores: Sequence[Datastore], *, may_manage: bool) -> Message:
    """All datastores; the default one is marked."""
    if not stores:
        said = "There is no datastore yet."
        return Message(text=said, blocks=(section(said), *_buttons(may_manage)))
    shown = stores[:ROWS]
    rows: list[list[Cell]] = [["Name", "Kind", "Location", "Datasets", "Default"]]
    rows += [
        [
            truncate(each.name, 100),
            KINDS[each.kind],
            truncate(each.location, 60),
            each.dataset_count,
            "default" if each.is_default else "",
        ]
        for each in shown
    ]
    title = header(count_text(len(stores), "datastore"))
    rest = [context(f"The first {ROWS} are shown.")] if len(stores) > ROWS else []
    lines = [
        section(_line(each), accessory=command_button("Show", f"run:show:{i}", datastore_command("show", each.name)))
        for i, each in enumerate(shown[:FALLBACK_ROWS])
    ]
    if len(stores) > FALLBACK_ROWS:
        lines.append(
            context(md("{} more; {} shows one.", str(len(stores) - FALLBACK_ROWS), code("/datastore show NAME")))
        )
    return Message(
        text=count_text(len(stores), "datastore"),
        blocks=(title, data_table("Datastores", rows), *rest, *_buttons(may_manage)),
        fallback=(title, *lines, *_buttons(may_manage)),
    )


def _line(store: Datastore) -> Mrkdwn:
    mark = " · *default*" if store.is_default else ""
    return md(
        "{}{}\n{} {} · {}",
        bold(truncate(store.name, 200)),
        Mrkdwn(mark),
        KINDS[store.kind],
        code(store.location, 200),
        count_text(store.dataset_count, "dataset"),
    )


def _buttons(may_manage: bool) -> tuple[Json, ...]:
    if not may_manage:
        return ()
    return (actions([command_button("Register a datastore", "run:register", "/datastore register")]),)


def show_message(store: Datastore, *, may_manage: bool) -> Message:
    """One datastore."""
    blocks = [header(store.name)]
    if store.is_default:
        blocks.append(context("The default datastore: paths without a datastore mean this one."))
    if store.description.strip():
        blocks.append(section(store.description))
    by = md(" by {}", mention(store.created_by)) if store.created_by else Mrkdwn("")
    blocks += fields(
        [
            ("Kind", KINDS[store.kind]),
            ("Location", code(store.location)),
            ("Datasets", f"{store.dataset_count:,}"),
            ("Registered", md("{}{}", when(store.created_at), by) if store.created_at else "Azure does not tell when"),
        ]
    )
    if store.kind is not DatastoreKind.FOLDER:
        blocks.append(context(_how_read(store)))
    if store.kind is DatastoreKind.FILE_SHARE:
        blocks.append(context(NOT_READ))
    row = [command_button("All datastores", "run:list", "/datastore list")]
    if may_manage and not store.is_default:
        row.append(default_button(store))
    return Message(text=f"Datastore {store.name}", blocks=(*blocks, actions(row)))


def _how_read(store: Datastore) -> str:
    if store.identity_based:
        return "Read with each reader’s own identity: access can be given per container or path."
    if store.azure is None:
        return "Read as this kind of storage is read; the bot cannot open it."
    return (
        f"Read with {STORED[store.azure.access]}: everybody with the role AzureML Data Scientist in the workspace "
        "reads all that it opens; access to single datasets cannot be given."
    )


def default_button(store: Datastore) -> Json:
    """Asks before it acts."""
    question = confirm(
        "Make it the default?",
        f"Register forms will begin with “{truncate(store.name, 150)}”. Registered datasets stay as they are.",
        "Make it the default",
    )
    return button("Make it the default", DEFAULT_ACTION, store.name, style="primary", confirm=question)


def ask_default_message(store: Datastore, present: Datastore | None) -> Message:
    """The question before another datastore becomes the default."""
    if store.is_default:
        said = md("{} is the default datastore already.", bold(store.name))
        return Message(text=f"{store.name} is the default already.", blocks=(section(said),))
    now = md(" Now it is {}.", bold(present.name)) if present else Mrkdwn("")
    said = md("Shall {} become the default datastore?{}", bold(store.name), now)
    return Message(text="Change the default datastore?", blocks=(section(said), actions([default_button(store)])))


def default_set_message(store: Datastore) -> Message:
    """Done."""
    said = md(":white_check_mark: {} is the default datastore now.", bold(store.name))
    return Message(text=f"{store.name} is the default datastore now.", blocks=(section(said),))


def registered_view(store: Datastore) -> Json:
    """The end of the form."""
    said = [
        section(md(":white_check_mark: {} is registered; its files can be read.", bold(store.name))),
        *fields([("Kind", KINDS[store.kind]), ("Location", code(store.location))]),
    ]
    if store.kind is not DatastoreKind.FOLDER:
        said.append(context(_how_read(store)))
    if store.kind is DatastoreKind.FILE_SHARE:
        said.append(context(NOT_READ))
    if store.is_default:
        said.append(context("It is the default datastore now."))
    return done_view(TITLE, said)
