"""A workspace's registry and its datastores in memory, with the real ones' rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.datasets.model import (
    Dataset,
    DatasetSummary,
    DatasetVersion,
    Definition,
    Fingerprint,
    RegisterRequest,
)
from services.datasets.names import DEPRECATED_TAG
from services.datastores.model import Datastore, DatastoreKind, DatastoreRequest
from services.errors import IdenticalData, InvalidInput, NameTaken, NotFound
from services.ports import Clock


@dataclass
class _Entry:
    dataset: Dataset
    change: int
    versions: list[tuple[DatasetVersion, str]] = field(default_factory=list)  # with the fingerprint's digest


class MemoryCatalog:
    """A `Catalog`: nothing but what Azure Machine Learning itself would keep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._registrations: dict[str, DatasetVersion] = {}
        self._changes = 0

    async def get(self, name: str) -> Dataset:
        return self._entry(name).dataset

    async def version(self, name: str, version: int | None = None) -> DatasetVersion:
        versions = self._entry(name).versions
        number = len(versions) if version is None else version
        if not 1 <= number <= len(versions):
            raise NotFound(f"“{name}” has no version {number}.")
        return versions[number - 1][0]

    async def versions(self, name: str, *, offset: int = 0, limit: int = 100) -> tuple[DatasetVersion, ...]:
        newest_first = [version for version, _ in reversed(self._entry(name).versions)]
        return tuple(newest_first[offset : offset + limit])

    async def find_identical(self, definition: Definition, fingerprint: Fingerprint) -> tuple[str, int] | None:
        for entry in self._entries.values():
            for version, digest in entry.versions:
                if version.definition == definition and digest == fingerprint.digest:
                    return version.name, version.version
        return None

    async def register(
        self, request: RegisterRequest, fingerprint: Fingerprint, *, registration_id: str
    ) -> DatasetVersion:
        if registration_id in self._registrations:
            return self._registrations[registration_id]
        entry = self._entries.get(request.name)
        if entry is not None and not request.create_new_version:
            raise NameTaken(f"There is a dataset called “{request.name}” already.", field="name")
        if entry is not None and entry.dataset.type is not request.definition.type:
            raise InvalidInput(f"“{request.name}” is a {entry.dataset.type.value} dataset.", field="type")
        if identical := await self.find_identical(request.definition, fingerprint):
            name, number = identical
            raise IdenticalData(f"These data are registered as {name}:{number}.", name=name, version=number)
        now = self._clock.now()
        if entry is None:
            empty = Dataset(request.name, request.definition.type, "", (), "", 0, now, now)
            entry = self._entries[request.name] = _Entry(empty, 0)
        made = DatasetVersion(
            name=request.name,
            version=len(entry.versions) + 1,
            definition=request.definition,
            description=request.description,
            tags=request.tags,
            created_at=now,
            registered_by="",
        )
        entry.versions.append((made, fingerprint.digest))
        self._registrations[registration_id] = made
        self._touch(
            entry,
            replace(
                entry.dataset,
                description=request.description,
                tags=request.tags,
                latest_version=made.version,
            ),
        )
        return made

    async def set_description(self, name: str, description: str) -> Dataset:
        entry = self._entry(name)
        return self._touch(entry, replace(entry.dataset, description=description))

    async def change_tags(self, name: str, *, put: Sequence[tuple[str, str]], remove: Sequence[str]) -> Dataset:
        entry = self._entry(name)
        tags = {**dict(entry.dataset.tags), **dict(put)}
        kept = tuple((key, value) for key, value in tags.items() if key not in set(remove))
        return self._touch(entry, replace(entry.dataset, tags=kept))

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]:
        after = int(cursor or 0)
        later = [each for each in self._entries.values() if each.change > after]
        page = sorted(later, key=lambda each: each.change)[:limit]
        return tuple(_summary(each.dataset) for each in page), str(page[-1].change) if page else cursor

    async def resolve_names(self, prefix: str, limit: int = 5) -> tuple[str, ...]:
        return tuple(sorted(name for name in self._entries if name.startswith(prefix)))[:limit]

    def studio_url(self, name: str, version: int) -> str | None:
        return None

    def linked(self, url: str) -> tuple[str, int | None] | None:
        return None

    def forget(self, name: str) -> None:
        """Unregister a dataset behind the bot's back."""
        del self._entries[name]

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise NotFound(f"There is no dataset called “{name}”.")
        return self._entries[name]

    def _touch(self, entry: _Entry, dataset: Dataset) -> Dataset:
        self._changes += 1
        entry.change = self._changes
        entry.dataset = replace(dataset, modified_at=self._clock.now())
        return entry.dataset


def _summary(dataset: Dataset) -> DatasetSummary:
    return DatasetSummary(
        name=dataset.name,
        type=dataset.type,
        description=dataset.description,
        tags=dataset.tags,
        owner="",
        latest_version=dataset.latest_version,
        modified_at=dataset.modified_at,
        deprecated=DEPRECATED_TAG in dataset.tags,
    )


class MemoryDatastores:
    """A `DatastoreCatalog` of folders, with `workspaceblobstore` as the default one from the start."""

    def __init__(self, clock: Clock, folder: str = "/data") -> None:
        self._clock = clock
        self._default = "workspaceblobstore"
        first = Datastore(self._default, DatastoreKind.FOLDER, folder, is_default=True, created_at=clock.now())
        self._all = {self._default: first}

    async def all(self) -> tuple[Datastore, ...]:
        return tuple(self._marked(self._all[name]) for name in sorted(self._all))

    async def get(self, name: str) -> Datastore:
        if name not in self._all:
            near = tuple(each for each in sorted(self._all) if each[:1] == name[:1])
            raise NotFound(f"There is no datastore called “{name}”.", suggestions=near, field="datastore")
        return self._marked(self._all[name])

    async def require(self, name: str) -> None:
        await self.get(name)

    async def default(self) -> Datastore:
        return await self.get(self._default)

    async def register(self, request: DatastoreRequest) -> Datastore:
        if request.name in self._all and not request.overwrite:
            raise NameTaken(f"There is a datastore called “{request.name}” already.", field="name")
        if request.folder.startswith("/etc"):
            raise InvalidInput("That folder is not below an allowed root.", field="folder")
        self._all[request.name] = Datastore(
            request.name,
            request.kind,
            request.folder,
            is_default=False,
            created_at=self._clock.now(),
            created_by=request.requested_by,
            description=request.description,
        )
        if request.make_default:
            self._default = request.name
        return await self.get(request.name)

    async def set_default(self, name: str) -> Datastore:
        await self.get(name)
        self._default = name
        return await self.get(name)

    def _marked(self, datastore: Datastore) -> Datastore:
        return replace(datastore, is_default=datastore.name == self._default)
