"""Makes the runs of monitors: finds what is due, claims it, and runs a bounded number at once.

Nothing is scheduled in memory: the database knows when each monitor is due, and which instance makes which run. A run
that this process leaves unfinished is taken over by another once this one's heartbeat is missing.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.health import Part
from bot.logs import get_logger, new_request_id, request_context
from bot.metrics import Metrics
from services.monitors.model import Cause, Run
from services.monitors.ports import MonitorStore
from services.monitors.running import Running
from services.monitors.schedule import next_time
from services.ports import Clock

log = get_logger("bot.monitors")

POLL_SECONDS = 1.0
"""How often it is looked whether something is due; what is due sooner is waited for exactly."""

RUN_SECONDS = 900.0
DUE_AT_ONCE = 500
_TICK_SECONDS = 10.0


class MonitorRunner:
    """Belongs to one event loop. at_once: how many runs this process makes at the same time."""

    def __init__(
        self,
        store: MonitorStore,
        running: Running,
        *,
        clock: Clock,
        metrics: Metrics,
        at_once: int = 2,
        run_seconds: float = RUN_SECONDS,
    ) -> None:
        self._store = store
        self._running = running
        self._clock = clock
        self._metrics = metrics
        self._at_once = at_once
        self._run_seconds = run_seconds
        self._wake = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], str] = {}  # with the run's id
        self._loop: asyncio.Task[None] | None = None
        self._next_tick = 0.0
        self._lost: set[str] = set()
        self._said: dict[str, str] = {}

    def wake(self) -> None:
        """There is something to run now. Never blocks."""
        self._wake.set()

    def how_far(self, run_id: str) -> str:
        """What a run that a person asked for said last; "" for one that says nothing or is not made here."""
        return self._said.get(run_id, "")

    async def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._run(), name="monitors")

    async def stop(self, seconds: float = 0.0) -> int:
        """Begin no more runs, let those under way end for so long, then give them back; returns how many."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        cut = dict(self._tasks)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        for run_id in cut.values():
            try:
                await self._store.put_back(run_id, self._clock.now())
            except Exception as error:  # noqa: BLE001  # they are taken over when this instance is missed
                log.warning("a run could not be given back", run=run_id, error=repr(error))
        return len(cut)

    async def probe(self) -> Part:
        """For readiness."""
        if self._loop is None or self._loop.done():
            return Part(False, "not running")
        return Part(True, f"{len(self._tasks)} running" if self._tasks else "")

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait = POLL_SECONDS
            try:
                wait = await self._look()
            except Exception as error:  # the database is away; the next look may go well
                log.error("monitors cannot be looked at", exc_info=error)
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> float:
        """Start what is due; returns seconds until the next look."""
        now, loop_time = self._clock.now(), asyncio.get_running_loop().time()
        if loop_time >= self._next_tick:
            self._next_tick = loop_time + _TICK_SECONDS
            await self._running.tick()
            await self._running.send_digests()
        for run_id in list(self._lost):
            await self._store.put_back(run_id, now)
            self._lost.discard(run_id)
        due = await self._store.next_due()
        if due is not None and due <= now:
            while await self._store.enqueue_due(now, next_time, DUE_AT_ONCE) == DUE_AT_ONCE:
                pass
            due = await self._store.next_due()
        if (room := self._at_once - len(self._tasks)) > 0:
            for run in await self._store.claim_runs(self._clock.now(), room):
                self._begin(run)
        ahead = POLL_SECONDS if due is None else (due - self._clock.now()) / timedelta(seconds=1)
        return min(max(ahead, 0.01), POLL_SECONDS)

    def _begin(self, run: Run) -> None:
        late = (self._clock.now() - run.due_at) / timedelta(seconds=1)
        self._metrics.monitor_lateness(max(late, 0.0))
        task = asyncio.create_task(self._make(run), name=f"monitor run {run.id}")
        self._tasks[task] = run.id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._wake.set()

    async def _make(self, run: Run) -> None:
        request_context.set({"request_id": new_request_id(), "type": "monitor", "run": run.id})

        async def progress(sentence: str) -> None:
            self._said[run.id] = sentence

        followed = progress if run.cause is Cause.PERSON else None  # nobody looks at the others
        try:
            result = await self._running.make(run, seconds=self._run_seconds, progress=followed)
        except Exception as error:  # the database is away: the run is made again once it is back
            log.error("a run could not be recorded", exc_info=error)
            self._lost.add(run.id)
            self._metrics.monitor_run("lost")
            return
        finally:
            self._said.pop(run.id, None)
        self._metrics.monitor_run("put_back" if result is None else "failed" if result.error_code else result.outcome)
