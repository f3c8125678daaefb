"""chat.*: posting, changing, deleting, scheduling, unfurling."""

import asyncio
import secrets

from bot.sandbox import events, messages
from bot.sandbox.limits import limit
from bot.sandbox.state import Channel, Message
from bot.sandbox.web_api.method import Method, need_scope, writable
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace

_SCHEDULE_WINDOW = 300  # seconds
_STRUCTURES = ("blocks", "attachments", "metadata", "unfurls")


def _source(args: Args) -> JsonObject:
    """The arguments with their JSON strings parsed."""
    source = dict(args.values)
    for name in _STRUCTURES:
        if name in source:
            source[name] = args.structure(name)
            if source[name] is None:
                del source[name]
    if isinstance(args.structure("metadata"), dict):
        metadata = args.structure("metadata")
        if not isinstance(metadata.get("event_type"), str) or not isinstance(metadata.get("event_payload"), dict):
            raise SlackError("invalid_metadata_format")
    elif args.values.get("metadata"):
        raise SlackError("invalid_metadata_format")
    return source


def target(ws: Workspace, args: Args) -> Channel:
    """The conversation to post to: a channel, or a person's id for their DM with the app."""
    name = args.required("channel", "channel_not_found")
    if name in ws.world.users:
        user = ws.world.users[name]
        if user.deleted or user.is_bot:
            raise SlackError("channel_not_found")
        return ws.world.dm(name)
    channel = writable(ws.world.visible_channel(name))
    if ws.world.bot_user_id not in channel.members and "chat:write.public" not in ws.manifest.bot_scopes:
        raise SlackError("not_in_channel")
    return channel


def _checked_text(args: Args, name: str) -> None:
    if len(args.text("text")) > limit(name):
        raise SlackError("msg_too_long")


def _markdown(args: Args, source: JsonObject) -> JsonObject:
    """`markdown_text` becomes a markdown block; it excludes text and blocks."""
    text = args.text("markdown_text")
    if not text:
        return source
    if source.get("text") or source.get("blocks"):
        raise SlackError("markdown_text_conflict")
    if len(text) > limit("markdown.text.max_length"):
        raise SlackError("msg_too_long")
    return {**source, "text": text, "blocks": [{"type": "markdown", "text": text}]}


def _thread(ws: Workspace, channel: Channel, args: Args) -> tuple[str, bool]:
    thread_ts = args.text("thread_ts")
    if not thread_ts:
        return "", False
    root = ws.world.message(channel.id, thread_ts)
    if root is None:
        raise SlackError("thread_not_found")
    return root.thread_ts or thread_ts, args.flag("reply_broadcast")


