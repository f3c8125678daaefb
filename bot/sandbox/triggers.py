"""Short-lived tickets: trigger ids (3 s, one use) and response URLs (30 minutes, 5 uses)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.limits import RESPONSE_URL_SECONDS, RESPONSE_URL_USES, TRIGGER_SECONDS
from bot.sandbox.wire import SlackError

_KEPT = 50_000


@dataclass
class Trigger:
    """Who did something at what time; lets the app open one modal for them."""

    user: str
    issued: float
    used: bool = False


@dataclass
class ResponseUrl:
    """Where answers to one interaction go. `ts` is the original message, empty for a command."""

    user: str
    channel: str
    issued: float
    ts: str = ""
    ephemeral: bool = False
    thread_ts: str = ""
    uses: int = 0


def _forget_oldest(tickets: dict[str, Trigger] | dict[str, ResponseUrl]) -> None:
    """Keep memory bounded under load; the forgotten have expired or look invalid."""
    if len(tickets) >= _KEPT:
        del tickets[next(iter(tickets))]


@dataclass
class Tickets:
    """All trigger ids and response URLs given out since the last reset."""

    clock: Callable[[], float]
    triggers: dict[str, Trigger] = field(default_factory=dict)
    responses: dict[str, ResponseUrl] = field(default_factory=dict)

    def trigger(self, user: str) -> str:
        """A new trigger id for this person."""
        now = self.clock()
        _forget_oldest(self.triggers)
        trigger_id = f"{int(now * 1000)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, now)
        return trigger_id

    def look(self, trigger_id: str) -> Trigger:
        """The trigger if it can still be used.

        Raises SlackError `invalid_trigger_id`, `exchanged_trigger_id` (used before) or
        `expired_trigger_id` (older than 3 s).
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.issued > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        return trigger

    def respond(self, ticket: ResponseUrl) -> str:
        """The token of a new response URL."""
        _forget_oldest(self.responses)
        token = secrets.token_urlsafe(24)
        self.responses[token] = ticket
        return token

    def use_response(self, token: str) -> ResponseUrl:
        """Count one use. Raises SlackError `invalid_url`, `expired_url` or `used_url`."""
        ticket = self.responses.get(token)
        if ticket is None:
            raise SlackError("invalid_url")
        if self.clock() - ticket.issued > RESPONSE_URL_SECONDS:
            raise SlackError("expired_url")
        if ticket.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        ticket.uses += 1
        return ticket
