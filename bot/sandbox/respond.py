"""response_url: the app's later answers to a command or an action."""

import asyncio

from aiohttp import web

from bot.sandbox import events, messages
from bot.sandbox.calls import read_arguments
from bot.sandbox.state import Message
from bot.sandbox.triggers import ResponseUrl
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import Workspace

_STATUS = {"used_url": 404, "expired_url": 404, "invalid_url": 404}


async def handle_response(ws: Workspace, request: web.Request) -> web.Response:
    """Answer `/respond/{token}`: 200 `ok`, 404 for a used or expired address, 400 for a bad message."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    source: JsonObject = {}
    status, body = 200, "ok"
    user = ""
    try:
        args = await read_arguments(request)
        source = {
            **args.values,
            **{name: args.structure(name) for name in ("blocks", "attachments") if name in args.values},
        }
        ticket = ws.tickets.use_response(request.match_info["token"])
        user = ticket.user
        _carry_out(ws, ticket, source)
    except SlackError as error:
        status = _STATUS.get(error.code, 400)
        response = web.json_response(error.body(), status=status)
        body = error.code
    else:
        response = web.Response(text="ok")
    ws.traffic.add(
        "app→slack",
        "response_url",
        "respond",
        source,
        body,
        status=status,
        ms=(loop.time() - started) * 1000,
        user=user,
    )
    return response


def _carry_out(ws: Workspace, ticket: ResponseUrl, source: JsonObject) -> None:
    original = _original(ws, ticket)
    if source.get("delete_original"):
        if original is None:
            raise SlackError("message_not_found")
        messages.remove(ws, original)
        return
    messages.require_text(source)
    if source.get("replace_original") and original is not None:
        messages.change(ws, original, source)
        return
    channel = ws.world.channels[ticket.channel]
    hidden = source.get("response_type") != "in_channel"
    message = messages.from_app(
        ws,
        channel,
        source,
        ephemeral_for=ticket.user if hidden else "",
        thread_ts=str(source.get("thread_ts") or ""),
    )
    messages.post(ws, channel, message)
    if not hidden:
        events.message_events(ws, channel, message)


def _original(ws: Workspace, ticket: ResponseUrl) -> Message | None:
    if not ticket.ts:
        # A command has no message of its own: replace_original posts another one (bolt-python issue 1268).
        return None
    if ticket.ephemeral:
        return ws.world.ephemeral(ticket.user, ticket.channel, ticket.ts)
    message = ws.world.message(ticket.channel, ticket.ts)
    return message if message is not None and message.user == ws.world.bot_user_id else None
