"""The page's routes under `/client`: what a person sees and does."""

import asyncio
import copy
import json
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import ValidationError

from bot.sandbox import events, interactions, messages
from bot.sandbox.faults import Faults
from bot.sandbox.page_objects import boot, page_channel
from bot.sandbox.state import Channel, Message, StoredFile
from bot.sandbox.web_api.files import new_file
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import Workspace

Handler = Callable[[Workspace, JsonObject], Awaitable[JsonObject]]
_PING_SECONDS = 15


def _object(body: JsonObject, name: str) -> JsonObject:
    """A part of a request that has to be an object; absent is empty."""
    value = body.get(name) or {}
    if not isinstance(value, dict):
        raise SlackError("invalid_arguments")
    return value


def _values(body: JsonObject) -> JsonObject:
    """`state.values` of a request."""
    return _object(_object(body, "state"), "values")


def _acting(ws: Workspace, body: JsonObject) -> str:
    user = ws.world.user(str(body.get("user", "")))
    if user.is_bot or user.deleted:
        raise SlackError("user_cannot_act")
    return user.id


def _seen_channel(ws: Workspace, user: str, channel_id: str) -> Channel:
    channel = ws.world.channel(channel_id)
    if user not in channel.members and (channel.kind != "channel" or ws.world.user(user).is_outsider):
        raise SlackError("channel_not_found")
    return channel


def _place(ws: Workspace, user: str, container: JsonObject) -> Message | JsonObject:
    """The message or view that a container of the page names."""
    if container.get("type") == "view":
        view = ws.views.find(str(container.get("view_id", "")), "")
        if ws.views.owner[view["id"]] != user:
            raise SlackError("not_found")
        return view
    channel = _seen_channel(ws, user, str(container.get("channel", "")))
    ts = str(container.get("ts", ""))
    message = ws.world.ephemeral(user, channel.id, ts) or ws.world.message(channel.id, ts)
    if message is None:
        raise SlackError("message_not_found")
    return message


async def post_message(ws: Workspace, body: JsonObject) -> JsonObject:
    """A person sends a message."""
    user = _acting(ws, body)
    channel = _writable(ws, user, str(body.get("channel", "")))
    text, file_ids = str(body.get("text") or ""), [str(item) for item in body.get("file_ids") or []]
    if not text and not file_ids:
        raise SlackError("no_text")
    files = [_own_file(ws, user, file_id) for file_id in file_ids]
    message = events.typed_message(ws, user, channel, text, str(body.get("thread_ts") or ""))
    return {"message": _say(ws, message, files)}


