"""Which deliveries still have work under way, so that each is marked as handled exactly when its last piece ends."""

from __future__ import annotations

from collections.abc import Callable


class OpenDeliveries:
    """Counts holders of a delivery's key; the last one to let go marks it as handled."""

    def __init__(self, done: Callable[[str], None]) -> None:
        self._done = done
        self._holders: dict[str, int] = {}

    def hold(self, key: str) -> None:
        """Somebody works on this delivery. "" is nobody's key."""
        if key:
            self._holders[key] = self._holders.get(key, 0) + 1

    def release(self, key: str) -> None:
        """That piece of work ended, well or with an error that was told."""
        if not key:
            return
        left = self._holders.get(key, 0) - 1
        if left > 0:
            self._holders[key] = left
            return
        self._holders.pop(key, None)
        self._done(key)

    def leave_open(self, key: str) -> None:
        """That piece of work was cut off and nobody was told: the delivery stays open, for the next start to find."""
        if key:
            self._holders[key] = self._holders.get(key, 0) + 1_000_000
