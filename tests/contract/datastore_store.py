"""The datastores of one workspace, as the datastore service keeps them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from tests.contract.wire import Json

__all__ = ["DatastoreKind", "DatastoreStore", "blob", "file_share", "gen2"]

DatastoreKind: TypeAlias = Literal["AzureBlob", "AzureFile", "AzureDataLakeGen2"]

_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass
class DatastoreStore:
    """Datastores by lower-case name, in the order in which they were made. Values are DTOs in the service's shape."""

    default: str | None = None
    _items: dict[str, dict[str, Json]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def put(self, dto: dict[str, Json]) -> dict[str, Json]:
        """Keep a datastore as it was sent, filled up as the service fills it; the first becomes the default."""
        with self._lock:
            kept = _filled(dto)
            name = cast(str, kept["name"])
            self._items[name] = kept
            if self.default is None:
                self.default = name
            return kept

    def get(self, name: str) -> dict[str, Json] | None:
        with self._lock:
            return self._items.get(name.lower())

    def remove(self, name: str) -> bool:
        with self._lock:
            return self._items.pop(name.lower(), None) is not None

    def names(self) -> list[str]:
        with self._lock:
            return list(self._items)

    def page(self, start: int, count: int) -> tuple[list[dict[str, Json]], int | None]:
        """Up to `count` datastores from position `start`, and the next position if there are more."""
        with self._lock:
            items = list(self._items.values())[start : start + count]
            following = start + count
            return items, following if following < len(self._items) else None


def blob(name: str, account: str, container: str, *, key: str | None = None, sas: str | None = None) -> dict[str, Json]:
    """A blob datastore; without key and SAS it is identity-based."""
    return _storage(name, "AzureBlob", account, container, key, sas)


def file_share(name: str, account: str, share: str, *, key: str | None = None) -> dict[str, Json]:
    """An Azure Files datastore."""
    return _storage(name, "AzureFile", account, share, key, None)


def gen2(
    name: str, account: str, container: str, *, client_id: str = "", tenant_id: str = "", secret: str = ""
) -> dict[str, Json]:
    """An ADLS Gen2 datastore; without a client secret it is identity-based."""
    dto = _storage(name, "AzureDataLakeGen2", account, container, None, None)
    if secret:
        section = cast("dict[str, Json]", dto["azureStorageSection"])
        section["credentialType"] = "ClientCredentials"
        section["clientCredentials"] = {
            "clientId": client_id,
            "tenantId": tenant_id,
            "clientSecret": secret,
            "isCertAuth": False,
            "resourceUri": "https://storage.azure.com/",
            "authorityUrl": "https://login.microsoftonline.com",
        }
    return dto


def without_secrets(dto: dict[str, Json]) -> dict[str, Json]:
    """What the service gives when secrets are not asked for."""
    section = dto.get("azureStorageSection")
    if not isinstance(section, dict):
        return dto
    shown: dict[str, Json] = {**section, "credential": None, "accountKey": None, "sasToken": None}
    credentials = section.get("clientCredentials")
    if isinstance(credentials, dict):
        shown["clientCredentials"] = {**credentials, "clientSecret": None}
    return {**dto, "azureStorageSection": shown}


def _storage(
    name: str, kind: DatastoreKind, account: str, container: str, key: str | None, sas: str | None
) -> dict[str, Json]:
    return {
        "name": name,
        "dataStoreType": kind,
        "azureStorageSection": {
            "accountName": account,
            "containerName": container,
            "credentialType": "AccountKey" if key else "Sas" if sas else "None",
            "credential": key or sas,
        },
    }


def _filled(dto: dict[str, Json]) -> dict[str, Json]:
    kept: dict[str, Json] = {**dto, "name": cast(str, dto["name"]).lower(), "hasBeenValidated": True, "tags": {}}
    section = dto.get("azureStorageSection")
    if isinstance(section, dict):
        kind, credential = section.get("credentialType"), section.get("credential")
        identity = section.get("ServiceDataAccessAuthIdentity") or section.get("serviceDataAccessAuthIdentity")
        filled: dict[str, Json] = {
            **{key: value for key, value in section.items() if key != "ServiceDataAccessAuthIdentity"},
            "endpoint": section.get("endpoint") or "core.windows.net",
            "protocol": section.get("protocol") or "https",
            "isSas": kind == "Sas",
            "accountKey": credential if kind == "AccountKey" else None,
            "sasToken": credential if kind == "Sas" else None,
            "serviceDataAccessAuthIdentity": identity or "None",
        }
        if kind != "ClientCredentials" and kept["dataStoreType"] == "AzureDataLakeGen2":
            filled["clientCredentials"] = {"clientId": _NOBODY, "tenantId": _NOBODY, "clientSecret": None}
        kept["azureStorageSection"] = filled
    return kept
