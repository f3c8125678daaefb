"""Measures what a claim costs at 32 callers at once: `python -m tests.store.measure_inbox [URL]`.

Prints, per claim: CPU time of the event loop's thread, and wall-clock time of the writer's transactions.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection

from services.jobs import Origin
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.migrate import upgrade

T = TypeVar("T")
CALLERS = 32
CLAIMS = 20_000


class WallClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class TimedDatabase(Database):
    """Counts its write transactions and how long they keep the writer."""

    transactions = 0
    seconds = 0.0

    def _write(self, work: Callable[[Connection], T]) -> T:
        started = time.perf_counter()
        try:
            return super()._write(work)
        finally:
            self.seconds += time.perf_counter() - started
            self.transactions += 1

    def write_at_once(self, work: Callable[[Connection], T]) -> T:
        started = time.perf_counter()
        result = super().write_at_once(work)
        self.seconds += time.perf_counter() - started
        self.transactions += 1
        return result


async def measure(url: str) -> None:
    database = TimedDatabase(url, threads=4)
    inbox = Inbox(database, "measuring", clock=WallClock())
    run = time.time_ns()
    latencies: list[float] = []

    async def caller(number: int) -> None:
        for turn in range(CLAIMS // CALLERS):
            key = f"measure:{run}:{number}:{turn}"
            started = time.perf_counter()
            first = await inbox.claim(key, Origin("U1", "C1", "/dataset list sales", f"r{number}-{turn}", key))
            latencies.append(time.perf_counter() - started)
            if not first:
                raise AssertionError(f"{key} was not new")
            inbox.done(key)

    await inbox.claim(f"measure:{run}:warm-up", Origin("U1", "C1", "", "r"))
    database.seconds, database.transactions = 0.0, 0
    cpu, wall = time.thread_time(), time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    await inbox.close()
    latencies.sort()
    sys.stdout.write(
        f"{database.dialect}: event loop {cpu / CLAIMS * 1e6:.1f} µs, writer {database.seconds / CLAIMS * 1e6:.1f} µs,"
        f" {CLAIMS / database.transactions:.1f} claims a commit, {CLAIMS / wall:,.0f} claims/s,"
        f" p50 {latencies[len(latencies) // 2] * 1e3:.2f} ms, p99 {latencies[len(latencies) * 99 // 100] * 1e3:.2f} ms"
        "\n"
    )
    await database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        chosen = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/inbox.db"
        upgrade(chosen)
        asyncio.run(measure(chosen))
