"""The contract server for all tests of the Azure adapter, and a catalogue on it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.azure.workers import AzureWorkers
from services.store.database import Database
from tests.azure.catalog_world import WORKSPACE, AzureWorld, workers_of
from tests.contract.conftest import azure_server, azurite
from tests.contract.server import AzureContract
from tests.databases import migrated_sqlite

__all__ = ["azure_server", "azurite", "migrated_sqlite"]


@pytest.fixture(scope="module")
def bot_environment(azure_server: AzureContract) -> Iterator[None]:
    """What a bot on this Azure has in its environment; worker processes inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**azure_server.variables(), **azure_server.service_principal()}.items():
            patch.setenv(name, value)
        yield


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def module_workers(azure_server: AzureContract, bot_environment: None) -> AsyncIterator[AzureWorkers]:
    """Worker processes for a module's tests."""
    azure_server.reset(WORKSPACE)
    workers = workers_of(azure_server)
    yield workers
    await workers.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(
    azure_server: AzureContract, module_workers: AzureWorkers, migrated_sqlite: Path, tmp_path: Path
) -> AsyncIterator[AzureWorld]:
    """An empty workspace and an empty database; the test fails if it asked for an unknown host or for a sign-in."""
    azure_server.reset(WORKSPACE)
    path = tmp_path / "bot.db"
    shutil.copy(migrated_sqlite, path)
    db = Database.open(f"sqlite:///{path}")
    yield AzureWorld(azure_server, module_workers, db)
    await db.close()
    assert azure_server.browser_openings() == []
    assert azure_server.log.sign_ins() == []
    await asyncio.to_thread(azure_server.reset, WORKSPACE)
