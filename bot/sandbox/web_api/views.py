"""views.*: modals and App Home."""

from bot.sandbox import interactions
from bot.sandbox.web_api.method import Method, invalid_arguments
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace


def _trigger(args: Args) -> str:
    trigger_id = args.text("trigger_id") or args.text("interactivity_pointer")
    if not trigger_id:
        raise invalid_arguments("missing required field: trigger_id")
    return trigger_id


async def open_(ws: Workspace, args: Args) -> JsonObject:
    """views.open"""
    trigger_id = _trigger(args)
    source = ws.views.check(args.structure("view"), "modal")
    trigger = ws.tickets.look(trigger_id)
    trigger.used = True
    view, replaced = ws.views.open(trigger.user, source)
    interactions.tell_closed(ws, trigger.user, replaced, True)
    ws.tell_stack(trigger.user, "view_opened", view)
    return {"view": view}


async def push(ws: Workspace, args: Args) -> JsonObject:
    """views.push"""
    trigger_id = _trigger(args)
    source = ws.views.check(args.structure("view"), "modal")
    trigger = ws.tickets.look(trigger_id)
    view = ws.views.push(trigger.user, source)
    trigger.used = True
    ws.tell_stack(trigger.user, "view_pushed", view)
    return {"view": view}


async def update(ws: Workspace, args: Args) -> JsonObject:
    """views.update, by view_id or external_id."""
    view_id, external_id = args.text("view_id"), args.text("external_id")
    if bool(view_id) == bool(external_id):
        raise invalid_arguments("either view_id or external_id must be given")
    current = ws.views.find(view_id, external_id)
    source = ws.views.check(args.structure("view"), current["type"], current["id"])
    view = ws.views.replace(current, source, args.text("hash"))
    owner = ws.views.owner[view["id"]]
    if view["type"] == "home":
        ws.tell([owner], "home", view=view)
    else:
        ws.tell_stack(owner, "view_updated", view)
    return {"view": view}


async def publish(ws: Workspace, args: Args) -> JsonObject:
    """views.publish: a person's App Home."""
    user_id = args.required("user_id")
    user = ws.world.users.get(user_id)
    if user is None or user.is_bot or user.deleted:
        raise invalid_arguments("invalid `user_id`")
    if user.team_id != ws.world.team_id or not ws.manifest.home_tab:
        raise SlackError("not_enabled")
    current = ws.views.home(user_id)
    source = ws.views.check(args.structure("view"), "home", current["id"] if current else "")
    view = ws.views.publish(user_id, source, args.text("hash"))
    ws.tell([user_id], "home", view=view)
    return {"view": view}


METHODS: dict[str, Method] = {
    "views.open": open_,
    "views.publish": publish,
    "views.push": push,
    "views.update": update,
}
