"""users.*, usergroups.*, bots.info, team.info."""

from bot.sandbox.state import User
from bot.sandbox.web_api.method import Method, page_of
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace


def user_object(ws: Workspace, user: User) -> JsonObject:
    """A user as users.info gives it; the e-mail only with `users:read.email`."""
    first, _, last = user.real_name.partition(" ")
    profile: JsonObject = {
        "title": user.title,
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "first_name": first,
        "last_name": last,
        "team": user.team_id,
    }
    if user.email and "users:read.email" in ws.manifest.bot_scopes:
        profile["email"] = user.email
    if user.is_bot:
        profile |= {"bot_id": ws.world.bot_id, "api_app_id": ws.world.app_id}
    shown: JsonObject = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "color": user.color,
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": user.tz_offset,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 1_750_000_000,
    }
    if user.deleted:
        return shown
    return shown | {
        "is_admin": user.is_admin,
        "is_owner": user.is_admin,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_email_confirmed": not user.is_bot,
        **({"is_stranger": True} if user.is_stranger else {}),
    }


async def info(ws: Workspace, args: Args) -> JsonObject:
    """users.info"""
    return {"user": user_object(ws, ws.world.user(args.required("user", "user_not_found")))}


async def list_(ws: Workspace, args: Args) -> JsonObject:
    """users.list: members of this workspace; strangers of shared channels are not among them."""
    local = [u for u in ws.world.users.values() if u.team_id == ws.world.team_id]
    users, cursor = page_of(local, args)
    return {
        "members": [user_object(ws, user) for user in users],
        "cache_ts": int(ws.settings.clock()),
        "response_metadata": {"next_cursor": cursor},
    }


async def lookup_by_email(ws: Workspace, args: Args) -> JsonObject:
    """users.lookupByEmail"""
    email = args.required("email", "users_not_found").lower()
    for user in ws.world.users.values():
        if user.email.lower() == email and not user.deleted and user.team_id == ws.world.team_id:
            return {"user": user_object(ws, user)}
    raise SlackError("users_not_found")


async def usergroups_list(ws: Workspace, args: Args) -> JsonObject:
    """usergroups.list"""
    groups: list[JsonObject] = []
    for group in ws.world.usergroups.values():
        shown: JsonObject = {
            "id": group.id,
            "team_id": ws.world.team_id,
            "is_usergroup": True,
            "name": group.name,
            "handle": group.handle,
            "description": "",
            "is_external": False,
            "date_delete": 0,
        }
        if args.flag("include_users"):
            shown["users"] = group.users
        if args.flag("include_count"):
            shown["user_count"] = len(group.users)
        groups.append(shown)
    return {"usergroups": groups}


async def usergroups_users_list(ws: Workspace, args: Args) -> JsonObject:
    """usergroups.users.list"""
    group = ws.world.usergroups.get(args.required("usergroup", "no_such_subteam"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group.users}


async def bots_info(ws: Workspace, args: Args) -> JsonObject:
    """bots.info"""
    if args.text("bot", ws.world.bot_id) != ws.world.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": ws.world.bot_id,
            "deleted": False,
            "name": ws.world.app_name,
            "updated": 1_750_000_000,
            "app_id": ws.world.app_id,
            "user_id": ws.world.bot_user_id,
            "icons": {},
        }
    }


async def team_info(ws: Workspace, args: Args) -> JsonObject:
    """team.info"""
    if args.text("team", ws.world.team_id) != ws.world.team_id:
        raise SlackError("team_not_found")
    return {
        "team": {
            "id": ws.world.team_id,
            "name": ws.world.team_name,
            "domain": ws.world.team_domain,
            "email_domain": "northwind.example",
            "icon": {"image_default": True},
        }
    }


METHODS: dict[str, Method] = {
    "bots.info": bots_info,
    "team.info": team_info,
    "usergroups.list": usergroups_list,
    "usergroups.users.list": usergroups_users_list,
    "users.info": info,
    "users.list": list_,
    "users.lookupByEmail": lookup_by_email,
}
