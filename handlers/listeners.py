"""Every listener of the app, attached in one place."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from handlers import command_table, commands
from handlers.access.step import RequestAccessStep
from handlers.access.turned_away import note_refusal
from handlers.call import call_from
from handlers.caller import CallerDirectory, EstablishCaller
from handlers.context import Services
from handlers.errors import error_message
from handlers.message import Json, Message
from handlers.reply import BlockSupport
from services.errors import UserError

CARRIED_COMMAND = re.compile(r"^(run|go|share)(:|$)")
"""Buttons that carry a command as their value. run: answer below; go: replace this message; share: in the channel."""


class _Provide(AsyncMiddleware):
    """Gives every listener what they share, by name in Bolt's context."""

    def __init__(self, **shared: object) -> None:
        self._shared = shared

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # Bolt's name
    ) -> BoltResponse:
        req.context.update(self._shared)
        return await next()


def register_listeners(app: AsyncApp, services: Services, directory: CallerDirectory) -> None:
    """Attach middleware and listeners. The caller is established before any of our listeners runs."""
    app.use(_Provide(services=services, block_support=BlockSupport()))
    app.use(EstablishCaller(directory, partial(note_refusal, services)))
    for slash in command_table.TABLE.slashes:
        app.command(slash)(on_command)
    app.action(CARRIED_COMMAND)(on_carried_command)
    for attach in command_table.SUBJECTS:
        attach(app)
    RequestAccessStep(services, app.client, directory).attach(app)


async def on_command(
    ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> BoltResponse | None:
    """A slash command: understood and acknowledged here, worked on in the background."""
    bound = command_table.TABLE.read(body["command"], body.get("text") or "")
    if bound.message is not None:
        return answered(bound.message)
    call = call_from(body, context, client)
    try:
        commands.start(call, bound)
    except UserError as error:
        return answered(error_message(error, call.origin.request_id))
    await ack()
    return None


async def on_carried_command(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """A button that stands for a command. Its value is read like typed text and authorised like it."""
    await ack()
    verb = str(action["action_id"]).partition(":")[0]
    slash, _, text = str(action.get("value") or "").partition(" ")
    call = replace(call_from(body, context, client), in_channel=verb == "share", replaces=verb == "go")
    message_ts = str((body.get("container") or {}).get("message_ts") or "")
    if verb == "share" and not context["recent_shares"].is_new(call.caller.user_id, call.reply.channel_id, message_ts):
        return
    try:
        if slash not in command_table.TABLE.slashes:
            raise UserError(
                "This button belongs to an older message. Please type the command again.", code="old_button"
            )
        bound = command_table.TABLE.read(slash, text)
        if bound.message is not None:
            await call.answer_soon(bound.message)
        else:
            commands.start(call, bound)
    except UserError as error:
        await call.tell_soon(error)


def answered(message: Message) -> BoltResponse:
    """A message as the acknowledgement of a command."""
    body = orjson.dumps(ack_body(message)).decode()
    return BoltResponse(status=200, body=body, headers={"content-type": "application/json"})


def ack_body(message: Message) -> dict[str, Any]:
    """What acknowledges with a message: classic blocks only, for Slack tells nobody if it refuses one."""
    blocks = message.fallback or message.blocks
    return {"response_type": "ephemeral", "text": message.notification, "blocks": list(blocks)}
