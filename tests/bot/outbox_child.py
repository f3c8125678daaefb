"""A process that delivers an outbox and is killed: `python -m tests.bot.outbox_child DATABASE_URL SLACK_URL TOKEN`.

It has not registered itself as alive, so that whoever looks next takes over at once what it was sending.
"""

from __future__ import annotations

import asyncio
import sys

from bot.metrics import Metrics
from bot.outbox import OutboxPump
from bot.slack_client import SlackClient, open_session
from handlers.posting import BlockSupport
from services.store.database import Database
from services.store.outbox import Outbox
from tests.bot.outbox_stage import AheadClock, Drawer


async def main(database_url: str, slack_url: str, token: str) -> None:
    database, metrics, clock = Database.open(database_url), Metrics(), AheadClock()
    async with open_session() as session:
        client = SlackClient(session=session, base_url=f"{slack_url}/api/", metrics=metrics)
        client.token = token
        outbox = Outbox(database, "doomed", clock=clock)
        pump = OutboxPump(outbox, client, Drawer().draw, support=BlockSupport(), metrics=metrics, clock=clock)
        await pump.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
