"""An index over a small workspace in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

import pytest

from services.datasets.model import DatasetMark, DatasetSummary, DatasetType, FingerprintState
from services.search.index import SqliteIndex
from tests.fakes.clock import ManualClock

T = TypeVar("T")


@dataclass
class Feed(Generic[T]):
    """A change feed in memory: what a `Catalog` or `Records` tells the index."""

    entries: list[T] = field(default_factory=list)
    calls: int = 0

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[T, ...], str]:
        self.calls += 1
        start = int(cursor or 0)
        page = self.entries[start : start + limit]
        return tuple(page), str(start + len(page))


@dataclass
class Shelf:
    """The index with what feeds it."""

    index: SqliteIndex
    catalog: Feed[DatasetSummary]
    records: Feed[DatasetMark]
    clock: ManualClock

    async def put(self, *entries: DatasetSummary) -> None:
        self.catalog.entries += entries
        await self.index.refresh()

    async def mark(self, name: str, owner: str = "", state: FingerprintState = FingerprintState.UNCHECKED) -> None:
        self.records.entries.append(DatasetMark(name, owner, state))
        await self.index.refresh()


def entry(
    name: str,
    description: str = "",
    *,
    tags: tuple[tuple[str, str], ...] = (),
    kind: DatasetType = DatasetType.TABULAR,
    deprecated: bool = False,
    version: int = 1,
    day: int = 1,
) -> DatasetSummary:
    """A dataset as the catalogue tells of it."""
    modified = datetime(2026, 1, day, tzinfo=UTC)
    return DatasetSummary(name, kind, description, tags, "", version, modified, deprecated)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    """An empty index."""
    catalog, records, clock = Feed[DatasetSummary](), Feed[DatasetMark](), ManualClock()
    index = SqliteIndex(":memory:", catalog, records, clock=clock)
    await index.open()
    yield Shelf(index, catalog, records, clock)
    await index.close()
