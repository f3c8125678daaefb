"""Work that comes round again: APScheduler for what may be late, a task of its own for the sign of life."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.logs import get_logger, new_request_id, request_context
from services.store.instances import DEFAULT_LEASE, Instances

log = get_logger("bot.periodic")

ENDING_SECONDS = 2.0
"""How long the end waits for periodic work that was cancelled."""

HEARTBEAT_SECONDS = DEFAULT_LEASE.total_seconds() / 5


class Periodic:
    """Runs pieces of work at intervals. One run of a piece at a time; runs that were missed are made up for by one."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._running: set[asyncio.Task[object]] = set()
        self._stopping = False
        self._scheduler = AsyncIOScheduler(
            timezone=self._zone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(
        self, seconds: float, name: str, work: Callable[[], Awaitable[object]], *, first: float | None = None
    ) -> None:
        """Run work every so many seconds, the first time after `first` seconds (the interval if not given).

        What it raises is logged and does not end the series.
        """

        async def run() -> None:
            request_context.set({"request_id": new_request_id(), "type": "periodic", "name": name})
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            try:
                await work()
            except asyncio.CancelledError:
                if not self._stopping:  # else it ends here, as `stop` wants; the scheduler would log it as a fault
                    raise
            except Exception as error:  # the next run may go well
                log.error("periodic work failed", exc_info=error)
            finally:
                self._running.discard(task)

        begin = datetime.now(UTC) + timedelta(seconds=seconds if first is None else first)
        self._scheduler.add_job(
            run,
            IntervalTrigger(seconds=seconds, start_date=begin, timezone=self._zone, jitter=min(seconds / 10, 5.0)),
            id=name,
            name=name,
            next_run_time=begin,
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Start nothing more, cancel what runs, and wait a moment for its end."""
        self._stopping = True
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the scheduler ends in the loop's next turn
        if self._running:
            await asyncio.wait(self._running, timeout=ENDING_SECONDS)


class Heartbeat:
    """Says every few seconds that this instance is alive, so that no other takes its work over."""

    def __init__(self, instances: Instances, instance_id: str, seconds: float = HEARTBEAT_SECONDS) -> None:
        self._instances = instances
        self._instance_id = instance_id
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._beaten_at = time.monotonic()

    def is_heard(self) -> bool:
        """Were the last beats written? Not with a full disk or a database that only answers reads."""
        return time.monotonic() - self._beaten_at < self._seconds * 3

    async def start(self) -> None:
        """Register this instance and begin."""
        await self._instances.register(self._instance_id)
        self._beaten_at = time.monotonic()
        self._task = asyncio.create_task(self._beat(), name="heartbeat")

    async def stop(self) -> None:
        """End, and let others take over at once what was left open."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._instances.deregister(self._instance_id)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._instances.heartbeat(self._instance_id)
                self._beaten_at = time.monotonic()
            except Exception as error:  # without a beat others take over; try again at once
                log.error("heartbeat failed", exc_info=error)
