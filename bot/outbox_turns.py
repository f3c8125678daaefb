"""Whose turn it is: each notice waits for its own, and one that is put back until then keeps it."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.outbox_outcomes import LONGEST_WAIT
from bot.outbox_pacing import POST, UPDATE, Pacing, Turn
from services.outbox import Action, StoredNotice


class Turns:
    """Slack's pace (`Pacing`) as notices need it. place: the conversation where one goes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._promised: dict[tuple[Action, str], Turn] = {}
        self.pacing = Pacing(monotonic)

    def of(self, stored: StoredNotice, place: str) -> Turn:
        """The turn that was promised, else the next free one."""
        turn = self._promised.pop(_what(stored), None)
        return self.take(stored, place) if turn is None or self.pacing.is_held(turn) else turn

    def take(self, stored: StoredNotice, place: str) -> Turn:
        """The next free turn: posts have a pace for each conversation, updates one for the workspace."""
        return self.pacing.take(UPDATE) if stored.notice.action is Action.UPDATE else self.pacing.take(POST, place)

    def promise(self, stored: StoredNotice, turn: Turn) -> float:
        """Keep a turn for a notice that is put back; returns how many seconds are left until then."""
        self._promised[_what(stored)] = turn
        return self.pacing.wait(turn)

    def until_next(self, at_most: float) -> float:
        """Seconds until the next turn that was promised comes."""
        now = self._now()
        self._promised = {key: turn for key, turn in self._promised.items() if turn.at > now - LONGEST_WAIT}
        coming = min((turn.at for turn in self._promised.values() if turn.at > now), default=now + at_most)
        return min(at_most, coming - now + 0.005)


def _what(stored: StoredNotice) -> tuple[Action, str]:
    """What a turn is promised to: a post, or a change of a message, whichever notice tells the newest state of it.

    Else each of many updates that supersede one another would use up a turn, and the last one would wait for them all.
    """
    notice = stored.notice
    return notice.action, notice.of if notice.action is Action.UPDATE else notice.key
