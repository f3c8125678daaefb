"""The first copy of a workspace takes long: nobody is warned of it, and the end of the bot does not wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from bot.azure_wiring import LOOK_SECONDS
from bot.settings import checked_settings
from bot.wiring import build
from services.datasets.model import DatasetQuery
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


async def test_a_long_copy_is_no_trouble(
    azure_server: AzureContract, bot_environment: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = azure_server.reset("ml-long")
    workspace.datasets.fill(3000)
    azure_server.faults.latency(60, path="*/datasets", method="GET")
    settings = checked_settings(
        workspace=workspace.url,
        azure_credential="service_principal",
        azure_workers=1,
        database_url=f"sqlite:///{tmp_path}/bot.db",
        slack_api_url="http://127.0.0.1:9/api/",
    )
    async with build(settings) as bot:
        bot.periodic.start()
        with caplog.at_level(logging.WARNING, "apscheduler"):
            await asyncio.to_thread(azure_server.log.wait_for, 1, "GET", "*/datasets", seconds=30)
            await asyncio.sleep(LOOK_SECONDS * 1.2)
        assert [record for record in caplog.records if "copy of the workspace" in record.getMessage()] == []
        assert (await bot.services.datasets.search(DatasetQuery())).note.endswith("0 datasets so far.")
        ending = time.monotonic()
    assert time.monotonic() - ending < 10
    azure_server.faults.clear()
    async with build(settings) as bot:
        bot.periodic.start()
        for _ in range(300):
            if (await bot.services.datasets.search(DatasetQuery())).total == 3000:
                break
            await asyncio.sleep(0.1)
        assert (await bot.services.datasets.search(DatasetQuery())).total == 3000
