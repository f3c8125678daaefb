"""What Slack delivered, read from its body alone: its kind, by whom, and the key under which it is handled once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Body = Mapping[str, Any]  # a delivery's JSON, of a shape only Slack decides


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery. kind: one of `metrics.DELIVERY_KINDS`. name: command, action id, callback id or event type.

    key: "" for deliveries that need not be handled once (type-ahead reads, handshakes). Envelope ids of Socket Mode
    are no keys, since a retry carries a new one.
    """

    kind: str
    name: str
    key: str
    user_id: str
    channel_id: str
    team_id: str
    summary: str


def identify(body: Body) -> Delivery:
    """Read a delivery's body. Whatever is missing becomes ""; nothing raises."""
    kind, name, key, summary = _read(body)
    return Delivery(
        kind=kind,
        name=name,
        key=key,
        user_id=_user(body),
        channel_id=_channel(body),
        team_id=_text(body.get("team_id")) or _id(body.get("team")),
        summary=summary,
    )


def _read(body: Body) -> tuple[str, str, str, str]:  # noqa: PLR0911  # one for each kind of delivery
    """(kind, name, key, summary)."""
    if "command" in body:
        name = _text(body["command"])
        summary = f"{name} {_text(body.get('text'))}".strip()
        return "command", name, _trigger(body), summary[:150]
    match body.get("type"):
        case "event_callback":
            name = _text(_mapping(body.get("event")).get("type"))
            event = _text(body.get("event_id"))
            return "event", name, f"event:{event}" if event else "", f"the event {name}"
        case "block_actions" | "interactive_message":
            actions = body.get("actions")
            action = _mapping(actions[0] if isinstance(actions, list) and actions else None)
            name = _text(action.get("action_id")) or _text(action.get("name"))
            label = _text(_mapping(action.get("text")).get("text")) or name
            return "action", name, _trigger(body), f"the button “{label[:75]}”"
        case "block_suggestion":
            return "options", _text(body.get("action_id")), "", "a type-ahead"
        case "view_submission" | "view_closed" as kind:
            view = _mapping(body.get("view"))
            title = _text(_mapping(view.get("title")).get("text"))
            return kind, _text(view.get("callback_id")), _view_key(kind, view, body), f"the form “{title}”"
        case "shortcut" | "message_action":
            name = _text(body.get("callback_id"))
            return "shortcut", name, _trigger(body), f"the shortcut “{name}”"
        case other:
            return "other", _text(other), "", "a request"


def _trigger(body: Body) -> str:
    trigger = _text(body.get("trigger_id"))
    return f"trigger:{trigger}" if trigger else ""


def _view_key(kind: str, view: Body, body: Body) -> str:
    """The view, its state on the screen (hash) and this press of the button.

    The hash alone is no key: a form refused with errors keeps it, and is submitted again once corrected. Where there
    is no trigger id (a closed view), what was filled in stands for the press.
    """
    view_id = _text(view.get("id"))
    if not view_id:
        return ""
    press = _text(body.get("trigger_id"))
    if not press:
        state = orjson.dumps(view.get("state"), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
        press = hashlib.blake2b(state, digest_size=12).hexdigest()
    return f"{kind}:{view_id}:{_text(view.get('hash'))}:{press}"


def _user(body: Body) -> str:
    event = _mapping(body.get("event"))
    return _text(body.get("user_id")) or _id(body.get("user")) or _id(event.get("user")) or _text(event.get("user_id"))


def _channel(body: Body) -> str:
    event = _mapping(body.get("event"))
    return (
        _text(body.get("channel_id"))
        or _id(body.get("channel"))
        or _text(_mapping(body.get("container")).get("channel_id"))
        or _id(event.get("channel"))
    )


def _id(value: object) -> str:
    """Slack gives people, channels and teams as an id or as an object that holds it."""
    return _text(value.get("id")) if isinstance(value, Mapping) else _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Body:
    return value if isinstance(value, Mapping) else {}
