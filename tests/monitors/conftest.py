"""A world of monitors in an SQLite file."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.store.database import Database
from tests.databases import migrated_postgres, migrated_sqlite, postgres_server
from tests.monitors.world import MonitorWorld, monitor_world

__all__ = ["migrated_postgres", "migrated_sqlite", "postgres_server"]


@pytest.fixture
async def world(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[MonitorWorld]:
    path = tmp_path / "bot.db"
    shutil.copy(migrated_sqlite, path)
    db = Database.open(f"sqlite:///{path}")
    async with monitor_world(db) as built:
        yield built
    await db.close()
