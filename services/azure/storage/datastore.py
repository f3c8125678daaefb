"""A workspace's datastore as a container and the right to read it, looked up in the process that reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.alias_generators import to_camel

from services.azure.connection_test import AUTHORITIES, STORAGE_SCOPE, Bearer, Sas, SharedKey, Signer
from services.azure.discovery import service_address
from services.azure.errors import explained, read_refusal
from services.azure.resource import AzureWorkspaceId
from services.azure.storage import connection
from services.azure.storage.account import container_address
from services.azure.storage.container import Container
from services.azure.storage.problems import TOKEN_REFUSED
from services.datastores.model import PUBLIC_ENDPOINT, DatastoreAccess
from services.errors import NotFound, SourceProblem, Unavailable
from services.reading.display import quoted

ARM = "https://management.azure.com"
ARM_VERSION = "2022-05-01"  # as SDK v1 asks
_KINDS = frozenset({"AzureBlob", "AzureDataLakeGen2"})
_THING = "Azure Machine Learning"

_data_planes: dict[str, str] = {}
"""Where a workspace's services are, by workspace; they do not move while a worker lives."""


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)


class _ClientCredentials(_Answer):
    client_id: str = ""
    tenant_id: str = ""
    client_secret: SecretStr | None = None
    is_cert_auth: bool | None = False


class _Storage(_Answer):
    account_name: str
    container_name: str
    endpoint: str | None = None
    credential_type: str | None = None
    credential: SecretStr | None = None
    account_key: SecretStr | None = None
    sas_token: SecretStr | None = None
    client_credentials: _ClientCredentials | None = None


class _Datastore(_Answer):
    data_store_type: str
    azure_storage_section: _Storage | None = None


def open_datastore(workspace: AzureWorkspaceId, name: str, management: str, storage: str) -> Container:
    """The container behind a datastore, with the bot's identity or the datastore's own credential.

    management, storage: tokens of the bot's identity. Raises NotFound, NotAllowed, SourceProblem, Unavailable.
    """
    root = _data_plane(workspace, management)
    url = f"{root}/datastore/v1.0{workspace.scope}/datastores/{quote(name, safe='')}"
    answer = connection.get(url, _bearer(management), thing=_THING)
    if answer.status == 404:
        problem = explained(read_refusal(answer.status, answer.body, answer.headers), name)
        if not isinstance(problem, NotFound):
            raise problem  # not the datastore is missing: the workspace is gone, or in another region
        raise NotFound(
            f"The workspace has no datastore {quoted(name)}. It may have been deleted.",
            field="source",
            kind="datastore",
        )
    _check(answer, name)
    try:
        found = _Datastore.model_validate_json(answer.body)
    except ValidationError:
        raise Unavailable(f"{_THING} describes the datastore {quoted(name)} in an unknown way.") from None
    section = found.azure_storage_section
    if found.data_store_type not in _KINDS or section is None:
        raise SourceProblem(
            f"The datastore {quoted(name)} is of a kind whose files the bot cannot list ({found.data_store_type}). "
            "Copy the data to a blob container.",
            code="datastore_kind",
            field="source",
        )
    address = container_address(section.account_name, section.container_name, section.endpoint or PUBLIC_ENDPOINT)
    signer, access = _signer(section, name, address.endpoint, storage)
    return Container(address, signer, access, name)


def _signer(section: _Storage, name: str, endpoint: str, storage: str) -> tuple[Signer, DatastoreAccess]:
    key = section.account_key or section.credential
    signature = section.sas_token or section.credential
    match (section.credential_type or "None").lower():
        case "none":
            return Bearer(SecretStr(storage)), DatastoreAccess.IDENTITY
        case "accountkey" if key is not None:
            return SharedKey(section.account_name, key), DatastoreAccess.ACCOUNT_KEY
        case "sas" if signature is not None:
            return Sas(signature), DatastoreAccess.SAS
        case "clientcredentials" if section.client_credentials is not None:
            token = _service_principal(section.client_credentials, name, endpoint)
            return Bearer(token), DatastoreAccess.SERVICE_PRINCIPAL
    raise SourceProblem(
        f"The datastore {quoted(name)} keeps a credential that the bot cannot use. "
        "Register it again with identity-based access.",
        code="datastore_credential",
        field="source",
    )


def _service_principal(credentials: _ClientCredentials, name: str, endpoint: str) -> SecretStr:
    if credentials.client_secret is None or credentials.is_cert_auth:
        raise SourceProblem(
            f"The datastore {quoted(name)} signs in with a certificate, which the bot cannot use. "
            "Register it again with identity-based access.",
            code="datastore_credential",
            field="source",
        )
    authority = AUTHORITIES.get(endpoint, AUTHORITIES[PUBLIC_ENDPOINT])
    url = f"https://{authority}/{quote(credentials.tenant_id, safe='')}/oauth2/v2.0/token"
    fields = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret.get_secret_value(),
        "scope": STORAGE_SCOPE,
    }
    answer = connection.post_form(url, fields, thing="Microsoft Entra ID")
    token = _json(answer).get("access_token")
    if answer.status == 200 and isinstance(token, str):
        return SecretStr(token)
    raise SourceProblem(
        f"The service principal of the datastore {quoted(name)} cannot sign in: its secret is wrong or has ended. "
        "Register the datastore again with a valid one.",
        code="wrong_credential",
        field="source",
    )


def _data_plane(workspace: AzureWorkspaceId, management: str) -> str:
    """The address of the workspace's services, as the SDK finds it: the workspace tells where to ask for it."""
    known = _data_planes.get(workspace.key)
    if known is not None:
        return known
    answer = connection.get(
        f"{ARM}{workspace.scope}?api-version={ARM_VERSION}", _bearer(management), thing="Azure Resource Manager"
    )
    _check(answer, "")
    properties = _json(answer).get("properties")
    discovery = properties.get("discoveryUrl") if isinstance(properties, dict) else None
    found = service_address(discovery)
    _data_planes[workspace.key] = found
    return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _check(answer: connection.Answer, name: str) -> None:
    if answer.status == 200:
        return
    problem = explained(read_refusal(answer.status, answer.body, answer.headers), name)
    if answer.status == 401:
        problem.code = TOKEN_REFUSED  # with a new token it may be different
    raise problem


def _json(answer: connection.Answer) -> Mapping[str, object]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
