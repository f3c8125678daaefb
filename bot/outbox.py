"""The outbox's pump: delivers notices at once, in the order of their lanes, at Slack's pace, each exactly once.

What was cut off (killed, timed out, connection lost, 5xx) may have been posted or not: it is looked up in the
conversation's history by the key that every message carries, before it is posted again. Where the history cannot be
read it is posted again and logged: people told twice are better off than people told nothing.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.health import Part
from bot.logs import get_logger, new_request_id, request_context
from bot.metrics import Metrics
from bot.outbox_doubt import Finding, History, Look, metadata_of
from bot.outbox_errors import CALL_ERRORS, NO_THREAD, Meaning, Trouble, trouble
from bot.outbox_outcomes import FIRST_WAIT, LONGEST_WAIT, Outbox, Outcomes
from bot.outbox_pacing import Turn
from bot.outbox_pictures import MAY_PASS, Pictures, PictureWaitsError
from bot.outbox_turns import Turns
from handlers import posting
from handlers.message import Message
from handlers.posting import BlockSupport, Posted
from services.outbox import Action, StoredNotice, Undelivered
from services.ports import Clock

log = get_logger("bot.outbox")

SENDING = 16
"""Calls of Slack at once."""

IN_HAND = 200
"""Notices claimed at once; most of them wait for a moment to be sent."""

POLL_SECONDS = 2.0
DOUBT_SECONDS = 5.0
CALL_SECONDS = 15.0
DRAW_SECONDS = 30.0
HOLD_SECONDS = 0.75
"""A notice whose turn is later than this is put back, so that a busy channel does not fill the hand."""

_BACKLOG_SECONDS = 300.0

DrawNotice = Callable[[StoredNotice], Awaitable[Message | None]]


@dataclass(frozen=True, slots=True)
class _Destination:
    """place: a conversation or person. at: for an update, the message; for a post, the one whose thread it goes to."""

    place: str
    at: Posted | None


class OutboxPump:
    """Delivers what the outbox holds, for as long as it runs. Belongs to one event loop.

    draw: see `handlers.drawing`. doubt_settles: seconds that a call which was cut off may still need at Slack's end
    before its history tells the truth. call_seconds: how long one call may take.
    """

    def __init__(
        self,
        outbox: Outbox,
        client: AsyncWebClient,
        draw: DrawNotice,
        *,
        support: BlockSupport,
        metrics: Metrics,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        doubt_settles: float = 3.0,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._given_client = client
        self._draw = draw
        self._support = support
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._outcomes = Outcomes(outbox, metrics, self._clock)
        self._now = monotonic
        self._doubt_settles, self._call_seconds = doubt_settles, call_seconds
        self._turns = Turns(monotonic)
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._sending = asyncio.Semaphore(SENDING)
        self._drawing = asyncio.Semaphore(SENDING)
        self._places: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._next_doubts = 0.0
        self._paused_until = 0.0
        self._paused_for = ""
        self._pauses = 0
        self._history = History(self._client, self._free_turn)
        self._pictures = Pictures(outbox, self._client, self._free_turn)

    def on_undelivered(self, prefix: str, tell: Undelivered) -> None:
        """Call tell for notices whose kind begins with prefix and which can never arrive, before they are FAILED.

        It may be called again for the same notice after a kill. The longest prefix that fits is called alone.
        """
        self._outcomes.on_undelivered(prefix, tell)

    async def start(self) -> None:
        """Begin to deliver. The client must have its token by now."""
        self._loop = asyncio.create_task(self._run(), name="outbox")

    async def stop(self, seconds: float = 5.0) -> int:
        """Take nothing more, let what is being sent end for so long, then cut it; returns how many were cut.

        What was cut is looked up by whoever comes next.
        """
        self._closing.set()
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        cut = list(self._tasks)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        return len(cut)

    def wake(self) -> None:
        """See `services.outbox.Wakes`."""
        self._wake.set()

    async def probe(self) -> Part:
        """For readiness: does it run, does Slack let it, how long has the oldest notice that is due been waiting."""
        if self._loop is None or self._loop.done():
            return Part(False, "not running")
        oldest = await self._outbox.oldest_due()
        age = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        self._metrics.outbox_age(age)
        behind = f"; the oldest notice has waited {age:.0f} s" if age > _BACKLOG_SECONDS else ""
        if self._is_paused():
            return Part(False, f"Slack does not take messages: {self._paused_for}{behind}")
        return Part(True, behind.removeprefix("; "))

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                if not self._is_paused():
                    await self._look()
            except Exception as error:  # the database is away; the next look may go well
                log.error("the outbox cannot be read", exc_info=error)
            try:
                async with asyncio.timeout(self._until_next_look()):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        now = self._now()
        if now >= self._next_doubts:
            self._next_doubts = now + DOUBT_SECONDS
            for stored in await self._outbox.doubtful():
                self._metrics.outbox("doubtful")
                self._take(stored, in_doubt=True)
        if (room := IN_HAND - len(self._tasks)) > 0:
            for stored in await self._outbox.claim(room):
                self._take(stored, in_doubt=False)

    def _take(self, stored: StoredNotice, *, in_doubt: bool) -> None:
        task = asyncio.create_task(self._handle(stored, in_doubt=in_doubt), name=f"notice {stored.notice.key}")
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()  # the next of its lane, or one more of all

    def _until_next_look(self) -> float:
        now = self._now()
        if self._is_paused():
            return min(POLL_SECONDS, self._paused_until - now)
        return self._turns.until_next(POLL_SECONDS)

    async def _handle(self, stored: StoredNotice, *, in_doubt: bool) -> None:
        """One notice until its outcome is recorded. It stays SENDING meanwhile, so a kill leaves it doubtful."""
        notice = stored.notice
        request_context.set({"request_id": new_request_id(), "type": "notice", "notice": notice.key})
        wait = FIRST_WAIT
        while not self._closing.is_set():
            try:
                if in_doubt and notice.action is Action.POST and not await self._clear_doubt(stored):
                    break
                if not await self._attempt(stored):
                    break
                in_doubt = True
            except Exception as error:  # a fault of ours or of the database: whether it was sent is open
                log.error("delivery of a notice was cut off", exc_info=error)
                in_doubt = True
                if not await self._rest(wait):
                    break
                wait = min(wait * 2, LONGEST_WAIT)

    async def _attempt(self, stored: StoredNotice) -> bool:
        """Deliver it, or put it back, or end it. True when it may have been delivered and that is to be found out."""
        destination = await self._destination(stored)
        if destination is None:
            await self._outcomes.dropped(stored)
            return False
        turn = await self._turn(stored, destination)
        if turn is None:
            return False
        message = await self._drawn(stored)
        if message is None:
            return False
        lock = self._places.setdefault(destination.place, asyncio.Lock())
        async with lock, self._sending:
            if self._closing.is_set() or self._turns.pacing.is_held(turn) or self._is_paused():
                await self._put_back(stored, self._turns.take(stored, destination.place))
                return False
            return await self._send(stored, destination, message, turn)

    async def _drawn(self, stored: StoredNotice) -> Message | None:
        """Its message with its picture's file; None when it was put back or came to its end."""
        try:
            async with self._drawing, asyncio.timeout(DRAW_SECONDS):
                message = await self._draw(stored)
        except MAY_PASS as error:
            log.warning("a notice cannot be drawn now", kind=stored.notice.kind, error=repr(error))
            await self._outcomes.wait(stored)
            return None
        except Exception as error:  # whatever a drawing meets
            log.error("a notice could not be drawn", kind=stored.notice.kind, exc_info=error)
            reference = request_context.get().get("request_id", "")
            await self._outcomes.try_later(stored, f"not_drawn:{type(error).__name__}:{reference}")
            return None
        if message is None:
            await self._outcomes.dropped(stored)
            return None
        try:
            return await self._pictures.placed(stored, message)
        except PictureWaitsError as picture:
            await self._outcomes.again(stored, picture.seconds)
            return None

    async def _destination(self, stored: StoredNotice) -> _Destination | None:
        """Where it goes; None for an update of what was never posted. The outbox claims nothing before its `of`."""
        notice = stored.notice
        found = await self._outbox.posted(notice.of) if notice.of else None
        at = None if found is None else Posted(*found)
        if at is not None:
            return _Destination(at.channel, at)
        return None if notice.action is Action.UPDATE else _Destination(notice.to, None)

    async def _turn(self, stored: StoredNotice, destination: _Destination) -> Turn | None:
        """Wait for this notice's turn; None when it was put back because that comes later."""
        turn = self._turns.of(stored, destination.place)
        wait = self._turns.pacing.wait(turn)
        if wait > HOLD_SECONDS or (wait and not await self._rest(wait)):
            await self._put_back(stored, turn)
            return None
        return turn

    async def _send(self, stored: StoredNotice, destination: _Destination, message: Message, turn: Turn) -> bool:
        try:
            async with asyncio.timeout(self._call_seconds):
                at = await self._call(stored, destination, message)
        except CALL_ERRORS as error:
            if (seconds := self._pictures.not_shown(stored, error)) is not None:
                await self._outcomes.again(stored, seconds)
                return False
            return await self._not_sent(stored, destination, message, turn, trouble(error))
        self._pauses = 0
        self._pictures.forget(stored)
        await self._outcomes.sent(stored, at)
        return False

    async def _call(self, stored: StoredNotice, destination: _Destination, message: Message) -> Posted:
        at, client = destination.at, self._client()
        if stored.notice.action is Action.UPDATE:
            assert at is not None
            return await posting.update(client, self._support, message, at=at)
        return await posting.post(
            client,
            self._support,
            message,
            channel=destination.place,
            thread_ts=at.ts if at is not None else None,
            metadata=metadata_of(stored.notice.key),
        )

    async def _not_sent(
        self, stored: StoredNotice, destination: _Destination, message: Message, turn: Turn, found: Trouble
    ) -> bool:
        is_post = stored.notice.action is Action.POST
        log.info("notice not sent", method=turn.method, meaning=found.meaning, error=found.code)
        match found.meaning:
            case Meaning.DOUBTFUL if is_post:
                self._metrics.outbox("doubtful")
                return True
            case Meaning.RATE_LIMITED:
                self._metrics.outbox("rate_limited")
                self._turns.pacing.hold(turn, found.wait)
                await self._put_back(stored, self._turns.take(stored, destination.place))
            case Meaning.NOT_ALLOWED | Meaning.NOT_SENT | Meaning.DOUBTFUL:
                self._pause(found.code)
                await self._outcomes.again(stored, self._paused_until - self._now())
            case Meaning.HOPELESS:
                await self._outcomes.fail(stored, found.code)
            case Meaning.REFUSED if is_post and destination.at is not None and found.code in NO_THREAD:
                # The thread's first message was deleted: the news stands in the conversation itself.
                return await self._send(stored, _Destination(destination.place, None), message, turn)
            case _:
                await self._outcomes.try_later(stored, found.code)
        return False

    async def _clear_doubt(self, stored: StoredNotice) -> bool:
        """Find out whether it was posted, for as long as that takes. True when it must be posted (again)."""
        destination = await self._destination(stored)
        assert destination is not None, "only updates have none"
        wait = self._doubt_settles
        while await self._rest(wait):
            try:
                look = await self._history.find(
                    stored.notice.key,
                    to=destination.place,
                    thread_ts=destination.at.ts if destination.at is not None else "",
                    since=stored.created_at,
                )
            except CALL_ERRORS as error:
                found = trouble(error)
                log.info("the history cannot be read now", meaning=found.meaning, error=found.code)
                if found.meaning is Meaning.NOT_ALLOWED:
                    self._pause(found.code)
                wait = max(found.wait, min(wait * 2, LONGEST_WAIT), FIRST_WAIT)
                continue
            return await self._concluded(stored, look)
        return False

    async def _concluded(self, stored: StoredNotice, look: Look) -> bool:
        if look.finding is Finding.POSTED and look.at is not None:
            log.info("a notice in doubt had been posted")
            self._metrics.outbox("found")
            await self._outcomes.sent(stored, look.at)
            return False
        if look.finding is Finding.UNKNOWN:
            log.warning("a notice is posted again though it may have been posted", reason=look.reason)
            self._metrics.outbox("blind")
        return True

    async def _put_back(self, stored: StoredNotice, turn: Turn) -> None:
        """Deliver at its turn; the turn stays its own, or a newer update's of the same message that takes its place."""
        await self._outcomes.again(stored, self._turns.promise(stored, turn))

    async def _rest(self, seconds: float) -> bool:
        """Wait; False when the pump is to end."""
        if seconds > 0 and not self._closing.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
            except TimeoutError:
                return True
        return not self._closing.is_set()

    async def _free_turn(self, method: str) -> None:
        pacing = self._turns.pacing
        await asyncio.sleep(pacing.wait(pacing.take(method)))

    def _pause(self, reason: str) -> None:
        """Slack is out of reach, or takes nothing from this bot: try all again after a while, longer each time."""
        if self._is_paused():
            return
        self._pauses += 1
        seconds = min(FIRST_WAIT * 2.0 ** (self._pauses - 1), LONGEST_WAIT)
        self._paused_until, self._paused_for = self._now() + seconds, reason
        log.warning("the outbox waits for Slack", reason=reason, seconds=seconds)

    def _is_paused(self) -> bool:
        return self._now() < self._paused_until

    def _client(self) -> AsyncWebClient:
        """The client as it is now, without its retries: repeating a post whose answer was lost would post it twice."""
        client = copy.copy(self._given_client)
        client.retry_handlers = []
        return client
