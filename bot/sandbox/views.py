"""Modals and App Home: the stack of up to three views per person, hashes, external ids."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.blockkit import validate_view
from bot.sandbox.limits import STACK_VIEWS
from bot.sandbox.normal import with_defaults
from bot.sandbox.state import World
from bot.sandbox.wire import JsonObject, SlackError

_TEXTS = ("title", "submit", "close")


@dataclass
class ViewStore:
    """All open views. A view is the object that Slack returns; `stacks` holds modal ids, top last."""

    world: World
    clock: Callable[[], float]
    refused_types: Callable[[], list[str]]
    views: dict[str, JsonObject] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)
    stacks: dict[str, list[str]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)

    def stack(self, user: str) -> list[JsonObject]:
        """This person's open modals, bottom first."""
        return [self.views[view_id] for view_id in self.stacks.get(user, [])]

    def home(self, user: str) -> JsonObject | None:
        """The App Home last published for this person."""
        view_id = self.homes.get(user)
        return self.views[view_id] if view_id else None

    def check(self, source: object, kind: str, view_id: str = "") -> JsonObject:
        """The view as given if Slack would take it as `modal` or `home`, else SlackError."""
        validate_view(source, kind, self.world.files, self.refused_types())
        if not isinstance(source, dict):
            raise SlackError("invalid_arguments")
        external = source.get("external_id")
        if external and any(view["external_id"] == external and view["id"] != view_id for view in self.views.values()):
            raise SlackError("duplicate_external_id")
        return source

    def open(self, user: str, source: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
        """Show a modal at the bottom of a new stack; returns it and the modals that it replaced."""
        replaced = self.clear(user)
        view = self._new(user, source)
        view["root_view_id"] = view["id"]
        self.stacks[user] = [view["id"]]
        return view, replaced

    def push(self, user: str, source: JsonObject) -> JsonObject:
        """Put a modal on top. Raises SlackError `push_limit_reached` beyond three, `not_found` on none."""
        stack = self.stacks.get(user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= STACK_VIEWS:
            raise SlackError("push_limit_reached")
        view = self._new(user, source)
        view["root_view_id"] = stack[0]
        view["previous_view_id"] = stack[-1]
        stack.append(view["id"])
        return view

    def publish(self, user: str, source: JsonObject, hash_: str) -> JsonObject:
        """Set this person's App Home. Raises SlackError `hash_conflict` when `hash_` is not the last."""
        current = self.home(user)
        if current is None:
            view = self._new(user, source)
            view["root_view_id"] = view["id"]
            self.homes[user] = view["id"]
            return view
        return self.replace(current, source, hash_)

    def find(self, view_id: str, external_id: str) -> JsonObject:
        """An open view by either id, else SlackError `not_found`."""
        if view_id in self.views:
            return self.views[view_id]
        for view in self.views.values():
            if external_id and view["external_id"] == external_id:
                return view
        raise SlackError("not_found")

    def replace(self, current: JsonObject, source: JsonObject, hash_: str = "") -> JsonObject:
        """New content for an open view, same id and place. State of blocks that stay is kept."""
        if hash_ and hash_ != current["hash"]:
            raise SlackError("hash_conflict")
        view = self._build(source, current["id"], self.owner[current["id"]])
        for key in ("root_view_id", "previous_view_id"):
            view[key] = current[key]
        view["state"] = {"values": _kept_state(current["state"]["values"], view["blocks"])}
        current.clear()
        current.update(view)
        return current

    def close(self, user: str, view_id: str) -> list[JsonObject]:
        """Take the top view away (the whole stack if it says `clear_on_close`); returns what closed, top first."""
        stack = self.stacks.get(user, [])
        if view_id not in stack:
            raise SlackError("not_found")
        if self.views[view_id].get("clear_on_close"):
            return self.clear(user)
        index = stack.index(view_id)
        closed = [self._forget(item) for item in reversed(stack[index:])]
        self.stacks[user] = stack[:index]
        return closed

    def clear(self, user: str) -> list[JsonObject]:
        """Close every modal of this person; returns them, top first."""
        return [self._forget(view_id) for view_id in reversed(self.stacks.pop(user, []))]

    def _forget(self, view_id: str) -> JsonObject:
        self.owner.pop(view_id, None)
        return self.views.pop(view_id)

    def _new(self, user: str, source: JsonObject) -> JsonObject:
        view_id = "V" + secrets.token_hex(5).upper()
        view = self._build(source, view_id, user)
        self.views[view_id] = view
        self.owner[view_id] = user
        return view

    def _build(self, source: JsonObject, view_id: str, user: str) -> JsonObject:
        self.owner[view_id] = user
        view: JsonObject = {
            "id": view_id,
            "team_id": self.world.team_id,
            "type": source["type"],
            "blocks": with_defaults(source["blocks"]),
            "private_metadata": source.get("private_metadata") or "",
            "callback_id": source.get("callback_id") or "",
            "state": {"values": {}},
            "hash": f"{int(self.clock())}.{secrets.token_hex(4)}",
            "clear_on_close": bool(source.get("clear_on_close")),
            "notify_on_close": bool(source.get("notify_on_close")),
            "previous_view_id": None,
            "root_view_id": None,
            "app_id": self.world.app_id,
            "external_id": source.get("external_id") or "",
            "app_installed_team_id": self.world.team_id,
            "bot_id": self.world.bot_id,
        }
        for name in _TEXTS:
            view[name] = with_defaults(source.get(name))
        if source["type"] == "modal":
            view["submit_disabled"] = bool(source.get("submit_disabled"))
        return view


def _kept_state(values: JsonObject, blocks: list[JsonObject]) -> JsonObject:
    """State of inputs whose block_id and action_id are still in the view."""
    present = {
        (block["block_id"], element.get("action_id"))
        for block in blocks
        for element in (block.get("element"), block.get("accessory"), *(block.get("elements") or []))
        if isinstance(element, dict)
    }
    return {
        block_id: kept
        for block_id, actions in values.items()
        if (kept := {a: v for a, v in actions.items() if (block_id, a) in present})
    }
