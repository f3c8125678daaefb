"""conversations.* and reactions.add."""

from bot.sandbox import events, messages
from bot.sandbox.scopes import HISTORY_SCOPE_BY_KIND, READ_SCOPE_BY_KIND
from bot.sandbox.state import Channel, Message
from bot.sandbox.web_api.method import Method, need_scope, page_of, writable
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace

_TYPE_OF_KIND = {"channel": "public_channel", "private": "private_channel", "dm": "im"}
_TYPES = frozenset({*_TYPE_OF_KIND.values(), "mpim"})


def channel_object(ws: Workspace, channel: Channel) -> JsonObject:
    """A conversation as conversations.info gives it."""
    shown: JsonObject = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_im": channel.kind == "dm",
        "is_org_shared": False,
        "context_team_id": ws.world.team_id,
        "updated": channel.created * 1000,
    }
    if channel.kind == "dm":
        return shown | {"user": channel.user, "is_user_deleted": ws.world.users[channel.user].deleted}
    return shown | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "private",
        "is_mpim": False,
        "is_private": channel.kind == "private",
        "is_general": channel.id == "C0GENERAL",
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": False,
        "is_member": ws.world.bot_user_id in channel.members,
        "creator": "U0ADA",
        "topic": {"value": channel.topic, "creator": "U0ADA", "last_set": channel.created},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
        "shared_team_ids": ["T0LOCAL", "T0OTHER"] if channel.is_ext_shared else ["T0LOCAL"],
    }


def _known(ws: Workspace, args: Args) -> Channel:
    channel = ws.world.visible_channel(args.required("channel", "channel_not_found"))
    need_scope(ws, READ_SCOPE_BY_KIND[channel.kind])
    return channel


async def info(ws: Workspace, args: Args) -> JsonObject:
    """conversations.info"""
    channel = _known(ws, args)
    shown = channel_object(ws, channel)
    if not args.flag("include_num_members"):
        shown.pop("num_members", None)
    return {"channel": shown}


async def list_(ws: Workspace, args: Args) -> JsonObject:
    """conversations.list; only public channels unless `types` asks for more."""
    types = args.names("types") or ["public_channel"]
    if not set(types) <= _TYPES:
        raise SlackError("invalid_types")
    for kind, type_ in _TYPE_OF_KIND.items():
        if type_ in types:
            need_scope(ws, READ_SCOPE_BY_KIND[kind])
    found = [
        channel
        for channel in ws.world.channels.values()
        if _TYPE_OF_KIND[channel.kind] in types
        and (channel.kind == "channel" or ws.world.bot_user_id in channel.members)
        and not (args.flag("exclude_archived") and channel.is_archived)
    ]
    page, cursor = page_of(found, args)
    return {
        "channels": [channel_object(ws, channel) for channel in page],
        "response_metadata": {"next_cursor": cursor},
    }


async def members(ws: Workspace, args: Args) -> JsonObject:
    """conversations.members"""
    channel = _known(ws, args)
    page, cursor = page_of(channel.members, args)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def _readable(ws: Workspace, args: Args) -> Channel:
    channel = ws.world.visible_channel(args.required("channel", "channel_not_found"))
    need_scope(ws, HISTORY_SCOPE_BY_KIND[channel.kind])
    if ws.world.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(found: list[Message], args: Args) -> list[Message]:
    oldest, latest = args.text("oldest", "0"), args.text("latest")
    inclusive = args.flag("inclusive")
    try:
        low, high = float(oldest), float(latest) if latest else float("inf")
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None
    return [m for m in found if low < float(m.ts) < high or (inclusive and float(m.ts) in {low, high})]


async def history(ws: Workspace, args: Args) -> JsonObject:
    """conversations.history: newest first; replies only when broadcast. Ephemeral messages never appear."""
    channel = _readable(ws, args)
    roots = [m for m in ws.world.messages[channel.id] if not m.thread_ts or m.broadcast]
    page, cursor = page_of(list(reversed(_between(roots, args))), args, most=999)
    metadata = args.flag("include_all_metadata")
    return {
        "messages": [messages.for_app(ws, m, with_metadata=metadata) for m in page],
        "has_more": bool(cursor),
        "pin_count": 0,
        "response_metadata": {"next_cursor": cursor},
    }


async def replies(ws: Workspace, args: Args) -> JsonObject:
    """conversations.replies: the root and its replies, oldest first."""
    channel = _readable(ws, args)
    root = ws.world.message(channel.id, args.required("ts", "thread_not_found"))
    if root is None:
        raise SlackError("thread_not_found")
    thread = [root, *_between(ws.world.replies(channel.id, root.ts), args)]
    page, cursor = page_of(thread, args, default=1000)
    metadata = args.flag("include_all_metadata")
    return {
        "messages": [messages.for_app(ws, m, with_metadata=metadata) for m in page],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


async def open_(ws: Workspace, args: Args) -> JsonObject:
    """conversations.open: a DM with one person (group DMs are not in the local workspace)."""
    if args.text("channel"):
        channel = ws.world.visible_channel(args.text("channel"))
        if channel.kind != "dm":
            raise SlackError("channel_not_found")
    else:
        users = args.names("users")
        if not users:
            raise SlackError("users_list_not_supplied")
        if len(users) > 1:
            raise SlackError("not_enough_users" if len(set(users)) == 1 else "method_not_supported_for_channel_type")
        user = ws.world.user(users[0])
        if user.deleted:
            raise SlackError("user_disabled")
        if user.is_bot:
            raise SlackError("cannot_dm_bot")
        channel = ws.world.dm(user.id)
    need_scope(ws, "im:write")
    shown: JsonObject = {"id": channel.id}
    if args.flag("return_im"):
        shown = channel_object(ws, channel)
    return {"channel": shown, "no_op": True, "already_open": True}


async def join(ws: Workspace, args: Args) -> JsonObject:
    """conversations.join: public channels only."""
    channel = writable(ws.world.visible_channel(args.required("channel", "channel_not_found")))
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    bot = ws.world.bot_user_id
    if bot in channel.members:
        return {"channel": channel_object(ws, channel), "warning": "already_in_channel"}
    channel.members.append(bot)
    events.member_joined(ws, channel, bot)
    return {"channel": channel_object(ws, channel)}


async def reactions_add(ws: Workspace, args: Args) -> JsonObject:
    """reactions.add"""
    name = args.required("name", "invalid_name")
    channel = ws.world.visible_channel(args.required("channel", "channel_not_found"))
    message = ws.world.message(channel.id, args.required("timestamp", "no_item_specified"))
    if message is None:
        raise SlackError("message_not_found")
    writable(channel)
    bot = ws.world.bot_user_id
    reaction = next((r for r in message.reactions if r["name"] == name), None)
    if reaction is None:
        message.reactions.append({"name": name, "users": [bot], "count": 1})
    elif bot in reaction["users"]:
        raise SlackError("already_reacted")
    else:
        reaction["users"].append(bot)
        reaction["count"] += 1
    messages.tell_changed(ws, message)
    return {}


METHODS: dict[str, Method] = {
    "conversations.history": history,
    "conversations.info": info,
    "conversations.join": join,
    "conversations.list": list_,
    "conversations.members": members,
    "conversations.open": open_,
    "conversations.replies": replies,
    "reactions.add": reactions_add,
}
