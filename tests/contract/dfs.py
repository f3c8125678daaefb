"""ADLS Gen2's own protocol, `<account>.dfs.core.windows.net`, told in blob calls because Azurite has no such endpoint.

Enough for listing, reading, creating, appending and deleting paths. A directory is a common prefix of blobs, or an
empty blob marked `hdi_isfolder`, as on a real account without hierarchical namespace.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.contract.azurite import ACCOUNTS
from tests.contract.blobs import BlobClient
from tests.contract.entra import Entra, Refused
from tests.contract.faults import azure_error
from tests.contract.shared_key import is_signed
from tests.contract.wire import Headers, Json, Request, Response

__all__ = ["STORAGE_AUDIENCE", "DataLake"]

_SUFFIX = ".dfs.core.windows.net"
STORAGE_AUDIENCE = "https://storage.azure.com"
_SAS_NAMES = frozenset(
    ("sv", "ss", "srt", "sp", "st", "se", "spr", "sip", "sig", "sr", "si", "skoid", "sktid", "skt", "ske", "sks", "skv")
)
_PASSED = ("range", "x-ms-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


@dataclass(frozen=True)
class _Call:
    """One call: the account, the file system, the path in it (no slash around it), and how it may be signed on."""

    account: str
    container: str
    path: str
    query: Mapping[str, str]
    sas: Mapping[str, str]
    request: Request

    @property
    def blob_path(self) -> str:
        return f"/{self.container}/{self.path}"


@dataclass
class DataLake:
    """The dfs hosts of the accounts that Azurite has."""

    entra: Entra
    client: BlobClient
    _appended: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def serves(self, host: str) -> bool:
        return host.endswith(_SUFFIX) and host.removesuffix(_SUFFIX) in ACCOUNTS

    async def answer(self, request: Request) -> Response:
        account = request.host.removesuffix(_SUFFIX)
        query = request.query
        sas = {name: value for name, value in query.items() if name in _SAS_NAMES} if "sig" in query else {}
        if not sas:
            try:
                self._check(request, account)
            except Refused as refused:
                return refused.response
        container, _, path = request.path.strip("/").partition("/")
        rest = {name: value for name, value in query.items() if name not in sas}
        call = _Call(account, container, path.strip("/"), rest, sas, request)
        return await (self._path(call) if call.path else self._file_system(call))

    def _check(self, request: Request, account: str) -> None:
        if request.headers.get("Authorization").startswith("SharedKey "):
            if not is_signed(request, account, ACCOUNTS[account]):
                message = "Server failed to authenticate the request. Make sure the Authorization header is right."
                raise Refused(azure_error(403, "AuthenticationFailed", message))
            return
        self.entra.caller(request, STORAGE_AUDIENCE, f"https://{account}.blob.core.windows.net")

    async def _file_system(self, call: _Call) -> Response:
        match call.request.method:
            case "GET" if call.query.get("resource") == "filesystem":
                return await self._list(call)
            case "PUT":
                return await self._blob(call, "PUT", f"/{call.container}", {"restype": "container"})
            case "HEAD":
                return await self._blob(call, "HEAD", f"/{call.container}", {"restype": "container"})
            case "DELETE":
                return await self._blob(call, "DELETE", f"/{call.container}", {"restype": "container"})
            case method:
                return azure_error(400, "InvalidUri", f"the contract server has no {method} {call.request.target}")

    async def _path(self, call: _Call) -> Response:
        match call.request.method:
            case "HEAD":
                return await self._status(call)
            case "GET":
                passed = {name: call.request.headers.get(name) for name in _PASSED if name in call.request.headers}
                return await self._blob(call, "GET", call.blob_path, {}, passed)
            case "PUT":
                folder = call.query.get("resource") == "directory"
                headers = {"x-ms-blob-type": "BlockBlob", **({"x-ms-meta-hdi_isfolder": "true"} if folder else {})}
                self._appended[call.account, call.blob_path] = b""
                return await self._blob(call, "PUT", call.blob_path, {}, headers)
            case "PATCH":
                return await self._patch(call)
            case "DELETE":
                return await self._delete(call)
            case method:
                return azure_error(400, "InvalidUri", f"the contract server has no {method} {call.request.target}")

    async def _blob(
        self,
        call: _Call,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        return await self.client.call(method, call.account, path, query, headers, body, sas=call.sas)

    async def _status(self, call: _Call) -> Response:
        found = await self._blob(call, "HEAD", call.blob_path, {})
        headers = found.raw_headers or Headers()
        if found.status == 200:
            kind = b"directory" if headers.get("x-ms-meta-hdi_isfolder") == "true" else b"file"
            return Response(200, raw_headers=Headers([*headers.raw, (b"x-ms-resource-type", kind)]))
        below, _ = await self._entries(call, call.path, recursive=True, limit=1, marker="")
        if below:
            return Response(200, {"x-ms-resource-type": "directory", "Content-Length": "0", "ETag": '"0x1"'})
        return Response(404, {"x-ms-error-code": "PathNotFound"})

    async def _patch(self, call: _Call) -> Response:
        key = (call.account, call.blob_path)
        if call.query.get("action") == "append":
            self._appended[key] = self._appended.get(key, b"") + call.request.body
            return Response(202)
        if call.query.get("action") == "flush":
            data = self._appended.pop(key, b"")
            made = await self._blob(call, "PUT", call.blob_path, {}, {"x-ms-blob-type": "BlockBlob"}, data)
            return Response(200 if made.status == 201 else made.status, raw_headers=made.raw_headers, body=made.body)
        return Response(200)

    async def _delete(self, call: _Call) -> Response:
        names, _ = await self._entries(call, call.path, recursive=True, limit=5000, marker="")
        for entry in names:
            await self._blob(call, "DELETE", f"/{call.container}/{entry['name']}", {})
        gone = await self._blob(call, "DELETE", call.blob_path, {})
        if not names and gone.status == 404:
            return azure_error(404, "PathNotFound", "The specified path does not exist.")
        return Response(200)

    async def _list(self, call: _Call) -> Response:
        recursive = call.query.get("recursive", "false").lower() == "true"
        limit = int(call.query.get("maxResults") or 5000)
        folder, marker = call.query.get("directory", "").strip("/"), call.query.get("continuation", "")
        try:
            entries, following = await self._entries(call, folder, recursive=recursive, limit=limit, marker=marker)
        except Refused as refused:
            return refused.response
        if folder and not entries and not marker:
            return azure_error(404, "PathNotFound", "The specified path does not exist.")
        value: list[Json] = [*(_folders(entries, folder) if recursive else []), *entries]
        return Response.json({"paths": value}, headers={"x-ms-continuation": following} if following else None)

    async def _entries(
        self, call: _Call, folder: str, *, recursive: bool, limit: int, marker: str
    ) -> tuple[list[dict[str, Json]], str]:
        """Path entries below a folder, and the marker of the next page."""
        query = {"restype": "container", "comp": "list", "maxresults": str(limit), "include": "metadata"}
        query |= {"prefix": f"{folder}/"} if folder else {}
        query |= {} if recursive else {"delimiter": "/"}
        query |= {"marker": marker} if marker else {}
        listed = await self._blob(call, "GET", f"/{call.container}", query)
        if listed.status != 200:
            raise Refused(azure_error(listed.status, "FilesystemNotFound", listed.body.decode("utf-8", "replace")))
        root = ET.fromstring(listed.body)
        entries = [_entry(blob) for blob in root.iter("Blob")]
        for prefix in root.iter("BlobPrefix"):
            name = (prefix.findtext("Name") or "").rstrip("/")
            if all(entry["name"] != name for entry in entries):
                entries.append(_folder(name))
        return entries, root.findtext("NextMarker") or ""


def _folders(entries: list[dict[str, Json]], below: str) -> list[dict[str, Json]]:
    """The directories that a recursive listing names besides the files in them."""
    known = {str(entry["name"]) for entry in entries}
    names: set[str] = set()
    for name in known:
        parts = name.split("/")[:-1]
        names |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    inside = sorted(name for name in names - known if not below or name.startswith(f"{below}/"))
    return [_folder(name) for name in inside]


def _folder(name: str) -> dict[str, Json]:
    return {
        "name": name,
        "isDirectory": "true",
        "contentLength": "0",
        "lastModified": "Mon, 05 Jan 2026 09:00:00 GMT",  # rslex refuses entries without it
        "etag": "0x1",
        "owner": "$superuser",
        "group": "$superuser",
        "permissions": "rwxr-x---",
    }


def _entry(blob: ET.Element) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "name": blob.findtext("Name"),
        "contentLength": blob.findtext("Properties/Content-Length") or "0",
        "lastModified": blob.findtext("Properties/Last-Modified"),
        "etag": blob.findtext("Properties/Etag"),
        "owner": "$superuser",
        "group": "$superuser",
        "permissions": "rw-r-----",
    }
    if (blob.findtext("Metadata/hdi_isfolder") or "").lower() == "true":
        entry["isDirectory"] = "true"
    return entry
