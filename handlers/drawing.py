"""Which function draws which kind of notice: an outbox holds what is to be told, a drawing makes the message of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from handlers.context import Services
from handlers.message import Message
from services.outbox import StoredNotice

Draw = Callable[[Services, StoredNotice], Awaitable[Message | None]]
"""The message as it should look now, from what is known now; None when there is nothing to tell any more.

May be called several times for one notice. The message's own metadata is not used: a notice carries its key there.
"""


class UnknownNoticeError(LookupError):
    """No drawing is registered for a notice's kind, e.g. while a newer version of the bot runs beside this one."""


class Drawings:
    """Drawings by kind of notice."""

    def __init__(self, table: Mapping[str, Draw] | None = None) -> None:
        self._table = dict(table or {})

    def add(self, table: Mapping[str, Draw]) -> None:
        """Register the drawings of a subject. Raises ValueError for a kind that has one already."""
        if twice := self._table.keys() & table.keys():
            raise ValueError(f"notices drawn twice: {', '.join(sorted(twice))}")
        self._table |= table

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that can be drawn."""
        return frozenset(self._table)

    async def draw(self, services: Services, stored: StoredNotice) -> Message | None:
        """The notice's message. Raises UnknownNoticeError, and whatever its drawing raises."""
        kind = stored.notice.kind
        if kind not in self._table:
            raise UnknownNoticeError(f"nothing draws notices of the kind {kind!r}")
        return await self._table[kind](services, stored)
