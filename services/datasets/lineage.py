"""Where a dataset comes from and who uses it, as far as versions, tags and the bot's own records tell."""

from __future__ import annotations

from dataclasses import dataclass

from services.datasets.diff import changes_in_short
from services.datasets.lookup import Lookup
from services.datasets.model import Dataset, DatasetQuery, DatasetSummary, DatasetVersion, WebSource
from services.datasets.names import REPLACED_BY_TAG
from services.datasets.open_datasets import TAG as OPEN_TAG
from services.datasets.open_datasets import open_dataset
from services.ports import Catalog, DatasetIndex, Records

DERIVED_FROM_TAG = "derived_from"
"""Tag by which people say what a dataset was made of: NAME or NAME:VERSION, several separated by commas."""

USED_BY_TAG = "used_by"
"""Tag by which people say what uses a dataset, in their own words, several separated by commas."""

NEWER_SHOWN = 10
RELATED_LIMIT = 500


@dataclass(frozen=True, slots=True)
class NewerVersion:
    """A version after the one that is looked at, and what it changed against its predecessor."""

    version: DatasetVersion
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is known of one version's origin and use. newer: oldest first, at most NEWER_SHOWN of newer_count.

    origins: what tags say it was made of. open_title: the Azure Open Dataset behind it, "" for none. derived,
    replaced: datasets whose tags name this one as their origin or as their replacement. used_by: as the tag says.
    in_azure: the workspace is in Azure, where runs may have read it unseen.
    """

    dataset: Dataset
    version: DatasetVersion
    newer: tuple[NewerVersion, ...] = ()
    newer_count: int = 0
    origins: tuple[str, ...] = ()
    open_title: str = ""
    derived: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    in_azure: bool = False

    @property
    def from_web(self) -> bool:
        """Are the files behind web addresses?"""
        return isinstance(self.version.definition.source, WebSource)


def names_in(value: str) -> tuple[str, ...]:
    """The entries of a tag that lists several."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def points_at(value: str, name: str) -> bool:
    """Does a tag's value name this dataset, with or without a version? Case does not tell datasets apart."""
    return any(_name_of(each) == name.casefold() for each in names_in(value))


def _name_of(label: str) -> str:
    name, colon, version = label.casefold().rpartition(":")
    return name if colon and version.isascii() and version.isdecimal() else label.casefold()


class LineageTrace:
    """Finds lineages. in_azure: whether the workspace is in Azure, where runs may have read a dataset unseen."""

    def __init__(
        self, *, lookup: Lookup, catalog: Catalog, records: Records, index: DatasetIndex, in_azure: bool
    ) -> None:
        self._lookup = lookup
        self._catalog = catalog
        self._records = records
        self._index = index
        self._in_azure = in_azure

    async def of(self, name: str, number: int | None = None) -> Lineage:
        """The lineage of a version, the latest without a number. Reads no file. Raises NotFound."""
        dataset = await self._lookup.dataset(name)
        version = await self._lookup.version(dataset, number)
        newer_count = dataset.latest_version - version.version
        tags = dict(dataset.tags)
        opened = open_dataset(tags.get(OPEN_TAG, ""))
        return Lineage(
            dataset=dataset,
            version=version,
            newer=await self._newer(version, newer_count) if newer_count else (),
            newer_count=newer_count,
            origins=names_in(tags.get(DERIVED_FROM_TAG, "")),
            open_title=opened.title if opened is not None else "",
            derived=await self._tagged(DERIVED_FROM_TAG, dataset.name),
            replaced=await self._tagged(REPLACED_BY_TAG, dataset.name),
            used_by=names_in(tags.get(USED_BY_TAG, "")),
            in_azure=self._in_azure,
        )

    async def _newer(self, version: DatasetVersion, newer_count: int) -> tuple[NewerVersion, ...]:
        """The versions right after this one, oldest first."""
        shown = min(newer_count, NEWER_SHOWN)
        # Versions come newest first: skip the newest that are too many.
        found = await self._catalog.versions(version.name, offset=newer_count - shown, limit=shown)
        known = await self._records.enrich_versions(tuple(reversed(found)))
        before = (version, *known)
        return tuple(
            NewerVersion(each, changes_in_short(older, each)) for older, each in zip(before, known, strict=False)
        )

    async def _tagged(self, key: str, name: str) -> tuple[str, ...]:
        """Datasets whose tag names this one."""
        page = await self._index.search(DatasetQuery(tags=((key, None),), sort="name", limit=RELATED_LIMIT))
        return tuple(each.name for each in page.items if each.name != name and _says(each, key, name))


def _says(summary: DatasetSummary, key: str, name: str) -> bool:
    return any(points_at(value, name) for found, value in summary.tags if found == key)
