"""The `DataReader` of an Azure workspace. Runs in the process that answers Slack: it opens no data itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from services.azure.resource import AzureWorkspaceId
from services.azure.storage.account import ContainerAddress, blob_url
from services.azure.storage.place import DatastorePlace, PublicPlace, Tokens, warm
from services.azure.storage.problems import TOKEN_REFUSED
from services.datasets.model import DatastoreSource, Source, WebSource
from services.errors import UserError
from services.ports import Clock
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.places import Place
from services.reading.reader import PlaceReader
from services.reading.url_guard import check_url
from services.reading.web import WebFiles

T = TypeVar("T")

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
        *,
        workers: int = 2,
        scratch: Path,
        clock: Clock,
        limits: Limits = DEFAULT_LIMITS,
        allow_private_urls: bool = False,
        web: WebFiles | None = None,
    ) -> None:
        """scratch: folder for downloads of web files, made if missing."""
        web = web or WebFiles(scratch, allow_private=allow_private_urls, limits=limits)
        super().__init__(workers=workers, clock=clock, limits=limits, web=web)
        self._workspace = workspace
        self._tokens = tokens

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
