"""Events API: what happens in the workspace, told to the app if its manifest subscribes to it."""

import secrets
from urllib.parse import urlsplit

from bot.sandbox.messages import escape_typed, for_app
from bot.sandbox.state import Channel, Message, StoredFile
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import VERIFICATION_TOKEN, Workspace

_CHANNEL_TYPES = {"channel": "channel", "private": "group", "dm": "im"}
_MESSAGE_EVENTS = {"channel": "message.channels", "private": "message.groups", "dm": "message.im"}


def send_event(ws: Workspace, name: str, event: JsonObject, *, user: str = "", ext_shared: bool = False) -> bool:
    """Wrap and send an event in the background; False when the manifest does not let the app have it."""
    if not ws.manifest.subscribes(name):
        return False
    world = ws.world
    event.setdefault("event_ts", ws.ts())
    channel = event.get("channel", "")
    payload: JsonObject = {
        "token": VERIFICATION_TOKEN,
        "team_id": world.team_id,
        "context_team_id": world.team_id,
        "context_enterprise_id": None,
        "api_app_id": world.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": "Ev" + secrets.token_hex(5).upper(),
        "event_time": int(ws.settings.clock()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": world.team_id,
                "user_id": world.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": ext_shared,
        "event_context": f"4-{name}-{world.team_id}-{world.app_id}-{channel}",
    }
    ws.delivery.event(payload, name, user)
    return True


def message_events(ws: Workspace, channel: Channel, message: Message) -> None:
    """All events that a new message causes: message.*, app_mention, file_shared, link_shared."""
    world = ws.world
    if world.bot_user_id not in channel.members:
        return
    ext = channel.is_ext_shared
    base = for_app(ws, message, with_metadata=False) | {
        "channel": channel.id,
        "event_ts": message.ts,
        "team": world.users[message.user].team_id,
    }
    name = _MESSAGE_EVENTS[channel.kind]
    send_event(ws, name, {**base, "channel_type": _CHANNEL_TYPES[channel.kind]}, user=message.user, ext_shared=ext)
    if message.bot_id:
        return
    if channel.kind != "dm" and f"<@{world.bot_user_id}>" in message.text:
        send_event(ws, "app_mention", {**base, "type": "app_mention"}, user=message.user, ext_shared=ext)
    for file_id in message.files:
        file_shared(ws, channel, world.files[file_id])
    _link_shared(ws, channel, message)


def file_shared(ws: Workspace, channel: Channel, file: StoredFile) -> None:
    """A file appeared in a channel that the app is in."""
    send_event(
        ws,
        "file_shared",
        {
            "type": "file_shared",
            "channel_id": channel.id,
            "file_id": file.id,
            "user_id": file.user,
            "file": {"id": file.id},
        },
        user=file.user,
        ext_shared=channel.is_ext_shared,
    )


def member_joined(ws: Workspace, channel: Channel, user: str, inviter: str = "") -> None:
    """Somebody joined a channel that the app is in (or the app itself joined)."""
    if ws.world.bot_user_id not in channel.members:
        return
    event: JsonObject = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": "C" if channel.kind == "channel" else "G",
        "team": ws.world.users[user].team_id,
    }
    if inviter:
        event["inviter"] = inviter
    send_event(ws, "member_joined_channel", event, user=user, ext_shared=channel.is_ext_shared)


def step_executed(ws: Workspace, user: str, callback_id: str, inputs: JsonObject) -> str:
    """A workflow runs the app's custom step; returns the id of the execution that the app has to complete."""
    execution_id = "Fx" + secrets.token_hex(5).upper()
    ws.world.executions[execution_id] = {"status": "running", "callback_id": callback_id}
    event: JsonObject = {
        "type": "function_executed",
        "function": {
            "id": "Fn" + callback_id.upper(),
            "callback_id": callback_id,
            "title": callback_id,
            "description": "",
            "type": "app",
            "input_parameters": [],
            "output_parameters": [],
            "app_id": ws.world.app_id,
            "date_created": 1_750_000_000,
            "date_updated": 1_750_000_000,
            "date_deleted": 0,
        },
        "inputs": inputs,
        "function_execution_id": execution_id,
        "workflow_execution_id": "Wx" + secrets.token_hex(5).upper(),
        "bot_access_token": ws.settings.bot_token,
    }
    if not send_event(ws, "function_executed", event, user=user):
        raise SlackError("not_subscribed")
    return execution_id


