"""Fixtures of the tests of access."""

from __future__ import annotations

import pytest

from services.store.database import Database
from tests.access.world import World
from tests.databases import (
    SetClock,
    clock,
    database_url,
    db,
    migrated_postgres,
    migrated_sqlite,
    postgres_server,
)

__all__ = ["clock", "database_url", "db", "migrated_postgres", "migrated_sqlite", "postgres_server"]


@pytest.fixture
def world(db: Database, clock: SetClock) -> World:
    """On each kind of database."""
    return World(db, clock)
