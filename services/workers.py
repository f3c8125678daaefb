"""Worker processes: started when first needed, bounded in number, time and memory, stopped when idle.

A task that hangs is killed at its time limit, one that crashes its process takes nobody along, and the processes go
away after a while without work so that their memory is returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import pickle
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

import structlog
from pebble import ProcessExpired, ProcessPool

from services.carried import Carried, pack, unpack
from services.errors import Busy, TimedOut, Unavailable, UserError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger(__name__)


class PoolStoppedError(Exception):
    """The pool went away under a task."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What people are told when a task does not come to its end. Errors are made anew for each."""

    closed: Callable[[], UserError] = lambda: Unavailable("The bot is shutting down. Try again in a minute.")
    busy: Callable[[], UserError] = lambda: Busy("The bot has as much of this work as it can take. Try again soon.")
    timed_out: Callable[[float], UserError] = lambda seconds: TimedOut(f"This took longer than {seconds:.0f} seconds.")
    crashed: Callable[[], UserError] = lambda: Unavailable("The process that did this stopped unexpectedly. Try again.")
    interrupted: Callable[[], UserError] = lambda: Unavailable("This was interrupted. Try again in a moment.")


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """How worker processes are made and bounded.

    workers: processes at once. waiting: tasks that may wait for one. tasks: after how many a process is replaced.
    idle_seconds: after how long without work they are stopped, None for never. start: called first in each new
    process with start_arguments. out_of_memory: what a MemoryError of the work becomes. crashed: called in the
    answering process with the id of a worker that died of itself, to save what it left.
    """

    workers: int
    waiting: int
    tasks: int
    idle_seconds: float | None
    start: Callable[..., None]
    start_arguments: tuple[object, ...]
    out_of_memory: Carried
    wording: Wording = Wording()
    crashed: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class _Done:
    """What a worker sends back: exactly one of value and error means something."""

    value: object = None
    error: Carried | None = None


def _run(work: Callable[[*Ts], object], arguments: tuple[*Ts], out_of_memory: Carried) -> _Done:
    """One task, in the worker process."""
    try:
        done = _Done(value=work(*arguments))
        pickle.dumps(done)  # what cannot be sent is a fault of the work, and would end this process if sent
        return done
    except MemoryError:  # pyarrow's own is a subclass
        return _Done(error=out_of_memory)
    except Exception as error:  # noqa: BLE001 - carried to the caller, where it is raised again
        return _Done(error=pack(error))


