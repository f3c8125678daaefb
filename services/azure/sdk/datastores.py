"""Calls on the workspace's datastores. Each runs in a worker; what comes back never holds a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from services.azure.sdk.datasets import list_in
from services.datastores.model import AzureDetails, DatastoreAccess, DatastoreKind
from services.errors import NameTaken

if TYPE_CHECKING:
    from pydantic import SecretStr

    from services.azure.sdk.session import Session

PRIVATE_NAMES = (
    "azureml._restclient.operations.data_stores_operations:DataStoresOperations.list",
    "azureml._restclient.operations.data_stores_operations:DataStoresOperations.create",
    "azureml._restclient.operations.data_stores_operations:DataStoresOperations.update",
    "azureml._restclient.operations.data_stores_operations:DataStoresOperations.get_default",
    "azureml._restclient.operations.data_stores_operations:DataStoresOperations.set_default",
    "azureml._restclient.models.data_store:DataStore",
    "azureml._restclient.models.azure_storage:AzureStorage",
    "azureml._restclient.models.client_credentials:ClientCredentials",
    "azureml._restclient.models.error_response:ErrorResponseException",
    "azureml.data.constants:CONFLICT_MESSAGE",
)
"""module:name or module:class.name, as in `rest.PRIVATE_NAMES`.

`Datastore.register_…` is not used: it reads the datastore back with its secret, which needs a right that registering
does not, and `ws.datastores` lists every secret of the workspace.
"""

PAGE_SIZE = 100
STORAGE_RESOURCE = "https://storage.azure.com/"

_TYPES = {
    DatastoreKind.BLOB: "AzureBlob",
    DatastoreKind.ADLS_GEN2: "AzureDataLakeGen2",
    DatastoreKind.FILE_SHARE: "AzureFile",
}
_CREDENTIALS = {
    DatastoreAccess.IDENTITY: "None",
    DatastoreAccess.ACCOUNT_KEY: "AccountKey",
    DatastoreAccess.SAS: "Sas",
    DatastoreAccess.SERVICE_PRINCIPAL: "ClientCredentials",
}


class DatastoreEntry(NamedTuple):
    """A datastore as Azure tells of it without secrets, in Azure's own words; "" where it is silent."""

    name: str
    type: str
    account: str
    container: str
    endpoint: str
    credential: str
    subscription_id: str
    resource_group: str


class Datastores(NamedTuple):
    """All datastores of the workspace. default: the name of the default one, "" without one."""

    entries: tuple[DatastoreEntry, ...]
    default: str


def list_all(session: Session) -> Datastores:
    """Every datastore, asked for without secrets."""
    rest = session.rest()
    operations = rest.client.data_stores
    entries: list[DatastoreEntry] = []
    token = ""
    while True:
        query = {"continuationToken": token or None, "count": PAGE_SIZE, "includeSecret": False}
        page = rest.get(operations.list.metadata["url"], query=query)
        entries += [_entry(each) for each in list_in(page, "value")]
        token = str(page.get("continuationToken") or "")
        if not token:
            return Datastores(tuple(entries), _default(session))


def _default(session: Session) -> str:
    from services.azure.sdk.rest import RefusedError  # noqa: PLC0415 - imports azureml

    rest = session.rest()
    try:
        # The answer holds the default datastore's secret where the bot may read it; nothing but the name is taken.
        found = rest.get(rest.client.data_stores.get_default.metadata["url"])
    except RefusedError as error:
        if error.refusal.status in (403, 404):  # may not be told, or there is none
            return ""
        raise
    return str(found.get("name") or "")


def _entry(dto: dict[str, Any]) -> DatastoreEntry:
    from services.azure.sdk.rest import WrongShapeError  # noqa: PLC0415 - imports azureml

    section = dto.get("azureStorageSection") or {}
    if not isinstance(dto.get("name"), str) or not isinstance(section, dict):
        raise WrongShapeError("a datastore without a name or a place")

    def text(key: str) -> str:
        return str(section.get(key) or "")

    return DatastoreEntry(
        name=dto["name"],
        type=str(dto.get("dataStoreType") or ""),
        account=text("accountName"),
        container=text("containerName"),
        endpoint=text("endpoint"),
        credential=text("credentialType"),
        subscription_id=text("subscriptionId"),
        resource_group=text("resourceGroup"),
    )


