"""The dataset service with all it needs, over memory or over the real local adapters."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from services.actor import Actor
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    Registered,
    RegisterRequest,
    Source,
)
from services.datasets.rules import Permission
from services.datasets.service import DatasetService
from services.datasets.workspace import WorkspaceFacts
from services.drift.shelf import ProfileShelf
from services.local.access import LocalAccessGrants, LocalDataAccess, NoGrants
from services.local.catalog import LocalCatalog
from services.local.datastores import LocalDatastores
from services.local.places import RegisteredPlaces
from services.ports import Catalog, DataAccess, DataReader, DatastoreCatalog, Labels, Records
from services.reading.reader import Reader
from services.search.index import SqliteIndex
from services.store.database import Database
from services.store.records import SqlRecords
from tests.fakes.catalog import MemoryCatalog, MemoryDatastores
from tests.fakes.clock import ManualClock
from tests.fakes.profiles import MemoryProfiles
from tests.fakes.reader import MemoryReader
from tests.fakes.records import MemoryRecords

ADA = Actor("U0ADA")
BEN = Actor("U0BEN")
ADMIN = Actor("U0ADMIN", is_admin=True)
CSV = Format(FileFormat.DELIMITED)


class Storage(Protocol):
    """The files behind the default datastore."""

    def write(self, path: str, content: str) -> None: ...

    def remove(self, path: str) -> None: ...

    def go_away(self) -> None:
        """Stop answering."""
        ...


@dataclass
class World:
    """Everything a test touches. `service` is what is tested."""

    service: DatasetService
    catalog: Catalog
    records: Records
    reader: DataReader
    datastores: DatastoreCatalog
    index: SqliteIndex
    storage: Storage
    clock: ManualClock
    steps: list[str] = field(default_factory=list)

    async def progress(self, step: str) -> None:
        self.steps.append(step)

    async def register(self, request: RegisterRequest, registration_id: str = "") -> Registered:
        key = registration_id or f"job-{len(self.steps)}-{request.name}"
        return await self.service.register(request, registration_id=key, progress=self.progress)


def table(
    *paths: str,
    how: Format | None = CSV,
    timestamp_column: str | None = None,
) -> Definition:
    """A Tabular definition of files in the default datastore."""
    source = DatastoreSource("workspaceblobstore", paths)
    return Definition(DatasetType.TABULAR, source, how, timestamp_column)


def files(*paths: str) -> Definition:
    """A File definition of files in the default datastore."""
    return Definition(DatasetType.FILE, DatastoreSource("workspaceblobstore", paths))


def request(
    name: str = "sales",
    definition: Definition | None = None,
    *,
    by: Actor = ADA,
    description: str = "",
    tags: tuple[tuple[str, str], ...] = (),
    owner: str = "",
    new_version: bool = False,
) -> RegisterRequest:
    """A filled-in form; the path is `NAME/*.csv`."""
    return RegisterRequest(
        name=name,
        definition=definition or table(f"{name}/*.csv"),
        requested_by=by.user_id,
        description=description,
        tags=tags,
        owner=owner,
        create_new_version=new_version,
    )


class OwnersOnly:
    """`DataAccess` by owner alone: what no grant and no other dataset decides."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def may_read(self, actor: Actor, name: str, source: Source) -> Permission:
        """Owners, admins, and everybody what nobody owns."""
        owner = await self._records.owner(name) if name else ""
        allowed = actor.is_admin or owner in {"", actor.user_id}
        return Permission(allowed, "" if allowed else f"You have no access to “{name}” yet.")


class AdminsOnly:
    """`DataAccess` where nobody has access of their own."""

    async def may_read(self, actor: Actor, name: str, source: Source) -> Permission:
        """Admins of the bot."""
        allowed = actor.is_admin and bool(actor.user_id)
        return Permission(allowed, "" if allowed else "No role of yours covers this data.")


