"""What the local Slack reads from the app's manifest: commands, shortcuts, events, scopes, unfurl domains."""

from dataclasses import dataclass
from typing import Literal

from bot.sandbox.scopes import ALL_SCOPES
from bot.sandbox.wire import JsonObject

# Events the local Slack can send; without a manifest the app is subscribed to all of them.
SUPPORTED_EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "file_shared",
        "function_executed",
        "link_shared",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "message.im",
    }
)


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
class AppManifest:
    """The parts of a manifest that change what Slack sends to an app or lets it do."""

    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]
    bot_events: frozenset[str]
    bot_scopes: frozenset[str]
    unfurl_domains: tuple[str, ...]
    functions: frozenset[str]

    def command(self, name: str) -> Command | None:
        """The slash command of this name."""
        return next((c for c in self.commands if c.command == name), None)


WITHOUT_MANIFEST = AppManifest(
    commands=(
        Command("/dataset", "Find, register and share datasets", "[command]", should_escape=True),
        Command("/datastore", "Where data lies", "[command]", should_escape=True),
    ),
    shortcuts=(),
    bot_events=SUPPORTED_EVENTS,
    bot_scopes=ALL_SCOPES,
    unfurl_domains=(),
    functions=frozenset(),
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
        functions=frozenset((manifest.get("functions") or {}).keys()),
    )
