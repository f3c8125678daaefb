"""A process for tests: approves a request and is killed in the middle of the transaction, by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace

from sqlalchemy import event

from services.access.model import RequestStatus
from services.access.ports import Change
from services.store.access import SqlAccessStore
from services.store.database import Database
from tests.databases import SetClock
from tests.store.access_samples import event as audit_event
from tests.store.access_samples import grant, post, request


async def main(url: str) -> None:
    database = Database.open(url)

    def kill(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE access_audit_head "):
            sys.stdout.write("killing\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database._engine, "before_cursor_execute", kill)
    change = Change(
        request=replace(request(), revision=2, status=RequestStatus.APPROVED),
        request_was=RequestStatus.PENDING,
        grant=grant(),
        audit=(audit_event("request.approved"),),
        notices=(post("n1"),),
    )
    await SqlAccessStore(database, "w", clock=SetClock()).apply(change)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