async def post_message(ws: Workspace, args: Args) -> JsonObject:
    """chat.postMessage"""
    channel = target(ws, args)
    source = _markdown(args, _source(args))
    messages.require_text(source)
    _checked_text(args, "message.text.max_length")
    thread_ts, broadcast = _thread(ws, channel, args)
    if source.get("username") or source.get("icon_url") or source.get("icon_emoji"):
        need_scope(ws, "chat:write.customize")
    message = messages.from_app(
        ws, channel, source, thread_ts=thread_ts, broadcast=broadcast, metadata=source.get("metadata")
    )
    messages.post(ws, channel, message)
    events.message_events(ws, channel, message)
    shown = messages.for_app(ws, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


async def post_ephemeral(ws: Workspace, args: Args) -> JsonObject:
    """chat.postEphemeral"""
    channel = target(ws, args)
    user = args.required("user", "user_not_found")
    if ws.world.user(user).deleted:
        raise SlackError("user_not_found")
    source = _markdown(args, _source(args))
    messages.require_text(source)
    _checked_text(args, "message.text.max_length")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    thread_ts, _ = _thread(ws, channel, args)
    message = messages.from_app(ws, channel, source, thread_ts=thread_ts, ephemeral_for=user)
    messages.post(ws, channel, message)
    return {"message_ts": message.ts}


def _own_message(ws: Workspace, args: Args, refusal: str) -> Message:
    channel = ws.world.visible_channel(args.required("channel", "channel_not_found"))
    message = ws.world.message(channel.id, args.required("ts", "message_not_found"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != ws.world.bot_user_id:
        raise SlackError(refusal)
    writable(channel)
    return message


async def update(ws: Workspace, args: Args) -> JsonObject:
    """chat.update; ephemeral messages cannot be found here, as in Slack. Metadata stays unless `{}` clears it."""
    message = _own_message(ws, args, "cant_update_message")
    cleared = args.structure("metadata") == {}
    kept = {name: value for name, value in args.values.items() if name != "metadata"} if cleared else args.values
    source = _markdown(args, _source(Args(kept)))
    messages.require_text(source)
    _checked_text(args, "message.update_text.max_length")
    if cleared:
        message.metadata = None
    messages.change(ws, message, source)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": messages.for_app(ws, message, with_metadata=True),
    }


async def delete(ws: Workspace, args: Args) -> JsonObject:
    """chat.delete"""
    message = _own_message(ws, args, "cant_delete_message")
    messages.remove(ws, message)
    return {"channel": message.channel, "ts": message.ts}


async def unfurl(ws: Workspace, args: Args) -> JsonObject:
    """chat.unfurl, by channel and ts or by unfurl_id and source."""
    unfurls = args.structure("unfurls")
    metadata = args.structure("metadata")
    if unfurls is None and metadata is None:
        raise SlackError("missing_unfurls")
    channel_id, ts = args.text("channel"), args.text("ts")
    if args.text("unfurl_id"):
        if args.text("unfurl_id") not in ws.world.unfurls:
            raise SlackError("invalid_unfurl_id")
        if args.text("source") not in {"composer", "conversations_history"}:
            raise SlackError("invalid_source")
        channel_id, ts = ws.world.unfurls[args.text("unfurl_id")]
    if not channel_id or not ts:
        raise SlackError("cannot_unfurl_message")
    message = ws.world.message(ws.world.visible_channel(channel_id).id, ts)
    if message is None:
        raise SlackError("cannot_find_message")
    shown = unfurls or {}
    if not isinstance(shown, dict) or not all(isinstance(item, dict) for item in shown.values()):
        raise SlackError("invalid_unfurls_format")
    if not all(url in message.text.replace("&amp;", "&") for url in shown):
        raise SlackError("cannot_unfurl_url")
    _, attachments = messages.checked_content(
        ws, {"attachments": [{**item, "from_url": url} for url, item in shown.items()]}
    )
    message.attachments = attachments
    messages.tell_changed(ws, message)
    return {}


async def get_permalink(ws: Workspace, args: Args) -> JsonObject:
    """chat.getPermalink"""
    channel = ws.world.visible_channel(args.required("channel", "channel_not_found"))
    ts = args.required("message_ts", "message_not_found")
    if ws.world.message(channel.id, ts) is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": f"{ws.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"}


async def schedule_message(ws: Workspace, args: Args) -> JsonObject:
    """chat.scheduleMessage: at most 120 days ahead and 30 per channel in any five minutes."""
    channel = target(ws, args)
    post_at = args.integer("post_at", -1)
    wait = post_at - ws.settings.clock()
    if post_at < 0:
        raise SlackError("invalid_time")
    if wait <= 0:
        raise SlackError("time_in_past")
    if wait > limit("schedule.days_ahead.max") * 86_400:
        raise SlackError("time_too_far")
    source = _source(args)
    messages.require_text(source)
    _checked_text(args, "message.text.max_length")
    blocks, _ = messages.checked_content(ws, source)
    times = ws.world.scheduled[channel.id]
    if sum(abs(time - post_at) < _SCHEDULE_WINDOW for time in times) >= limit("schedule.per_5_minutes.max"):
        raise SlackError("restricted_too_many")
    times.append(post_at)
    ws.delivery.background(_post_later(ws, channel, source, wait))
    shown = {"text": source.get("text", ""), "type": "delayed_message", "blocks": blocks}
    message = {**shown, "bot_id": ws.world.bot_id, "user": ws.world.bot_user_id, "team": ws.world.team_id}
    scheduled_id = "Q" + secrets.token_hex(5).upper()
    return {"channel": channel.id, "scheduled_message_id": scheduled_id, "post_at": post_at, "message": message}


async def _post_later(ws: Workspace, channel: Channel, source: JsonObject, seconds: float) -> None:
    world = ws.world
    await asyncio.sleep(seconds)
    # Slack's page warns that scheduled messages with metadata never post; a reset forgets all of them.
    if source.get("metadata") is None and world is ws.world and not channel.is_archived:
        message = messages.post(ws, channel, messages.from_app(ws, channel, source))
        events.message_events(ws, channel, message)


METHODS: dict[str, Method] = {
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
    "chat.postEphemeral": post_ephemeral,
    "chat.postMessage": post_message,
    "chat.scheduleMessage": schedule_message,
    "chat.unfurl": unfurl,
    "chat.update": update,
}
