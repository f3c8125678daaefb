"""azureml-core, unmodified, against the contract server: workspace, datastores, datasets, and what goes wrong."""

from __future__ import annotations

from typing import cast

import pytest

from tests.contract import datastore_store as stores
from tests.contract.permissions import Permission
from tests.contract.sdk_process import SdkError, SdkProcess
from tests.contract.server import AzureContract
from tests.contract.wire import Json

pytestmark = [pytest.mark.azure, pytest.mark.slow]


@pytest.fixture
def name(azure: AzureContract) -> str:
    """The workspace's name; it has one datastore, `main`."""
    azure.workspace.datastores.put(stores.blob("main", "mlstorage", "data", key="a2V5"))
    return azure.workspace.name


def fields(value: Json, *names: str) -> list[Json]:
    return [cast("dict[str, Json]", value)[name] for name in names]


@pytest.mark.parametrize("how", ["bridge", "principal"])
def test_workspace_opens(sdk: SdkProcess, azure: AzureContract, how: str) -> None:
    opened = sdk.call("open_workspace", name=azure.workspace.name, how=how)
    assert opened == {"name": azure.workspace.name, "location": "westeurope"}
    assert azure.log.sign_ins() == []


def test_missing_workspace(sdk: SdkProcess, azure: AzureContract) -> None:
    with pytest.raises(SdkError, match=r"Workspace not found\.") as caught:
        sdk.call("open_workspace", name="nowhere")
    assert caught.value.kind == "ProjectSystemException"


def test_datastores_are_registered_listed_and_chosen(sdk: SdkProcess, azure: AzureContract) -> None:
    workspace = azure.workspace.name
    made = sdk.call(
        "register_blob_datastore", workspace=workspace, name="Keyed", account="acc", container="c", key="a2V5"
    )
    assert made == {"name": "keyed", "protocol": "https", "endpoint": "core.windows.net", "key": "a2V5"}
    made = sdk.call("register_blob_datastore", workspace=workspace, name="plain", account="acc", container="c")
    assert fields(made, "name", "key") == ["plain", None]
    made = sdk.call("register_lake_datastore", workspace=workspace, name="lake", account="acc", container="fs")
    assert fields(made, "secret") == [None]
    made = sdk.call(
        "register_lake_datastore", workspace=workspace, name="lake2", account="acc", container="fs", secret="s"
    )
    assert fields(made, "secret") == ["s"]
    sdk.call("register_file_datastore", workspace=workspace, name="files", account="acc", share="sh", key="a2V5")
    assert sdk.call("datastores", workspace=workspace) == {
        "keyed": "AzureBlob",
        "plain": "AzureBlob",
        "lake": "AzureDataLakeGen2",
        "lake2": "AzureDataLakeGen2",
        "files": "AzureFile",
    }
    assert sdk.call("default_datastore", workspace=workspace) == "keyed"
    assert sdk.call("default_datastore", workspace=workspace, name="plain") == "plain"
    assert len(azure.log.posts("/datastores")) == 5


