"""A store, a local Slack and the bot's app as it is wired, for tests of the process."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.app import BotApp, Workspace
from bot.clock import SystemClock
from bot.metrics import Metrics
from bot.middleware import Deliveries
from bot.open_deliveries import OpenDeliveries
from bot.sandbox.server import LocalSlack
from bot.slack_client import SlackClient, open_session
from services.store.database import Database
from services.store.inbox import Inbox
from services.store.instances import Instances
from services.store.job_store import JobStore
from services.store.outbox import Outbox
from tests.bot.outbox_stage import AheadClock, Stage
from tests.databases import migrated_sqlite

__all__ = ["migrated_sqlite"]

INSTANCE = "instance-under-test"


@dataclass(frozen=True)
class Store:
    """What the bot remembers, in an SQLite file of the test."""

    url: str
    database: Database
    instances: Instances
    inbox: Inbox
    jobs: JobStore


@pytest.fixture
async def store(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Store]:
    path = tmp_path / "bot.db"
    shutil.copy(migrated_sqlite, path)
    url, clock = f"sqlite:///{path}", SystemClock()
    database = Database.open(url)
    instances = Instances(database, clock=clock)
    await instances.register(INSTANCE)
    inbox = Inbox(database, INSTANCE, clock=clock)
    yield Store(url, database, instances, inbox, JobStore(database, clock=clock))
    await inbox.close()
    await database.close()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(ack_seconds=0.5, retry_delays=(0.0, 0.05, 0.05)) as running:
        yield running


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(slack: LocalSlack, metrics: Metrics) -> AsyncIterator[SlackClient]:
    async with open_session() as session:
        yield SlackClient(session=session, base_url=f"{slack.url}/api/", metrics=metrics)


@pytest.fixture
async def app(client: SlackClient, slack: LocalSlack, store: Store, metrics: Metrics) -> BotApp:
    """The bot's app without listeners."""
    workspace = Workspace(client)
    deliveries = Deliveries(store.inbox, OpenDeliveries(store.inbox.done), metrics)
    built = BotApp(client=client, token=slack.bot_token, workspace=workspace, deliveries=deliveries)
    await workspace.refresh()
    return built


@pytest.fixture
async def idle_stage(slack: LocalSlack, client: SlackClient, store: Store, metrics: Metrics) -> AsyncIterator[Stage]:
    """An outbox whose pump does not run yet."""
    clock = AheadClock()
    built = Stage(slack, client, Outbox(store.database, "outbox-under-test", clock=clock), metrics, clock)
    yield built
    await built.pump.stop()


@pytest.fixture
async def stage(idle_stage: Stage) -> Stage:
    """An outbox whose pump runs."""
    await idle_stage.pump.start()
    return idle_stage


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """A metric as it stands, 0 where it has not been touched."""
    return metrics.registry.get_sample_value(name, labels) or 0.0
