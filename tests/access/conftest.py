"""Fixtures of the tests of access."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from services.store.database import Database
from tests.access.world import World
from tests.databases import SetClock, clock, db, migrated_postgres, migrated_sqlite, postgres_server

__all__ = ["clock", "db", "migrated_postgres", "migrated_sqlite", "postgres_server"]


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """What access does depends on the store alone, which `tests.store` tests on each kind of database."""
    shutil.copy(migrated_sqlite, tmp_path / "bot.db")
    return f"sqlite:///{tmp_path / 'bot.db'}"


@pytest.fixture
def world(db: Database, clock: SetClock) -> World:
    return World(db, clock)
