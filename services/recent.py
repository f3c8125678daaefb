"""Answers of something slow, remembered for a while: one question at a time for each key, and never too many keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Known(Generic[V]):
    value: V
    asked_at: float


class Recent(Generic[K, V]):
    """Remembers values for `seconds` from when they were asked for; errors are not remembered.

    entries: the most keys kept, the oldest answers go first. Belongs to one event loop.
    """

    def __init__(
        self, seconds: float = 300.0, *, entries: int = 10_000, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._entries = entries
        self._now = monotonic
        self._known: dict[K, _Known[V]] = {}
        self._asking: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]], *, fresh: bool = False) -> V:
        """The value, asked for if it is not known or too old; raises what asking raises.

        fresh: ask now, whatever is known or was begun before. A caller that is cancelled leaves the question to the
        others who wait for it.
        """
        known = self._known.get(key)
        if not fresh and known is not None and self._now() < known.asked_at + self._seconds:
            return known.value
        asking = None if fresh else self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(key, ask))
            self._asking[key] = asking
            asking.add_done_callback(lambda task: self._asked(key, task))
        return await asyncio.shield(asking)

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        asked_at = self._now()
        value = await ask()
        known = self._known.get(key)
        if known is None or known.asked_at <= asked_at:
            self._known.pop(key, None)  # to the end of the order, with the newest
            self._known[key] = _Known(value, asked_at)
            if len(self._known) > self._entries:
                self._known.pop(next(iter(self._known)))
        return value

    def _asked(self, key: K, task: asyncio.Task[V]) -> None:
        if self._asking.get(key) is task:
            del self._asking[key]
        if not task.cancelled():
            task.exception()  # taken, since everybody who waited may have been cancelled
