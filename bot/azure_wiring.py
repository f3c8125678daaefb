"""Builds what serves an Azure Machine Learning workspace. Imported only then: a local bot never loads it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import httpx

from bot.logs import get_logger
from bot.opened import OpenedAccess, OpenedWorkspace, Opening, Refresh, Sources
from bot.periodic import Periodic
from bot.settings import Settings
from services.access.datasets import RegisteredDatasets
from services.azure.access.data_access import AzureDataAccess
from services.azure.access.grants import AccessOptions, AzureAccessGrants
from services.azure.access.roles import DATA_SCIENTIST, READER
from services.azure.aged_index import AgedIndex
from services.azure.catalog import AzureCatalog
from services.azure.connection_test import ConnectionTest
from services.azure.datastores import KINDS, AzureDatastores
from services.azure.directory import GraphDirectory
from services.azure.errors import THING
from services.azure.identity import TokenSource
from services.azure.key_vault import KeyVaults
from services.azure.labels import AzureLabels
from services.azure.mirror import Mirror
from services.azure.registration import Registrar
from services.azure.resource import AzureWorkspaceId
from services.azure.resource_manager import ResourceManager
from services.azure.storage.engine import engine_workers
from services.azure.storage.reader import AzureReader
from services.azure.sweep import Sweeper
from services.azure.version_store import VersionStore
from services.azure.workers import AzureWorkers, WorkerLimits
from services.datasets.service import DatasetService
from services.datasets.workspace import WorkspaceFacts
from services.datastores.service import DatastoreService
from services.drift.shelf import ProfileShelf
from services.errors import UserError
from services.search.index import SqliteIndex
from services.store.access import SqlAccessStore
from services.store.database import Database
from services.store.profiles import SqlProfiles
from services.store.records import SqlRecords
from services.store.workspaces import WorkspaceRow

log = get_logger("bot.azure")

LOOK_SECONDS = 5.0
"""How often it is looked whether the workspace should be listed anew."""
AFTER_FAILURE_SECONDS = 20.0
RENEW_SECONDS = 3600.0
"""How long a changed key of a datastore may go unnoticed by the SDK's data engine."""


