"""Posting, changing and removing messages, and how a message looks to the app and to the page."""

import re
from typing import Any

from bot.sandbox.blockkit import validate_message
from bot.sandbox.normal import blocks_with_ids
from bot.sandbox.state import Channel, Message, StoredFile
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import Workspace


def checked_content(ws: Workspace, source: JsonObject) -> tuple[list[JsonObject], list[JsonObject]]:
    """Blocks and attachments of a message that Slack would take, else SlackError `invalid_blocks`."""
    blocks, attachments = source.get("blocks"), source.get("attachments")
    shows_files = any(isinstance(block, dict) and "slack_file" in block for block in blocks or [])
    files = {} if shows_files and ws.faults.take_unready_file() else ws.world.files
    validate_message(blocks, attachments, files, ws.faults.invalid_blocks)
    filled = [
        {**item, "id": number, **({"blocks": blocks_with_ids(item["blocks"])} if item.get("blocks") else {})}
        for number, item in enumerate(attachments or [], start=1)
    ]
    return blocks_with_ids(blocks), filled


def post(ws: Workspace, channel: Channel, message: Message) -> Message:
    """Store a message and show it to everybody in the channel, or its one reader when it is ephemeral."""
    world = ws.world
    if message.ephemeral_for:
        world.ephemerals[message.ephemeral_for].append(message)
        ws.tell([message.ephemeral_for], "ephemeral", channel=channel.id, message=for_page(ws, message))
        return message
    world.messages[channel.id].append(message)
    ws.tell_channel(channel, "message", channel=channel.id, message=for_page(ws, message))
    for member in channel.members:
        if member != message.user and not world.users[member].is_bot:
            world.unread[member, channel.id] += 1
            ws.tell([member], "unread", channel=channel.id, unread=world.unread[member, channel.id])
    if message.thread_ts and (root := world.message(channel.id, message.thread_ts)):
        ws.tell_channel(channel, "message_changed", channel=channel.id, message=for_page(ws, root))
    return message


def from_app(ws: Workspace, channel: Channel, source: JsonObject, **more: Any) -> Message:
    """A new message of the app from the arguments it sent; content is checked."""
    blocks, attachments = checked_content(ws, source)
    return Message(
        ts=ws.ts(),
        channel=channel.id,
        text=str(source.get("text") or ""),
        user=ws.world.bot_user_id,
        bot_id=ws.world.bot_id,
        username=str(source.get("username") or ws.world.app_name),
        blocks=blocks,
        attachments=attachments,
        raw={key: value for key, value in source.items() if key != "token"},
        **more,
    )


def change(ws: Workspace, message: Message, source: JsonObject) -> None:
    """Replace a message's content; what the source does not name is dropped, as in chat.update."""
    blocks, attachments = checked_content(ws, source)
    if "text" in source:
        message.text = str(source["text"] or "")
    message.blocks, message.attachments = blocks, attachments
    message.raw = {key: value for key, value in source.items() if key != "token"}
    if isinstance(source.get("metadata"), dict):
        message.metadata = source["metadata"]
    message.edited_ts = ws.ts()
    tell_changed(ws, message)


def remove(ws: Workspace, message: Message) -> None:
    """Delete a message everywhere."""
    if message.ephemeral_for:
        ws.world.ephemerals[message.ephemeral_for].remove(message)
        ws.tell([message.ephemeral_for], "ephemeral_deleted", channel=message.channel, ts=message.ts)
        return
    ws.world.messages[message.channel].remove(message)
    channel = ws.world.channels[message.channel]
    ws.tell_channel(channel, "message_deleted", channel=message.channel, ts=message.ts)


def tell_changed(ws: Workspace, message: Message) -> None:
    """Show the present state of a message to those who see it."""
    if message.ephemeral_for:
        ws.tell([message.ephemeral_for], "ephemeral", channel=message.channel, message=for_page(ws, message))
    else:
        channel = ws.world.channels[message.channel]
        ws.tell_channel(channel, "message_changed", channel=message.channel, message=for_page(ws, message))


def for_app(ws: Workspace, message: Message, *, with_metadata: bool = False) -> JsonObject:
    """A message as the Web API and interaction payloads give it."""
    world = ws.world
    shown: JsonObject = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": world.team_id,
    }
    if message.bot_id:
        shown |= {
            "bot_id": message.bot_id,
            "app_id": world.app_id,
            "bot_profile": {
                "id": world.bot_id,
                "app_id": world.app_id,
                "name": world.app_name,
                "deleted": False,
                "team_id": world.team_id,
            },
        }
    if message.client_msg_id:
        shown["client_msg_id"] = message.client_msg_id
    if message.subtype:
        shown["subtype"] = message.subtype
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.attachments:
        shown["attachments"] = message.attachments
    if message.files:
        shown["files"] = [file_object(ws, world.files[file_id]) for file_id in message.files]
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.metadata is not None and with_metadata:
        shown["metadata"] = message.metadata
    if message.reactions:
        shown["reactions"] = message.reactions
    return shown | _thread_fields(ws, message)


