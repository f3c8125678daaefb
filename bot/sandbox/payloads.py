"""The payloads of commands and interactivity, field by field as Slack sends them."""

from bot.sandbox.messages import for_app
from bot.sandbox.state import Channel, Message
from bot.sandbox.triggers import ResponseUrl
from bot.sandbox.wire import JsonObject
from bot.sandbox.workspace import VERIFICATION_TOKEN, Workspace


def actor(ws: Workspace, user_id: str) -> JsonObject:
    """The `user` object of an interaction."""
    user = ws.world.user(user_id)
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}


def envelope(ws: Workspace, type_: str, user: str) -> JsonObject:
    """What every interaction payload starts with."""
    return {
        "type": type_,
        "team": {"id": ws.world.team_id, "domain": ws.world.team_domain},
        "user": actor(ws, user),
        "api_app_id": ws.world.app_id,
        "token": VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def response_url(ws: Workspace, ticket: ResponseUrl) -> str:
    """The address at which the app may answer up to five times in half an hour."""
    return f"{ws.base_url}/respond/{ws.tickets.respond(ticket)}"


def channel_object(channel: Channel) -> JsonObject:
    """The `channel` object of an interaction."""
    return {"id": channel.id, "name": channel.payload_name}


def command_payload(ws: Workspace, user: str, channel: Channel, command: str, text: str) -> JsonObject:
    """A slash command, as form fields."""
    now = ws.settings.clock()
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": ws.world.team_id,
        "team_domain": ws.world.team_domain,
        "channel_id": channel.id,
        "channel_name": channel.payload_name,
        "user_id": user,
        "user_name": ws.world.user(user).name,
        "command": command,
        "text": text,
        "api_app_id": ws.world.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url(ws, ResponseUrl(user, channel.id, now)),
        "trigger_id": ws.tickets.trigger(user),
    }


def message_container(ws: Workspace, user: str, message: Message) -> JsonObject:
    """Container, channel and message of an interaction in a message; ephemeral messages are not repeated."""
    channel = ws.world.channels[message.channel]
    container: JsonObject = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.ephemeral_for),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    fields: JsonObject = {"container": container, "channel": channel_object(channel)}
    if not message.ephemeral_for:
        fields["message"] = for_app(ws, message, with_metadata=True)
    return fields


def message_response_url(ws: Workspace, user: str, message: Message) -> str:
    """A response URL that can replace or delete this message."""
    return response_url(
        ws,
        ResponseUrl(
            user=user,
            channel=message.channel,
            issued=ws.settings.clock(),
            ts=message.ts,
            ephemeral=bool(message.ephemeral_for),
            thread_ts=message.thread_ts,
        ),
    )


def block_actions_payload(
    ws: Workspace, user: str, place: Message | JsonObject, actions: list[JsonObject], values: JsonObject
) -> JsonObject:
    """A click or choice in a message or in a view; `values` is the state of all inputs there."""
    payload = envelope(ws, "block_actions", user)
    payload["trigger_id"] = ws.tickets.trigger(user)
    if isinstance(place, Message):
        payload |= message_container(ws, user, place)
        payload["state"] = {"values": values}
        payload["response_url"] = message_response_url(ws, user, place)
    else:
        payload["container"] = {"type": "view", "view_id": place["id"]}
        payload["view"] = {**place, "state": {"values": values}}
    payload["actions"] = actions
    return payload


def suggestion_payload(ws: Workspace, user: str, place: Message | JsonObject, value: str) -> JsonObject:
    """Somebody types into an external select."""
    payload = envelope(ws, "block_suggestion", user)
    payload["value"] = value
    if isinstance(place, Message):
        payload |= message_container(ws, user, place)
    else:
        payload["container"] = {"type": "view", "view_id": place["id"]}
        payload["view"] = place
    return payload


def submission_payload(ws: Workspace, user: str, view: JsonObject, values: JsonObject) -> JsonObject:
    """A modal was submitted; `response_urls` for conversation selects that asked for one."""
    payload = envelope(ws, "view_submission", user)
    payload["trigger_id"] = ws.tickets.trigger(user)
    payload["view"] = {**view, "state": {"values": values}}
    payload["response_urls"] = _response_urls(ws, user, view, values)
    return payload


def closed_payload(ws: Workspace, user: str, view: JsonObject, is_cleared: bool) -> JsonObject:
    """A modal with `notify_on_close` was closed."""
    return {**envelope(ws, "view_closed", user), "view": view, "is_cleared": is_cleared}


def shortcut_payload(ws: Workspace, user: str, callback_id: str, message: Message | None) -> JsonObject:
    """A global shortcut, or a message shortcut when a message is given."""
    payload = envelope(ws, "message_action" if message else "shortcut", user)
    payload |= {
        "action_ts": ws.ts(),
        "callback_id": callback_id,
        "trigger_id": ws.tickets.trigger(user),
    }
    if message is not None:
        payload |= {
            "channel": channel_object(ws.world.channels[message.channel]),
            "message_ts": message.ts,
            "message": for_app(ws, message),
            "response_url": message_response_url(ws, user, message),
        }
    return payload


def _response_urls(ws: Workspace, user: str, view: JsonObject, values: JsonObject) -> list[JsonObject]:
    urls: list[JsonObject] = []
    for block in view["blocks"]:
        element = block.get("element") or {}
        if not element.get("response_url_enabled"):
            continue
        state = values.get(block["block_id"], {}).get(element["action_id"], {})
        chosen = state.get("selected_conversation") or state.get("selected_channel")
        if chosen:
            ticket = ResponseUrl(user, chosen, ws.settings.clock())
            urls.append(
                {
                    "block_id": block["block_id"],
                    "action_id": element["action_id"],
                    "channel_id": chosen,
                    "response_url": response_url(ws, ticket),
                }
            )
    return urls
