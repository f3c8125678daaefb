"""People, channels and the whole start-up answer as the page wants them."""

from bot.sandbox.state import Channel, User
from bot.sandbox.wire import JsonObject
from bot.sandbox.workspace import Workspace


def page_user(user: User) -> JsonObject:
    """A person as the page shows them."""
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "title": user.title,
        "tz": user.tz,
        "color": user.color,
        "is_bot": user.is_bot,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "deleted": user.deleted,
        "team_id": user.team_id,
        "initials": "".join(part[0] for part in user.real_name.split()[:2]).upper(),
    }


def page_channel(ws: Workspace, channel: Channel, user: str) -> JsonObject:
    """A channel as one person sees it; a DM is named after its other side."""
    shown: JsonObject = {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "topic": channel.topic,
        "is_ext_shared": channel.is_ext_shared,
        "is_archived": channel.is_archived,
        "is_member": user in channel.members,
        "unread": ws.world.unread[user, channel.id],
    }
    if channel.kind == "dm":
        other = ws.world.dm_partner(channel, user)
        shown |= {"user": other, "name": ws.world.users[other].real_name}
    return shown


def boot(ws: Workspace, me: User) -> JsonObject:
    """All that a tab needs at the start. Guests and strangers see only the channels they are in."""
    world = ws.world
    if not me.deleted and not me.is_bot:
        world.dm(me.id)
    channels = [
        channel
        for channel in world.channels.values()
        if me.id in channel.members or (channel.kind == "channel" and not me.is_outsider)
    ]
    return {
        "team": {"id": world.team_id, "name": world.team_name, "domain": world.team_domain},
        "me": page_user(me),
        "users": [page_user(user) for user in world.users.values()],
        "app": {
            "id": world.app_id,
            "name": world.app_name,
            "bot_user_id": world.bot_user_id,
            "bot_id": world.bot_id,
        },
        "channels": [page_channel(ws, channel, me.id) for channel in channels],
        "commands": [
            {"command": c.command, "description": c.description, "usage_hint": c.usage_hint}
            for c in ws.manifest.commands
        ],
        "shortcuts": [
            {"type": s.type, "callback_id": s.callback_id, "name": s.name, "description": s.description}
            for s in ws.manifest.shortcuts
        ],
        "usergroups": [{"id": group.id, "handle": group.handle} for group in world.usergroups.values()],
        "connected": ws.delivery.connected,
    }
