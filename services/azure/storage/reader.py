"""The `DataReader` of an Azure workspace. Runs in the process that answers Slack: it opens no data itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar

from services.azure.resource import AzureWorkspaceId
from services.azure.storage.account import ContainerAddress, blob_url
from services.azure.storage.engine import ENGINE_ROWS, Engine, needs_engine
from services.azure.storage.place import DatastorePlace, PublicPlace, Tokens, warm
from services.azure.storage.problems import TOKEN_REFUSED
from services.azure.workers import AzureWorkers
from services.datasets.model import (
    DatastoreSource,
    Definition,
    Inspection,
    Listing,
    Preview,
    Source,
    WebSource,
)
from services.drift.windows import Window
from services.errors import UserError
from services.ports import Clock, Progress
from services.reading import work
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.places import Place
from services.reading.reader import PlaceReader
from services.reading.url_guard import check_url
from services.reading.web import WebFiles

T = TypeVar("T")

PROFILE_ROWS = 100_000
"""Rows that the SDK's engine reads for a profile: it keeps them in memory."""

ARM_SCOPE = "https://management.azure.com/.default"
STORAGE_SCOPE = "https://storage.azure.com/.default"


class TokenSource(Protocol):
    """The bot's identity."""

    async def token(self, scope: str) -> str:
        """An access token that is valid for some minutes. Raises Unavailable."""
        ...

    def forget(self) -> None:
        """Ask for new tokens from now on."""
        ...


class AzureReader(PlaceReader):
    """Reads datastores of a workspace straight from storage, public blobs by their addresses, and other web files."""

    def __init__(
        self,
        workspace: AzureWorkspaceId,
        tokens: TokenSource,
        sdk: AzureWorkers,
        *,
        workers: int = 2,
        scratch: Path,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
        allow_private_urls: bool = False,
        web: WebFiles | None = None,
    ) -> None:
        """sdk: see `engine_workers`, for definitions that only the SDK's engine reads.

        scratch: folder for downloads of web files and for rows from the engine, made if missing.
        """
        web = web or WebFiles(scratch, allow_private=allow_private_urls, limits=limits)
        super().__init__(workers=workers, clock=clock, limits=limits, web=web)
        self._workspace = workspace
        self._tokens = tokens
        self._engine = Engine(sdk, scratch)

    async def inspect(self, definition: Definition, *, sample_rows: int = 10, guess: bool = False) -> Inspection:
        """Files, and for Tabular the schema and first rows."""
        if not needs_engine(definition):
            return await super().inspect(definition, sample_rows=sample_rows, guess=guess)
        async with self._engine.rows(definition, ENGINE_ROWS) as read:
            seen = await self._pool.run(
                self._limits.seconds, work.inspect, read.definition, read.place, sample_rows, False, self._limits
            )
        return replace(
            seen,
            listing=await self._listed(definition.source),
            format=definition.format,
            row_count=seen.row_count if read.complete else None,
            notes=(*read.notes, *seen.notes),
        )

    async def preview(self, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
        """First rows and a column profile."""
        if not needs_engine(definition):
            return await super().preview(definition, rows=rows, profile_rows=profile_rows)
        async with self._engine.rows(definition, max(rows, min(profile_rows, ENGINE_ROWS))) as read:
            shown = await self._pool.run(
                self._limits.seconds, work.preview, read.definition, read.place, rows, profile_rows, self._limits
            )
        return replace(shown, complete=shown.complete and read.complete, notes=(*read.notes, *shown.notes))

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
        """One scan; of a definition that only the SDK's engine reads, of its first rows, which is noted."""
        if not needs_engine(definition):
            return await super().profile(
                definition, plan=plan, name=name, fingerprint=fingerprint, progress=progress, window=window
            )
        async with self._engine.rows(definition, PROFILE_ROWS) as read:
            return await self._profile(
                read.definition,
                read.place,
                plan=plan,
                name=name,
                fingerprint=fingerprint,
                told=progress,
                notes=read.notes,
                window=window,
            )

    async def _listed(self, source: Source) -> Listing:
        """Files behind a definition of the engine's, as far as its paths are known here."""
        paths = source.paths if isinstance(source, DatastoreSource) else source.urls
        return await self.list_files(source) if paths else Listing(0, 0, ())

    def warm(self) -> None:
        """Start the worker processes in the background, with what they need; returns at once."""
        self._pool.warm(warm)

    async def _stored(self, source: Source) -> Place:
        if isinstance(source, WebSource):
            return _public(source.urls)
        tokens = Tokens(await self._tokens.token(ARM_SCOPE), await self._tokens.token(STORAGE_SCOPE))
        return DatastorePlace(self._workspace, source.datastore, source.paths, tokens)

    def _downloads(self, source: Source) -> tuple[str, ...] | None:
        if isinstance(source, DatastoreSource) or (source.urls and all(blob_url(url) for url in source.urls)):
            return None
        return source.urls

    async def _read(self, sources: tuple[Source, ...], task: Callable[..., Awaitable[T]]) -> T:
        try:
            return await super()._read(sources, task)
        except UserError as error:
            if error.code != TOKEN_REFUSED:
                raise
        # Expired or revoked between two uses, or in the middle of a long read: once more with new ones.
        self._tokens.forget()
        return await super()._read(sources, task)


def _public(urls: tuple[str, ...]) -> PublicPlace:
    """Raises InvalidInput for addresses with secrets in them."""
    paths: dict[ContainerAddress, list[str]] = {}
    for url in urls:
        check_url(url)
        found = blob_url(url)
        assert found is not None  # others are downloaded
        paths.setdefault(found[0], []).append(found[1])
    return PublicPlace(tuple((address, tuple(each)) for address, each in paths.items()))
