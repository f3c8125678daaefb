"""The service, once over memory and once over the real local adapters."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.databases import migrated_sqlite
from tests.datasets.world import World, local_world, memory_world, sql_world

__all__ = ["migrated_sqlite"]


@pytest.fixture(params=["memory", "local"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A workspace with one datastore and no datasets: "memory", "sql" (tables only) or "local" (all of it)."""
    if request.param == "memory":
        async with memory_world() as made:
            yield made
        return
    database = tmp_path / "bot.db"
    shutil.copy(request.getfixturevalue("migrated_sqlite"), database)
    making = sql_world(database) if request.param == "sql" else local_world(database, tmp_path / "workspace")
    async with making as made:
        yield made
