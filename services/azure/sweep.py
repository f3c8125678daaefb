"""Keeping the local copy of the workspace fresh: all its datasets are listed from time to time, page by page.

A sweep that is stopped goes on where it was. What a whole sweep did not meet is asked for by name before it counts as
unregistered, since datasets can move between pages while they are listed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from services.azure.mirror import Mirror, SweepState
from services.azure.sdk import datasets as sdk
from services.azure.sdk.datasets import LARGE_PAGE_SIZE, PAGE_SIZE, Page
from services.azure.workers import AzureWorkers, CallFailedError
from services.ports import Clock

log = structlog.get_logger(__name__)

CALL_DATASETS = 1_000
"""In one call, stored together: so many are asked for again after a kill, at most."""
PAGE_SECONDS = 90.0
STALE = timedelta(hours=1)
"""A sweep interrupted for longer begins anew: what it listed first is too old, and Azure forgets where it was."""
REST = 20
"""A sweep is followed by a rest of this many times its own length, so that a huge workspace is not asked all day."""
NOTICE_SECONDS = 3.0
CHECKED_ONE_BY_ONE = 20
SAMPLE = 5
UNSEEN_LIMIT = 100_000
_BAD_TOKEN = frozenset({400, 404, 410})


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """seen: datasets met by the sweep under way. expected: as many as were known before, 0 for the first sweep.

    complete_at: when the last whole sweep began; None while the first one is not done.
    """

    under_way: bool
    seen: int
    expected: int
    complete_at: datetime | None

    @property
    def is_first(self) -> bool:
        """True until the workspace has been copied once."""
        return self.complete_at is None


async def _nothing() -> None:
    """Nobody wants to be told."""


class Sweeper:
    """Copies the workspace. interval: the least time between the beginnings of two sweeps."""

    def __init__(
        self, workers: AzureWorkers, mirror: Mirror, *, clock: Clock, interval: timedelta = timedelta(minutes=1)
    ) -> None:
        self._workers = workers
        self._mirror = mirror
        self._clock = clock
        self._interval = interval
        self._running = asyncio.Lock()
        self._page_size = LARGE_PAGE_SIZE
        self._progress = SweepProgress(False, 0, 0, None)

    @property
    def progress(self) -> SweepProgress:
        """How far it is."""
        return self._progress

    def age(self) -> float:
        """Seconds since the copy was last known to be whole; infinite before the first sweep."""
        at = self._progress.complete_at
        return float("inf") if at is None else max(0.0, (self._clock.now() - at).total_seconds())

    async def open(self) -> None:
        """Find out how old the copy is."""
        state = await self._mirror.sweep_state()
        if state is not None:
            self._progress = SweepProgress(False, state.seen, 0, state.complete_at)

    async def run_due(self, on_change: Callable[[], Awaitable[None]] = _nothing) -> bool:
        """Sweep if it is time to; True if a sweep came to its end. on_change: called now and then, and at the end."""
        if self._running.locked():
            return False
        state = await self._mirror.sweep_state()
        if state is not None and state.finished_at is not None:
            rest = max(self._interval, timedelta(seconds=REST * state.complete_seconds))
            if self._clock.now() - state.started_at < rest:
                return False
        return await self.run(on_change)

    async def run(self, on_change: Callable[[], Awaitable[None]] = _nothing) -> bool:
        """Sweep, or go on with the sweep that was interrupted. Raises UserErrors when Azure does not answer."""
        async with self._running:
            state = await self._begin()
            expected = await self._mirror.count()
            try:
                try:
                    return await self._follow(state, expected, on_change)
                except CallFailedError as error:
                    if not (state.token and error.failure.status in _BAD_TOKEN):
                        raise
                    log.info("azure_sweep_begins_anew", status=error.failure.status)
                    return await self._follow(await self._mirror.begin_sweep(), expected, on_change)
            except CallFailedError as error:
                raise error.problem() from None
            finally:
                self._progress = replace(self._progress, under_way=False)

    async def _begin(self) -> SweepState:
        state = await self._mirror.sweep_state()
        if state is None or state.finished_at is not None or self._clock.now() - state.started_at > STALE:
            self._page_size = LARGE_PAGE_SIZE
            return await self._mirror.begin_sweep()
        return state

    async def _follow(self, state: SweepState, expected: int, on_change: Callable[[], Awaitable[None]]) -> bool:
        noticed = time.monotonic()
        asking: asyncio.Task[Page] | None = asyncio.create_task(self._page(state.token))
        try:
            while asking is not None:
                page = await asking
                # The next pages are fetched while these are stored.
                asking = asyncio.create_task(self._page(page.token)) if page.token else None
                if not await self._mirror.put_page(state, page.entries, page.token):
                    log.info("azure_sweep_left_to_another")
                    return False
                state = replace(state, token=page.token, seen=state.seen + len(page.entries))
                self._progress = SweepProgress(True, state.seen, expected, self._progress.complete_at)
                if time.monotonic() - noticed > NOTICE_SECONDS:
                    log.info("azure_sweep", seen=state.seen, expected=expected)
                    await on_change()
                    noticed = time.monotonic()
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
        vanished = await self._vanished(state.number)
        await self._mirror.end_sweep(state.number)
        log.info("azure_sweep_done", datasets=state.seen, vanished=vanished)
        try:
            await on_change()
        finally:  # only now: a list that calls itself whole must have what was just copied
            self._progress = SweepProgress(False, state.seen, expected, state.started_at)
        return True

    async def _page(self, token: str) -> Page:
        try:
            page = await self._workers.attempt(
                "", sdk.page, token, self._page_size, CALL_DATASETS, seconds=PAGE_SECONDS
            )
        except CallFailedError:
            self._page_size = PAGE_SIZE  # what timed out or broke may have been too much: the next try asks for less
            raise
        self._page_size = page.size
        return page

    async def _vanished(self, number: int) -> int:
        """Mark what is not registered any more; returns how many that were."""
        names = await self._mirror.unseen(number, UNSEEN_LIMIT)
        some = names if len(names) <= CHECKED_ONE_BY_ONE else names[:: max(1, len(names) // SAMPLE)][:SAMPLE]
        there = {name for name in some if await self._is_there(name)}
        if there and len(names) > CHECKED_ONE_BY_ONE:
            log.warning("azure_sweep_missed_datasets", missed=len(names), still_there=len(there))
            return 0  # the listing cannot be trusted this time; the next one decides
        return await self._mirror.gone([name for name in names if name not in there])

    async def _is_there(self, name: str) -> bool:
        try:
            found = await self._workers.attempt(name, sdk.get, name, None)
        except CallFailedError as error:
            if error.is_missing:
                return False
            raise
        await self._mirror.put(found.entry)
        return True