def _writable(ws: Workspace, user: str, channel_id: str) -> Channel:
    channel = _seen_channel(ws, user, channel_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    if user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _own_file(ws: Workspace, user: str, file_id: str) -> StoredFile:
    file = ws.world.files.get(file_id)
    if file is None or file.user != user:
        raise SlackError("file_not_found")
    return file


def _say(ws: Workspace, message: Message, files: list[StoredFile]) -> JsonObject:
    channel = ws.world.channels[message.channel]
    if files:
        message.files = [file.id for file in files]
        message.subtype = "file_share"
        for file in files:
            file.channels.append(channel.id)
    messages.post(ws, channel, message)
    events.message_events(ws, channel, message)
    return messages.for_page(ws, message)


async def run_command(ws: Workspace, body: JsonObject) -> JsonObject:
    """A person runs a slash command. Slack does not offer them in threads."""
    user = _acting(ws, body)
    channel = _seen_channel(ws, user, str(body.get("channel", "")))
    name = str(body.get("command", ""))
    if body.get("thread_ts"):
        ws.notice(user, f"{name} is not supported in threads. Sorry!", channel.id)
        return {"ok": False, "error": "not_supported_in_threads"}
    return await interactions.command(ws, user, channel, name, str(body.get("text") or ""))


def _spot(ws: Workspace, user: str, body: JsonObject) -> interactions.Spot:
    place = _place(ws, user, _object(body, "container"))
    return interactions.Spot(user, place, str(body.get("block_id", "")), str(body.get("action_id", "")))


async def act(ws: Workspace, body: JsonObject) -> JsonObject:
    """A click or choice."""
    user = _acting(ws, body)
    return await interactions.action(ws, _spot(ws, user, body), _object(body, "action"), _values(body))


def _open_view(ws: Workspace, user: str, body: JsonObject) -> JsonObject:
    view = ws.views.find(str(body.get("view_id", "")), "")
    if ws.views.owner[view["id"]] != user:
        raise SlackError("not_found")
    return view


async def submit(ws: Workspace, body: JsonObject) -> JsonObject:
    """A modal's submit button."""
    user = _acting(ws, body)
    view = _open_view(ws, user, body)
    if not view.get("submit") or view.get("submit_disabled"):
        raise SlackError("cannot_submit")
    return await interactions.submit(ws, user, view, _values(body))


async def close(ws: Workspace, body: JsonObject) -> JsonObject:
    """A modal's close button, or the cross that closes all (`is_cleared`)."""
    user = _acting(ws, body)
    view = _open_view(ws, user, body)
    return await interactions.close(ws, user, view["id"], bool(body.get("is_cleared")))


async def suggest(ws: Workspace, body: JsonObject) -> JsonObject:
    """Typing into an external select."""
    user = _acting(ws, body)
    return await interactions.suggest(ws, _spot(ws, user, body), str(body.get("value", "")))


async def shortcut(ws: Workspace, body: JsonObject) -> JsonObject:
    """A global shortcut, or a shortcut on a message."""
    user = _acting(ws, body)
    kind = str(body.get("type", "global"))
    message: Message | None = None
    if kind == "message":
        channel = _seen_channel(ws, user, str(body.get("channel", "")))
        message = ws.world.message(channel.id, str(body.get("ts", "")))
        if message is None:
            raise SlackError("message_not_found")
    return await interactions.shortcut(ws, user, kind, str(body.get("callback_id", "")), message)


async def home(ws: Workspace, body: JsonObject) -> JsonObject:
    """Opening the app's Home or Messages tab."""
    user = _acting(ws, body)
    events.home_opened(ws, user, str(body.get("tab") or "home"))
    view = ws.views.home(user)
    return {"view": view} if view else {}


async def dm(ws: Workspace, body: JsonObject) -> JsonObject:
    """A DM with another person."""
    user = _acting(ws, body)
    other = ws.world.user(str(body.get("other", "")))
    channel = ws.world.dm(user, other.id)
    for member in channel.members:
        ws.tell([member], "channel", channel=page_channel(ws, channel, member))
    return {"channel": page_channel(ws, channel, user)}


async def invite(ws: Workspace, body: JsonObject) -> JsonObject:
    """Join a public channel, or bring somebody (the app too) into a channel one is in."""
    user = _acting(ws, body)
    channel = ws.world.channel(str(body.get("channel", "")))
    joining = str(body.get("other") or user)
    ws.world.user(joining)
    if joining != user and user not in channel.members:
        raise SlackError("not_in_channel")
    if joining == user and channel.kind != "channel":
        raise SlackError("channel_not_found")
    if joining not in channel.members:
        channel.members.append(joining)
        events.member_joined(ws, channel, joining, "" if joining == user else user)
    ws.tell([joining, user], "channel", channel=page_channel(ws, channel, user))
    return {"channel": page_channel(ws, channel, user)}


async def run_step(ws: Workspace, body: JsonObject) -> JsonObject:
    """A workflow of this person runs a custom step of the app."""
    user = _acting(ws, body)
    callback_id = str(body.get("callback_id", ""))
    step = ws.manifest.step(callback_id)
    if ws.manifest.functions and step is None:
        raise SlackError("unknown_function")
    inputs: JsonObject = dict(body.get("inputs") or {})
    if step is not None:
        for name, type_ in step.inputs.items():
            if type_ == "slack#/types/user_context":  # filled in by Slack, whatever the workflow says
                inputs[name] = {"id": user, "secret": secrets.token_hex(8)}
        if missing := [name for name in step.required if inputs.get(name) in (None, "")]:
            raise SlackError("parameter_validation_failed", messages=[f"missing {name}" for name in missing])
    return {"execution": events.step_executed(ws, user, callback_id, inputs)}


async def step_state(ws: Workspace, body: JsonObject) -> JsonObject:
    """How a custom step's execution stands: running, completed with outputs, or failed with an error."""
    execution = ws.world.executions.get(str(body.get("execution", "")))
    if execution is None:
        raise SlackError("not_found")
    return dict(execution)


async def reset(ws: Workspace, body: JsonObject) -> JsonObject:
    """Back to the fixtures."""
    ws.reset()
    return {}


async def disconnect(ws: Workspace, body: JsonObject) -> JsonObject:
    """Ask the app's sockets to reconnect: reason `warning`, `refresh_requested` or `link_disabled`."""
    await ws.hub.disconnect(str(body.get("reason") or "refresh_requested"))
    return {}


ACTIONS: dict[str, Handler] = {
    "action": act,
    "close": close,
    "command": run_command,
    "disconnect": disconnect,
    "dm": dm,
    "home": home,
    "invite": invite,
    "message": post_message,
    "reset": reset,
    "shortcut": shortcut,
    "step": run_step,
    "step_state": step_state,
    "submit": submit,
    "suggest": suggest,
}


async def handle_post(ws: Workspace, request: web.Request) -> web.Response:
    """Run one of ACTIONS on a JSON body; refusals are `{ok: false, error}` with status 200."""
    handler = ACTIONS.get(request.match_info["name"])
    if handler is None:
        return web.json_response({"ok": False, "error": "not_found"}, status=404)
    try:
        body = json.loads(await request.read() or b"{}")
        if not isinstance(body, dict):
            raise SlackError("invalid_json")
        result = await handler(ws, body)
    except ValueError:
        return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
    except SlackError as error:
        return web.json_response(error.body())
    return web.json_response({"ok": True, **result})


async def handle_boot(ws: Workspace, request: web.Request) -> web.Response:
    """The whole workspace as one person sees it."""
    return web.json_response(boot(ws, ws.world.user(request.query.get("user", ""))))


async def handle_history(ws: Workspace, request: web.Request) -> web.Response:
    """A channel's root messages or one thread, oldest first; reading them clears the unread count."""
    user = ws.world.user(request.query.get("user", "")).id
    channel = _seen_channel(ws, user, request.query.get("channel", ""))
    thread_ts = request.query.get("thread_ts", "")
    stored = ws.world.messages[channel.id]
    if request.query.get("ephemeral") == "1":
        stored = sorted(
            [*stored, *(m for m in ws.world.ephemerals[user] if m.channel == channel.id)],
            key=lambda message: float(message.ts),
        )
    if thread_ts:
        shown = [m for m in stored if thread_ts in {m.ts, m.thread_ts}]
    else:
        shown = [m for m in stored if not m.thread_ts or m.broadcast]
    if ws.world.unread[user, channel.id]:
        ws.world.unread[user, channel.id] = 0
        ws.tell([user], "unread", channel=channel.id, unread=0)
    return web.json_response({"messages": [messages.for_page(ws, m) for m in shown]})


async def handle_views(ws: Workspace, request: web.Request) -> web.Response:
    """This person's open modals (bottom first) and App Home, for a tab that was reloaded."""
    user = ws.world.user(request.query.get("user", "")).id
    return web.json_response({"stack": ws.views.stack(user), "home": ws.views.home(user)})


async def handle_events(ws: Workspace, request: web.Request) -> web.StreamResponse:
    """Server-sent events for one tab."""
    user = ws.world.user(request.query.get("user", "")).id
    queue = ws.feed.open(user)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    hello = {"type": "connected", "connected": ws.delivery.connected}
    try:
        await response.write(_event(hello))
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), _PING_SECONDS)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if event is None:
                break
            await response.write(_event(event))
    except ConnectionError:
        # The tab was closed; there is nobody to tell.
        return response
    finally:
        ws.feed.close(user, queue)
    return response


