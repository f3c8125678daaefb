"""`AzureContract`: a local Azure in a thread of its own, for child processes that get its `env()`."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.contract.arm import ResourceManager
from tests.contract.azurite import Azurite
from tests.contract.blobs import BlobClient, Blobs
from tests.contract.ca import CertificateAuthority
from tests.contract.cloud import Cloud
from tests.contract.data_plane import DataPlane
from tests.contract.dfs import DataLake
from tests.contract.entra import BOT_APP, Entra
from tests.contract.faults import FaultPlan
from tests.contract.graph import Graph
from tests.contract.keyvault import KeyVaults
from tests.contract.permissions import Permissions
from tests.contract.pim import Pim
from tests.contract.proxy import ContractProxy, Service
from tests.contract.request_log import RequestLog
from tests.contract.roles import Roles
from tests.contract.storage import StorageAccounts
from tests.contract.web import WebFiles
from tests.contract.workspace import Workspace

__all__ = ["AzureContract", "UnexpectedHost"]

T = TypeVar("T")


class UnexpectedHost(AssertionError):
    """Something was asked of a host that is none of the emulated ones; on a real network it would have got out."""

    def __init__(self, hosts: list[str]) -> None:
        super().__init__(f"hosts that the contract server does not know were asked for: {', '.join(hosts)}")


class AzureContract:
    """Start it with `with`; arrange the world by its attributes; give a child process `env()`; read `log`.

    cloud: subscriptions and workspaces; workspace: the one that is there from the start, `ml-contract`.
    entra, permissions, roles, pim: identities, what the caller may do, who has which role and until when.
    faults: what goes wrong. log: what was asked.
    """

    def __init__(self, azurite: Azurite | None = None) -> None:
        """azurite: a running emulator, without which storage hosts are unknown; it outlives this server."""
        self.log = RequestLog()
        self.faults = FaultPlan()
        self.cloud = Cloud()
        self.workspace: Workspace = self.cloud.add_workspace("ml-contract")
        self.folder = Path(tempfile.mkdtemp(prefix="azure-contract-"))
        self.ca = CertificateAuthority(self.folder / "ca")
        self.vaults = KeyVaults(self.entra)
        self.graph = Graph(self.entra)
        self.web = WebFiles()
        self.services: list[Service] = [
            *(self.entra, ResourceManager(self.cloud), DataPlane(self.cloud)),
            *(self.vaults, self.graph, self.web),
        ]
        self._azurite = azurite
        self._storage: StorageAccounts | None = None
        self.port = 0
        self._proxy = ContractProxy(self.ca, self.services, self.log, self.faults)
        # The standard loop whatever the policy: the proxy starts TLS on streams that exist already.
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="azure-contract", daemon=True)

    def reset(self, workspace: str = "ml-contract") -> Workspace:
        """Start afresh with the same port and authority: no faults, an empty log, one empty workspace.

        Storage keeps its blobs. Raises UnexpectedHost as the end of `with` does.
        """
        self.faults.clear()
        hosts = self.log.unexpected_hosts()
        self.log.clear()
        self.vaults.reset()
        self.graph.reset()
        self.web.reset()
        self.workspace = self.cloud.reset(workspace)
        (self.folder / "browser.txt").unlink(missing_ok=True)
        if hosts:
            raise UnexpectedHost(hosts)
        return self.workspace

    @property
    def entra(self) -> Entra:
        return self.cloud.entra

    @property
    def permissions(self) -> Permissions:
        return self.cloud.permissions

    @property
    def storage(self) -> StorageAccounts:
        """The storage accounts. Raises RuntimeError when this server was made without Azurite."""
        if self._storage is None:
            raise RuntimeError("this contract server has no storage: give it a running Azurite")
        return self._storage

    @property
    def pim(self) -> Pim:
        return self.cloud.pim

    @property
    def roles(self) -> Roles:
        return self.cloud.roles

    def __enter__(self) -> Self:
        self._thread.start()
        if self._azurite is not None:
            client = BlobClient(self._azurite, self._azurite.client_context())
            self.services += [Blobs(client), DataLake(self.entra, client)]
            self._storage = StorageAccounts(client, self._loop)
        self.port = self._call(self._proxy.start())
        self.faults.on_clear = lambda: self._loop.call_soon_threadsafe(self._proxy.let_go)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.on_clear = None
        self._call(self._proxy.stop())
        if self._storage is not None:
            self._call(self._storage.client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if error is None and self.log.unexpected_hosts():
            raise UnexpectedHost(self.log.unexpected_hosts())

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """What a process must have in its environment to meet this Azure; nothing of it names a test."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        proxy, ca = self.proxy_url, str(self.ca.root_file)
        # No "::1": the data engine (rslex) panics on an IPv6 address in NO_PROXY.
        direct = "localhost,127.0.0.1"
        return {
            **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), direct),
            **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), ca),
            "HOME": str(home),
            "AZURE_CONFIG_DIR": str(home / ".azure"),
            "AZUREML_CURRENT_CLOUD": "AzureCloud",
            "BROWSER": str(self._browser()),
        }

    def service_principal(self) -> dict[str, str]:
        """azure-identity's variables for the bot's app registration."""
        return {
            "AZURE_TENANT_ID": self.entra.tenant_id,
            "AZURE_CLIENT_ID": BOT_APP.client_id,
            "AZURE_CLIENT_SECRET": BOT_APP.secret,
        }

    def env(self, *, identity: bool = True) -> dict[str, str]:
        """A whole environment for a child process: this one's, without its own Azure settings, plus `variables`.

        identity: whether it holds the service principal of the bot.
        """
        unwanted = ("AZURE_", "AZUREML_", "MSI_", "IDENTITY_", "OBO_", "ARM_")
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(unwanted) and key not in ("SSL_CERT_DIR", "ALL_PROXY", "all_proxy")
        }
        return {**kept, **self.variables(), **(self.service_principal() if identity else {})}

    def browser_openings(self) -> list[str]:
        """The pages that a child process wanted to show in a browser."""
        pages = self.folder / "browser.txt"
        return pages.read_text().splitlines() if pages.exists() else []

    def _browser(self) -> Path:
        script = self.folder / "browser"
        if not script.exists():
            script.write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/browser.txt\n')
            script.chmod(0o700)
        return script

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)
