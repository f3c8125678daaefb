"""A circuit breaker: while Azure is down, questions are answered at once instead of after a time limit each.

Small and of our own: the kept libraries guard calls in threads or need a store of their own, and here is one loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """CLOSED: calls go through. OPEN: none does. PROBING: one does, to find out."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` failures in a row; every `rest_seconds` one call goes through, to see whether it is over.

    clock: seconds that only grow.
    """

    failures: int = 4
    rest_seconds: float = 15.0
    clock: Callable[[], float] = time.monotonic
    _failed: int = 0
    _opened_at: float = 0.0
    _probing: bool = False

    @property
    def state(self) -> BreakerState:
        """What would happen to a call now."""
        if self._failed < self.failures:
            return BreakerState.CLOSED
        rested = self.clock() - self._opened_at >= self.rest_seconds
        return BreakerState.PROBING if rested and not self._probing else BreakerState.OPEN

    def admits(self) -> bool:
        """Whether a call may be made. What is admitted must be followed by `succeeded`, `failed` or `gave_up`."""
        state = self.state
        if state is BreakerState.PROBING:
            self._probing = True
        return state is not BreakerState.OPEN

    def succeeded(self) -> None:
        """The other side answered, whatever it said."""
        self._failed, self._probing = 0, False

    def failed(self) -> None:
        """It did not answer, or only that it cannot."""
        self._failed += 1
        self._probing = False
        if self._failed >= self.failures:
            self._opened_at = self.clock()

    def gave_up(self) -> None:
        """The caller went away before anything was known."""
        self._probing = False
