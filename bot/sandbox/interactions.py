"""What a person does, sent to the app, and the app's acknowledgement carried out."""

from dataclasses import dataclass
from typing import Any

from bot.sandbox import messages, payloads
from bot.sandbox.blockkit import check_options
from bot.sandbox.delivery import Answer
from bot.sandbox.inputs import action_details, input_problems
from bot.sandbox.normal import interactive_elements
from bot.sandbox.state import Channel, Message
from bot.sandbox.traffic import Kind
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again?"


async def _deliver(ws: Workspace, payload: JsonObject, name: str, user: str, kind: Kind = "interactivity") -> Answer:
    """Send an interaction; an app whose manifest does not enable interactivity gets none."""
    if not ws.manifest.interactive:
        return Answer(error="dispatch_failed", reason="interactivity is not enabled in the manifest")
    return await ws.delivery.deliver("interactive", payload, kind=kind, name=name, user=user)


async def command(ws: Workspace, user: str, channel: Channel, name: str, text: str) -> JsonObject:
    """Run a slash command; the acknowledgement's text or blocks become a message."""
    known = ws.manifest.command(name)
    if known is None:
        ws.notice(user, f"{name} is not a valid command.", channel.id)
        return {"ok": False, "error": "unknown_command"}
    sent = messages.escape_typed(ws, text, named=True) if known.should_escape else text
    payload = payloads.command_payload(ws, user, channel, name, sent)
    answer = await ws.delivery.deliver("slash_commands", payload, name=name, user=user)
    if answer.error:
        ws.notice(user, f"{name} failed with the error “{answer.error}”", channel.id)
        return {"ok": False, "error": answer.error}
    body = answer.body
    if not (body.get("text") or body.get("blocks") or body.get("attachments")):
        return {"ok": True}
    hidden = body.get("response_type") != "in_channel"
    try:
        message = messages.from_app(ws, channel, body, ephemeral_for=user if hidden else "")
    except SlackError as error:
        ws.notice(user, f"{name} failed with the error “{error.code}”", channel.id)
        return {"ok": False, "error": "invalid_response", **error.extra}
    messages.post(ws, channel, message)
    return {"ok": True}


@dataclass(frozen=True)
class Spot:
    """Where a person acts: an element of a block in a message or a view."""

    user: str
    place: Message | JsonObject
    block_id: str
    action_id: str

    @property
    def element(self) -> JsonObject:
        """The element's definition, else SlackError `action_not_found`."""
        return _element(self.place, self.block_id, self.action_id)


async def action(ws: Workspace, spot: Spot, chosen: JsonObject, values: JsonObject) -> JsonObject:
    """A click or a choice in a message or a view."""
    user, place = spot.user, spot.place
    details = {
        **action_details(spot.element, chosen),
        "block_id": spot.block_id,
        "action_ts": ws.ts(),
    }
    if not isinstance(place, Message):
        place["state"] = {"values": values}
    payload = payloads.block_actions_payload(ws, user, place, [details], values)
    answer = await _deliver(ws, payload, f"block_actions {spot.action_id}", user)
    return _told(ws, user, answer, place)


async def suggest(ws: Workspace, spot: Spot, value: str) -> JsonObject:
    """Ask the app for the options of an external select; its answer is checked."""
    if len(value) < int(spot.element.get("min_query_length", 3)):
        return {"ok": True, "options": []}
    payload = payloads.suggestion_payload(ws, spot.user, spot.place, value)
    payload |= {"action_id": spot.action_id, "block_id": spot.block_id}
    name = f"block_suggestion {spot.action_id}"
    answer = await _deliver(ws, payload, name, spot.user, "options")
    if answer.error:
        return {"ok": False, "error": answer.error}
    problems = check_options(answer.body)
    if problems:
        return {"ok": False, "error": "invalid_response", "messages": problems}
    return {"ok": True, **{k: v for k, v in answer.body.items() if k in {"options", "option_groups"}}}


async def submit(ws: Workspace, user: str, view: JsonObject, values: JsonObject) -> JsonObject:
    """Submit a modal. Required and badly formed inputs are refused before the app hears of it."""
    problems = input_problems(view["blocks"], values)
    if problems:
        return {"ok": True, "response_action": "errors", "errors": problems}
    _with_files(ws, values)
    view["state"] = {"values": values}
    payload = payloads.submission_payload(ws, user, view, values)
    name = f"view_submission {view['callback_id']}"
    answer = await _deliver(ws, payload, name, user)
    if answer.error:
        return _trouble(ws, user, answer.error)
    try:
        return _apply(ws, user, view, answer.body)
    except SlackError as error:
        return _trouble(ws, user, "invalid_response", code=error.code, **error.extra)


