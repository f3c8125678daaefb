"""Fixtures of the storage tests."""

from tests.databases import (
    clock,
    database_url,
    db,
    empty_url,
    migrated_postgres,
    migrated_sqlite,
    postgres_server,
)

__all__ = [
    "clock",
    "database_url",
    "db",
    "empty_url",
    "migrated_postgres",
    "migrated_sqlite",
    "postgres_server",
]
