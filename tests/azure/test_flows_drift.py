"""Drift in an Azure workspace: blobs in storage, versions in Azure ML, an alert with its picture in Slack."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.actor import Actor
from services.monitors.incidents import Act
from tests.azure.flow_stage import BLOB, CONTAINER, SOON, FlowStage, flow_stage
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ADA = Actor("U0ADA", is_admin=True)
ALERTS = "C0DRIFT"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def on(
    azure_server: AzureContract, bot_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FlowStage]:
    folder: Path = tmp_path_factory.mktemp("drift")
    async with flow_stage(azure_server, folder, workspace="ml-drift") as started:
        yield started


async def month(on: FlowStage, number: int, shift: float) -> None:
    """The next version: a month of flights in a blob, so many minutes later than the first."""
    rng = random.Random(7)
    rows = [f"{rng.gauss(5 + shift, 20):.1f},{rng.randrange(50, 400)}" for _ in range(1000)]
    path = f"flights/month-{number}.csv"
    on.storage.put(BLOB, CONTAINER, path, ("delay,air_time\n" + "\n".join(rows) + "\n").encode())
    await on.register(on.ada, "flights", {"paths": path, "datastore": "plain"})
    await on.close_all()


async def test_a_month_in_blobs_that_moved_is_told_with_its_picture_accepted_and_watched_on(on: FlowStage) -> None:
    monitors, incidents = on.bot.services.monitors, on.bot.services.incidents
    await month(on, 1, 0)
    filled = await monitors.form(ADA, "flights", channel=ALERTS, timezone="Europe/Stockholm")
    await monitors.create(ADA, filled.draft)
    await month(on, 2, 40)
    alert = await on.ada.wait_message(ALERTS, "flights:2", timeout=SOON)
    (image,) = [block for block in alert.blocks if block["type"] == "image"]
    assert on.slack.world.files[image["slack_file"]["id"]].content.startswith(b"\x89PNG")
    (incident,) = await incidents.open_incidents()
    await incidents.act(ADA, incident.id, Act.ACKNOWLEDGE)
    await month(on, 3, 90)
    await on.ada.wait_message(ALERTS, "flights:3", thread_ts=alert.ts, timeout=SOON)
    view = await incidents.act(ADA, incident.id, Act.ACCEPT, reason="A new airport")
    assert not view.incident.is_open
    await on.ada.wait_message(ALERTS, "A new airport", thread_ts=alert.ts, timeout=SOON)
    assert [message.ts for message in on.slack.world.messages[ALERTS] if not message.thread_ts] == [alert.ts]
