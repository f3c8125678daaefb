"""Everything one running local Slack consists of, in one object that the routes share."""

import copy
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bot.sandbox.delivery import Delivery
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Feed
from bot.sandbox.fixtures import new_world
from bot.sandbox.limits import ACK_SECONDS
from bot.sandbox.manifest import AppManifest, read_manifest
from bot.sandbox.rates import RateLimiter
from bot.sandbox.socket import SocketHub
from bot.sandbox.state import Channel, World
from bot.sandbox.traffic import Entry, Traffic
from bot.sandbox.triggers import Tickets
from bot.sandbox.views import ViewStore
from bot.sandbox.wire import JsonObject

VERIFICATION_TOKEN = "local-verification-token"  # noqa: S105 (Slack's deprecated token, not a secret)


@dataclass(frozen=True)
class Settings:
    """How a local Slack is started. Seconds everywhere."""

    signing_secret: str
    bot_token: str
    app_token: str
    manifest: AppManifest
    clock: Callable[[], float] = time.time
    request_url: str | None = None
    rate_limits: bool = True
    ack_seconds: float = ACK_SECONDS
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0)


def new_settings(
    *,
    signing_secret: str | None = None,
    bot_token: str | None = None,
    app_token: str | None = None,
    manifest: JsonObject | None = None,
    clock: Callable[[], float] = time.time,
    request_url: str | None = None,
    rate_limits: bool = True,
    ack_seconds: float = ACK_SECONDS,
    retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0),
) -> Settings:
    """Settings; tokens and signing secret are fresh unless given."""
    return Settings(
        signing_secret=signing_secret or secrets.token_hex(16),
        bot_token=bot_token or "xoxb-local-" + secrets.token_urlsafe(18),
        app_token=app_token or "xapp-local-" + secrets.token_urlsafe(18),
        manifest=read_manifest(manifest),
        clock=clock,
        request_url=request_url,
        rate_limits=rate_limits,
        ack_seconds=ack_seconds,
        retry_delays=retry_delays,
    )


@dataclass
class Workspace:
    """State and machinery of the running server. `reset` brings back the fixtures, keeping connections."""

    settings: Settings
    world: World = field(default_factory=new_world)
    feed: Feed = field(default_factory=Feed)
    faults: Faults = field(default_factory=Faults)
    base_url: str = ""
    _last_ts: int = 0

    def __post_init__(self) -> None:
        clock = self.settings.clock
        self.manifest = self.settings.manifest
        self.traffic = Traffic(
            (self.settings.bot_token, self.settings.app_token, self.settings.signing_secret),
            clock,
            self._tell_traffic,
        )
        self.hub = SocketHub(self.world.app_id, self.connection_changed, self._socket_message)
        self.delivery = Delivery(
            hub=self.hub,
            faults=lambda: self.faults,
            traffic=self.traffic,
            signing_secret=self.settings.signing_secret,
            request_url=self.settings.request_url,
            ack_seconds=self.settings.ack_seconds,
            retry_delays=self.settings.retry_delays,
        )
        self.rates = RateLimiter(clock, self.settings.rate_limits)
        self._fresh()

    def _fresh(self) -> None:
        self.tickets = Tickets(self.settings.clock)
        self.views = ViewStore(self.world, self.settings.clock, lambda: self.faults.invalid_blocks)

    def reset(self) -> None:
        """Back to the fixtures: no messages, views, files, faults or counts."""
        self.world = new_world()
        self.faults = Faults()
        self.rates.reset()
        self.traffic.clear()
        self.hub.refusing = False
        self._fresh()

    def set_faults(self, faults: Faults) -> None:
        """Follow this plan from now on."""
        self.faults = faults
        self.hub.refusing = faults.drop_sockets
        if faults.drop_sockets:
            self.hub.drop()

    def ts(self) -> str:
        """A new message time stamp, later than every one before."""
        self._last_ts = max(self._last_ts + 1, int(self.settings.clock() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def tell(self, users: Iterable[str], type_: str, **fields: object) -> None:
        """Send a page event to the tabs of these people."""
        listening = self.feed.listening(users)
        if listening:
            self.feed.tell(listening, {"type": type_, **copy.deepcopy(fields)})

    def tell_channel(self, place: Channel, type_: str, **fields: object) -> None:
        """Send a page event to everybody who sees this channel."""
        public = place.kind == "channel"
        users = [u.id for u in self.world.users.values() if u.id in place.members or (public and not u.is_outsider)]
        self.tell(users, type_, **fields)

    def notice(self, user: str, text: str, channel: str = "") -> None:
        """What Slack shows as a line only visible to this person when something went wrong."""
        extra = {"channel": channel} if channel else {}
        self.tell([user], "notice", level="error", text=text, **extra)

    def tell_stack(self, user: str, type_: str, view: JsonObject | None = None) -> None:
        """Tell this person's tabs how the stack of modals looks now."""
        fields: JsonObject = {"stack": self.views.stack(user)}
        if view is not None:
            fields["view"] = view
        self.tell([user], type_, **fields)

    def connection_changed(self) -> None:
        """Tell every tab how the app is reachable now."""
        self.feed.tell_all({"type": "connected", "connected": self.delivery.connected})

    def _tell_traffic(self, entry: Entry) -> None:
        if self.feed.has_tabs:
            self.feed.tell_all({"type": "traffic", "entry": entry.as_json()})

    def _socket_message(self, message: JsonObject) -> None:
        self.traffic.add("app→slack", "socket", "message", message, {}, status="ignored", ms=0)
