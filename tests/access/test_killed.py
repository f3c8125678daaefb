"""kill -9 at every step between decision and record: afterwards the state is right, and each was told exactly once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.server import LocalSlack
from services.access.model import EndReason, GrantStatus, RequestStatus
from services.actor import Actor
from services.store.access_audit import AuditChains
from services.store.database import Database
from services.store.outbox import Outbox
from tests import databases
from tests.access.killed import POINTS, CloudInFile, RunningClock, pumping
from tests.access.world import ADA, BEN, World
from tests.scenario.bot_on_local_slack import MANIFEST, ROOT

pytestmark = pytest.mark.slow

database_url = databases.database_url
"""Each kind of database: the locks and the open transaction that a killed process leaves behind are its own."""


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(manifest=MANIFEST, rate_limits=False) as found:
        yield found


async def die(point: str, database_url: str, cloud: Path, slack: LocalSlack) -> None:
    """Another process executes what is due, and is killed by its own hand at this point."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.access.killed",
        database_url,
        str(cloud),
        slack.url,
        slack.bot_token,
        point,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        said, errors = await child.communicate()
    assert child.returncode == -signal.SIGKILL, errors.decode()
    assert said.decode().endswith(point)


async def tell(world: World, slack: LocalSlack) -> None:
    """Deliver all that waits."""
    outbox = Outbox(world.db, "one", clock=world.clock)
    async with pumping(outbox, slack.url, slack.bot_token, world.clock) as pump, asyncio.timeout(30):
        while await outbox.oldest_due() is not None:
            pump.wake()
            await asyncio.sleep(0.02)


def said_to(slack: LocalSlack, user: str) -> Counter[str]:
    """What a person was told, by the first word of its key."""
    return Counter(message.text.split(":")[0] for message in slack.world.messages[slack.world.dm(user).id])


@pytest.mark.parametrize("point", POINTS)
async def test_giving(point: str, db: Database, database_url: str, tmp_path: Path, slack: LocalSlack) -> None:
    cloud = tmp_path / "cloud"
    world = World(db, RunningClock(), cloud=CloudInFile(cloud))
    asked = await world.ask()
    await world.service.approve(Actor(ADA), asked.id)

    await die(point, database_url, cloud, slack)
    world.clock.advance(seconds=60)  # long enough to know that it is dead
    await world.execute()
    await tell(world, slack)

    world.cloud = CloudInFile(cloud)
    assert world.cloud.opens(BEN)
    assert len(world.cloud.there) == 1
    grant = await world.grant_of(asked.id)
    assert (grant.status, (await world.request(asked.id)).status) == (GrantStatus.ACTIVE, RequestStatus.GRANTED)
    assert said_to(slack, BEN) == {"asker": 1, "granted": 1}
    assert said_to(slack, ADA) == {"request": 1}
    await assert_audited(world, "grant.given")


@pytest.mark.parametrize("point", POINTS)
async def test_ending(point: str, db: Database, database_url: str, tmp_path: Path, slack: LocalSlack) -> None:
    cloud = tmp_path / "cloud"
    world = World(db, RunningClock(), cloud=CloudInFile(cloud))
    grant = await world.given()
    await tell(world, slack)
    await world.service.revoke(Actor(ADA), grant.id, "Enough.")

    await die(point, database_url, cloud, slack)
    world.clock.advance(seconds=60)
    await world.execute()
    await tell(world, slack)

    assert not CloudInFile(cloud).there
    ended = await world.service.grant(grant.id)
    assert (ended.status, ended.end_reason, ended.ended_by) == (GrantStatus.ENDED, EndReason.REVOKED, ADA)
    assert said_to(slack, BEN) == {"asker": 1, "granted": 1, "revoked": 1}
    await assert_audited(world, "grant.ended")


async def assert_audited(world: World, action: str) -> None:
    """Once, in a chain that is whole."""
    assert len(await world.audited(action)) == 1
    ((number, key),) = await AuditChains(world.db).workspaces()
    assert (await AuditChains(world.db).verify(number, key)).broken is None
