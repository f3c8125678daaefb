"""A test's own way to the storage accounts: put, read and list blobs with the account key, and make SAS tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from tests.contract.azurite import ACCOUNTS
from tests.contract.blobs import BlobClient
from tests.contract.wire import Response

__all__ = ["StorageAccounts"]


@dataclass(frozen=True)
class StorageAccounts:
    """What a test arranges in storage before the product looks; its calls are in no log and meet no fault."""

    client: BlobClient
    loop: asyncio.AbstractEventLoop

    def key(self, account: str) -> str:
        """The account's key."""
        return ACCOUNTS[account]

    def create_container(self, account: str, container: str, *, public: bool = False) -> None:
        """Make a container, if it is not there. public: anybody may list and read it."""
        headers = {"x-ms-blob-public-access": "container"} if public else {}
        self._call("PUT", account, f"/{container}", {"restype": "container"}, headers, allowed=(201, 409))

    def put(self, account: str, container: str, path: str, data: bytes) -> None:
        """Write a blob; the container is made when it is missing."""
        self.create_container(account, container)
        self._call("PUT", account, f"/{container}/{path}", {}, {"x-ms-blob-type": "BlockBlob"}, data, allowed=(201,))

    def get(self, account: str, container: str, path: str) -> bytes:
        """Read a whole blob."""
        return self._call("GET", account, f"/{container}/{path}").body

    def delete(self, account: str, container: str, path: str) -> None:
        self._call("DELETE", account, f"/{container}/{path}", allowed=(202,))

    def names(self, account: str, container: str, prefix: str = "") -> list[str]:
        """The blobs of a container, up to 5,000."""
        query = {"restype": "container", "comp": "list", **({"prefix": prefix} if prefix else {})}
        root = ET.fromstring(self._call("GET", account, f"/{container}", query).body)
        return [name.text or "" for name in root.iterfind("Blobs/Blob/Name")]

    def sas(self, account: str, *, permissions: str = "rl", valid: timedelta = timedelta(hours=1)) -> str:
        """An account SAS for blobs, without the question mark; a negative `valid` makes an expired one."""
        now = datetime.now(UTC)
        start, expiry = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now - timedelta(hours=2), now + valid))
        fields = (account, permissions, "b", "sco", start, expiry, "", "https,http", "2021-12-02", "", "")
        signature = hmac.new(base64.b64decode(ACCOUNTS[account]), "\n".join(fields).encode(), hashlib.sha256).digest()
        return urlencode(
            {
                "sv": "2021-12-02",
                "ss": "b",
                "srt": "sco",
                "sp": permissions,
                "st": start,
                "se": expiry,
                "spr": "https,http",
                "sig": base64.b64encode(signature).decode(),
            }
        )

    def _call(
        self,
        method: str,
        account: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        allowed: tuple[int, ...] = (200,),
    ) -> Response:
        made = self.client.call(method, account, path, query, headers, body)
        response = asyncio.run_coroutine_threadsafe(made, self.loop).result(30)
        if response.status not in allowed:
            raise RuntimeError(
                f"{method} {account}{path}: {response.status} {response.body.decode('utf-8', 'replace')}"
            )
        return response