def home_opened(ws: Workspace, user: str, tab: str) -> bool:
    """A person opened the app's Home or Messages tab."""
    event: JsonObject = {
        "type": "app_home_opened",
        "user": user,
        "channel": ws.world.dm(user).id,
        "tab": tab,
    }
    view = ws.views.home(user)
    if view is not None and tab == "home":
        event["view"] = view
    return send_event(ws, "app_home_opened", event, user=user)


def _link_shared(ws: Workspace, channel: Channel, message: Message) -> None:
    links = [
        {"domain": domain, "url": url} for url in _urls(message.text) if (domain := _unfurl_domain(ws, url)) is not None
    ]
    if not links:
        return
    unfurl_id = f"{message.channel}.{message.ts}.{secrets.token_hex(16)}"
    ws.world.unfurls[unfurl_id] = (channel.id, message.ts)
    event: JsonObject = {
        "type": "link_shared",
        "channel": channel.id,
        "is_bot_user_member": True,
        "user": message.user,
        "message_ts": message.ts,
        "unfurl_id": unfurl_id,
        "source": "conversations_history",
        "links": links,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    send_event(ws, "link_shared", event, user=message.user, ext_shared=channel.is_ext_shared)


def _urls(text: str) -> list[str]:
    found = []
    for part in text.split("<")[1:]:
        inside = part.split(">")[0].split("|")[0]
        if inside.startswith(("http://", "https://")):
            found.append(inside.replace("&amp;", "&"))
    return list(dict.fromkeys(found))


def _unfurl_domain(ws: Workspace, url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    for domain in ws.manifest.unfurl_domains:
        if host == domain or host.endswith("." + domain):
            return domain
    return None


def typed_blocks(ws: Workspace, text: str) -> list[JsonObject]:
    """The rich_text block Slack makes of what a person typed (already escaped)."""
    return [
        {
            "type": "rich_text",
            "block_id": secrets.token_urlsafe(4),
            "elements": [{"type": "rich_text_section", "elements": _typed_elements(text)}],
        }
    ]


def _typed_elements(text: str) -> list[JsonObject]:
    elements: list[JsonObject] = []
    for index, part in enumerate(text.replace("<", "\0<").split("\0")):
        inside, closed, rest = part.partition(">")
        if index == 0 or not closed:
            elements += _plain(part)
            continue
        token = inside[1:]
        if token.startswith("@"):
            elements.append({"type": "user", "user_id": token[1:].split("|")[0]})
        elif token.startswith("#"):
            elements.append({"type": "channel", "channel_id": token[1:].split("|")[0]})
        elif token.startswith("!subteam^"):
            elements.append({"type": "usergroup", "usergroup_id": token[9:].split("|")[0]})
        elif token.startswith("!"):
            elements.append({"type": "broadcast", "range": token[1:]})
        else:
            elements.append({"type": "link", "url": _unescape(token)})
        elements += _plain(rest)
    return elements


def _plain(text: str) -> list[JsonObject]:
    return [{"type": "text", "text": _unescape(text)}] if text else []


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed_message(ws: Workspace, user: str, channel: Channel, text: str, thread_ts: str = "") -> Message:
    """A person's message from what they typed into the box."""
    escaped = escape_typed(ws, text, named=False)
    return Message(
        ts=ws.ts(),
        channel=channel.id,
        text=escaped,
        user=user,
        username=ws.world.users[user].real_name,
        blocks=typed_blocks(ws, escaped) if escaped else [],
        thread_ts=thread_ts,
        client_msg_id=secrets.token_hex(16),
        raw={"text": text},
    )
