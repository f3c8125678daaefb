"""A process that executes access and kills itself: `python -m tests.access.killed DATABASE CLOUD SLACK TOKEN POINT`.

Also the pieces that it shares with the test: a cloud in a file, which outlives the process, and a pump.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event

from bot.metrics import Metrics
from bot.outbox import OutboxPump
from bot.slack_client import SlackClient, open_session
from handlers.message import Message
from handlers.posting import BlockSupport
from handlers.text import md
from services.access.model import Assignment, GrantStatus, GrantWish
from services.access.ports import Change
from services.outbox import Action, StoredNotice
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.outbox import Outbox
from tests.access.world import World
from tests.databases import SetClock
from tests.fakes.access import FakeCloud

POINTS = ("claimed", "executed", "recording", "in the transaction", "recorded", "posted")
"""Between the decision and the record, and between the record and what is told."""

Kill = Callable[[str], None]


def at_no_point(_point: str) -> None:
    """The process lives."""


class RunningClock(SetClock):
    """The real time, and what it is told to be ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **by: float) -> None:
        self.ahead += timedelta(**by)


class CloudInFile(FakeCloud):
    """What is there is in a file."""

    def __init__(self, path: Path, at: Kill = at_no_point) -> None:
        super().__init__()
        self._path = path
        self._at = at
        if path.exists():
            self._load()

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        self._at("claimed")
        self._load()
        made = await super().grant(wish, others)
        self._path.write_bytes(pickle.dumps(self.there))
        self._at("executed")
        return made

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        self._at("claimed")
        self._load()
        await super().revoke(wish, assignments, others)
        self._path.write_bytes(pickle.dumps(self.there))
        self._at("executed")

    def _load(self) -> None:
        if self._path.exists():
            self.there = pickle.loads(self._path.read_bytes())  # our own, a moment old


def killing_store(at: Kill) -> type[SqlAccessStore]:
    """A store of a process that dies around the record of what was executed."""

    class KillingStore(SqlAccessStore):
        async def apply(self, change: Change) -> bool:
            is_record = change.grant is not None and change.grant.status in {GrantStatus.ACTIVE, GrantStatus.ENDED}
            if not is_record:
                return await super().apply(change)
            at("recording")

            def kill(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
                if statement.startswith("UPDATE access_audit_head "):  # everything else is written by then
                    at("in the transaction")

            event.listen(self._db._engine, "before_cursor_execute", kill)
            done = await super().apply(change)
            at("recorded")
            return done

    return KillingStore


class KillingOutbox(Outbox):
    """Of a process that dies when a message is at Slack and not yet recorded."""

    at: Kill = staticmethod(at_no_point)

    async def sent(self, notice_id: int, channel: str, ts: str) -> bool:
        self.at("posted")
        return await super().sent(notice_id, channel, ts)


async def draw(stored: StoredNotice) -> Message:
    """A message that says which notice posted it."""
    notice = stored.notice
    said = md("{}", notice.of if notice.action is Action.UPDATE else notice.key)
    return Message(said, ({"type": "section", "text": {"type": "mrkdwn", "text": said}},))


@asynccontextmanager
async def pumping(outbox: Outbox, slack_url: str, token: str, clock: SetClock) -> AsyncIterator[OutboxPump]:
    """Deliver what there is for as long as the context is open."""
    metrics = Metrics()
    async with open_session() as session:
        client = SlackClient(session=session, base_url=f"{slack_url}/api/", metrics=metrics)
        client.token = token
        pump = OutboxPump(
            outbox, client, draw, support=BlockSupport(), metrics=metrics, clock=clock, doubt_settles=0.05
        )
        await pump.start()
        yield pump
        await pump.stop()


async def main(database_url: str, cloud: str, slack_url: str, token: str, point: str) -> None:
    """Executes what is due, tells it, and dies on the way."""

    def at(reached: str) -> None:
        if reached == point:
            sys.stdout.write(reached)
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    clock = RunningClock()
    database = Database.open(database_url)
    world = World(
        database,
        clock,
        instance="doomed",
        cloud=CloudInFile(Path(cloud), at),
        store_type=killing_store(at),
    )
    outbox = KillingOutbox(database, "doomed", clock=clock)
    outbox.at = at
    await world.execute()
    async with pumping(outbox, slack_url, token, clock):
        await asyncio.sleep(30)
    raise AssertionError(f"the point {point} was never reached")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
