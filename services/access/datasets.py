"""Datasets as decisions see them, from the workspace's registry and the bot's records."""

from __future__ import annotations

from services.datasets.lookup import Lookup
from services.datasets.model import Dataset, Source
from services.ports import Catalog, DatasetIndex, Records


class RegisteredDatasets:
    """`services.access.facts.DatasetLookup`."""

    def __init__(self, catalog: Catalog, records: Records, index: DatasetIndex) -> None:
        self._lookup = Lookup(catalog, records, index)

    async def dataset(self, name: str) -> Dataset:
        """See `DatasetLookup.dataset`."""
        return await self._lookup.dataset(name)

    async def sources(self, name: str) -> tuple[Source, ...]:
        """See `DatasetLookup.sources`."""
        version = await self._lookup.version(await self._lookup.dataset(name))
        return (version.definition.source,)
