"""What the local Slack reads from the app's manifest: commands, shortcuts, events, scopes, unfurl domains."""

from dataclasses import dataclass
from typing import Literal

from bot.sandbox.scopes import ALL_SCOPES, SCOPES_BY_EVENT
from bot.sandbox.wire import JsonObject


@dataclass(frozen=True)
class Command:
    """A slash command; `should_escape` makes Slack send mentions as `<@U..|name>`."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = False


@dataclass(frozen=True)
class Shortcut:
    """A global or message shortcut."""

    type: Literal["global", "message"]
    callback_id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Step:
    """A custom workflow step: the types of its inputs by name, and those that it needs."""

    callback_id: str
    inputs: dict[str, str]
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppManifest:
    """The parts of a manifest that change what Slack sends to an app or lets it do."""

    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]
    bot_events: frozenset[str]
    bot_scopes: frozenset[str]
    unfurl_domains: tuple[str, ...]
    functions: tuple[Step, ...]
    interactive: bool = True
    home_tab: bool = True

    def command(self, name: str) -> Command | None:
        """The slash command of this name; none without the `commands` scope."""
        if "commands" not in self.bot_scopes:
            return None
        return next((c for c in self.commands if c.command == name), None)

    def step(self, callback_id: str) -> Step | None:
        """The custom step of this name."""
        return next((step for step in self.functions if step.callback_id == callback_id), None)

    def subscribes(self, event: str) -> bool:
        """Is this event sent: subscribed to, with one of the scopes it needs?"""
        needed = SCOPES_BY_EVENT[event]
        return event in self.bot_events and (not needed or bool(needed & self.bot_scopes))


WITHOUT_MANIFEST = AppManifest(
    commands=(
        Command("/dataset", "Find, register and share datasets", "[command]", should_escape=True),
        Command("/datastore", "Where data lies", "[command]", should_escape=True),
    ),
    shortcuts=(),
    bot_events=frozenset(SCOPES_BY_EVENT),
    bot_scopes=ALL_SCOPES,
    unfurl_domains=(),
    functions=(),
)


def read_manifest(manifest: JsonObject | None) -> AppManifest:
    """The manifest's parts; without one (or an empty one) a permissive default for tests."""
    if not manifest:
        return WITHOUT_MANIFEST
    features: JsonObject = manifest.get("features") or {}
    settings: JsonObject = manifest.get("settings") or {}
    scopes: JsonObject = (manifest.get("oauth_config") or {}).get("scopes") or {}
    return AppManifest(
        commands=tuple(
            Command(
                command=item["command"],
                description=item.get("description", ""),
                usage_hint=item.get("usage_hint", ""),
                should_escape=bool(item.get("should_escape", False)),
            )
            for item in features.get("slash_commands") or []
        ),
        shortcuts=tuple(
            Shortcut(item["type"], item["callback_id"], item["name"], item.get("description", ""))
            for item in features.get("shortcuts") or []
        ),
        bot_events=frozenset((settings.get("event_subscriptions") or {}).get("bot_events") or []),
        bot_scopes=frozenset(scopes.get("bot") or []),
        unfurl_domains=tuple(features.get("unfurl_domains") or []),
        functions=tuple(_step(name, item) for name, item in (manifest.get("functions") or {}).items()),
        interactive=bool((settings.get("interactivity") or {}).get("is_enabled")),
        home_tab=bool((features.get("app_home") or {}).get("home_tab_enabled")),
    )


def _step(callback_id: str, item: JsonObject) -> Step:
    inputs: JsonObject = item.get("input_parameters") or {}
    properties: JsonObject = inputs.get("properties") or {}
    types = {name: str(parameter.get("type", "")) for name, parameter in properties.items()}
    return Step(callback_id, types, tuple(inputs.get("required") or ()))
