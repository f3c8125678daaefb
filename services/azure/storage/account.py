"""Where a container is, and addresses of blobs that may be opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from services.datastores.model import PUBLIC_ENDPOINT
from services.errors import SourceProblem

ENDPOINTS = (PUBLIC_ENDPOINT, "core.chinacloudapi.cn", "core.usgovcloudapi.net", "storage.azure.net")
"""Azure's own storage domains. Tokens and keys go nowhere else, whatever a datastore says."""

_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]|\$root|\$web|\$logs")
_HOST = re.compile(
    r"(?P<account>[a-z0-9]{3,24}(?:\.z[0-9]{1,2})?)\.(?:blob|dfs)\."
    rf"(?P<endpoint>{'|'.join(re.escape(endpoint) for endpoint in ENDPOINTS)})"
)


@dataclass(frozen=True, slots=True)
class ContainerAddress:
    """A blob container (or the filesystem of the same name). account: may carry the DNS zone ("name.z12")."""

    account: str
    container: str
    endpoint: str = PUBLIC_ENDPOINT

    @property
    def url(self) -> str:
        """Of the container, at the blob endpoint, which serves ADLS Gen2 accounts too."""
        return f"https://{self.account}.blob.{self.endpoint}/{quote(self.container)}"

    @property
    def shown(self) -> str:
        """For sentences."""
        return f"{self.account.partition('.')[0]}/{self.container}"


def container_address(account: str, container: str, endpoint: str) -> ContainerAddress:
    """Raises SourceProblem for what is no container of Azure's."""
    if endpoint not in ENDPOINTS or not _ACCOUNT.fullmatch(account) or not _CONTAINER.fullmatch(container):
        raise SourceProblem(
            "The datastore does not point to a container in Azure Storage. Ask whoever made it to correct it.",
            code="datastore_invalid",
            field="source",
        )
    return ContainerAddress(account, container, endpoint)


def blob_url(url: str) -> tuple[ContainerAddress, str] | None:
    """Container and path (or glob) of an https address in Azure Storage; None for any other address.

    A `?` in the path is a glob only when it is written %3F: an address with a query is not one of a public blob.
    """
    parts = urlsplit(url.strip())
    host = _HOST.fullmatch((parts.hostname or "").lower())
    container, _, path = unquote(parts.path).lstrip("/").partition("/")
    if parts.scheme.lower() not in ("https", "http") or host is None or parts.query or not path:
        return None
    if parts.port not in (None, 80, 443) or not _CONTAINER.fullmatch(container):
        return None
    return ContainerAddress(host["account"], container, host["endpoint"]), path
