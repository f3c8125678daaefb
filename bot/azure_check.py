"""The Azure part of `dataset-bot check`. Imported only for an Azure workspace."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx

from bot.settings import Settings
from services.azure.check import AzureCheck, AzureFinding
from services.azure.identity import TokenSource
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
        async for finding in AzureCheck(workspace, http, tokens, workers).findings():
            yield finding
