"""A replica that makes runs and tells of them: `… -m tests.monitors.replica_child DATABASE_URL SLACK_URL TOKEN HOW`.

HOW: `serve` says that it is alive; `hang` does not, and its first comparison never ends; `mute` records runs, tells
nobody, and does not say that it is alive. Says `ready`, then for every comparison that begins the label of its target.
"""

from __future__ import annotations

import asyncio
import sys

from bot.clock import SystemClock
from bot.metrics import Metrics
from bot.monitor_runner import MonitorRunner
from bot.outbox import OutboxPump
from bot.periodic import Heartbeat
from bot.slack_client import SlackClient, open_session
from handlers.message import Message
from handlers.posting import BlockSupport
from services.datasets.lookup import Lookup
from services.datasets.model import DatasetVersion
from services.drift.settings import CompareSettings
from services.local.catalog import LocalCatalog
from services.monitors.ports import Compared
from services.monitors.running import Running
from services.monitors.telling import Telling
from services.outbox import StoredNotice
from services.ports import Progress
from services.search.index import SqliteIndex
from services.store.database import Database
from services.store.instances import Instances
from services.store.monitor_runs import SqlMonitorStore
from services.store.outbox import Outbox
from services.store.records import SqlRecords
from tests.fakes.comparer import ScriptedComparer


class ToldComparer(ScriptedComparer):
    """Every second version has moved. Says what it compares; hangs if it is told to."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__()
        self.moved[2] = {"price": 0.3}
        self._hangs = hangs

    async def compare(
        self,
        baseline: DatasetVersion,
        target: DatasetVersion,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        say(target.label)
        if self._hangs:
            await asyncio.Event().wait()
        return await super().compare(baseline, target, settings, progress)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def draw(stored: StoredNotice) -> Message | None:
    return Message(f"{stored.notice.kind} {stored.notice.args['incident']}")


async def main(database_url: str, slack_url: str, token: str, mode: str) -> None:
    clock, metrics, database = SystemClock(), Metrics(), Database.open(database_url)
    instance = f"replica-{id(database)}-{mode}"
    heartbeat = Heartbeat(Instances(database, clock=clock), instance)
    if mode == "serve":
        await heartbeat.start()
    catalog, records = LocalCatalog(database, "local", clock=clock), SqlRecords(database, "local")
    index = SqliteIndex(":memory:", catalog, records, clock=clock)
    await index.open()
    async with open_session() as session:
        client = SlackClient(session=session, base_url=f"{slack_url}/api/", metrics=metrics)
        client.token = token
        outbox = Outbox(database, instance, clock=clock)
        pump = OutboxPump(outbox, client, draw, support=BlockSupport(), metrics=metrics, clock=clock)
        store = SqlMonitorStore(database, "local", instance, clock=clock)
        running = Running(
            store=store,
            lookup=Lookup(catalog, records, index),
            comparer=ToldComparer(hangs=mode == "hang"),
            telling=Telling(store),
            wakes=pump,
            clock=clock,
        )
        runner = MonitorRunner(store, running, clock=clock, metrics=metrics, at_once=4)
        if mode != "mute":
            await pump.start()
        await runner.start()
        say("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