def _thread_fields(ws: Workspace, message: Message) -> JsonObject:
    if message.thread_ts and message.thread_ts != message.ts:
        return {"thread_ts": message.thread_ts}
    replies = ws.world.replies(message.channel, message.ts)
    if not replies:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
        "latest_reply": replies[-1].ts,
    }


def for_page(ws: Workspace, message: Message) -> JsonObject:
    """A message as the page draws it; `raw` is what the app sent."""
    shown = for_app(ws, message, with_metadata=True)
    shown["channel"] = message.channel
    shown["username"] = message.username or ws.world.users[message.user].real_name
    shown["edited"] = bool(message.edited_ts)
    shown["raw"] = message.raw
    if message.broadcast:
        shown["thread_broadcast"] = True
    if message.ephemeral_for:
        shown |= {"ephemeral": True, "ephemeral_for": message.ephemeral_for}
    if message.files:
        shown["files"] = [page_file(ws, ws.world.files[file_id]) for file_id in message.files]
    return shown


def file_object(ws: Workspace, file: StoredFile) -> JsonObject:
    """A file as files.info gives it."""
    url = f"{ws.base_url}/files/{file.id}/{file.name}"
    shown: JsonObject = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2] or "binary",
        "pretty_type": file.mimetype,
        "user": file.user,
        "user_team": ws.world.team_id,
        "editable": False,
        "size": len(file.content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(file.channels),
        "public_url_shared": False,
        "url_private": url,
        "url_private_download": url,
        "permalink": f"{ws.base_url}/files/{file.id}/{file.name}",
        "channels": [c for c in file.channels if c.startswith("C")],
        "groups": [c for c in file.channels if c.startswith("G")],
        "ims": [c for c in file.channels if c.startswith("D")],
        "file_access": "visible",
    }
    if file.mimetype.startswith("image/"):
        shown |= {"thumb_360": url, "original_w": 0, "original_h": 0}
    return shown


def page_file(ws: Workspace, file: StoredFile) -> JsonObject:
    """A file as the page shows it."""
    url = f"/files/{file.id}/{file.name}"
    shown: JsonObject = {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "size": len(file.content),
        "url": url,
    }
    if file.mimetype.startswith("image/"):
        shown["thumb_url"] = url
    return shown


def may_see_file(ws: Workspace, user: str, file: StoredFile) -> bool:
    """Own files, files shared where this person is, and the app's (images in its blocks)."""
    if user not in ws.world.users:
        return False
    shared = any(user in ws.world.channels[channel].members for channel in file.channels)
    return shared or file.user in {user, ws.world.bot_user_id}


_BROADCASTS = frozenset({"channel", "everyone", "here"})
_MENTION = re.compile(r"(?<![\w@<])@([a-z0-9_.-]+)", re.IGNORECASE)
_CHANNEL = re.compile(r"(?<![\w#<&])#([a-z0-9_-]+)", re.IGNORECASE)
_URL = re.compile(r"(?<![<\w])(https?://[^\s<>]+)")


def escape_typed(ws: Workspace, text: str, *, named: bool) -> str:
    """What a person typed, with mentions, broadcasts, channels and URLs as Slack sends them; `named` adds `|name`."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    by_name = {user.name: user for user in ws.world.users.values()}
    groups = {group.handle: group for group in ws.world.usergroups.values()}
    channels = {c.name: c for c in ws.world.channels.values() if c.kind == "channel"}

    def mention(match: re.Match[str]) -> str:
        name = match[1].lower()
        user = by_name.get(name)
        if name in _BROADCASTS:
            return f"<!{name}>"
        if group := groups.get(name):
            return f"<!subteam^{group.id}|@{group.handle}>" if named else f"<!subteam^{group.id}>"
        if user is None:
            return match[0]
        return f"<@{user.id}|{user.name}>" if named else f"<@{user.id}>"

    def place(match: re.Match[str]) -> str:
        channel = channels.get(match[1].lower())
        return f"<#{channel.id}|{channel.name}>" if channel else match[0]

    parts = _URL.split(text)
    for index, part in enumerate(parts):
        parts[index] = f"<{part}>" if index % 2 else _CHANNEL.sub(place, _MENTION.sub(mention, part))
    return "".join(parts)


def require_text(source: JsonObject) -> None:
    """Refuse a message with nothing in it."""
    if not (source.get("text") or source.get("blocks") or source.get("attachments")):
        raise SlackError("no_text")
