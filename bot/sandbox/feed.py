"""Server-sent events: what each person's browser tab is told as it happens."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from bot.sandbox.wire import JsonObject

_QUEUE = 1000


class Feed:
    """Fan-out of page events to the tabs that listen; a tab that stops reading loses the oldest events."""

    def __init__(self) -> None:
        self._tabs: dict[str, set[asyncio.Queue[JsonObject | None]]] = defaultdict(set)

    def open(self, user: str) -> asyncio.Queue[JsonObject | None]:
        """A new tab of this person; None in the queue means that the server is closing."""
        queue: asyncio.Queue[JsonObject | None] = asyncio.Queue(_QUEUE)
        self._tabs[user].add(queue)
        return queue

    def close(self, user: str, queue: asyncio.Queue[JsonObject | None]) -> None:
        """The tab went away."""
        self._tabs[user].discard(queue)

    @property
    def has_tabs(self) -> bool:
        """Is anybody looking?"""
        return any(self._tabs.values())

    def listening(self, users: Iterable[str]) -> list[str]:
        """Those of these people who have a tab open."""
        return [user for user in users if self._tabs.get(user)]

    def tell(self, users: Iterable[str], event: JsonObject) -> None:
        """Send an event to every tab of these people."""
        for user in users:
            for queue in self._tabs.get(user, ()):
                _put(queue, event)

    def tell_all(self, event: JsonObject) -> None:
        """Send an event to every tab."""
        self.tell(list(self._tabs), event)

    def shut(self) -> None:
        """End every stream."""
        for queues in self._tabs.values():
            for queue in queues:
                _put(queue, None)


def _put(queue: asyncio.Queue[JsonObject | None], event: JsonObject | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(event)
