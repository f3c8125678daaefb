"""The job runner: background work in bounded pools, never forgotten, cut at its time limit, drained at the end."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace

import orjson
from pydantic import JsonValue

from bot.logs import get_logger, request_context
from bot.metrics import Metrics
from bot.open_deliveries import OpenDeliveries
from services.errors import Busy, TimedOut, UserError
from services.jobs import DurableJob, DurableWork, OnError, Origin, Pool, Work
from services.store.inbox import Inbox
from services.store.job_store import JobState, JobStore

log = get_logger("bot.jobs")

MAX_ATTEMPTS = 3
"""How often durable work is begun before the person is told that it cannot be finished."""

TELL_SECONDS = 20.0
"""How long telling a person about an error may take."""

_LAST_WORDS_SECONDS = 5.0

DurableError = Callable[[DurableJob, BaseException], Awaitable[None]]
TellInterrupted = Callable[[Origin], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """running: pieces of work at once. waiting: how many more may queue before the answer is Busy."""

    running: int
    waiting: int


@dataclass(slots=True, eq=False)
class _Piece:
    """One piece of work in a pool. finish is given what it raised, None when it went well."""

    pool: Pool
    name: str
    origin: Origin
    seconds: float
    work: Work
    on_error: OnError
    context: Context
    finish: Callable[[UserError | None], Awaitable[None]]
    durable: bool


@dataclass(slots=True)
class _PoolState:
    limits: PoolLimits
    running: int = 0
    reserved: int = 0  # places promised to durable work that is being stored
    waiting: deque[_Piece] = field(default_factory=deque)

    @property
    def is_full(self) -> bool:
        taken = self.running + self.reserved + len(self.waiting)
        return taken >= self.limits.running + self.limits.waiting


class JobRunner:
    """`services.jobs.Jobs`. Belongs to one event loop.

    A job's delivery stays open in the inbox until the job ended or its error was told, so that after a kill the
    next start finds it and tells the person. Durable jobs are in the store instead, and are begun again.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        inbox: Inbox,
        deliveries: OpenDeliveries,
        instance_id: str,
        limits: Mapping[Pool, PoolLimits],
        metrics: Metrics,
        tell_interrupted: TellInterrupted,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._deliveries = deliveries
        self._instance_id = instance_id
        self._metrics = metrics
        self._tell_interrupted = tell_interrupted
        self._max_attempts = max_attempts
        self._pools = {pool: _PoolState(limits[pool]) for pool in Pool}
        self._kinds: dict[str, tuple[DurableWork, DurableError]] = {}
        self._tasks: dict[asyncio.Task[None], _Piece] = {}
        self._closing = False

    @property
    def unfinished(self) -> int:
        """How many jobs run or wait."""
        return len(self._tasks) + sum(len(state.waiting) for state in self._pools.values())

    def start(
        self, pool: Pool, name: str, work: Work, *, origin: Origin, on_error: OnError, seconds: float = 60.0
    ) -> None:
        """See `services.jobs.Jobs.start`."""
        self._require_room(pool)
        self._deliveries.hold(origin.delivery)

        async def finish(_error: UserError | None) -> None:
            self._deliveries.release(origin.delivery)

        self._enqueue(_Piece(pool, name, origin, seconds, work, on_error, copy_context(), finish, durable=False))

    async def start_durable(
        self,
        pool: Pool,
        kind: str,
        payload: Mapping[str, JsonValue],
        *,
        origin: Origin,
        seconds: float = 900.0,
    ) -> str:
        """See `services.jobs.Jobs.start_durable`. Work of the same kind and payload for one delivery runs once."""
        if kind not in self._kinds:
            raise ValueError(f"no durable work is registered as {kind!r}")
        self._require_room(pool)
        job = DurableJob(_job_id(kind, payload, origin), kind, payload, origin)
        stored = replace(job, payload={"pool": pool.value, "seconds": seconds, "payload": dict(payload)})
        state = self._pools[pool]
        state.reserved += 1
        try:
            is_new = await self._store.add(stored, self._instance_id)
        finally:
            state.reserved -= 1
        if is_new:
            self._enqueue(self._durable_piece(job, pool, seconds, copy_context()))
        return job.id

    def register(self, kind: str, work: DurableWork, on_error: DurableError) -> None:
        """See `services.jobs.Jobs.register`."""
        if kind in self._kinds:
            raise ValueError(f"durable work {kind!r} is registered already")
        self._kinds[kind] = (work, on_error)

    async def take_over(self) -> None:
        """Begin again what instances that died left behind, and tell people what cannot be begun again.

        Called at the start and every few seconds.
        """
        if self._closing:
            return
        jobs = await self._store.claim_abandoned(self._instance_id)
        resumed = {job.origin.delivery for job in jobs} - {""}
        for job in jobs:
            await self._resume(job)
        for origin in await self._inbox.abandoned():
            if origin.delivery not in resumed:
                log.warning("interrupted work found", request_id=origin.request_id, user=origin.user_id)
                await self._tell_of_interruption(origin)

    async def drain(self, seconds: float) -> int:
        """Take nothing more, let running work finish for so long, then cut the rest; returns how many were cut.

        Durable work that is cut or has not begun stays in the store; of other work the person is told.
        """
        self._closing = True
        for state in self._pools.values():
            state.waiting = deque(piece for piece in state.waiting if not piece.durable)
        deadline = time.monotonic() + seconds
        while self._tasks and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        cut = list(self._tasks)
        never_begun = [piece for state in self._pools.values() for piece in state.waiting]
        for state in self._pools.values():
            state.waiting.clear()
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, *(self._last_words(piece) for piece in never_begun), return_exceptions=True)
        return len(cut) + len(never_begun)

    def _require_room(self, pool: Pool) -> None:
        if self._closing:
            self._metrics.job(pool, "refused")
            raise Busy("I am being restarted. Please send this again in a minute.", code="restarting")
        if self._pools[pool].is_full:
            self._metrics.job(pool, "refused")
            raise Busy("I have as much work of this kind as I can take right now. Please try again in a minute.")

    def _enqueue(self, piece: _Piece) -> None:
        state = self._pools[piece.pool]
        if state.running < state.limits.running:
            self._launch(piece, state)
        else:
            state.waiting.append(piece)
        self._metrics.pool(piece.pool, running=state.running, waiting=len(state.waiting))

    def _launch(self, piece: _Piece, state: _PoolState) -> None:
        state.running += 1
        task = asyncio.get_running_loop().create_task(self._run(piece), name=piece.name, context=piece.context)
        self._tasks[task] = piece
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        piece = self._tasks.pop(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            # Only telling and bookkeeping can raise here; the job's own errors were handled.
            log.error("job could not be ended", job=piece.name, exc_info=fault)
        state = self._pools[piece.pool]
        state.running -= 1
        while state.waiting and state.running < state.limits.running:
            self._launch(state.waiting.popleft(), state)
        self._metrics.pool(piece.pool, running=state.running, waiting=len(state.waiting))

    async def _run(self, piece: _Piece) -> None:
        self._metrics.job(piece.pool, "started")
        started = time.monotonic()
        try:
            error = await self._attempt(piece)
        except asyncio.CancelledError:
            self._metrics.job(piece.pool, "interrupted")
            await self._last_words(piece)
            raise
        seconds = time.monotonic() - started
        self._metrics.job_seconds(piece.pool, seconds)
        state = "done" if error is None else "timed_out" if isinstance(error, TimedOut) else "failed"
        self._metrics.job(piece.pool, state)
        log.info("job ended", job=piece.name, state=state, ms=round(seconds * 1000))
        if error is not None:
            await self._tell(piece, error, TELL_SECONDS)
        await piece.finish(error if isinstance(error, UserError) else None if error is None else _fault(error))

    async def _attempt(self, piece: _Piece) -> BaseException | None:
        """Run the work; what it raised, None if nothing. Raises CancelledError only when the runner is draining."""
        limit = asyncio.timeout(piece.seconds)
        try:
            async with limit:
                await piece.work()
        except TimeoutError as error:
            if limit.expired():
                return TimedOut(
                    f"This took longer than {_duration(piece.seconds)}, so I stopped it. Please try again later."
                )
            return error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return error  # something the work waited for was cancelled, not the work itself
        except Exception as error:  # noqa: BLE001  # whatever it is, the person is told and the log has it
            return error
        return None

    async def _tell(self, piece: _Piece, error: BaseException, seconds: float) -> bool:
        """Give the error to the one who started the work. False if that failed, which the log then says."""
        try:
            async with asyncio.timeout(seconds):
                await piece.on_error(error)
        except Exception as fault:  # nothing is left to tell the person with
            log.error("error could not be told", job=piece.name, told=repr(error), exc_info=fault)
            return False
        return True

    async def _last_words(self, piece: _Piece) -> None:
        """The process ends before this work did: durable work stays in the store, of other work the person is told."""
        if piece.durable:
            return
        error = UserError("I was restarted before this was done. Please send it again in a minute.", code="interrupted")
        if await self._tell(piece, error, _LAST_WORDS_SECONDS):
            await piece.finish(error)
        else:
            self._deliveries.leave_open(piece.origin.delivery)

    def _durable_piece(self, job: DurableJob, pool: Pool, seconds: float, context: Context) -> _Piece:
        work, on_error = self._kinds[job.kind]

        async def run() -> None:
            await work(job)

        async def tell(error: BaseException) -> None:
            await on_error(job, error)

        async def finish(error: UserError | None) -> None:
            state = JobState.DONE if error is None else JobState.FAILED
            await self._store.finish(job.id, state, "" if error is None else error.code)

        return _Piece(pool, job.kind, job.origin, seconds, run, tell, context, finish, durable=True)

    async def _resume(self, stored: DurableJob) -> None:
        job, pool, seconds = _unwrap(stored)
        context = copy_context()
        context.run(request_context.set, {"request_id": job.origin.request_id, "user": job.origin.user_id})
        if job.kind not in self._kinds:
            log.error("durable work of an unknown kind", job=job.kind, request_id=job.origin.request_id)
            await self._store.finish(job.id, JobState.FAILED, "unknown_kind")
            await self._tell_of_interruption(job.origin)
            return
        piece = self._durable_piece(job, pool, seconds, context)
        if job.attempt > self._max_attempts:
            log.error("durable work given up", job=job.kind, request_id=job.origin.request_id)
            error = UserError(
                f"I was interrupted {self._max_attempts} times while working on this and gave up. "
                "Please send it again, and tell your platform team if it happens again.",
                code="gave_up",
            )
            await self._tell(piece, error, TELL_SECONDS)
            await piece.finish(error)
            return
        log.warning("durable work resumed", job=job.kind, attempt=job.attempt, request_id=job.origin.request_id)
        self._enqueue(piece)  # beyond the bound if need be: it was accepted before

    async def _tell_of_interruption(self, origin: Origin) -> None:
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._tell_interrupted(origin)
        except Exception as fault:  # one person who cannot be reached must not hide the others
            log.error(
                "interruption could not be told",
                request_id=origin.request_id,
                user=origin.user_id,
                exc_info=fault,
            )


def _job_id(kind: str, payload: Mapping[str, JsonValue], origin: Origin) -> str:
    """The same for the same work of the same delivery; random where there is no delivery."""
    if not origin.delivery:
        return uuid.uuid4().hex
    content = orjson.dumps([kind, origin.delivery, dict(payload)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:32]


def _unwrap(stored: DurableJob) -> tuple[DurableJob, Pool, float]:
    """A job from the store, where its payload lies beside its pool and time limit."""
    envelope = stored.payload
    payload, seconds = envelope.get("payload"), envelope.get("seconds")
    return (
        replace(stored, payload=payload if isinstance(payload, dict) else {}),
        Pool(str(envelope.get("pool", Pool.DATA.value))),
        float(seconds) if isinstance(seconds, int | float) else 900.0,
    )


def _fault(error: BaseException) -> UserError:
    """An unknown error as what is stored of it: its type's name, never its text."""
    return UserError("unexpected", code=type(error).__name__)


def _duration(seconds: float) -> str:
    return f"{round(seconds / 60)} minutes" if seconds >= 120 else f"{round(seconds, 1):g} seconds"
