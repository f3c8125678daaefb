"""The Azure part of `dataset-bot check`. Imported only for an Azure workspace."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from bot.azure_wiring import access_options
from bot.settings import Settings
from services.azure.access.check import AccessCheck
from services.azure.check import AzureCheck, AzureFinding
from services.azure.connection_test import ConnectionTest
from services.azure.datastores import AzureDatastores
from services.azure.identity import TokenSource
from services.azure.key_vault import KeyVaults
from services.azure.resource import AzureWorkspaceId
from services.azure.workers import AzureWorkers, WorkerLimits

LIMITS = WorkerLimits(workers=1, answer_seconds=15.0, call_seconds=40.0)
"""Somebody at a terminal waits."""


async def azure_findings(settings: Settings, workspace: AzureWorkspaceId) -> AsyncIterator[AzureFinding]:
    """Every test of the workspace in turn, with the identity and an SDK worker as the bot would use them."""
    async with contextlib.AsyncExitStack() as stack:
        tokens = TokenSource(settings.azure_credential)
        stack.push_async_callback(tokens.close)
        workers = AzureWorkers(workspace, settings.azure_credential, limits=LIMITS)
        stack.push_async_callback(workers.close)
        http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
        signed_in = True
        async for finding in AzureCheck(workspace, http, tokens, workers).findings():
            yield finding
            signed_in = signed_in and not (finding.name == "Azure identity" and not finding.ok)
        if not signed_in:
            return
        datastores = AzureDatastores(workers, KeyVaults(http, tokens), ConnectionTest(http, tokens))
        stack.push_async_callback(datastores.close)
        options = access_options(settings)
        access = AccessCheck(workspace, http, tokens, datastores, options.workspace_role, options.use_pim)
        async for finding in access.findings():
            yield finding
