"""Finding what a person named; what does not exist is answered with what they may have meant."""

from __future__ import annotations

from dataclasses import replace

import structlog

from services.datasets.model import Dataset, DatasetVersion, Deprecation
from services.datasets.names import DEPRECATED_TAG, REPLACED_BY_TAG
from services.errors import NotFound
from services.ports import Catalog, DatasetIndex, Records

_log = structlog.get_logger(__name__)


def deprecated_by_tag(dataset: Dataset) -> Dataset:
    """The dataset deprecated exactly if its tags say so; the records only add who did it, when and why.

    The tags are the workspace's own and can be changed in the studio, behind the bot's back.
    """
    if DEPRECATED_TAG not in dataset.tags:
        return replace(dataset, deprecation=None)
    if dataset.deprecation is not None:
        return dataset
    replaced_by = dict(dataset.tags).get(REPLACED_BY_TAG, "")
    return replace(dataset, deprecation=Deprecation(replaced_by, reason="", by="", at=dataset.modified_at))


class Lookup:
    """Datasets and versions with all that is recorded of them."""

    def __init__(self, catalog: Catalog, records: Records, index: DatasetIndex) -> None:
        self._catalog = catalog
        self._records = records
        self._index = index

    async def dataset(self, name: str) -> Dataset:
        """The dataset with owner, watchers and deprecation. Raises NotFound with suggestions."""
        try:
            dataset = await self._catalog.get(name)
        except NotFound as error:
            raise await self.not_found(name) from error
        return deprecated_by_tag(await self._records.enrich_dataset(dataset))

    async def not_found(self, name: str) -> NotFound:
        """The error for a name that does not exist."""
        suggestions = await self._index.closest(name)
        sentence = f"There is no dataset called “{name}”."
        if suggestions:
            quoted = [f"“{each}”" for each in suggestions]
            last = quoted.pop()
            sentence += f" Did you mean {', '.join(quoted)} or {last}?" if quoted else f" Did you mean {last}?"
        else:
            sentence += " List the datasets to see what there is."
        return NotFound(sentence, suggestions=suggestions)

    async def version(self, dataset: Dataset, number: int | None = None) -> DatasetVersion:
        """One version of a dataset, the latest without a number, with what is recorded. Raises NotFound."""
        if number is not None and not 1 <= number <= dataset.latest_version:
            there = (
                "It has only version 1."
                if dataset.latest_version == 1
                else f"Its versions are 1 to {dataset.latest_version}."
            )
            raise NotFound(
                f"“{dataset.name}” has no version {number}. {there}",
                suggestions=(f"{dataset.name}:{dataset.latest_version}",),
            )
        found = await self._catalog.version(dataset.name, number)
        (version,) = await self._records.enrich_versions([found])
        return version

    async def refresh_index(self) -> None:
        """Show a change in lists at once. The change stands even if this fails: the next refresh catches
        up.
        """
        try:
            await self._index.refresh()
        except Exception:  # noqa: BLE001 - whatever the index suffers from, the change itself is done
            _log.exception("index_refresh_failed")
