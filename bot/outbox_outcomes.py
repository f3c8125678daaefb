"""What became of a notice, written down for as long as it takes, and told elsewhere where it can never arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from bot.logs import get_logger
from bot.metrics import Metrics
from handlers.posting import Posted
from services.outbox import StoredNotice, Undelivered
from services.ports import Clock

log = get_logger("bot.outbox")

TRIES = 4
"""How often a drawing that fails, or a refusal of an unknown kind, is tried."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before something is tried again, the first time and at most."""


class Outbox(Protocol):
    """`services.store.outbox.Outbox`, as far as the pump uses it."""

    async def claim(self, limit: int) -> tuple[StoredNotice, ...]: ...

    async def sent(self, notice_id: int, channel: str, ts: str) -> bool: ...

    async def failed(self, notice_id: int, error: str) -> bool: ...

    async def dropped(self, notice_id: int) -> bool: ...

    async def again(self, notice_id: int, not_before: datetime | None) -> bool: ...

    async def doubtful(self) -> tuple[StoredNotice, ...]: ...

    async def posted(self, key: str) -> tuple[str, str] | None: ...

    async def picture(self, key: str, picture: str) -> str: ...

    async def remember_picture(self, key: str, picture: str, file_id: str) -> None: ...

    async def oldest_due(self) -> datetime | None: ...


class Outcomes:
    """Records outcomes. One that is known is written however long the database is away: it must not become doubt."""

    def __init__(self, outbox: Outbox, metrics: Metrics, clock: Clock) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._clock = clock
        self._tries: Counter[int] = Counter()
        self._undelivered: dict[str, Undelivered] = {}

    def on_undelivered(self, prefix: str, tell: Undelivered) -> None:
        """See `bot.outbox.OutboxPump.on_undelivered`."""
        self._undelivered[prefix] = tell

    async def sent(self, stored: StoredNotice, at: Posted) -> None:
        """It stands there now."""
        scheduled = stored.notice.not_before if stored.attempts <= 1 else None  # later it may say when to try again
        self._metrics.outbox_seconds((self._clock.now() - (scheduled or stored.created_at)).total_seconds())
        await self._record(stored, "sent", lambda: self._outbox.sent(stored.id, at.channel, at.ts))

    async def dropped(self, stored: StoredNotice) -> None:
        """There is nothing to tell any more."""
        await self._record(stored, "dropped", lambda: self._outbox.dropped(stored.id))

    async def again(self, stored: StoredNotice, seconds: float) -> None:
        """It was certainly not delivered; try again in so many seconds."""
        moment = self._clock.now() + timedelta(seconds=seconds)
        await self._insist(lambda: self._outbox.again(stored.id, moment))

    async def try_later(self, stored: StoredNotice, error: str) -> None:
        """Once more after a while, or FAILED when that was often enough."""
        self._tries[stored.id] += 1
        if self._tries[stored.id] >= TRIES:
            await self.fail(stored, error)
        else:
            await self.again(stored, FIRST_WAIT * 2.0 ** self._tries[stored.id])

    async def wait(self, stored: StoredNotice) -> None:
        """Something that it needs does not answer now: once more after a while, however often that is."""
        self._tries[stored.id] += 1
        await self.again(stored, min(FIRST_WAIT * 2.0 ** (self._tries[stored.id] - 1), LONGEST_WAIT))

    async def fail(self, stored: StoredNotice, error: str) -> None:
        """It can never arrive: somebody else is told first, so that a kill in between loses nothing."""
        log.error("a notice cannot be delivered", kind=stored.notice.kind, to=stored.notice.to, error=error)
        fitting = [prefix for prefix in self._undelivered if stored.notice.kind.startswith(prefix)]
        if fitting:
            try:
                await self._undelivered[max(fitting, key=len)](stored, error)
            except Exception as fault:  # e.g. the database: the notice fails again later, and this is tried again
                log.error("an undelivered notice could not be told", exc_info=fault)
                self._tries[stored.id] += 1
                if self._tries[stored.id] < TRIES:
                    await self.again(stored, FIRST_WAIT * 2.0 ** self._tries[stored.id])
                    return
        await self._record(stored, "failed", lambda: self._outbox.failed(stored.id, error))

    async def _record(self, stored: StoredNotice, result: str, write: Callable[[], Awaitable[bool]]) -> None:
        self._metrics.outbox(result)
        self._tries.pop(stored.id, None)
        if not await self._insist(write):
            log.warning("another instance took a notice over while it was being delivered", result=result)

    async def _insist(self, write: Callable[[], Awaitable[bool]]) -> bool:
        wait = FIRST_WAIT / 4
        while True:
            try:
                return await write()
            except Exception as error:  # a database may fail in many ways
                log.error("the outcome of a notice cannot be written", exc_info=error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT / 6)
