"""The record of what app and local Slack said to each other, for the page's inspector. No secrets in it."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bot.sandbox.wire import JsonObject

Direction = Literal["app→slack", "slack→app"]
Kind = Literal["web_api", "command", "interactivity", "options", "event", "response_url", "socket"]
_KEPT = 500
_SECRET_KEYS = frozenset({"token", "app_token", "bot_token", "access_token", "client_secret", "authorization"})
_REDACTED = "[redacted]"


def redact(value: object, secrets: tuple[str, ...]) -> object:
    """The same JSON with values under secret keys, and the given strings anywhere, replaced."""
    if isinstance(value, dict):
        return {
            key: _REDACTED if key in _SECRET_KEYS and item else redact(item, secrets) for key, item in value.items()
        }
    if isinstance(value, list):
        return [redact(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _REDACTED)
    return value


@dataclass(frozen=True)
class Entry:
    """One exchange. `at` is in seconds since the epoch, `ms` its duration; `status` an HTTP status or a word."""

    id: int
    at: float
    direction: Direction
    kind: Kind
    name: str
    request: Any
    response: Any
    status: int | str
    ms: float
    user: str

    def as_json(self) -> JsonObject:
        """As the page's inspector wants it; `user` only when it is known."""
        shown = asdict(self)
        if not self.user:
            del shown["user"]
        return shown


@dataclass
class Traffic:
    """A ring of the latest entries; `listener` hears of each new one."""

    secrets: tuple[str, ...]
    clock: Callable[[], float]
    listener: Callable[[Entry], None]
    count: int = 0
    _kept: deque[Entry] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def entries(self) -> list[Entry]:
        """What is kept, newest last."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget what was said."""
        self._kept.clear()

    def add(
        self,
        direction: Direction,
        kind: Kind,
        name: str,
        request: object,
        response: object,
        *,
        status: int | str,
        ms: float,
        user: str = "",
    ) -> None:
        """Record one exchange; `ms` is its duration in milliseconds."""
        self.count += 1
        entry = Entry(
            id=self.count,
            at=self.clock(),
            direction=direction,
            kind=kind,
            name=name,
            request=redact(request, self.secrets),
            response=redact(response, self.secrets),
            status=status,
            ms=round(ms, 2),
            user=user,
        )
        self._kept.append(entry)
        self.listener(entry)
