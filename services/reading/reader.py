"""The adapter of the `DataReader` port: reads local datastores and web files in worker processes.

This module runs in the process that answers Slack: it imports neither pyarrow nor numpy and opens no data itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from services.datasets.model import (
    ColumnShift,
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
from services.ports import Clock, Progress
from services.reading import work
from services.reading.fingerprint import batches, fingerprint_of, reusable
from services.reading.limits import DEFAULT_LIMITS, Limits, counted, human_bytes
from services.reading.places import FilesPlace, FolderPlace, LocalFile, Place
from services.reading.pool import WorkerPool
from services.reading.web import WebFiles


class FolderResolver(Protocol):
    """Knows where the datastores of the local workspace are."""

    async def folder_of(self, datastore: str) -> Path:
        """The folder behind a datastore. Raises NotFound for unknown names."""
        ...


class Reader:
    """Reads the data behind definitions. Belongs to one event loop; `close` it at the end."""

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
        self._folders = folders
        self._clock = clock
        self._limits = limits
        self._pool = WorkerPool(workers, limits)
        self._web = web or WebFiles(scratch, allow_private=allow_private_urls, limits=limits)
        # Long reads leave one worker free for what people wait for: listings and inspections in a form.
        self._long = asyncio.Semaphore(max(workers - 1, 1))

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
        if isinstance(source, DatastoreSource):
            place = await self._folder(source)
            found = await self._pool.run(self._limits.seconds, work.list_place, place, limit, self._limits)
            return found.listing()
        stamps = await self._web.stamps(source.urls)
        return Listing(
            file_count=len(stamps),
            total_bytes=sum(stamp.size for stamp in stamps),
            names=tuple(stamp.path for stamp in stamps[:20]),
        )

    async def fingerprint(
        self, source: Source, progress: Progress | None = None, *, previous: Fingerprint | None = None
    ) -> Fingerprint:
        """Every file with size, last modified and content hash (or ETag).

        previous: an earlier fingerprint of the same source; files whose size and time are as then are not read again.
        """
        if isinstance(source, DatastoreSource):
            stamps = await self._hash_folder(await self._folder(source), progress, previous)
        else:
            stamps = await self._hash_web(source.urls, progress)
        # Thousands of files take a while to sort and digest: not on the event loop.
        return await asyncio.to_thread(fingerprint_of, stamps, self._clock.now())

    async def inspect(self, definition: Definition, *, sample_rows: int = 10, guess: bool = False) -> Inspection:
        """Files, and for Tabular the schema and first rows."""
        if definition.type is DatasetType.FILE and isinstance(definition.source, WebSource):
            return Inspection(await self.list_files(definition.source))
        async with self._place(definition.source) as place:
            return await self._pool.run(
                self._limits.seconds, work.inspect, definition, place, sample_rows, guess, self._limits
            )

    async def preview(self, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
        """First rows and a column profile."""
        if definition.type is DatasetType.FILE and isinstance(definition.source, WebSource):
            stamps = await self._web.stamps(definition.source.urls)
            shown = stamps[: work.PREVIEW_FILES]
            return Preview((), (), (), profiled_rows=0, complete=len(shown) == len(stamps), files=shown)
        async with self._place(definition.source) as place, self._long:
            return await self._pool.run(
                self._limits.seconds, work.preview, definition, place, rows, profile_rows, self._limits
            )

    async def shifts(
        self, before: Definition, after: Definition, *, sample_rows: int = 100_000
    ) -> tuple[tuple[ColumnShift, ...], str]:
        """Quick drift between two Tabular definitions over samples."""
        async with self._place(before.source) as old, self._place(after.source) as new, self._long:
            return await self._pool.run(
                self._limits.seconds, work.shifts, (before, old), (after, new), sample_rows, self._limits
            )

    async def _folder(self, source: DatastoreSource) -> FolderPlace:
        folder = await self._folders.folder_of(source.datastore)
        return FolderPlace(source.datastore, str(folder), source.paths)

    @asynccontextmanager
    async def _place(self, source: Source) -> AsyncIterator[Place]:
        """Where the files can be read; downloads are removed afterwards."""
        if isinstance(source, DatastoreSource):
            yield await self._folder(source)
            return
        async with self._web.downloaded(source.urls) as files:
            yield FilesPlace(files)

    async def _hash_folder(
        self, place: FolderPlace, progress: Progress | None, previous: Fingerprint | None
    ) -> list[FileStamp]:
        found = await self._pool.run(self._limits.seconds, work.every_file, place, self._limits)
        known = await asyncio.to_thread(reusable, found, previous)
        stamps = list(known.values())
        todo = [file for file in found if file.path not in known]
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
