"""Access in the background: executes what is decided at once, and does what time brings."""

from __future__ import annotations

import asyncio
import time

from bot.logs import get_logger, new_request_id, request_context
from bot.metrics import Metrics
from bot.periodic import Periodic
from services.access.calendar import Calendar
from services.access.executing import Executor
from services.access.facts import AccessPorts
from services.access.leaving import Departures
from services.access.sweeping import Sweep
from services.errors import UserError

log = get_logger("bot.access")

POLL_SECONDS = 5.0
"""How often it is looked for what has become due by itself, or was left by another process."""
COUNT_SECONDS = 30.0
"""How often it is counted how access stands."""
FINDINGS = ("doubted", "rebuilt", "removed", "reported", "failed")
"""Of `Swept`: what somebody should know of. Grants that are looked at because nobody did for long are none."""


class Wake:
    """Tells the work that something was decided."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def __call__(self) -> None:
        """Never blocks."""
        self.event.set()


class AccessWatch:
    """Reconciles access, looks who left, and tells the metrics how it stands. Belongs to one event loop."""

    def __init__(self, ports: AccessPorts, metrics: Metrics) -> None:
        self._sweep = Sweep(ports)
        self._departures = Departures(ports)
        self._store = ports.store
        self._metrics = metrics
        self._clock = ports.clock
        self._swept_at = time.monotonic()
        metrics.watch_access_sweep(lambda: time.monotonic() - self._swept_at)

    def attend(self, periodic: Periodic, sweep_seconds: float) -> None:
        """Do all this from time to time."""
        periodic.every(sweep_seconds, "access sweep", self.reconcile, first=60)
        periodic.every(sweep_seconds, "access holders", self._departures.run, first=120)
        periodic.every(COUNT_SECONDS, "access standing", self.count, first=5)

    async def reconcile(self) -> None:
        """One sweep. Where the other side cannot be listed now, or not by this bot, that is told, nothing is done."""
        try:
            swept = await self._sweep.run()
        except UserError as error:
            log.warning("access cannot be reconciled", code=error.code, reason=error.sentence)
            return
        self._swept_at = time.monotonic()
        for finding in FINDINGS:
            self._metrics.access_finding(finding, getattr(swept, finding))

    async def count(self) -> None:
        """How access stands now."""
        found = await self._store.standing()
        oldest = found.oldest_waiting
        self._metrics.access(
            waiting=found.waiting,
            oldest=0.0 if oldest is None else max((self._clock.now() - oldest).total_seconds(), 0.0),
            grants={status.value: count for status, count in found.grants.items()},
            failing=found.failing,
            due=found.due,
        )


class AccessWork:
    """Runs for as long as the bot does. Belongs to one event loop."""

    def __init__(self, executor: Executor, calendar: Calendar, wake: Wake, *, poll: float = POLL_SECONDS) -> None:
        self._executor = executor
        self._calendar = calendar
        self._wake = wake
        self._poll = poll
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin. Nothing is lost before: what is due stays in the database."""
        self._tasks = [
            asyncio.create_task(self._execute(), name="access executor"),
            asyncio.create_task(self._look(), name="access calendar"),
        ]

    async def stop(self) -> None:
        """Cut what runs: it is taken up again by the next process, from what is recorded."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _execute(self) -> None:
        while True:
            self._wake.event.clear()
            request_context.set({"request_id": new_request_id(), "type": "periodic", "name": "access executor"})
            try:
                while await self._executor.run_due():
                    pass
            except Exception as error:  # the database is away; the next run may go well
                log.error("access could not be executed", exc_info=error)
            try:
                async with asyncio.timeout(self._poll):
                    await self._wake.event.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        while True:
            request_context.set({"request_id": new_request_id(), "type": "periodic", "name": "access calendar"})
            try:
                await self._calendar.run_due()
            except Exception as error:
                log.error("access calendar failed", exc_info=error)
            await asyncio.sleep(self._poll)
