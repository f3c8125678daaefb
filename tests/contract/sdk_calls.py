"""What the tests have the real SDKs do; runs in a child process whose environment leads to the contract server.

Each public function takes and returns JSON values. An exception goes back to the test as its type and text.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import azureml.core
import obstore
from azure.core.credentials import TokenCredential
from azure.identity import (
    ChainedTokenCredential,
    ClientSecretCredential,
    EnvironmentCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.keyvault.secrets import SecretClient
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters
from azureml.core import Dataset, Datastore, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication, TokenAuthentication
from azureml.data._dataset_rest_helper import _restclient
from obstore.store import AzureStore

if TYPE_CHECKING:
    from obstore.store import AzureSASToken  # exists for type checkers only

Value: TypeAlias = "bool | int | float | str | Sequence[Value] | Mapping[str, Value] | None"


@functools.cache
def _credential() -> ClientSecretCredential:
    return ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
    )


@functools.cache
def _workspace(name: str, how: str = "bridge") -> azureml.core.Workspace:
    """The workspace; how: "bridge" hands azure-identity's tokens on, "principal" is the SDK's own class."""
    if how == "bridge":
        auth = TokenAuthentication(lambda resource: _credential().get_token(f"{resource.rstrip('/')}/.default").token)
    else:
        auth = ServicePrincipalAuthentication(
            os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
        )
    return Workspace.get(
        name,
        auth=auth,
        subscription_id=os.environ["TEST_SUBSCRIPTION"],
        resource_group=os.environ["TEST_RESOURCE_GROUP"],
    )


def open_workspace(name: str, how: str = "bridge") -> Value:
    """Name and location of a workspace."""
    _workspace.cache_clear()
    workspace = _workspace(name, how)
    return {"name": workspace.name, "location": workspace.location}


def register_blob_datastore(
    workspace: str, name: str, account: str, container: str, key: str | None = None, overwrite: bool = False
) -> Value:
    """Register a blob datastore, identity-based without a key."""
    made = Datastore.register_azure_blob_container(
        _workspace(workspace), name, container, account, account_key=key, overwrite=overwrite
    )
    return {"name": made.name, "protocol": made.protocol, "endpoint": made.endpoint, "key": made.account_key}


def register_lake_datastore(
    workspace: str, name: str, account: str, container: str, secret: str | None = None
) -> Value:
    """Register an ADLS Gen2 datastore, identity-based without a secret."""
    tenant, client = (os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]) if secret else (None, None)
    made = Datastore.register_azure_data_lake_gen2(
        _workspace(workspace), name, container, account, tenant_id=tenant, client_id=client, client_secret=secret
    )
    return {"name": made.name, "client": made.client_id, "secret": made.client_secret}


def register_file_datastore(workspace: str, name: str, account: str, share: str, key: str) -> Value:
    """Register an Azure Files datastore."""
    made = Datastore.register_azure_file_share(_workspace(workspace), name, share, account, account_key=key)
    return {"name": made.name, "share": made.container_name}


def datastores(workspace: str) -> Value:
    """All datastores: name to type."""
    return {name: store.datastore_type for name, store in _workspace(workspace).datastores.items()}


def default_datastore(workspace: str, name: str | None = None) -> Value:
    """The default's name, after it was changed when a name is given."""
    if name:
        _workspace(workspace).set_default_datastore(name)
    return str(_workspace(workspace).get_default_datastore().name)


def register(
    workspace: str,
    name: str,
    datastore: str,
    path: str,
    kind: str = "tabular",
    new_version: bool = False,
    tags: dict[str, str] | None = None,
) -> Value:
    """Register a dataset without reading any data. kind: file, tabular or parquet.

    datastore: the empty text when `path` is a web address.
    """
    where = (Datastore.get(_workspace(workspace), datastore), path) if datastore else path
    if kind == "file":
        made = Dataset.File.from_files(where, validate=False)
    elif kind == "parquet":
        made = Dataset.Tabular.from_parquet_files(where, validate=False)
    else:
        made = Dataset.Tabular.from_delimited_files(where, validate=False, infer_column_types=False)
    return _shown(made.register(_workspace(workspace), name, tags=tags, create_new_version=new_version))


def register_again(workspace: str, name: str, other: str) -> Value:
    """Register what is registered under a name under another one, as the very same saved dataset."""
    return _shown(Dataset.get_by_name(_workspace(workspace), name).register(_workspace(workspace), other))


def get(workspace: str, name: str, version: int | str = "latest") -> Value:
    """One version of a dataset."""
    return _shown(Dataset.get_by_name(_workspace(workspace), name, version))


def definitions(workspace: str, name: str) -> Value:
    """All version numbers, in the order in which the service lists them (the SDK's private call)."""
    opened = _workspace(workspace)
    dataset_id = Dataset.get_by_name(opened, name)._registration.registered_id
    listed = _restclient(opened).dataset.get_all_dataset_definitions(
        opened.subscription_id, opened.resource_group, opened.name, dataset_id
    )
    return [int(one.version_id) for one in listed.value]


def registrations(workspace: str) -> Value:
    """The names of all datasets."""
    return [one.name for one in Dataset.get_all(_workspace(workspace)).registrations]


def list_of_get_all(workspace: str) -> Value:
    """What `list()` makes of the SDK's mapping of all datasets."""
    return list(Dataset.get_all(_workspace(workspace)))


def add_tags(workspace: str, name: str, tags: dict[str, str]) -> Value:
    """Add tags; gives the tags afterwards."""
    return dict(Dataset.get_by_name(_workspace(workspace), name).add_tags(tags).tags)


