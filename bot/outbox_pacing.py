"""When the next message may go where: Slack's pace for each conversation and method, and the waits it asks for.

Slack takes about one chat.postMessage a second in a conversation, with short bursts, and 50 chat.update and
conversations.history and 100 uploads a minute in a workspace: https://docs.slack.dev/apis/web-api/rate-limits

Turns are given by the generic cell rate algorithm (virtual scheduling): each turn moves the place's next theoretical
arrival on by one interval, and a burst may run ahead of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

POST = "chat.postMessage"
UPDATE = "chat.update"
HISTORY = "conversations.history"
OPEN = "conversations.open"
UPLOAD = "files.completeUploadExternal"

WIDE_SPREAD = 4
"""So many conversations that Slack holds back at once mean that it holds back the whole workspace."""

_FORGET_SECONDS = 60.0
_FORGET_ABOVE = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """One turn every `interval` seconds in the long run, `burst` at once."""

    interval: float
    burst: int


PACES = {POST: Pace(1.0, 3), UPDATE: Pace(1.2, 30), HISTORY: Pace(1.2, 20), OPEN: Pace(1.2, 20), UPLOAD: Pace(0.6, 60)}


@dataclass(frozen=True, slots=True)
class Turn:
    """A place in a queue. at: when it comes, in the seconds of the pacing's clock."""

    queue: str
    method: str
    at: float


class Pacing:
    """Turns by method and place. place is a conversation for posts, "" where a method has one pace for all."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._arrivals: dict[str, float] = {}
        self._held: dict[str, float] = {}

    def take(self, method: str, place: str = "") -> Turn:
        """The next free turn; it is taken."""
        now, pace, queue = self._now(), PACES[method], _queue(method, place)
        self._forget(now)
        arrival = max(self._arrivals.get(queue, now), now)
        at = max(now, arrival - (pace.burst - 1) * pace.interval, self._held.get(method, now))
        self._arrivals[queue] = arrival + pace.interval
        return Turn(queue, method, at)

    def wait(self, turn: Turn) -> float:
        """Seconds until a turn comes; 0 when it is there."""
        return max(0.0, turn.at - self._now())

    def is_held(self, turn: Turn) -> bool:
        """Has Slack asked, since the turn was given, to wait for longer than until then?"""
        until = max(self._held.get(turn.queue, 0.0), self._held.get(turn.method, 0.0))
        return until > max(self._now(), turn.at)

    def hold(self, turn: Turn, seconds: float) -> None:
        """Slack refused this turn and asks to wait: turns of its queue begin after that, one by one."""
        now = self._now()
        pace, until = PACES[turn.method], now + seconds
        self._held[turn.queue] = max(self._held.get(turn.queue, 0.0), until)
        full = until + (pace.burst - 1) * pace.interval
        self._arrivals[turn.queue] = max(full, self._arrivals.get(turn.queue, 0.0))
        held = [queue for queue, end in self._held.items() if end > now and queue.startswith(f"{turn.method} ")]
        if len(held) >= WIDE_SPREAD:
            self._held[turn.method] = max(self._held.get(turn.method, 0.0), until)

    def _forget(self, now: float) -> None:
        """Drop queues that have been free for long; they are as good as new."""
        for known in (self._arrivals, self._held):
            if len(known) > _FORGET_ABOVE:
                for queue in [queue for queue, at in known.items() if at < now - _FORGET_SECONDS]:
                    del known[queue]


def _queue(method: str, place: str) -> str:
    return f"{method} {place}"
