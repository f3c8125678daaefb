"""The whole bot on an Azure workspace, but for Slack: settings, wiring, background work, services."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.settings import checked_settings
from bot.wiring import build
from services.actor import Actor
from services.datasets.model import DatasetQuery
from services.errors import NotFound
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

YAML = "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/x/*.parquet'\n"


async def test_a_bot_serves_an_azure_workspace(
    azure_server: AzureContract, bot_environment: None, tmp_path: Path
) -> None:
    workspace = azure_server.reset("ml-wired")
    workspace.datasets.fill(120)
    workspace.datasets.add("flights", YAML, tags={"team": "ops"}, description="Departures")
    azure_server.faults.latency(0.3)
    settings = checked_settings(
        workspace=workspace.url,
        azure_credential="service_principal",
        azure_workers=1,
        database_url=f"sqlite:///{tmp_path}/bot.db",
        slack_api_url="http://127.0.0.1:9/api/",
    )
    async with build(settings) as bot:
        assert len(azure_server.log) == 0, "building asks nothing of Azure"
        datasets = bot.services.datasets
        assert (await datasets.search(DatasetQuery())).note.startswith("I am still reading the workspace")
        bot.periodic.start()
        async with asyncio.timeout(30):
            while (await datasets.search(DatasetQuery())).note:  # noqa: ASYNC110 - periodic work leads there
                await asyncio.sleep(0.1)
        assert (await datasets.search(DatasetQuery())).total == 121
        page = await datasets.search(DatasetQuery(words="departures"))
        assert ([item.name for item in page.items], page.note) == (["flights"], "")
        assert page.index_age < 30
        azure_server.faults.clear()
        card = await datasets.show("flights")
        assert card.studio_url is not None
        assert card.studio_url.endswith(f"&tid={azure_server.entra.tenant_id}")
        await datasets.change_tags(Actor("U1", is_admin=True), "flights", [("checked", "yes")], [])
        assert (await datasets.search(DatasetQuery(tags=(("checked", "yes"),)))).total == 1
        with pytest.raises(NotFound, match="Did you mean “flights”"):
            await datasets.show("flight")
        assert bot.services.waits_for == "Azure Machine Learning"
    assert azure_server.log.unexpected_hosts() == []