class _MemoryStorage:
    def __init__(self, reader: MemoryReader) -> None:
        self._reader = reader

    def write(self, path: str, content: str) -> None:
        self._reader.put(path, content)

    def remove(self, path: str) -> None:
        self._reader.remove(path)

    def go_away(self) -> None:
        self._reader.unreachable.add("workspaceblobstore")


class _Folder:
    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self._folder = folder
        self._clock = clock

    def write(self, path: str, content: str) -> None:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        moment = self._clock.now().timestamp()
        os.utime(file, (moment, moment))

    def remove(self, path: str) -> None:
        (self._folder / path).unlink()

    def go_away(self) -> None:
        shutil.rmtree(self._folder)


@asynccontextmanager
async def memory_world(
    records: Records | None = None, *, workspace: WorkspaceFacts | None = None, labels: Labels | None = None
) -> AsyncIterator[World]:
    """The service over fakes, with the real index. workspace: a local one without."""
    clock = ManualClock()
    reader = MemoryReader(clock)
    records = records or MemoryRecords()
    world = await _assemble(
        MemoryCatalog(clock),
        records,
        reader,
        MemoryDatastores(clock),
        _MemoryStorage(reader),
        clock,
        OwnersOnly(records) if workspace is None else AdminsOnly(),
        workspace,
        labels,
    )
    try:
        yield world
    finally:
        await world.index.close()


@asynccontextmanager
async def sql_world(database: Path) -> AsyncIterator[World]:
    """The service over the embedded workspace's tables, with files in memory: no worker processes to wait for."""
    clock = ManualClock()
    db = Database.open(f"sqlite:///{database}")
    reader = MemoryReader(clock)
    catalog, records = LocalCatalog(db, "local", clock=clock), SqlRecords(db, "local")
    storage = _MemoryStorage(reader)
    access = _local_access(db, database.parent, clock)
    world = await _assemble(catalog, records, reader, MemoryDatastores(clock), storage, clock, access)
    try:
        yield world
    finally:
        await world.index.close()
        await db.close()


@asynccontextmanager
async def local_world(database: Path, root: Path) -> AsyncIterator[World]:
    """The service over the embedded workspace: a migrated SQLite file, a folder, the real reader."""
    clock = ManualClock()
    (root / "data").mkdir(parents=True)
    db = Database.open(f"sqlite:///{database}")
    datastores = LocalDatastores(db, "local", root, clock=clock)
    reader = Reader(datastores, allow_private_urls=False, scratch=root / "scratch", clock=clock, workers=1)
    world = await _assemble(
        LocalCatalog(db, "local", clock=clock),
        SqlRecords(db, "local"),
        reader,
        datastores,
        _Folder(root / "data", clock),
        clock,
        _local_access(db, root, clock),
    )
    try:
        yield world
    finally:
        await world.index.close()
        await reader.close()
        await datastores.close()
        await db.close()


def _local_access(db: Database, root: Path, clock: ManualClock) -> DataAccess:
    return LocalDataAccess(LocalAccessGrants(NoGrants(), RegisteredPlaces(db, "local", root), clock=clock))


async def _assemble(
    catalog: Catalog,
    records: Records,
    reader: DataReader,
    datastores: DatastoreCatalog,
    storage: Storage,
    clock: ManualClock,
    access: DataAccess,
    workspace: WorkspaceFacts | None = None,
    labels: Labels | None = None,
) -> World:
    index = SqliteIndex(":memory:", catalog, records, clock=clock)
    await index.open()
    service = DatasetService(
        catalog=catalog,
        records=records,
        reader=reader,
        index=index,
        datastores=datastores,
        profiles=ProfileShelf(reader=reader, profiles=MemoryProfiles(), records=records),
        access=access,
        clock=clock,
        workspace=workspace or WorkspaceFacts("local"),
        recheck_after=timedelta(hours=6),
        folder_of=datastores.folder_of if isinstance(datastores, LocalDatastores) else None,
        labels=labels,
    )
    return World(service, catalog, records, reader, datastores, index, storage, clock)
