"""The search index of an Azure workspace: as old as the local copy that it follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from services.azure.sweep import Sweeper
from services.datasets.model import DatasetPage, DatasetQuery, DatasetSummary
from services.ports import DatasetIndex


class AgedIndex:
    """A `DatasetIndex` that tells how old the copy is, and that it is not whole yet, rather than its own age."""

    def __init__(self, index: DatasetIndex, sweeper: Sweeper) -> None:
        self._index = index
        self._sweeper = sweeper

    async def search(self, query: DatasetQuery) -> DatasetPage:
        """As the index, with the copy's age."""
        page = await self._index.search(query)
        age = self._sweeper.age()
        if math.isfinite(age):
            return replace(page, index_age=max(page.index_age, age))
        seen = self._sweeper.progress.seen
        return replace(page, note=f"I am still reading the workspace for the first time: {seen:,} datasets so far.")

    async def suggest(self, text: str, *, limit: int = 100) -> tuple[DatasetSummary, ...]:
        """As the index."""
        return await self._index.suggest(text, limit=limit)

    async def get(self, name: str) -> DatasetSummary | None:
        """As the index."""
        return await self._index.get(name)

    async def get_many(self, names: Sequence[str]) -> tuple[DatasetSummary, ...]:
        """As the index."""
        return await self._index.get_many(names)

    async def closest(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """As the index."""
        return await self._index.closest(name, limit)

    async def refresh(self) -> int:
        """As the index: it follows the copy, not Azure."""
        return await self._index.refresh()