def _with_files(ws: Workspace, values: JsonObject) -> None:
    """Uploads in a file_input become whole file objects, as in Slack."""
    for actions in values.values():
        for state in actions.values():
            if state.get("type") == "file_input":
                found = [ws.world.files.get(item["id"]) for item in state.get("files") or []]
                state["files"] = [messages.file_object(ws, file) for file in found if file is not None]


async def close(ws: Workspace, user: str, view_id: str, is_cleared: bool) -> JsonObject:
    """Close the top modal, or all of them; those with `notify_on_close` tell the app."""
    clears = is_cleared or bool(ws.views.find(view_id, "").get("clear_on_close"))
    closed = ws.views.clear(user) if is_cleared else ws.views.close(user, view_id)
    ws.tell_stack(user, "view_closed")
    tell_closed(ws, user, closed, clears)
    return {"ok": True}


def tell_closed(ws: Workspace, user: str, closed: list[JsonObject], is_cleared: bool) -> None:
    """Send view_closed, without waiting, for every view that wants it."""
    for view in closed:
        if view["notify_on_close"]:
            payload = payloads.closed_payload(ws, user, view, is_cleared)
            ws.delivery.background(_send(ws, payload, f"view_closed {view['callback_id']}", user))


async def shortcut(ws: Workspace, user: str, kind: str, callback_id: str, message: Message | None) -> JsonObject:
    """Run a global or a message shortcut."""
    if ws.manifest.shortcuts and not any(
        item.type == kind and item.callback_id == callback_id for item in ws.manifest.shortcuts
    ):
        return {"ok": False, "error": "unknown_shortcut"}
    payload = payloads.shortcut_payload(ws, user, callback_id, message)
    answer = await _deliver(ws, payload, f"shortcut {callback_id}", user)
    return _told(ws, user, answer, message)


async def _send(ws: Workspace, payload: JsonObject, name: str, user: str) -> None:
    await _deliver(ws, payload, name, user)


def _told(ws: Workspace, user: str, answer: Answer, place: Message | JsonObject | None) -> JsonObject:
    if answer.error is None:
        return {"ok": True}
    channel = place.channel if isinstance(place, Message) else ""
    ws.notice(user, f"That did not work: {answer.error}", channel)
    return {"ok": False, "error": answer.error}


def _trouble(ws: Workspace, user: str, error: str, **extra: Any) -> JsonObject:
    ws.notice(user, TROUBLE)
    return {"ok": False, "error": error, **extra}


def _element(place: Message | JsonObject, block_id: str, action_id: str) -> JsonObject:
    if isinstance(place, Message):
        blocks = place.blocks + [b for item in place.attachments for b in item.get("blocks") or []]
    else:
        blocks = place["blocks"]
    for owner, element in interactive_elements(blocks):
        if owner == block_id and element["action_id"] == action_id:
            return element
    raise SlackError("action_not_found")


def _apply(ws: Workspace, user: str, view: JsonObject, body: JsonObject) -> JsonObject:
    """Carry out a response_action. Raises SlackError when the answer is not one Slack takes."""
    wanted = body.get("response_action")
    if wanted is None:
        if body:
            raise SlackError("invalid_response_action")
        # A modal that the app opened by views.open meanwhile goes too: Slack's desktop client shows it for
        # a moment or not at all (bolt-js issues 639 and 1072); response_action is the way that works.
        closed = ws.views.close(user, view["id"]) if view["id"] in ws.views.views else ws.views.clear(user)
        ws.tell_stack(user, "view_closed")
        return {"ok": True, "response_action": None, "closed": [item["id"] for item in closed]}
    if wanted == "errors":
        errors = body.get("errors")
        inputs = {b["block_id"] for b in view["blocks"] if b["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
            raise SlackError("invalid_errors", known_blocks=sorted(inputs))
        return {"ok": True, "response_action": "errors", "errors": errors}
    if wanted == "update":
        source = ws.views.check(body.get("view"), "modal", view["id"])
        ws.tell_stack(user, "view_updated", ws.views.replace(view, source))
    elif wanted == "push":
        source = ws.views.check(body.get("view"), "modal")
        ws.tell_stack(user, "view_pushed", ws.views.push(user, source))
    elif wanted == "clear":
        ws.views.clear(user)
        ws.tell_stack(user, "view_closed")
    else:
        raise SlackError("invalid_response_action")
    return {"ok": True, "response_action": wanted}
