"""Opens a workspace of this machine: a registry in the bot's database, datastores that are folders."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.opened import OpenedAccess, OpenedWorkspace, Opening, Refresh, Sources
from bot.periodic import Periodic
from bot.settings import Settings
from services.access.datasets import RegisteredDatasets
from services.datasets.service import DatasetService
from services.datasets.workspace import WorkspaceFacts
from services.datastores.service import DatastoreService
from services.drift.shelf import ProfileShelf
from services.local.access import LocalAccessGrants, LocalDataAccess, LocalDirectory
from services.local.catalog import LocalCatalog
from services.local.datastores import LocalDatastores
from services.local.drop import LocalFileDrop
from services.local.places import RegisteredPlaces
from services.reading.reader import Reader
from services.search.index import SqliteIndex
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.profiles import SqlProfiles
from services.store.records import SqlRecords
from services.store.workspaces import WorkspaceRow

PLACES_SECONDS = 60.0


async def open_local_workspace(
    settings: Settings, database: Database, context: Opening, *, index_path: Path
) -> OpenedWorkspace:
    """The folder of the settings, which is made if it is missing."""
    clock, stack = context.clock, context.stack
    directory = settings.workspace_directory
    directory.mkdir(parents=True, exist_ok=True)
    key = f"local:{directory}"
    catalog = LocalCatalog(database, key, clock=clock)
    records = SqlRecords(database, key)
    folders = LocalDatastores(
        database,
        key,
        directory,
        settings.datastore_roots,
        clock=clock,
        reserved=_own_files(settings, index_path),
    )
    stack.push_async_callback(folders.close)
    reader = Reader(
        folders,
        allow_private_urls=settings.allow_private_urls,
        scratch=index_path.parent / "downloads",
        clock=clock,
    )
    stack.push_async_callback(reader.close)
    uid = await WorkspaceRow(database, key).uid()
    index = SqliteIndex(index_path, catalog, records, clock=clock, belongs_to=uid)
    await index.open()
    stack.push_async_callback(index.close)
    grants = SqlAccessStore(database, key, clock=clock)
    places = RegisteredPlaces(database, key, directory)
    local = LocalAccessGrants(grants, places, clock=clock)
    reach = LocalDataAccess(local)
    datasets = DatasetService(
        catalog=catalog,
        records=records,
        reader=reader,
        index=index,
        datastores=folders,
        profiles=ProfileShelf(reader=reader, profiles=SqlProfiles(database, key, clock=clock), records=records),
        access=reach,
        clock=clock,
        workspace=WorkspaceFacts(name=directory.name),
        recheck_after=timedelta(minutes=settings.fingerprint_check_minutes),
        look_seconds=settings.form_look_seconds,
        folder_of=folders.folder_of,
    )
    access = OpenedAccess(grants, local, RegisteredDatasets(catalog, records, index), LocalDirectory(context.people))
    sources = Sources(key, catalog, records, reader, reach)
    limit = settings.slack_file_mb * 1_000_000
    drop = LocalFileDrop(folders, limit=limit) if limit else None

    async def look() -> None:
        await places.look()

    def attend(periodic: Periodic, _: Refresh) -> None:
        # The first look at a large workspace takes seconds: not when somebody waits for it.
        periodic.every(PLACES_SECONDS, "registered places", look, first=0)

    return OpenedWorkspace(
        datasets, DatastoreService(catalog=folders), index, access, sources, attend=attend, drop=drop
    )


def _own_files(settings: Settings, index_path: Path) -> tuple[Path, ...]:
    """The bot's own state, which no datastore may show."""
    own = [index_path, index_path.parent / "downloads"]
    if settings.database_url.startswith("sqlite:///"):
        own.append(Path(settings.database_url.removeprefix("sqlite:///")).resolve())
    return tuple(own)