def _event(event: JsonObject) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


async def handle_upload(ws: Workspace, request: web.Request) -> web.Response:
    """A person's file as the raw body; `share` posts it as a message in `channel`."""
    query = request.query
    user = _acting(ws, {"user": query.get("user", "")})
    name = query.get("name", "")
    if not name:
        raise SlackError("missing_name")
    content = await request.read()
    file = new_file(ws, name, user, len(content))
    file.content, file.received, file.complete = content, True, True
    if query.get("share", "").lower() in {"1", "true"}:
        channel = _writable(ws, user, query.get("channel", ""))
        _say(ws, events.typed_message(ws, user, channel, query.get("text", "")), [file])
    return web.json_response({"ok": True, "file": messages.page_file(ws, file)})


async def handle_traffic(ws: Workspace, request: web.Request) -> web.Response:
    """The latest exchanges with the app, newest last."""
    try:
        wanted = max(1, int(request.query.get("limit", "200")))
    except ValueError:
        raise SlackError("invalid_limit") from None
    return web.json_response({"entries": [entry.as_json() for entry in ws.traffic.entries()[-wanted:]]})


async def handle_faults(ws: Workspace, request: web.Request) -> web.Response:
    """GET the fault plan, POST a new one, DELETE it."""
    if request.method == "DELETE":
        ws.set_faults(Faults())
    elif request.method == "POST":
        try:
            ws.set_faults(Faults.model_validate_json(await request.read()))
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            return web.json_response({"ok": False, "error": "invalid_faults", "problems": problems}, status=400)
    return web.json_response(copy.deepcopy(ws.faults.model_dump()))