def unregister(workspace: str, name: str) -> Value:
    """Unregister all versions."""
    Dataset.get_by_name(_workspace(workspace), name).unregister_all_versions()
    return None


def read(workspace: str, name: str, how: str = "bridge") -> Value:
    """The rows of a tabular dataset by column, read by the SDK's engine."""
    frame = Dataset.get_by_name(_workspace(workspace, how), name).to_pandas_dataframe()
    return {str(column): [str(value) for value in frame[column]] for column in frame.columns}


def token(kind: str, resource: str = "https://management.azure.com", secret: str | None = None) -> Value:
    """A token by one of azure-identity's credentials: secret, environment, managed or workload."""
    credential: TokenCredential
    if kind == "secret":
        credential = ClientSecretCredential(
            os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], secret or os.environ["AZURE_CLIENT_SECRET"]
        )
    elif kind == "workload":
        credential = WorkloadIdentityCredential()
    else:
        # In a chain a missing endpoint is found out by one try; alone, by tries of 5 s and more.
        credential = EnvironmentCredential() if kind == "environment" else _managed()
    return credential.get_token(f"{resource}/.default").token


def _managed() -> TokenCredential:
    return ChainedTokenCredential(ManagedIdentityCredential())


def secret(vault: str, name: str) -> Value:
    """A secret of a Key Vault."""
    return SecretClient(f"https://{vault}.vault.azure.net", _credential()).get_secret(name).value


def permissions(group: str) -> Value:
    """The actions that the caller has in a resource group, by azure-mgmt-authorization."""
    client = AuthorizationManagementClient(_credential(), os.environ["TEST_SUBSCRIPTION"])
    return [action for one in client.permissions.list_for_resource_group(group) for action in one.actions or []]


def assign_role(scope: str, name: str, role_id: str, principal: str) -> Value:
    """Give a role at a scope by azure-mgmt-authorization; gives the assignment's id."""
    client = AuthorizationManagementClient(_credential(), os.environ["TEST_SUBSCRIPTION"])
    wanted = RoleAssignmentCreateParameters(
        role_definition_id=role_id, principal_id=principal, principal_type="User", description="by a test"
    )
    return str(client.role_assignments.create(scope, name, wanted).id)


def remove_role(scope: str, name: str) -> Value:
    """Take a role away; whether it was there."""
    client = AuthorizationManagementClient(_credential(), os.environ["TEST_SUBSCRIPTION"])
    return client.role_assignments.delete(scope, name) is not None


def roles_of(scope: str, principal: str) -> Value:
    """The names of the roles that a principal has at a scope, through groups too."""
    client = AuthorizationManagementClient(_credential(), os.environ["TEST_SUBSCRIPTION"])
    question = f"assignedTo('{principal}')"
    found = client.role_assignments.list_for_scope(scope, filter=question)
    return [str(client.role_definitions.get_by_id(one.role_definition_id).role_name) for one in found]


def blobs(account: str, container: str, path: str, key: str | None = None, sas: str | None = None) -> Value:
    """By azure-storage-blob: write a blob next to `path` where allowed, list, and read four bytes of `path`."""
    from azure.storage.blob import ContainerClient

    credential = key or sas or _credential()
    with ContainerClient(f"https://{account}.blob.core.windows.net", container, credential=credential) as client:
        if sas is None:
            client.upload_blob(f"{path}.copy", b"copy", overwrite=True)
        names = sorted(client.list_blob_names())
        return {"names": names, "part": client.download_blob(path, offset=1, length=4).readall().decode()}


def objects(account: str, container: str, path: str, key: str | None = None, sas: str | None = None) -> Value:
    """By obstore, with no client options: list, and read four bytes of `path`."""
    if key:
        store = AzureStore(container, account_name=account, account_key=key)
    elif sas:
        # Not `sas_key`: obstore reads AZURE_* variables too, and a service principal in them wins over it.
        token: AzureSASToken = {"sas_token": sas, "expires_at": None}
        store = AzureStore(container, account_name=account, credential_provider=lambda: token)
    else:
        store = AzureStore(
            container,
            account_name=account,
            tenant_id=os.environ["AZURE_TENANT_ID"],
            client_id=os.environ["AZURE_CLIENT_ID"],
            client_secret=os.environ["AZURE_CLIENT_SECRET"],
        )
    names = sorted(one["path"] for one in obstore.list(store).collect())
    return {"names": names, "part": obstore.get_range(store, path, start=1, length=4).to_bytes().decode()}


def objects_by_sas_key(account: str, container: str, sas: str) -> Value:
    """By obstore with its option `sas_key`: how many blobs there are."""
    return len(obstore.list(AzureStore(container, account_name=account, sas_key=sas)).collect())


def lake(account: str, container: str, path: str, data: str, key: str | None = None) -> Value:
    """By azure-storage-file-datalake: write a file, list everything, read it back."""
    from azure.storage.filedatalake import FileSystemClient

    endpoint = f"https://{account}.dfs.core.windows.net"
    with FileSystemClient(endpoint, container, credential=key or _credential()) as client:
        file = client.get_file_client(path)
        file.upload_data(data.encode(), overwrite=True)
        listed = {one.name: bool(one.is_directory) for one in client.get_paths()}
        return {"paths": listed, "data": file.download_file().readall().decode()}


def _shown(dataset: azureml.data.abstract_dataset.AbstractDataset) -> Value:
    return {
        "name": dataset.name,
        "version": dataset.version,
        "id": dataset.id,
        "tags": dict(dataset.tags),
        "type": type(dataset).__name__,
    }
