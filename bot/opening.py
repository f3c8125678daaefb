"""Opens the workspace that the settings name, of either kind."""

from __future__ import annotations

from bot.local_wiring import open_local_workspace
from bot.opened import OpenedWorkspace, Opening
from bot.settings import Settings
from services.store.database import Database


async def open_workspace(settings: Settings, database: Database, context: Opening) -> OpenedWorkspace:
    """The workspace of the settings with its registry, datastores, reader, index and access."""
    index_path = settings.index_path.resolve()
    index_path.parent.mkdir(parents=True, exist_ok=True)
    azure = settings.azure_workspace
    if azure is not None:
        from bot.azure_wiring import open_azure_workspace  # noqa: PLC0415 - a local bot loads nothing of Azure

        return await open_azure_workspace(settings, azure, database, context, index_path=index_path)
    return await open_local_workspace(settings, database, context, index_path=index_path)