class Workers:
    """Runs functions of this project in worker processes. Belongs to one event loop."""

    def __init__(self, policy: WorkerPolicy) -> None:
        self._policy = policy
        self._pool: ProcessPool | None = None
        self._free = asyncio.Semaphore(policy.workers)
        self._outcomes: set[asyncio.Future[_Done]] = set()
        self._running = 0
        self._idle: asyncio.TimerHandle | None = None
        self._starting = asyncio.Lock()
        self._warmed: ProcessPool | None = None
        self._warming: asyncio.Task[None] | None = None
        self._closed = False

    def started(self) -> bool:
        """True while worker processes exist."""
        return self._pool is not None

    @property
    def running(self) -> int:
        """Tasks that run or wait."""
        return self._running

    async def run(self, seconds: float, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """`work(*arguments)` in a worker process; both must pickle.

        seconds: limit from its start in a worker. Raises the UserErrors of `work`, those of the policy's wording, and
        WorkError for anything else that goes wrong in there.
        """
        wording = self._policy.wording
        if self._closed:
            raise wording.closed()
        if self._running >= self._policy.workers + self._policy.waiting:
            raise wording.busy()
        self._running += 1
        self._keep()
        try:
            try:
                done = await self._outcome(await self._ready(), seconds, work, arguments)
            except (BrokenProcessPool, PoolStoppedError):
                # Something else broke the pool, e.g. an idle worker was killed: the work has not begun.
                done = await self._outcome(await self._ready(), seconds, work, arguments)
        except TimeoutError:
            raise wording.timed_out(seconds) from None
        except ProcessExpired as error:
            if self._policy.crashed is not None and error.pid is not None:
                self._policy.crashed(error.pid)
            raise wording.crashed() from None
        except (BrokenProcessPool, PoolStoppedError) as error:
            raise wording.interrupted() from error
        finally:
            self._running -= 1
            self._let_go()
        if done.error is not None:
            raise unpack(done.error)
        return done.value  # type: ignore[return-value]  # what `work` returned, through a pickle

    @property
    def is_warm(self) -> bool:
        """True while workers exist that `warm` has made ready."""
        return self._pool is not None and self._pool is self._warmed

    def warm(self, work: Callable[[], None], *, seconds: float = 120.0) -> None:
        """Start the workers in the background and run `work` in each of them; returns at once.

        Does nothing while they are warm or being warmed. They stop when idle, like any others.
        """
        if self._closed or self.is_warm:
            return
        if self._warming is None or self._warming.done():
            self._warming = asyncio.get_running_loop().create_task(self._warm(work, seconds))

    async def _warm(self, work: Callable[[], None], seconds: float) -> None:
        # All of them: the next task goes to any that is free, and that must not be a cold one.
        try:
            await asyncio.gather(*(self.run(seconds, work) for _ in range(self._policy.workers)))
        except UserError as error:
            log.info("workers_not_warmed", code=error.code)  # the work that follows tells what is wrong
        else:
            self._warmed = self._pool

    async def close(self) -> None:
        """Stop all workers; what still runs is interrupted."""
        self._closed = True
        self._keep()
        self._interrupt()
        if self._warming is not None:
            await self._warming
        await self._stop()

    def _interrupt(self) -> None:
        """End the waiting for what this pool will not answer any more."""
        for outcome in tuple(self._outcomes):
            if not outcome.done():
                outcome.set_exception(PoolStoppedError())

    async def _outcome(
        self, pool: ProcessPool, seconds: float, work: Callable[[*Ts], T], arguments: tuple[*Ts]
    ) -> _Done:
        loop, free = asyncio.get_running_loop(), self._free
        # No more at once than there are workers: pebble starts what was cancelled while it waited, and then kills the
        # worker that took it, warm as it is.
        await free.acquire()
        outcome: asyncio.Future[_Done] = loop.create_future()
        try:
            future = pool.schedule(_run, args=(work, arguments, self._policy.out_of_memory), timeout=seconds)
        except RuntimeError as error:  # pebble's word for a pool that broke in this moment
            free.release()
            raise PoolStoppedError from error

        def settle() -> None:
            if outcome.done():
                return
            if future.cancelled():
                outcome.set_exception(PoolStoppedError())
            elif (error := future.exception()) is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(future.result())

        def soon(call: Callable[[], None]) -> Callable[[object], None]:
            def called(_: object) -> None:
                # The loop may be gone when a worker answers late; then nobody waits either.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(call)

            return called

        future.add_done_callback(soon(settle))
        self._outcomes.add(outcome)
        try:
            return await outcome
        finally:
            self._outcomes.discard(outcome)
            if future.running() or future.done() or self._closed or self._pool is not pool:
                future.cancel()  # type: ignore[no-untyped-call]  # pebble leaves it untyped; stops the worker if the caller gave up; nothing if it is done
                free.release()
            else:
                # Its worker is still starting. To cancel it would kill that worker, and the next caller would wait
                # for another: it is done unheard.
                future.add_done_callback(soon(free.release))

    async def _ready(self) -> ProcessPool:
        async with self._starting:
            if self._closed:
                raise PoolStoppedError
            if self._pool is not None and not self._pool.active:  # broken, e.g. a worker killed while it was idle
                self._interrupt()
                await self._stop()
            if self._pool is None:
                self._free = asyncio.Semaphore(self._policy.workers)  # what the last pool owed is not paid any more
                self._pool = ProcessPool(
                    max_workers=self._policy.workers,
                    max_tasks=self._policy.tasks,
                    initializer=self._policy.start,
                    initargs=self._policy.start_arguments,
                    context=multiprocessing.get_context("spawn"),
                )
                # Starting processes takes a few milliseconds each: not on the event loop.
                await asyncio.to_thread(lambda pool: pool.active, self._pool)
            return self._pool

    async def _stop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return

        def stop() -> None:
            pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
            pool.join()

        await asyncio.to_thread(stop)

    def _keep(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _let_go(self) -> None:
        if self._running or self._pool is None or self._closed or self._policy.idle_seconds is None:
            return
        self._keep()
        self._idle = asyncio.get_running_loop().call_later(self._policy.idle_seconds, self._stop_idle)

    def _stop_idle(self) -> None:
        pool, self._pool, self._idle = self._pool, None, None
        if pool is None:
            return

        def stop() -> None:
            pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
            pool.join()

        # A thread of its own, not a task: nothing awaits it, and the loop may end before it does.
        threading.Thread(target=stop, name="stop-idle-workers", daemon=True).start()
