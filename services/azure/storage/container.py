"""The two calls that reading needs: listing a container, and getting a part of a blob."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode

from services.azure.connection_test import Signer
from services.azure.storage import connection
from services.azure.storage.account import ContainerAddress
from services.azure.storage.problems import Asked, changed, refusal
from services.datastores.model import DatastoreAccess
from services.errors import SourceProblem

STORAGE_VERSION = "2021-12-02"
PAGE = 5_000


class Blob(NamedTuple):
    """One blob of a listing. size in bytes; etag: without quotes.

    hash: "md5:…" of the content where storage knows it, else "etag:…".
    """

    name: str
    size: int
    modified: datetime
    etag: str
    hash: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a listing. folders: common prefixes, with their slash."""

    blobs: tuple[Blob, ...]
    folders: tuple[str, ...]
    following: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container and the right to read it; thread-safe. signer, access: None for anonymous reading."""

    address: ContainerAddress
    signer: Signer | None
    access: DatastoreAccess | None
    datastore: str = ""

    def pages(self, prefix: str, *, flat: bool = True, size: int = PAGE) -> Iterator[Page]:
        """The blobs below a prefix, page by page in the order of names; flat: those in folders below too.

        Raises SourceProblem, NotAllowed, Unavailable.
        """
        marker = ""
        while True:
            page = self.page(prefix, marker, flat=flat, size=size)
            yield page
            marker = page.following
            if not marker:
                return

    def page(self, prefix: str, marker: str = "", *, flat: bool = True, size: int = PAGE) -> Page:
        """One page of a listing. Errors as for `pages`."""
        query = {"restype": "container", "comp": "list", "include": "metadata", "maxresults": str(size)}
        if prefix:
            query["prefix"] = prefix
        if not flat:
            query["delimiter"] = "/"
        if marker:
            query["marker"] = marker
        answer = self._get(f"{self.address.url}?{urlencode(query, quote_via=quote)}", {})
        if answer.status != 200:
            raise refusal(answer, Asked(self.address, self.access, self.datastore))
        try:
            return parse_page(answer.body)
        except (ET.ParseError, KeyError, ValueError, TypeError):
            raise SourceProblem(
                f"The storage account “{self.address.account}” sent a listing that cannot be read. Try again.",
                code="storage_answer_invalid",
                field="source",
            ) from None

    def read(self, name: str, path: str, etag: str, start: int, length: int) -> bytes:
        """`length` bytes of a blob from `start` on, if it still is what `etag` says.

        path: what a person knows it by. Raises SourceProblem (changed, vanished …), NotAllowed, Unavailable.
        """
        headers = {"Range": f"bytes={start}-{start + length - 1}"}
        answer = self._get(f"{self.address.url}/{quote(name, safe='/~')}", headers)
        if answer.status not in (200, 206):
            raise refusal(answer, Asked(self.address, self.access, self.datastore, path))
        if answer.headers.get("ETag", etag).strip('"') != etag:
            raise changed(path)
        # 200: something between here and storage does not know ranges.
        data = answer.body if answer.status == 206 else answer.body[start : start + length]
        if len(data) != length:
            raise changed(path)
        return data

    def _get(self, url: str, more: dict[str, str]) -> connection.Answer:
        now = format_datetime(datetime.now(UTC), usegmt=True)
        headers = {"x-ms-date": now, "x-ms-version": STORAGE_VERSION, **more}
        if self.signer is not None:
            url, headers = self.signer.sign(url, headers)
        return connection.get(url, headers, thing=f"The storage account “{self.address.account}”")


def parse_page(body: bytes) -> Page:
    """One answer of List Blobs; raises ParseError, KeyError or ValueError for anything else.

    Folders of hierarchical accounts, listed as empty blobs, are left out.
    Source: https://learn.microsoft.com/rest/api/storageservices/list-blobs
    """
    # Azure's own answer over TLS; Expat bounds what entities may grow to.
    root = ET.fromstring(body)  # noqa: S314
    if root.tag != "EnumerationResults":
        raise ValueError("no listing")
    blobs: list[Blob] = []
    folders: list[str] = []
    for entry in root.iterfind("Blobs/*"):
        parts = {part.tag: part for part in entry}
        name = _name(parts)
        if entry.tag == "BlobPrefix":
            folders.append(name)
            continue
        properties = {each.tag: each.text or "" for each in parts["Properties"]}
        if not _is_folder(properties, parts.get("Metadata")):
            blobs.append(_blob(name, properties))
    return Page(tuple(blobs), tuple(folders), root.findtext("NextMarker") or "")


def _name(parts: Mapping[str, ET.Element]) -> str:
    element = parts["Name"]
    if not element.text:
        raise ValueError("a blob without a name")
    # Names that XML cannot hold come percent-encoded and say so.
    return unquote(element.text) if element.get("Encoded") == "true" else element.text


def _is_folder(properties: Mapping[str, str], metadata: ET.Element | None) -> bool:
    if properties.get("ResourceType") == "directory":
        return True
    found = () if metadata is None else metadata
    return any(each.tag.lower() == "hdi_isfolder" and (each.text or "").lower() == "true" for each in found)


def _blob(name: str, properties: Mapping[str, str]) -> Blob:
    etag, md5 = properties.get("Etag", "").strip('"'), properties.get("Content-MD5")
    # Writing into a page blob or appending leaves the MD5 of the beginning in place: there only the ETag tells.
    trusted = md5 and properties.get("BlobType", "BlockBlob") == "BlockBlob"
    return Blob(
        name=name,
        size=int(properties.get("Content-Length") or 0),
        modified=_moment(properties.get("Last-Modified", "")),
        etag=etag,
        hash=f"md5:{md5}" if trusted else f"etag:{etag}",
    )


@lru_cache(maxsize=1024)  # blobs written together often share the second
def _moment(text: str) -> datetime:
    return parsedate_to_datetime(text)
