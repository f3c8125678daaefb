"""Storage under Azure's host names: azure-storage-blob, obstore, the data lake client and the SDK's data engine."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from tests.contract import datastore_store as stores
from tests.contract.conftest import child_environment
from tests.contract.sdk_process import SdkError, SdkProcess
from tests.contract.server import AzureContract
from tests.contract.storage import StorageAccounts
from tests.contract.wire import Json
from tests.contract.workspace import Workspace

pytestmark = [pytest.mark.azure, pytest.mark.slow]

CSV = b"id,v\n1,2\n3,4\n"


@pytest.mark.parametrize("client", ["blobs", "objects"])
@pytest.mark.parametrize("by", ["bearer", "key", "sas"])
def test_blobs_are_listed_and_read(
    sdk: SdkProcess, azure: AzureContract, storage: StorageAccounts, client: str, by: str
) -> None:
    container = f"{client}-{by}"
    storage.put("mlstorage", container, "sales/a.csv", CSV)
    credential: dict[str, Json] = {}
    if by != "bearer":
        credential[by] = storage.key("mlstorage") if by == "key" else storage.sas("mlstorage")
    seen = cast(
        "dict[str, Json]",
        sdk.call(client, account="mlstorage", container=container, path="sales/a.csv", **credential),
    )
    assert seen["part"] == CSV[1:5].decode()
    written = ["sales/a.csv.copy"] if client == "blobs" and by != "sas" else []
    assert seen["names"] == ["sales/a.csv", *written] == storage.names("mlstorage", container)
    assert azure.log.find(host="mlstorage.blob.core.windows.net")


@pytest.mark.parametrize("client", ["blobs", "objects"])
def test_wrong_credentials_are_refused(sdk: SdkProcess, storage: StorageAccounts, client: str) -> None:
    storage.put("mlstorage", "refused", "a.csv", CSV)
    expired = storage.sas("mlstorage", valid=timedelta(hours=-1))
    with pytest.raises(SdkError, match=r"(?i)403|authenticat"):
        sdk.call(client, account="mlstorage", container="refused", path="a.csv", sas=expired)
    with pytest.raises(SdkError, match=r"(?i)403|authenticat"):
        sdk.call(client, account="mlstorage", container="refused", path="a.csv", key=storage.key("mllake"))


def test_obstore_prefers_the_environments_principal_to_a_sas_key(
    sdk: SdkProcess, azure: AzureContract, storage: StorageAccounts
) -> None:
    """A trap: the SAS is expired, and the call succeeds all the same."""
    storage.put("mlstorage", "trap", "a.csv", CSV)
    expired = storage.sas("mlstorage", valid=timedelta(hours=-1))
    assert sdk.call("objects_by_sas_key", account="mlstorage", container="trap", sas=expired) == 1
    assert [entry.headers.get("Authorization")[:7] for entry in azure.log.find(path="/trap*")] == ["Bearer "]


@pytest.mark.parametrize("by", ["bearer", "key"])
def test_data_lake_paths(sdk: SdkProcess, storage: StorageAccounts, by: str) -> None:
    container = f"lake-{by}"
    storage.create_container("mllake", container)
    key = storage.key("mllake") if by == "key" else None
    seen = sdk.call("lake", account="mllake", container=container, path="x/y/z.csv", data="a,b\n", key=key)
    assert seen == {"paths": {"x": True, "x/y": True, "x/y/z.csv": False}, "data": "a,b\n"}
    assert storage.get("mllake", container, "x/y/z.csv") == b"a,b\n"


DELIMITED = """---
type: mltable
paths:
  - pattern: "{pattern}"
transformations:
  - read_delimited:
      delimiter: ","
      empty_as_string: false
      encoding: utf8
      header: all_files_same_headers
      include_path_column: false
      infer_column_types: false
      path_column: Path
      support_multi_line: false
metadata:
  infer_column_types: "False"
"""
"""A definition as the SDK writes it for delimited files."""


def test_the_data_engine_reads_every_kind_of_source(azure: AzureContract, storage: StorageAccounts) -> None:
    """By the service principal, which never signs anybody in; in a process that can be killed."""
    for account, container in (("mlstorage", "engine"), ("mllake", "engine"), ("azureopendatastorage", "engine")):
        storage.create_container(account, container, public=account == "azureopendatastorage")
        storage.put(account, container, "sales/a.csv", CSV)
    workspace: Workspace = azure.workspace
    for dto in (
        stores.blob("bykey", "mlstorage", "engine", key=storage.key("mlstorage")),
        stores.blob("bysas", "mlstorage", "engine", sas=storage.sas("mlstorage")),
        stores.blob("byidentity", "mlstorage", "engine"),
        stores.gen2("lake", "mllake", "engine"),
    ):
        workspace.datastores.put(dto)
        name = str(dto["name"])
        workspace.datasets.add(name, DELIMITED.format(pattern=workspace.datastore_uri(name, "sales/*.csv")))
    addresses = {
        "web": azure.web.put("files.example.com", "/a.csv", CSV),
        "open": "https://azureopendatastorage.blob.core.windows.net/engine/sales/*.csv",
    }
    with SdkProcess(child_environment(azure)) as child:
        for name, address in addresses.items():
            child.call("register", workspace=workspace.name, name=name, datastore="", path=address)
        for name in ("bykey", "bysas", "byidentity", "lake", "web", "open"):
            rows = child.call("read", workspace=workspace.name, name=name, how="principal")
            assert rows == {"id": ["1", "3"], "v": ["2", "4"]}, name
    assert azure.log.sign_ins() == []
    assert azure.browser_openings() == []
    assert set(azure.log.telemetry()) <= {"dc.services.visualstudio.com:443"}


def test_the_data_engine_tries_to_sign_somebody_in_without_a_service_principal(
    azure: AzureContract, storage: StorageAccounts
) -> None:
    """The hazard that the product must keep out of its process, and that `sign_ins` therefore must see."""
    storage.put("mlstorage", "hazard", "sales/a.csv", CSV)
    azure.workspace.datastores.put(stores.blob("plain", "mlstorage", "hazard"))
    pattern = azure.workspace.datastore_uri("plain", "sales/*.csv")
    azure.workspace.datasets.add("sales", DELIMITED.format(pattern=pattern))
    with SdkProcess(child_environment(azure)) as child:
        child.send("read", workspace=azure.workspace.name, name="sales")
        azure.log.wait_for(1, path="/organizations/*", seconds=20)
    assert azure.log.sign_ins()
