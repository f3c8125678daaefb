"""A bot process that takes work and is then killed: `python -m tests.bot.doomed_child DATABASE_URL`.

It claims two deliveries, starts plain work for one and durable work for the other, says so and hangs. It has not
registered itself as alive, so whoever looks next may take its work over at once.
"""

from __future__ import annotations

import asyncio
import sys

from bot.clock import SystemClock
from services.jobs import DurableJob, Origin, Pool
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.job_store import JobStore
from tests.bot.runner import Told, make_runner

PLAIN = Origin("U0ADA", "C0DATA", "/dataset list sales", "request-1", "trigger:plain")
DURABLE = Origin("U0BEN", "C0DATA", "the form “Register”", "request-2", "trigger:durable")


async def main(url: str) -> None:
    database, clock, told = Database.open(url), SystemClock(), Told()
    inbox = Inbox(database, "doomed", clock=clock)
    runner = make_runner(JobStore(database, clock=clock), inbox, "doomed", told)

    async def hang() -> None:
        await asyncio.Event().wait()

    async def hang_durably(_job: DurableJob) -> None:
        await hang()

    runner.register("register", hang_durably, told.durable_error)
    for origin in (PLAIN, DURABLE):
        assert await inbox.claim(origin.delivery, origin)
    runner.start(Pool.CATALOG, "list", hang, origin=PLAIN, on_error=told.error)
    job = await runner.start_durable(Pool.DATA, "register", {"name": "sales"}, origin=DURABLE, seconds=123)
    sys.stdout.write(f"{job}\n")
    sys.stdout.flush()
    await hang()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