def test_datastore_is_overwritten_only_when_asked(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    arguments: dict[str, Json] = {"workspace": name, "name": "main", "account": "mlstorage", "container": "data"}
    with pytest.raises(SdkError, match="Another datastore with the same name already exists"):
        sdk.call("register_blob_datastore", **arguments, key="b2xk")
    made = sdk.call("register_blob_datastore", **arguments, key="bmV3", overwrite=True)
    assert fields(made, "key") == ["bmV3"]
    assert len(azure.log.find("PUT", "*/datastores/main")) == 1


def test_versions_are_registered_and_found(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    first = sdk.call("register", workspace=name, name="sales", datastore="main", path="a/*.csv", tags={"x": "1"})
    assert fields(first, "version", "type", "tags") == [1, "TabularDataset", {"x": "1"}]
    second = sdk.call(
        "register", workspace=name, name="sales", datastore="main", path="b/*.parquet", kind="parquet", new_version=True
    )
    assert fields(second, "version") == [2]
    files = sdk.call("register", workspace=name, name="raw", datastore="main", path="a/**", kind="file")
    assert fields(files, "type") == ["FileDataset"]
    assert len(azure.log.posts("/datasets")) == 3
    assert fields(sdk.call("get", workspace=name, name="sales"), "version") == [2]
    assert sdk.call("get", workspace=name, name="sales", version=1) == {**cast("dict[str, Json]", first), "tags": {}}
    for missing, version in (("sales", 9), ("nothing", "latest")):
        with pytest.raises(SdkError, match="Cannot find dataset registered with name"):
            sdk.call("get", workspace=name, name=missing, version=version)


@pytest.mark.parametrize(("order", "expected"), [("newest", [3, 2, 1]), ("oldest", [1, 2, 3])])
def test_definitions_come_in_either_order(
    sdk: SdkProcess, azure: AzureContract, name: str, order: str, expected: list[int]
) -> None:
    azure.workspace.datasets.definitions_order = "newest" if order == "newest" else "oldest"
    for number in range(3):
        azure.workspace.datasets.add("sales", f"type: mltable\npaths:\n- pattern: azureml://x/{number}\n")
    assert sdk.call("definitions", workspace=name, name="sales") == expected


def test_name_taken(sdk: SdkProcess, name: str) -> None:
    sdk.call("register", workspace=name, name="sales", datastore="main", path="a/*.csv")
    with pytest.raises(SdkError, match="There is already a dataset registered under name") as caught:
        sdk.call("register", workspace=name, name="sales", datastore="main", path="b/*.csv")
    assert caught.value.kind == "UserErrorException"


def test_identical_definition_gives_the_version_that_is_there(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    arguments: dict[str, Json] = {"workspace": name, "name": "sales", "datastore": "main", "path": "a/*.csv"}
    sdk.call("register", **arguments)
    assert fields(sdk.call("register", **arguments, new_version=True), "version") == [1]
    azure.workspace.datasets.identical = "refuse"
    with pytest.raises(SdkError, match=r"has been registered as sales:1 \(name:version\)"):
        sdk.call("register", **arguments, new_version=True)


def test_saved_dataset_under_a_second_name_is_refused(sdk: SdkProcess, name: str) -> None:
    sdk.call("register", workspace=name, name="sales", datastore="main", path="a/*.csv")
    with pytest.raises(SdkError, match=r"has been registered as sales:1 \(name:version\)"):
        sdk.call("register_again", workspace=name, name="sales", other="sales2")


def test_sdk_words_identical_data_only_by_the_reason_phrase(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    text = "The dataset 1 has been registered as sales:4 (name:version)."
    azure.faults.status(400, "UserError", text, method="POST", path="*/datasets", reason=text)
    with pytest.raises(SdkError, match=r'An identical dataset had already been registered.*name="sales", version=4'):
        sdk.call("register", workspace=name, name="sales", datastore="main", path="a/*.csv")


def test_all_datasets_are_paged(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    azure.workspace.datasets.fill(250)
    names = cast("list[Json]", sdk.call("registrations", workspace=name))
    assert names == [f"table_{number:06d}" for number in range(250)]
    assert len(azure.log.find("GET", "*/datasets")) == 3
    # The SDK's own trap: list() asks for the length, which drains the pages before the iterator starts.
    assert sdk.call("list_of_get_all", workspace=name) == []


def test_tags_are_written_whole_so_the_last_writer_wins(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    store = azure.workspace.datasets
    sales = store.add("sales", "type: mltable\npaths:\n- pattern: azureml://x\n", tags={"a": "1"})
    azure.faults.before(lambda _: store.update(sales, None, {"a": "1", "b": "2"}), method="PUT", path="*/datasets/*")
    assert sdk.call("add_tags", workspace=name, name="sales", tags={"c": "3"}) == {"a": "1", "c": "3"}
    assert sales.tags == {"a": "1", "c": "3"}


def test_unregister(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    azure.workspace.datasets.add("sales", "type: mltable\npaths:\n- pattern: azureml://x\n")
    sdk.call("unregister", workspace=name, name="sales")
    assert azure.workspace.datasets.get("sales") is None


def test_missing_permission_is_named(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    azure.workspace.datasets.add("sales", "type: mltable\npaths:\n- pattern: azureml://x\n")
    sdk.call("open_workspace", name=name)
    azure.permissions.only(Permission(("*",), ("Microsoft.MachineLearningServices/workspaces/datasets/*/write",)))
    with pytest.raises(SdkError, match=r"Request failed \(403\).*datasets/registered/write"):
        sdk.call("add_tags", workspace=name, name="sales", tags={"c": "3"})


def test_throttled_call_is_repeated_by_the_sdk(sdk: SdkProcess, azure: AzureContract, name: str) -> None:
    azure.workspace.datasets.add("sales", "type: mltable\npaths:\n- pattern: azureml://x\n")
    fault = azure.faults.throttled(0, path="*/query/name=sales", times=2)
    assert fields(sdk.call("get", workspace=name, name="sales"), "version") == [1]
    assert fault.hits == 2


def test_server_error_while_the_definition_is_fetched_is_hidden_by_the_sdk(
    sdk: SdkProcess, azure: AzureContract, name: str
) -> None:
    azure.workspace.datasets.add("sales", "type: mltable\npaths:\n- pattern: azureml://x\n")
    azure.faults.status(503, path="*/dataversion/*")
    with pytest.raises(SdkError, match="downgrade to previous version"):
        sdk.call("get", workspace=name, name="sales")


def test_no_secret_leaves_its_call(sdk: SdkProcess, azure: AzureContract) -> None:
    key = "c2VjcmV0LWtleS1vZi10aGUtdGVzdA=="
    sdk.call("register_blob_datastore", workspace=azure.workspace.name, name="k", account="a", container="c", key=key)
    assert azure.log.places_of(key, allowed=lambda entry: entry.method == "POST") == []
    assert len(azure.log.places_of(key)) == 1
