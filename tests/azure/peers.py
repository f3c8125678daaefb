"""A local Azure with one SDK worker on its workspace, and an HTTP client and tokens of the bot's identity."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.azure.breaker import Breaker
from services.azure.identity import CredentialKind, TokenSource
from services.azure.resource import AzureWorkspaceId
from services.azure.workers import AzureWorkers, WorkerLimits
from tests.azure.storage_peer import StoragePeer
from tests.contract.permissions import Permission
from tests.contract.server import AzureContract

EVERYTHING = Permission(("*",), (), ("*",), ())


@dataclass(frozen=True)
class Peers:
    """What a test arranges and what it gives to the code under test. storage: answers for one account more."""

    contract: AzureContract
    storage: StoragePeer
    workspace: AzureWorkspaceId
    workers: AzureWorkers
    tokens: TokenSource
    http: httpx.AsyncClient

    def afresh(self) -> None:
        """No faults, an empty log, an empty workspace, every right."""
        self.contract.reset()
        self.contract.permissions.grants = [("*", "/", EVERYTHING)]


@asynccontextmanager
async def azure_peers(scratch: Path) -> AsyncIterator[Peers]:
    """Start them; scratch: a folder for what the worker keeps on disk."""
    with AzureContract() as contract, pytest.MonkeyPatch.context() as environment:
        storage = StoragePeer(contract.entra)
        contract.services.insert(0, storage)
        for name, value in (contract.variables() | contract.service_principal()).items():
            environment.setenv(name, value)
        environment.setenv("TMPDIR", str(scratch))
        workspace = AzureWorkspaceId.parse(contract.workspace.url)
        tokens = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
        workers = AzureWorkers(
            workspace,
            CredentialKind.SERVICE_PRINCIPAL,
            limits=WorkerLimits(workers=1),
            breaker=Breaker(failures=1000),
        )
        trust = ssl.create_default_context(cafile=str(contract.ca.root_file))
        async with httpx.AsyncClient(proxy=contract.proxy_url, verify=trust) as http:
            yield Peers(contract, storage, workspace, workers, tokens, http)
        await workers.close()
        await tokens.close()
