"""Blob, Data Lake and Files endpoints of one small storage account, for hosts that the blob emulator does not serve.

Only what a look at one entry and one byte needs. Credentials are checked as Azure checks them: the bearer token is
signed by the tenant and for storage, a Shared Key signature is computed again, a SAS must be the one that was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.contract.entra import Entra, Refused
from tests.contract.shared_key import is_signed
from tests.contract.wire import Json, Request, Response

ACCOUNT = "salesdata"
KEY = "a2V5LW9mLXNhbGVzZGF0YS1ub3QtcmVhbC0wMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA=="
SAS = "sv=2024-11-04&sp=rl&se=2099-01-01T00:00:00Z&sig=bm90LXJlYWw%3D"


def storage_error(status: int, code: str) -> Response:
    """An error of the storage service: its code in a header and in XML."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return Response(status, {"x-ms-error-code": code, "Content-Type": "application/xml"}, body=body.encode())


@dataclass
class StoragePeer:
    """One account with one container (or filesystem, or share) that holds `files`.

    readers: object ids that have Storage Blob Data Reader. refuse: answers instead of serving, when it gives one.
    """

    entra: Entra
    container: str = "exports"
    files: dict[str, bytes] = field(default_factory=lambda: {"sales & more.csv": b"day,amount\n"})
    readers: set[str] = field(default_factory=set)
    refuse: Callable[[Request], Response | None] = lambda request: None

    def serves(self, host: str) -> bool:
        """Whether the host is one of the account's."""
        return host.endswith(".core.windows.net") and host.partition(".")[0] == ACCOUNT

    async def answer(self, request: Request) -> Response:
        """List or read."""
        refused = self.refuse(request) or self._check(request)
        if refused is not None:
            return refused
        container, _, path = request.path.strip("/").partition("/")
        if container != self.container:
            return storage_error(404, "ContainerNotFound")
        if path:
            return (
                Response(206, body=self.files[path][:1]) if path in self.files else storage_error(404, "BlobNotFound")
            )
        if request.host.split(".")[1] == "dfs":
            paths: list[Json] = [{"name": name, "contentLength": "11"} for name in self.files]
            return Response.json({"paths": paths[:1]})
        tag = "Blob" if request.host.split(".")[1] == "blob" else "File"
        names = [name.replace("&", "&amp;") for name in self.files][:1]
        details = (
            "<Properties><Last-Modified>Mon, 02 Mar 2026 12:00:00 GMT</Last-Modified><Etag>0x1</Etag>"
            "<Content-Length>11</Content-Length></Properties>"
        )
        entries = "".join(f"<{tag}><Name>{name}</Name>{details}</{tag}>" for name in names)
        inner = f"<Blobs>{entries}</Blobs>" if tag == "Blob" else f"<Entries>{entries}</Entries>"
        body = f"<EnumerationResults>{inner}<NextMarker /></EnumerationResults>"
        return Response.text(body, 200, "application/xml")

    def _check(self, request: Request) -> Response | None:
        if request.bearer is not None:
            try:
                caller = self.entra.caller(request, "https://storage.azure.com")
            except Refused:
                return storage_error(401, "InvalidAuthenticationInfo")
            allowed = caller.object_id in self.readers
            return None if allowed else storage_error(403, "AuthorizationPermissionMismatch")
        if request.headers.get("Authorization"):
            return None if is_signed(request, ACCOUNT, KEY) else storage_error(403, "AuthenticationFailed")
        if dict(parse_qsl(SAS)).items() <= request.query.items():
            return None
        return storage_error(403, "AuthenticationFailed")
