"""One adapter on an empty workspace of the contract server for each test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from services.azure.identity import CredentialKind, TokenSource
from tests.azure.access.world import WORKSPACE, AccessWorld
from tests.contract.server import AzureContract


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def signed_in(
    azure_server: AzureContract, bot_environment: None
) -> AsyncIterator[tuple[httpx.AsyncClient, TokenSource]]:
    """An HTTP client and tokens for a module's tests."""
    trust = ssl.create_default_context(cafile=str(azure_server.ca.root_file))
    tokens = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    async with httpx.AsyncClient(proxy=azure_server.proxy_url, verify=trust) as http:
        yield http, tokens
    await tokens.close()


@pytest_asyncio.fixture(loop_scope="module")
async def azure(
    azure_server: AzureContract, signed_in: tuple[httpx.AsyncClient, TokenSource]
) -> AsyncIterator[AccessWorld]:
    """An empty workspace; the test fails if an unknown host was asked for."""
    azure_server.reset(WORKSPACE)
    world = AccessWorld(azure_server, *signed_in)
    yield world
    azure_server.faults.clear()
    await world.close()
    await asyncio.to_thread(azure_server.reset, WORKSPACE)
