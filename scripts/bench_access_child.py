"""The measured process: looks for what is due among many grants and reconciles them, and tells how long and how big.

Run: python -m scripts.bench_access_child DATABASE_URL
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence

import uvloop

from bot.clock import SystemClock
from scripts.bench_access_fill import ASSIGNMENTS, DUE, WORKSPACE, found
from scripts.bench_processes import resident
from services.access.calendar import Calendar
from services.access.executing import Executor
from services.access.facts import AccessPorts
from services.access.model import Assignment, FoundAssignment, GrantPlan, GrantWish, Level, Principal, Reach, ReachKind
from services.access.policy import BUILT_IN
from services.access.sweeping import Sweep
from services.datasets.model import Source
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.instances import Instances
from tests.fakes.access import FakeDatasets, FakeDirectory, FakePeople


class Cloud:
    """`AccessGrants` that answers at once: what is measured is the bot's own part."""

    def __init__(self, found: tuple[FoundAssignment, ...]) -> None:
        self._found = found

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        return GrantPlan(True)

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        return ()

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        return None

    async def missing(
        self, wish: GrantWish, assignments: Sequence[Assignment], *, as_made: bool = False
    ) -> tuple[Assignment, ...]:
        return ()

    async def found(self) -> tuple[FoundAssignment, ...]:
        return self._found

    async def remove(self, found: FoundAssignment) -> None:
        return None

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        return Reach(ReachKind.YES, "It does.")


class _Nobody:
    """`Wakes`."""

    def wake(self) -> None:
        return None


async def main(url: str) -> None:
    """Prints one line of JSON: seconds of the scan, of what was due, and of the sweep; MiB at the highest."""
    database, clock, wakes = Database.open(url), SystemClock(), _Nobody()
    there = tuple(map(found, range(ASSIGNMENTS)))
    ports = AccessPorts(
        store=SqlAccessStore(database, WORKSPACE, clock=clock),
        policy=lambda: BUILT_IN,
        people=FakePeople(),
        directory=FakeDirectory(),
        grants=Cloud(there),
        datasets=FakeDatasets(),
        admins=frozenset({"U0ADMIN"}),
        clock=clock,
        wakes=wakes,
        wake_executor=lambda: None,
    )
    instance = f"bench-{os.getpid()}"
    await Instances(database, clock=clock).register(instance)
    executor, calendar, sweep = Executor(ports, instance), Calendar(ports), Sweep(ports)
    await ports.store.grant("warm")
    began = time.perf_counter()
    ended = 0
    while moved := await executor.run_due():
        ended += moved
    due = time.perf_counter()
    await executor.run_due()
    await calendar.run_due()
    scanned = time.perf_counter()
    swept = await sweep.run()
    done = time.perf_counter()
    assert ended in (0, DUE), ended
    assert (swept.doubted, swept.removed, swept.reported, swept.rebuilt) == (0, 0, 0, 0), swept
    print(
        json.dumps(
            {
                "due": due - began,
                "scan": scanned - due,
                "sweep": done - scanned,
                "grants": swept.grants,
                "mib": resident(os.getpid(), "VmHWM"),
            }
        )
    )
    await database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