async def open_azure_workspace(
    settings: Settings,
    workspace: AzureWorkspaceId,
    database: Database,
    context: Opening,
    *,
    index_path: Path,
) -> OpenedWorkspace:
    """The workspace through the SDK's workers, with its local copy and index. Asks nothing of Azure yet."""
    clock, stack = context.clock, context.stack
    tokens = TokenSource(settings.azure_credential)
    stack.push_async_callback(tokens.close)
    workers = AzureWorkers(workspace, settings.azure_credential, limits=WorkerLimits(workers=settings.azure_workers))
    stack.push_async_callback(workers.close)
    http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
    row = WorkspaceRow(database, workspace.key)
    mirror, store = Mirror(database, row, clock=clock), VersionStore(database, row)
    sweeper = Sweeper(workers, mirror, clock=clock, interval=timedelta(seconds=settings.azure_sync_seconds))
    await sweeper.open()
    keeper = _Keeper(workers, sweeper, tokens)
    catalog = AzureCatalog(
        workspace,
        workers,
        mirror,
        store,
        Registrar(workers, store, clock=clock),
        tenant_id=lambda: keeper.tenant_id,
    )
    records = SqlRecords(database, workspace.key)
    engine = engine_workers(workspace, settings.azure_credential)
    stack.push_async_callback(engine.close)
    reader = AzureReader(
        workspace,
        tokens,
        engine,
        scratch=index_path.parent / "downloads",
        clock=clock,
        allow_private_urls=settings.allow_private_urls,
    )
    stack.push_async_callback(reader.close)
    index = SqliteIndex(index_path, catalog, records, clock=clock, belongs_to=await row.uid())
    await index.open()
    stack.push_async_callback(index.close)
    datastores = AzureDatastores(
        workers,
        KeyVaults(http, tokens),
        ConnectionTest(http, tokens),
        counts=mirror.datastore_counts,
    )
    stack.push_async_callback(datastores.close)
    grants = AzureAccessGrants(workspace, http, tokens, datastores, now=clock.now, options=access_options(settings))
    stack.push_async_callback(grants.close)
    directory = GraphDirectory(
        http,
        tokens,
        context.people,
        identities=lambda: context.policy().identities,
        domains=lambda: frozenset(context.policy().email_domains or ()),
    )
    reach = AzureDataAccess(grants, directory)
    datasets = DatasetService(
        catalog=catalog,
        records=records,
        reader=reader,
        index=AgedIndex(index, sweeper),
        datastores=datastores,
        profiles=ProfileShelf(
            reader=reader, profiles=SqlProfiles(database, workspace.key, clock=clock), records=records
        ),
        access=reach,
        clock=clock,
        workspace=WorkspaceFacts(workspace.name, workspace.subscription_id, workspace.resource_group),
        recheck_after=timedelta(minutes=settings.fingerprint_check_minutes),
        look_seconds=settings.form_look_seconds,
        labels=AzureLabels(engine, ResourceManager(http, tokens), workspace),
    )

    access = OpenedAccess(
        SqlAccessStore(database, workspace.key, clock=clock),
        grants,
        RegisteredDatasets(catalog, records, index),
        directory,
    )

    # Last of all, so that it ends first: it uses everything else.
    stack.push_async_callback(keeper.close)

    def attend(periodic: Periodic, refresh: Refresh) -> None:
        keeper.attend(periodic, refresh)
        periodic.every(settings.azure_sync_seconds, "datastores", datastores.keep_fresh, first=0)

    return OpenedWorkspace(
        datasets,
        DatastoreService(catalog=datastores, kinds=KINDS),
        index,
        access,
        Sources(workspace.key, catalog, records, reader, reach),
        waits_for=THING,
        attend=attend,
    )


def access_options(settings: Settings) -> AccessOptions:
    """How access is given, by the settings."""
    roles = {"reader": READER, "data_scientist": DATA_SCIENTIST}
    return AccessOptions(roles.get(settings.azure_workspace_role), use_pim=settings.azure_pim == "auto")


class _Keeper:
    """Keeps workers ready and the copy fresh, in the background."""

    def __init__(self, workers: AzureWorkers, sweeper: Sweeper, tokens: TokenSource) -> None:
        self._workers = workers
        self._sweeper = sweeper
        self._tokens = tokens
        self._not_before = 0.0
        self._copying: asyncio.Task[None] | None = None
        self.tenant_id = ""

    def attend(self, periodic: Periodic, refresh: Refresh) -> None:
        """Begin once periodic work begins, which is after the bot takes deliveries."""

        async def look() -> None:
            # A task of its own: a copy takes minutes, and the scheduler would warn of every look that falls into them.
            if self._copying is None or self._copying.done():
                self._copying = asyncio.create_task(self._keep(refresh), name="copy of the workspace")

        periodic.every(LOOK_SECONDS, "copy of the workspace", look, first=0)
        periodic.every(RENEW_SECONDS, "new processes for the Azure SDK", self._workers.renew)

    async def close(self) -> None:
        """Stop; a copy that is under way goes on with the next start."""
        if self._copying is not None:
            self._copying.cancel()
            await asyncio.gather(self._copying, return_exceptions=True)

    async def _keep(self, refresh: Refresh) -> None:
        self._workers.warm()
        if time.monotonic() < self._not_before:
            return
        try:
            if not self.tenant_id:
                self.tenant_id = (await self._tokens.facts()).tenant_id
            await self._sweeper.run_due(refresh)
        except UserError as error:
            log.warning("the workspace cannot be listed", code=error.code, reason=error.sentence)
            self._not_before = time.monotonic() + AFTER_FAILURE_SECONDS
        except Exception as error:  # the next look may go well
            log.error("copying the workspace failed", exc_info=error)
            self._not_before = time.monotonic() + AFTER_FAILURE_SECONDS