class Wanted(NamedTuple):
    """A datastore to make. overwrite: replace the one of this name, if there is one."""

    name: str
    kind: DatastoreKind
    details: AzureDetails
    overwrite: bool


def register(session: Session, wanted: Wanted, secret: SecretStr | None) -> None:
    """Make a datastore. Raises NameTaken, the SDK's errors."""
    from azureml._restclient.models.error_response import ErrorResponseException  # noqa: PLC0415 - a worker's own
    from azureml.data.constants import CONFLICT_MESSAGE  # noqa: PLC0415

    operations, place = session.rest().client.data_stores, _place(session)
    dto = _dto(wanted, secret)
    # The bot has listed and read the storage itself; Azure's own check fails for storage behind a private endpoint.
    try:
        operations.create(*place, dto, create_if_not_exists=False, skip_validation=True)
    except ErrorResponseException as error:
        if error.response.status_code not in (400, 409) or CONFLICT_MESSAGE not in error.response.text:
            raise
        if not wanted.overwrite:
            raise name_taken(wanted.name) from None
        operations.update(*place, wanted.name, dto, create_if_not_exists=False, skip_validation=True)


def name_taken(name: str) -> NameTaken:
    """A datastore of this name exists and is to stay as it is."""
    sentence = f"A datastore called “{name}” exists already. Choose another name, or tick that it may be overwritten."
    return NameTaken(sentence, field="name")


def set_default(session: Session, name: str) -> None:
    """Make a datastore the workspace's default."""
    session.rest().client.data_stores.set_default(*_place(session), name)


def _place(session: Session) -> tuple[str, str, str]:
    where = session.settings.workspace
    return where.subscription_id, where.resource_group, where.name


def _dto(wanted: Wanted, secret: SecretStr | None) -> Any:
    """The request as the SDK's own `register_…` methods make it. Any: the SDK's models are untyped."""
    from azureml._restclient.models.azure_storage import AzureStorage  # noqa: PLC0415
    from azureml._restclient.models.client_credentials import ClientCredentials  # noqa: PLC0415
    from azureml._restclient.models.data_store import DataStore  # noqa: PLC0415

    details, place = wanted.details, wanted.details.place
    value = None if secret is None else secret.get_secret_value()
    principal = place.access is DatastoreAccess.SERVICE_PRINCIPAL
    client = None
    if principal:
        client = ClientCredentials(
            client_id=details.client_id,
            tenant_id=details.tenant_id,
            client_secret=value,
            is_cert_auth=False,
            resource_uri=STORAGE_RESOURCE,
        )
    section = AzureStorage(
        account_name=place.account,
        container_name=place.container,
        endpoint=place.endpoint,
        protocol="https",
        credential_type=_CREDENTIALS[place.access],
        credential=None if principal else value,
        client_credentials=client,
        subscription_id=place.subscription_id or None,
        resource_group=place.resource_group or None,
        are_workspace_managed_identities_allowed=False,
        service_data_access_auth_identity="None",
    )
    return DataStore(name=wanted.name, data_store_type=_TYPES[wanted.kind], azure_storage_section=section)


def kind_of(entry: DatastoreEntry) -> DatastoreKind:
    """What kind of storage an entry is."""
    return next((kind for kind, name in _TYPES.items() if name == entry.type), DatastoreKind.OTHER)


def access_of(entry: DatastoreEntry) -> DatastoreAccess:
    """How an entry opens its storage; without a credential, with the reader's identity."""
    return next((way for way, name in _CREDENTIALS.items() if name == entry.credential), DatastoreAccess.IDENTITY)
