"""Files behind http(s) addresses: what they are now, and downloads to read, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import aiohttp
from yarl import URL

from services.datasets.model import FileStamp
from services.errors import SourceProblem
from services.reading.display import quoted, visible
from services.reading.limits import DEFAULT_LIMITS, Limits, human_bytes
from services.reading.places import LocalFile
from services.reading.url_guard import (
    GuardedResolver,
    RefusedError,
    Resolve,
    check_hop,
    check_url,
    guarded_socket,
    refused_host,
    shown_url,
    system_resolve,
)

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 1024 * 1024
_PREFIX = "download-"
_FORGOTTEN_SECONDS = 24 * 3600.0
_AT_ONCE = 4
_HEAD_REFUSED = frozenset({400, 403, 404, 405, 501})  # some servers answer so to HEAD alone: GET decides
_GZIPPED = frozenset({"gzip", "x-gzip", "deflate"})


class WebFiles:
    """Reads web files through the guard. Belongs to one event loop."""

    def __init__(
        self,
        scratch: Path,
        *,
        allow_private: bool,
        limits: Limits = DEFAULT_LIMITS,
        resolve: Resolve = system_resolve,
    ) -> None:
        """scratch: folder for downloads. resolve: how names become addresses, the system's way unless told."""
        self._scratch = scratch
        self._allow_private = allow_private
        self._limits = limits
        self._resolve = resolve
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def stamps(self, urls: Sequence[str]) -> tuple[FileStamp, ...]:
        """Size, last modified and ETag of every file, by HEAD, or GET without reading the body.

        hash is None where the server gives no ETag; size is 0 where it tells none. Raises SourceProblem, InvalidInput.
        """
        checked = self._checked(urls)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(text: str, url: URL) -> FileStamp:
            async with gate:
                return await self._stamp(text, url)

        tasks = [asyncio.create_task(one(text.strip(), url)) for text, url in zip(urls, checked, strict=True)]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    @asynccontextmanager
    async def downloaded(self, urls: Sequence[str]) -> AsyncIterator[tuple[LocalFile, ...]]:
        """The files on disk, removed at the end. Together they may have `download_bytes`."""
        checked = self._checked(urls)
        folder = await asyncio.to_thread(_new_folder, self._scratch)
        try:
            files: list[LocalFile] = []
            left = self._limits.download_bytes
            for index, (text, url) in enumerate(zip(urls, checked, strict=True)):
                target = folder / f"{index}"
                size = await self._download(url, target, left)
                left -= size
                files.append(LocalFile(text.strip(), str(target.resolve()), size, None))
            yield tuple(files)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _checked(self, urls: Sequence[str]) -> list[URL]:
        if not urls:
            check_url("")
        if len(urls) > self._limits.web_urls:
            raise SourceProblem(
                f"A dataset may have {self._limits.web_urls} addresses at most. Copy the files to a datastore.",
                code="too_many_urls",
                field="source",
            )
        return [check_url(text) for text in urls]

    async def _stamp(self, text: str, url: URL) -> FileStamp:
        async with self._open("HEAD", url) as response:
            refused = response.status in _HEAD_REFUSED
            if not refused:
                return _stamp_of(text, url, response)
        async with self._open("GET", url) as response:
            stamp = _stamp_of(text, url, response)
            response.close()  # the body is not wanted
            return stamp

    async def _download(self, url: URL, target: Path, limit: int) -> int:
        """Store a file and return its size in bytes. Raises SourceProblem, also when it is larger than `limit`."""
        async with self._open("GET", url) as response:
            _check_status(url, response)
            if (response.content_length or 0) > limit:
                raise self._too_large(url)
            encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
            sink = _Sink(await asyncio.to_thread(target.open, "wb"), encoding in _GZIPPED, limit)
            if encoding not in ("identity", "") and not sink.packed:
                await asyncio.to_thread(sink.close)
                raise SourceProblem(
                    f"{quoted(shown_url(url))} is sent in an encoding that cannot be read. Download it and put it in a "
                    "datastore.",
                    code="url_encoding",
                    field="source",
                )
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    await asyncio.to_thread(sink.write, chunk)
                await asyncio.to_thread(sink.finish)
            except _TooLargeError:
                raise self._too_large(url) from None
            except zlib.error:
                raise SourceProblem(
                    f"{quoted(shown_url(url))} arrived damaged. Try again.", code="url_damaged", field="source"
                ) from None
            finally:
                await asyncio.to_thread(sink.close)
            return sink.size

    @asynccontextmanager
    async def _open(self, method: str, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, redirects followed and each checked. Failures become SourceProblem."""
        hop = url
        try:
            for _ in range(MAX_REDIRECTS + 1):
                check_hop(hop, allow_private=self._allow_private)
                async with self._connected().request(method, hop, allow_redirects=False) as response:
                    location = response.headers.get("Location")
                    if response.status not in _REDIRECTS or location is None:
                        yield response
                        return
                    hop = _joined(hop, location)
            raise SourceProblem(
                f"{quoted(shown_url(url))} redirects more than {MAX_REDIRECTS} times. "
                "Use the address of the file itself.",
                code="redirect_loop",
                field="source",
            )
        except RefusedError as error:
            raise refused_host(error.host) from None
        except TimeoutError:
            raise SourceProblem(
                f"{quoted(shown_url(url))} does not answer in time. Try again, or copy the file to a datastore.",
                code="url_timeout",
                field="source",
            ) from None
        except aiohttp.ClientError as error:
            raise _unreachable(url, error) from None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=GuardedResolver(allow_private=self._allow_private, resolve=self._resolve),
                    use_dns_cache=False,  # every connection is checked anew
                    socket_factory=partial(guarded_socket, allow_private=self._allow_private),
                    limit=2 * _AT_ONCE,
                ),
                timeout=aiohttp.ClientTimeout(total=self._limits.download_seconds, sock_connect=10, sock_read=30),
                headers={"User-Agent": "dataset-bot", "Accept": "*/*", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # bounded decompression happens here
                trust_env=False,
            )
        return self._session

    def _too_large(self, url: URL) -> SourceProblem:
        return SourceProblem(
            f"{quoted(shown_url(url))} is larger than {human_bytes(self._limits.download_bytes)}, "
            "the most that is read from the web. Copy it to a datastore.",
            code="url_too_large",
            field="source",
        )


def _new_folder(scratch: Path) -> Path:
    """A fresh folder for downloads. Those that a killed process left behind a day ago or earlier are removed."""
    scratch.mkdir(parents=True, exist_ok=True)
    for left in scratch.glob(f"{_PREFIX}*"):
        try:
            old = time.time() - left.stat().st_mtime > _FORGOTTEN_SECONDS
        except FileNotFoundError:  # another reader just removed its own
            continue
        if old:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=scratch))


class _TooLargeError(Exception):
    """More bytes than allowed."""


class _Sink:
    """Where a body goes: unpacked if it is packed, never more than `limit` bytes. Used by one thread at a time."""

    def __init__(self, file: BinaryIO, packed: bool, limit: int) -> None:
        self._file = file
        self._limit = limit
        # 47: zlib finds out by itself whether it is gzip or zlib.
        self._unpack = zlib.decompressobj(47) if packed else None
        self.packed = packed
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises _TooLargeError, zlib.error."""
        if self._unpack is None:
            self._store(chunk)
            return
        while chunk:
            self._store(self._unpack.decompress(chunk, _CHUNK))
            chunk = self._unpack.unconsumed_tail

    def finish(self) -> None:
        """The body is complete. Raises _TooLargeError, zlib.error."""
        if self._unpack is not None:
            self._store(self._unpack.flush())
            if not self._unpack.eof:
                raise zlib.error("the stream ends early")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _store(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise _TooLargeError
        self._file.write(data)


def _joined(url: URL, location: str) -> URL:
    try:
        return url.join(URL(location))
    except ValueError:
        raise SourceProblem(
            f"{quoted(shown_url(url))} leads on to something that is not an address.",
            code="redirect_refused",
            field="source",
        ) from None


def _stamp_of(text: str, url: URL, response: aiohttp.ClientResponse) -> FileStamp:
    _check_status(url, response)
    etag = response.headers.get("ETag", "").strip()
    return FileStamp(
        path=text,
        size=response.content_length or 0,
        modified=_http_date(response.headers.get("Last-Modified")),
        hash=f"etag:{visible(etag, 200)}" if etag else None,
    )


def _http_date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _check_status(url: URL, response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status in (200, 204):
        return
    shown = quoted(shown_url(url))
    if status in (404, 410):
        sentence, code = f"There is no file at {shown} (it answers {status}). Check the address.", "url_not_found"
    elif status in (401, 403, 407):
        sentence = (
            f"{shown} may not be read without signing in (it answers {status}). Web files have to be public; "
            "for others register their storage as a datastore."
        )
        code = "url_not_allowed"
    elif status == 429 or status >= 500:
        sentence, code = f"{shown} cannot answer now (it says {status}). Try again later.", "url_unavailable"
    else:
        sentence, code = f"{shown} answers {status} instead of a file. Check the address.", "url_unexpected"
    raise SourceProblem(sentence, code=code, field="source")


def _unreachable(url: URL, error: aiohttp.ClientError) -> SourceProblem:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RefusedError):
            return refused_host(url.host or "")
        cause = cause.__cause__ or cause.__context__
    shown = quoted(shown_url(url))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        sentence = f"There is no host {quoted(url.host or '')}. Check the address."
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        sentence = f"{shown} has no valid certificate, so what it sends cannot be trusted. Use another address."
    elif isinstance(error, aiohttp.ClientPayloadError):
        sentence = f"{shown} broke off while it was read. Try again."
    else:
        sentence = f"{shown} cannot be reached. Check the address, or try again later."
    return SourceProblem(sentence, code="url_unreachable", field="source")
