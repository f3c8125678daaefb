"""Answering a press of a button: where it was pressed, and what is opened over what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import context, plain, section
from handlers.call import Call, Run, call_from
from handlers.datasets.curate_view import loading_view
from handlers.errors import error_message, error_view
from handlers.home import redraw
from handlers.message import Json, Message
from handlers.text import Mrkdwn, when
from handlers.working import GONE, done_view
from services.access.offer import DecidedAlready
from services.errors import Unavailable, UserError
from services.jobs import Pool

T = TypeVar("T")

Listener = Callable[[AsyncAck, Json, Json, AsyncBoltContext, AsyncWebClient], Awaitable[None]]
"""Answers a press. Bolt passes arguments by their names: ack, body, action (of a form: view), context, client."""

Do = Callable[[Call, str], Awaitable[Mrkdwn | None]]
"""Does what a button stands for, to the thing of this id; what is told of it, None where its own message tells."""

AT_ONCE_SECONDS = 0.8
"""How long a form waits for what it tells beside its fields; a trigger lives three seconds."""


def any_of(action_id: str) -> re.Pattern[str]:
    """A button's action id, alone or numbered by its row."""
    return re.compile(f"^{re.escape(action_id)}(:[0-9]+)?$")


def value_of(action: Json) -> str:
    """The id that a button carries."""
    return str(action.get("value") or "")[:200]


def does(name: str, title: str, do: Do) -> Listener:
    """A listener for a button that does one thing without asking further. name: for the log. title: of an error."""

    async def on_press(
        ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        await ack()

        async def run(call: Call) -> None:
            said = await do(call, value_of(action))
            if said is not None:
                await tell_done(call, body, said, title)
            await refresh_home(call, body)

        await start(call_from(body, context, client), body, Pool.CATALOG, name, run, title=title)

    return on_press


async def start(call: Call, body: Json, pool: Pool, name: str, run: Run, *, title: str, seconds: float = 60.0) -> None:
    """Run what a button stands for; its error is told in the modal where it was pressed, else as a message."""

    async def failed(error: BaseException) -> None:
        await tell_failure(call, body, error, title)

    async def work() -> None:
        await run(call)

    try:
        call.services.jobs.start(pool, name, work, origin=call.origin, on_error=failed, seconds=seconds)
    except UserError as error:
        await failed(error)


async def tell_failure(call: Call, body: Json, error: BaseException, title: str) -> None:
    """Where the person looks: in the modal, as a message that only they see, or, from the Home, directly."""
    if call.over_modal and await _replace(
        call, body, {**error_view(error, call.origin.request_id, title=title), "close": _CLOSE}
    ):
        return
    await call.reply.send(failure_message(error, call.origin.request_id))


def failure_message(error: BaseException, request_id: str) -> Message:
    """The error's message; who comes second is told who was first, and when."""
    message = error_message(error, request_id)
    if not isinstance(error, DecidedAlready):
        return message
    return replace(message, blocks=(*message.blocks, context(when(error.at))))


async def tell_done(call: Call, body: Json, said: Mrkdwn, title: str) -> None:
    """The same for what went well."""
    if call.over_modal and await _replace(call, body, done_view(title, [section(said)])):
        return
    await call.reply.send(Message(text=said, blocks=(section(said),)))


async def _replace(call: Call, body: Json, view: Json) -> bool:
    try:
        await call.client.views_update(view_id=body["view"]["id"], view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise
        return False
    return True


async def refresh_home(call: Call, body: Json) -> None:
    """Draw the App Home anew after something was pressed in it, or in a modal that may have been opened from it."""
    view = body.get("view") or {}
    if view:
        await redraw(call, view if view.get("type") == "home" else {})


async def open_made(call: Call, title: str, make: Callable[[], Awaitable[Json]]) -> None:
    """Open a modal at once and draw into it what `make` returns, or its error; a closed one is left alone."""
    view_id = await call.open_view(loading_view(title))
    try:
        view = await make()
    except UserError as error:
        view = error_view(error, call.origin.request_id, title=title)
    try:
        await call.client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise


async def soon(work: Awaitable[T]) -> T | None:
    """What is known within a moment, None for what takes longer. UserErrors other than Unavailable are raised."""
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            return await work
    except (TimeoutError, Unavailable):
        return None


_CLOSE = plain("Close", 24)
