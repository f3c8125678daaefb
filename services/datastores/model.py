"""Datastores as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DatastoreKind(StrEnum):
    """Storage behind a datastore. FOLDER exists only in the local workspace; OTHER is shown, never registered."""

    FOLDER = "folder"
    BLOB = "azure_blob"
    ADLS_GEN2 = "azure_data_lake_gen2"
    FILE_SHARE = "azure_file"
    OTHER = "other"


class DatastoreAccess(StrEnum):
    """How an Azure datastore opens its storage: with each reader's own identity, or with a stored credential."""

    IDENTITY = "identity"
    ACCOUNT_KEY = "account_key"
    SAS = "sas"
    SERVICE_PRINCIPAL = "service_principal"


ACCESS_OF = {
    DatastoreKind.BLOB: (DatastoreAccess.IDENTITY, DatastoreAccess.ACCOUNT_KEY, DatastoreAccess.SAS),
    DatastoreKind.ADLS_GEN2: (DatastoreAccess.IDENTITY, DatastoreAccess.SERVICE_PRINCIPAL),
    DatastoreKind.FILE_SHARE: (DatastoreAccess.ACCOUNT_KEY, DatastoreAccess.SAS),
}
"""What SDK v1 can register of each kind of Azure storage, the preferred way first.

Source: azureml-core 1.61, `Datastore.register_azure_blob_container`, `…_data_lake_gen2`, `…_file_share`.
"""

PUBLIC_ENDPOINT = "core.windows.net"


@dataclass(frozen=True, slots=True)
class AzurePlace:
    """Where an Azure datastore's data are; never a secret.

    container: the blob container, the filesystem (ADLS Gen2) or the file share. endpoint: the storage endpoint's
    suffix. subscription_id, resource_group: those of the storage account, "" when unknown.
    """

    account: str
    container: str
    access: DatastoreAccess
    endpoint: str = PUBLIC_ENDPOINT
    subscription_id: str = ""
    resource_group: str = ""


@dataclass(frozen=True, slots=True)
class SecretName:
    """A secret in Azure Key Vault by its names; its value is read by the bot's own identity where it is needed."""

    vault: str
    name: str


@dataclass(frozen=True, slots=True)
class AzureDetails:
    """What is needed to register an Azure datastore. secret: for every access but IDENTITY.

    client_id, tenant_id: the service principal whose secret it is, "" otherwise.
    """

    place: AzurePlace
    secret: SecretName | None = None
    client_id: str = ""
    tenant_id: str = ""


@dataclass(frozen=True, slots=True)
class Datastore:
    """A named place for data. location: what a person may see of where it is (a folder, account/container).

    identity_based: read with the reader's own identity (Azure), so that access can be given per path. created_at:
    None when the workspace does not tell. azure: the storage behind it, None for a folder.
    """

    name: str
    kind: DatastoreKind
    location: str
    is_default: bool
    created_at: datetime | None
    created_by: str = ""
    description: str = ""
    identity_based: bool = False
    dataset_count: int = 0
    azure: AzurePlace | None = None


@dataclass(frozen=True, slots=True)
class DatastoreRequest:
    """A datastore to register. folder: path under the workspace or an allowed root (local workspace, else "").

    azure: where its data are and how they are opened (Azure workspace, else None).
    """

    name: str
    kind: DatastoreKind
    folder: str
    requested_by: str
    description: str = ""
    overwrite: bool = False
    make_default: bool = False
    azure: AzureDetails | None = None
