"""What is wrong with the fields of a datastore form: pure, reads nothing. Fields are named as the form names them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from services.datasets.model import Problem
from services.datastores.model import (
    ACCESS_OF,
    PUBLIC_ENDPOINT,
    AzureDetails,
    AzurePlace,
    DatastoreAccess,
    DatastoreKind,
    DatastoreRequest,
)

NAME_LIMIT = 255
ENDPOINTS = (PUBLIC_ENDPOINT, "core.chinacloudapi.cn", "core.usgovcloudapi.net")
"""Storage suffixes of the public cloud, of Azure operated by 21Vianet and of Azure Government."""

_NAME = re.compile(r"[A-Za-z0-9_]+")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_VAULT = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")
_SECRET = re.compile(r"[A-Za-z0-9-]{1,127}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)"
    r"/providers/Microsoft\.Storage/storageAccounts/(?P<account>[^/]+)(/.*)?",
    re.IGNORECASE,
)
_CONTAINER_WORD = {
    DatastoreKind.BLOB: "container",
    DatastoreKind.ADLS_GEN2: "filesystem",
    DatastoreKind.FILE_SHARE: "file share",
}


def name_problem(name: str) -> str | None:
    """Why Azure Machine Learning would refuse this datastore name, as a sentence; None if it would not.

    Source: azureml-core 1.61, `Datastore.register_azure_blob_container`: "case insensitive, can only contain
    alphanumeric characters and _".
    """
    if not name:
        return "Give the datastore a name."
    if len(name) > NAME_LIMIT:
        return f"The name has {len(name)} characters; {NAME_LIMIT} is the most. Shorten it."
    if _NAME.fullmatch(name) is None:
        return "A datastore's name has only letters (a to z), digits and “_”."
    return None


@dataclass(frozen=True, slots=True)
class AccountTyped:
    """A storage account as a person gave it. container: from an address that names one, else ""."""

    account: str
    endpoint: str = PUBLIC_ENDPOINT
    subscription_id: str = ""
    resource_group: str = ""
    container: str = ""


def read_account(text: str) -> AccountTyped:
    """A storage account from its name, its resource id or any address of it; what cannot be read stays the name.

    "sales", "/subscriptions/…/storageAccounts/sales", "https://sales.blob.core.windows.net/exports",
    "abfss://exports@sales.dfs.core.windows.net/2026". Whatever follows the container is left out, SAS tokens too.
    """
    typed = text.strip()
    resource = _RESOURCE.fullmatch(typed)
    if resource is not None:
        return AccountTyped(
            resource["account"], subscription_id=resource["subscription"], resource_group=resource["group"]
        )
    host, container = typed.casefold(), ""
    if "://" in typed:
        try:
            parts = urlsplit(typed)
            host = parts.hostname or ""
        except ValueError:
            return AccountTyped(typed)
        container = parts.username or parts.path.lstrip("/").partition("/")[0]
    account, _, rest = host.partition(".")
    _, _, endpoint = rest.partition(".")
    if endpoint in ENDPOINTS:
        return AccountTyped(account, endpoint, container=container)
    return AccountTyped(typed)


def read_vault(text: str) -> str:
    """A key vault's name from its name or its address."""
    typed = text.strip()
    return typed.removeprefix("https://").partition(".")[0] if typed.startswith("https://") else typed


def with_typed_account(details: AzureDetails, typed: str) -> AzureDetails:
    """The details with what a typed account says of account, endpoint, owner and, where none was given, container."""
    read = read_account(typed)
    place = replace(
        details.place,
        account=read.account,
        endpoint=read.endpoint,
        subscription_id=read.subscription_id,
        resource_group=read.resource_group,
        container=details.place.container or read.container,
    )
    return replace(details, place=place)


def problems(request: DatastoreRequest, kinds: tuple[DatastoreKind, ...]) -> tuple[Problem, ...]:
    """What is wrong with each field, in the order of the form. kinds: what the workspace takes."""
    found: list[Problem] = []
    if (problem := name_problem(request.name)) is not None:
        found.append(Problem("name", problem))
    if request.kind not in kinds:
        found.append(Problem("kind", "This workspace has no datastores of this kind."))
    elif request.kind is DatastoreKind.FOLDER:
        if not request.folder:
            found.append(Problem("folder", "Name the folder."))
    elif request.azure is None:
        found.append(Problem("account", "Name the storage account."))
    else:
        found += _place_problems(request.kind, request.azure.place)
        found += _access_problems(request.kind, request.azure)
    return tuple(found)


def _place_problems(kind: DatastoreKind, place: AzurePlace) -> list[Problem]:
    found = []
    if place.endpoint not in ENDPOINTS:
        found.append(Problem("account", "That is no storage endpoint of Azure."))
    elif _ACCOUNT.fullmatch(place.account) is None:
        sentence = "A storage account has 3 to 24 small letters and digits: type its name, its address or resource ID."
        found.append(Problem("account", sentence))
    special = kind is DatastoreKind.BLOB and place.container in {"$root", "$web", "$logs"}
    if not special and _CONTAINER.fullmatch(place.container) is None:
        word = _CONTAINER_WORD[kind]
        sentence = f"Name the {word}: 3 to 63 small letters, digits and single hyphens."
        found.append(Problem("container", sentence))
    return found


def _access_problems(kind: DatastoreKind, details: AzureDetails) -> list[Problem]:
    access = details.place.access
    if access not in ACCESS_OF[kind]:
        return [Problem("access", "This kind of storage cannot be opened in this way. Choose one that is offered.")]
    if access is DatastoreAccess.IDENTITY:
        return []
    found = []
    secret = details.secret
    if secret is None or _VAULT.fullmatch(secret.vault) is None:
        found.append(Problem("vault", "Name the key vault: 3 to 24 letters, digits and hyphens."))
    if secret is None or _SECRET.fullmatch(secret.name) is None:
        sentence = "Type the secret's name in the key vault (letters, digits and hyphens), never the secret itself."
        found.append(Problem("secret", sentence))
    if access is DatastoreAccess.SERVICE_PRINCIPAL:
        for field, text, word in (
            ("client", details.client_id, "application (client) ID"),
            ("tenant", details.tenant_id, "directory (tenant) ID"),
        ):
            if _UUID.fullmatch(text) is None:
                found.append(Problem(field, f"Type the service principal's {word}, 32 digits in five groups."))
    return found
