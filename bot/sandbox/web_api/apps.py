"""auth.test, api.test, apps.*, blocks.validate, entity.*, functions.*, oauth.v2.access."""

from bot.sandbox.blockkit import message_errors, view_errors
from bot.sandbox.web_api.method import Method, invalid_arguments
from bot.sandbox.wire import Args, JsonObject, SlackError
from bot.sandbox.workspace import Workspace


async def auth_test(ws: Workspace, args: Args) -> JsonObject:
    """auth.test"""
    return {
        "url": ws.base_url + "/",
        "team": ws.world.team_name,
        "user": ws.world.users[ws.world.bot_user_id].name,
        "team_id": ws.world.team_id,
        "user_id": ws.world.bot_user_id,
        "bot_id": ws.world.bot_id,
        "is_enterprise_install": False,
    }


async def api_test(ws: Workspace, args: Args) -> JsonObject:
    """api.test: echoes its arguments; fails with `error` when given."""
    if args.text("error"):
        raise SlackError(args.text("error"), args=args.values)
    return {"args": {key: value for key, value in args.values.items() if key != "token"}}


async def connections_open(ws: Workspace, args: Args) -> JsonObject:
    """apps.connections.open: a one-use WebSocket address."""
    address = ws.base_url.replace("http://", "ws://", 1)
    return {"url": f"{address}/socket/{ws.hub.ticket()}?app_id={ws.world.app_id}"}


async def blocks_validate(ws: Workspace, args: Args) -> JsonObject:
    """blocks.validate: exactly one of blocks, message, view; errors with JSON pointers."""
    given = [name for name in ("blocks", "message", "view") if args.values.get(name) is not None]
    if len(given) != 1:
        raise invalid_arguments("provide exactly one of blocks, message, view")
    name = given[0]
    value = args.structure(name)
    refused = ws.faults.invalid_blocks
    if name == "view":
        errors = view_errors(value, None, ws.world.files, refused, root="")
    elif name == "message":
        body = value if isinstance(value, dict) else {}
        errors = message_errors(body.get("blocks"), body.get("attachments"), ws.world.files, refused)
    else:
        errors = message_errors(value, None, ws.world.files, refused, root="")
    if errors:
        raise SlackError(f"invalid_{name}", errors=[error.as_json() for error in errors])
    return {}


async def present_details(ws: Workspace, args: Args) -> JsonObject:
    """entity.presentDetails: fills the details pane of a Work Object."""
    trigger_id = args.required("trigger_id")
    metadata = args.structure("metadata")
    if metadata is None and not args.flag("user_auth_required") and not args.structure("error"):
        raise SlackError("missing_metadata")
    ws.tickets.look(trigger_id).used = True
    return {}


def _execution(ws: Workspace, args: Args) -> JsonObject:
    execution = ws.world.executions.get(args.required("function_execution_id"))
    if execution is None:
        raise SlackError("function_execution_not_found")
    if execution.get("status") != "running":
        raise SlackError("function_execution_not_in_running_state")
    return execution


async def complete_success(ws: Workspace, args: Args) -> JsonObject:
    """functions.completeSuccess: a custom workflow step is done."""
    outputs = args.structure("outputs")
    if not isinstance(outputs, dict):
        raise invalid_arguments("outputs must be an object")
    _execution(ws, args).update(status="completed", outputs=outputs)
    return {}


async def complete_error(ws: Workspace, args: Args) -> JsonObject:
    """functions.completeError: a custom workflow step failed."""
    _execution(ws, args).update(status="failed", error=args.required("error"))
    return {}


async def oauth_access(ws: Workspace, args: Args) -> JsonObject:
    """oauth.v2.access: the local workspace has the app installed already; no code is ever valid."""
    args.required("client_id", "bad_client_id")
    raise SlackError("invalid_code")


METHODS: dict[str, Method] = {
    "api.test": api_test,
    "apps.connections.open": connections_open,
    "auth.test": auth_test,
    "blocks.validate": blocks_validate,
    "entity.presentDetails": present_details,
    "functions.completeError": complete_error,
    "functions.completeSuccess": complete_success,
    "oauth.v2.access": oauth_access,
}
