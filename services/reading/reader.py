"""The adapters of the `DataReader` port: data read in worker processes. `Reader` is the one of local workspaces.

This module runs in the process that answers Slack: it imports neither pyarrow nor numpy and opens no data itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileStamp,
    Fingerprint,
    Inspection,
    Listing,
    Preview,
    Source,
    WebSource,
)
from services.drift import work as drift
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.drift.windows import Window
from services.ports import Clock, Progress
from services.reading import work
from services.reading.fingerprint import batches, fingerprint_of, reusable
from services.reading.limits import DEFAULT_LIMITS, Limits, counted, human_bytes
from services.reading.listing import FilesPlace, FolderPlace
from services.reading.places import LocalFile, Place
from services.reading.pool import WorkerPool
from services.reading.web import WebFiles

T = TypeVar("T")

TELL_SECONDS = 1.0
"""How often it is told how far a scan is."""


class FolderResolver(Protocol):
    """Knows where the datastores of the local workspace are."""

    async def folder_of(self, datastore: str) -> Path:
        """The folder behind a datastore. Raises NotFound for unknown names."""
        ...


class PlaceReader(ABC):
    """Reads the data behind definitions. Belongs to one event loop; `close` it at the end.

    Subclasses say where the files of a source are; web files are read through the guard.
    """

    def __init__(self, *, workers: int, clock: Clock, limits: Limits, web: WebFiles) -> None:
        self._clock = clock
        self._limits = limits
        self._pool = WorkerPool(workers, limits)
        self._web = web
        # Long reads leave one worker free for what people wait for: listings and inspections in a form.
        self._long = asyncio.Semaphore(max(workers - 1, 1))

    @abstractmethod
    async def _stored(self, source: Source) -> Place:
        """The place of files that a worker lists and reads where they are."""

    def _downloads(self, source: Source) -> tuple[str, ...] | None:
        """The addresses of a source that has to be downloaded to be read, None for files that are `_stored`."""
        return source.urls if isinstance(source, WebSource) else None

    async def close(self) -> None:
        """Stop the worker processes and close connections."""
        await self._pool.close()
        await self._web.close()

    @property
    def is_warm(self) -> bool:
        """True once `warm` has done its work, until the processes stop."""
        return self._pool.is_warm

    def warm(self) -> None:
        """Start the worker processes in the background, with what they need to read tables; returns at once."""
        self._pool.warm(work.warm)

    async def list_files(self, source: Source, *, limit: int = 10_000) -> Listing:
        """What the source matches; nothing matching is an empty listing."""
        if (urls := self._downloads(source)) is not None:
            stamps = await self._web.stamps(urls)
            return Listing(
                file_count=len(stamps),
                total_bytes=sum(stamp.size for stamp in stamps),
                names=tuple(stamp.path for stamp in stamps[:20]),
            )
        return await self._read(
            (source,), lambda place: self._pool.run(self._limits.seconds, work.list_place, place, limit, self._limits)
        )

    async def fingerprint(
        self, source: Source, progress: Progress | None = None, *, previous: Fingerprint | None = None
    ) -> Fingerprint:
        """Every file with size, last modified and content hash (or ETag).

        previous: an earlier fingerprint of the same source; files whose size and time are as then are not read again.
        """
        if (urls := self._downloads(source)) is not None:
            stamps = await self._hash_web(urls, progress)
        else:
            found = await self._read(
                (source,), lambda place: self._pool.run(self._limits.seconds, work.every_file, place, self._limits)
            )
            stamps = await self._hash_found(found, progress, previous)
        # Thousands of files take a while to sort and digest: not on the event loop.
        return await asyncio.to_thread(fingerprint_of, stamps, self._clock.now())

    async def inspect(self, definition: Definition, *, sample_rows: int = 10, guess: bool = False) -> Inspection:
        """Files, and for Tabular the schema and first rows."""
        if definition.type is DatasetType.FILE and self._downloads(definition.source) is not None:
            return Inspection(await self.list_files(definition.source))
        return await self._read(
            (definition.source,),
            lambda place: self._pool.run(
                self._limits.seconds, work.inspect, definition, place, sample_rows, guess, self._limits
            ),
        )

    async def preview(self, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
        """First rows and a column profile."""
        if definition.type is DatasetType.FILE and (urls := self._downloads(definition.source)) is not None:
            stamps = await self._web.stamps(urls)
            shown = stamps[: work.PREVIEW_FILES]
            return Preview((), (), (), profiled_rows=0, complete=len(shown) == len(stamps), files=shown)

        async def previewed(place: Place) -> Preview:
            async with self._long:
                return await self._pool.run(
                    self._limits.seconds, work.preview, definition, place, rows, profile_rows, self._limits
                )

        return await self._read((definition.source,), previewed)

    async def profile(
        self,
        definition: Definition,
        *,
        plan: bytes | None = None,
        name: str = "",
        fingerprint: str = "",
        progress: Progress | None = None,
        window: Window | None = None,
    ) -> bytes:
        """One scan of a Tabular definition, as an encoded profile."""

        async def counted_in(place: Place) -> bytes:
            return await self._profile(
                definition, place, plan=plan, name=name, fingerprint=fingerprint, told=progress, window=window
            )

        return await self._read((definition.source,), counted_in)

    async def _profile(
        self,
        definition: Definition,
        place: Place,
        *,
        plan: bytes | None,
        name: str,
        fingerprint: str,
        told: Progress | None,
        notes: tuple[str, ...] = (),
        window: Window | None = None,
    ) -> bytes:
        found = await self._pool.run(
            self._limits.seconds, work.list_place, place, self._limits.fingerprint_files, self._limits
        )
        seconds = self._limits.seconds + found.total_bytes / self._limits.hash_bytes_per_second
        with tempfile.TemporaryDirectory(prefix="dataset-bot-scan-") as folder:
            path = str(Path(folder, "rows")) if told is not None else ""
            task = drift.ProfileTask(definition, place, self._limits, name, fingerprint, plan, path, notes, window)
            async with self._long:
                if told is None:
                    return await self._pool.run(seconds, drift.profile, task)
                telling = asyncio.create_task(_tell_rows(path, told))
                try:
                    return await self._pool.run(seconds, drift.profile, task)
                finally:
                    telling.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await telling

    async def compare(self, baseline: bytes, target: bytes, settings: CompareSettings) -> Comparison:
        """Two encoded profiles; reads no data."""
        return await self._pool.run(self._limits.seconds, drift.compare_profiles, baseline, target, settings)

    async def add_up(self, profiles: Sequence[bytes]) -> bytes:
        """The encoded profile of the data of several."""
        return await self._pool.run(self._limits.seconds, drift.add_up, tuple(profiles))

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        """A PNG of the columns that moved most."""
        return await self._pool.run(self._limits.seconds, drift.draw, comparison, dark)

    async def _read(self, sources: tuple[Source, ...], task: Callable[..., Awaitable[T]]) -> T:
        """`task` called with the places of the sources; downloads are removed afterwards."""
        async with AsyncExitStack() as stack:
            return await task(*[await stack.enter_async_context(self._place(source)) for source in sources])

    @asynccontextmanager
    async def _place(self, source: Source) -> AsyncIterator[Place]:
        urls = self._downloads(source)
        if urls is None:
            yield await self._stored(source)
            return
        async with self._web.downloaded(urls) as files:
            yield FilesPlace(files)

    async def _hash_found(
        self,
        found: tuple[LocalFile | FileStamp, ...],
        progress: Progress | None,
        previous: Fingerprint | None,
    ) -> list[FileStamp]:
        files = [file for file in found if isinstance(file, LocalFile)]
        known = await asyncio.to_thread(reusable, files, previous)
        stamps = [*known.values(), *(file for file in found if isinstance(file, FileStamp))]
        todo = [file for file in files if file.path not in known]
        total = sum(file.size for file in todo)
        done = 0
        for batch in batches(todo, self._limits):
            if progress is not None and len(todo) > 1:
                await progress(
                    f"Reading files: {len(stamps):,} of {counted(len(found), 'file')}, "
                    f"{human_bytes(done)} of {human_bytes(total)}"
                )
            stamps.extend(await self._hash(batch))
            done += sum(file.size for file in batch)
        return stamps

    async def _hash(self, files: tuple[LocalFile, ...]) -> tuple[FileStamp, ...]:
        size = sum(file.size for file in files)
        seconds = self._limits.seconds + size / self._limits.hash_bytes_per_second
        async with self._long:
            return await self._pool.run(seconds, work.hash_files, files)

    async def _hash_web(self, urls: tuple[str, ...], progress: Progress | None) -> list[FileStamp]:
        stamps: list[FileStamp] = []
        for index, stamp in enumerate(await self._web.stamps(urls)):
            if stamp.hash is None and stamp.modified is None:  # neither ETag nor Last-Modified: only the content tells
                if progress is not None:
                    await progress(f"Downloading {index + 1:,} of {counted(len(urls), 'file')}")
                async with self._web.downloaded((stamp.path,)) as files:
                    (stamp,) = await self._hash(files)  # noqa: PLW2901 - the same file, now with its hash
            stamps.append(stamp)
        return stamps


async def _tell_rows(path: str, progress: Progress) -> None:
    """Tell how many rows a scan has read, until cancelled."""
    last = 0
    while True:
        await asyncio.sleep(TELL_SECONDS)
        rows = await asyncio.to_thread(drift.rows_told, path)
        if rows > last:
            last = rows
            await progress(f"Reading: {rows:,} rows")


class Reader(PlaceReader):
    """Reads folders of the local workspace."""

    def __init__(
        self,
        folders: FolderResolver,
        *,
        allow_private_urls: bool,
        workers: int = 2,
        scratch: Path,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
        web: WebFiles | None = None,
    ) -> None:
        """scratch: folder for downloads, made if missing; a download lives there as long as it is read."""
        web = web or WebFiles(scratch, allow_private=allow_private_urls, limits=limits)
        super().__init__(workers=workers, clock=clock, limits=limits, web=web)
        self._folders = folders

    async def _stored(self, source: Source) -> Place:
        assert isinstance(source, DatastoreSource)  # others are downloaded
        folder = await self._folders.folder_of(source.datastore)
        return FolderPlace(source.datastore, str(folder), source.paths)
