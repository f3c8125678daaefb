""" "Register this file": a message's files are copied into the default datastore, then the form opens for them.

Slack's own window is opened within the three seconds that a trigger lives, and says what is being copied meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError

from handlers.blockkit import modal, section
from handlers.call import Call, call_from
from handlers.datasets.register_current import own_default, settled
from handlers.datasets.register_form import FIELD_LIMIT, RegisterForm
from handlers.datasets.register_view import TITLE, register_view
from handlers.errors import error_view
from handlers.message import Json
from handlers.slack_files import COPY_SECONDS, content, look_up
from handlers.text import bold, bytes_text, md
from handlers.working import GONE
from services.datasets.model import DatasetType, DatastoreSource
from services.datasets.names import proposed_name
from services.errors import InvalidInput, SourceProblem, UserError
from services.jobs import Pool
from services.ports import FileDrop

log = structlog.get_logger(__name__)

REGISTER_FILE = "register_file"

_TABLES = frozenset((".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson"))
_MOST = 20


@dataclass(frozen=True, slots=True)
class Shared:
    """The files of a message: Slack's ids and names."""

    ids: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, message: Json) -> Shared:
        """Read a message. Raises InvalidInput when it has no file."""
        files = [each for each in message.get("files") or () if each.get("mode") != "tombstone" and each.get("id")]
        if not files:
            raise InvalidInput("There is no file in this message. Choose a message with a file, a CSV say.")
        if len(files) > _MOST:
            raise InvalidInput(f"This message has {len(files)} files; {_MOST} is the most that one dataset is made of.")
        return cls(tuple(str(each["id"]) for each in files), tuple(str(each.get("name") or "") for each in files))


def attach(app: AsyncApp) -> None:
    """Listen to the message shortcut."""
    app.shortcut(REGISTER_FILE)(on_register_file)


async def on_register_file(ack: AsyncAck, body: Json, context: AsyncBoltContext) -> None:
    """The shortcut: open a window at once, copy, then turn the window into the form."""
    await ack()
    call = call_from(body, context, context.client)
    try:
        shared = Shared.of(body["message"])
        call.start(Pool.SLACK, "register file", partial(_open, shared=shared))
    except UserError as error:
        await call.tell_soon(error)


async def _open(call: Call, shared: Shared) -> None:
    drop = call.services.drop
    if drop is None:
        raise SourceProblem(
            "I cannot put files into the datastores of this workspace. Put the file there yourself, then type "
            "/dataset register.",
            code="no_drop",
        )
    call.services.datasets.expect_reading()
    view_id = await call.open_view(_copying("I look at the file"))

    async def copy() -> None:
        await _show(call, view_id, await _form(call, shared, drop, view_id))

    async def failed(error: BaseException) -> None:
        await _show(call, view_id, error_view(error, call.origin.request_id, title=TITLE))

    try:
        call.services.jobs.start(
            Pool.DATA, "copy file", copy, origin=call.origin, on_error=failed, seconds=COPY_SECONDS + 60
        )
    except UserError as error:
        await failed(error)


async def _form(call: Call, shared: Shared, drop: FileDrop, view_id: str) -> Json:
    """Copy the files; the form that registers them."""
    sources: list[DatastoreSource] = []
    for file_id in shared.ids:
        file = await look_up(call.client, file_id)
        if file.size > drop.limit:
            raise SourceProblem(
                f"“{file.name}” has {bytes_text(file.size)}; {bytes_text(drop.limit)} is the most that I copy from "
                "Slack. Put it into a datastore and register it from there.",
                code="file_too_large",
            )
        await _show(call, view_id, _copying(md("Copying {}, {}", bold(file.name), bytes_text(file.size))))
        sources.append(await drop.put(file_id, file.name, content(call.client, file)))
    paths = "\n".join(path for source in sources for path in source.paths)
    if len(paths) > FIELD_LIMIT:
        raise SourceProblem("The names of these files are too long for one form. Share fewer at once.")
    form = RegisterForm(
        name=proposed_name(PurePosixPath(shared.names[0]).stem),
        type=likely_type(shared.names),
        owner=call.caller.user_id,
        filled=own_default(call.caller.user_id),
        datastore=sources[0].datastore,
        paths=paths,
        channel=call.reply.channel_id,
        thread_ts=call.reply.thread_ts or "",
        in_azure=not call.services.datasets.workspace.is_local,
    )
    return register_view(*await settled(call.services.datasets, form))


def likely_type(paths: Sequence[str]) -> DatasetType:
    """What files with these endings most likely are: tables if all could be."""
    endings = {PurePosixPath(path.lower()).suffix for path in paths}
    return DatasetType.TABULAR if endings <= _TABLES else DatasetType.FILE


def _copying(sentence: str) -> Json:
    return modal("copying", TITLE, [section(md(":hourglass_flowing_sand: {} …", sentence))], close="Cancel")


async def _show(call: Call, view_id: str, view: Json) -> None:
    """Put another view into the window, unless the person closed it."""
    try:
        await call.client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise
        log.info("window_closed", view=view_id)
