"""A replica for tests: claims deliveries, stores a job, says so, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from services.jobs import DurableJob, Origin
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.instances import Instances
from services.store.job_store import JobStore


class WallClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def main(url: str) -> None:
    clock = WallClock()
    database = Database.open(url)
    await Instances(database, clock=clock).register("child")
    inbox = Inbox(database, "child", clock=clock)
    for number in range(3):
        await inbox.claim(f"key-{number}", Origin("U1", "C1", f"/dataset show {number}", f"r{number}", f"key-{number}"))
    job = DurableJob("job-1", "register", {"name": "sales"}, Origin("U1", "C1", "/dataset register", "r9"))
    await JobStore(database, clock=clock).add(job, "child")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
