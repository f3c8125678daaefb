"""What the tests of reading from storage arrange."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import httpx

from services.azure.identity import TokenSource
from services.azure.storage.reader import AzureReader
from services.azure.workers import AzureWorkers
from services.datasets.model import DatasetType, DatastoreSource, Definition, Format
from tests.contract.datastore_store import blob, gen2
from tests.contract.entra import BOT_APP, TENANT
from tests.contract.server import AzureContract
from tests.contract.storage import StorageAccounts
from tests.reading.places import CSV

ACCOUNT = "mlstorage"
HOST = f"{ACCOUNT}.blob.core.windows.net"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    """The contract server, its storage, the bot's identity, its workers with the SDK, and the reader."""

    azure: AzureContract
    storage: StorageAccounts
    tokens: TokenSource
    sdk: AzureWorkers
    reader: AzureReader

    def container(self, files: dict[str, bytes | str], *, public: bool = False) -> str:
        """A new container with these blobs."""
        name = f"data-{next(_numbers)}"
        self.storage.create_container(ACCOUNT, name, public=public)
        for path, content in files.items():
            self.put(name, path, content)
        return name

    def put(self, container: str, path: str, content: bytes | str) -> None:
        self.storage.put(ACCOUNT, container, path, content if isinstance(content, bytes) else content.encode())

    def folder(self, container: str, path: str) -> None:
        """A folder as accounts with a hierarchical namespace list it."""
        token = self.azure.entra.token(audience="https://storage.azure.com")
        made = httpx.put(
            f"https://{ACCOUNT}.dfs.core.windows.net/{container}/{path}",
            params={"resource": "directory"},
            headers={"Authorization": f"Bearer {token}"},
            proxy=self.azure.proxy_url,
            verify=self.azure.ca.client_context(),
        )
        made.raise_for_status()

    def datastore(self, container: str, access: str = "identity", name: str = "store") -> None:
        """A datastore on a container, opened as `access` says."""
        match access:
            case "identity":
                dto = blob(name, ACCOUNT, container)
            case "key":
                dto = blob(name, ACCOUNT, container, key=self.storage.key(ACCOUNT))
            case "sas":
                dto = blob(name, ACCOUNT, container, sas=self.storage.sas(ACCOUNT))
            case "lake":
                dto = gen2(name, ACCOUNT, container)
            case "principal":
                dto = gen2(
                    name, ACCOUNT, container, client_id=BOT_APP.client_id, tenant_id=TENANT, secret=BOT_APP.secret
                )
            case _:
                raise ValueError(access)
        self.azure.workspace.datastores.put(dto)

    def with_files(self, files: dict[str, bytes | str], access: str = "identity") -> str:
        """A container with these blobs as the datastore `store`; returns the container's name."""
        name = self.container(files)
        self.datastore(name, access)
        return name


def source(*paths: str) -> DatastoreSource:
    return DatastoreSource("store", paths)


def tabular(*paths: str, format: Format | None = CSV, partition: str | None = None) -> Definition:
    return Definition(DatasetType.TABULAR, source(*paths), format, partition_format=partition)
