"""Places in Azure: values that go to a worker process, which looks up the datastore and its credential itself.

Tokens travel inside them, in memory only; a datastore's own key, signature or client secret is fetched in the process
that uses it and never leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from services.azure.resource import AzureWorkspaceId
from services.azure.storage.account import ContainerAddress
from services.azure.storage.ahead import Ahead
from services.azure.storage.blobs import BlobSource
from services.azure.storage.container import Container
from services.azure.storage.datastore import open_datastore
from services.errors import SourceProblem
from services.reading import work
from services.reading.limits import Limits
from services.reading.patterns import natural_key
from services.reading.places import FileSource, Found, SourceFile


@dataclass(frozen=True, slots=True)
class Tokens:
    """Access tokens of the bot's identity."""

    management: str = field(repr=False)
    storage: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DatastorePlace:
    """Paths and globs of a datastore."""

    workspace: AzureWorkspaceId
    datastore: str
    paths: tuple[str, ...]
    tokens: Tokens

    def reading(self) -> AbstractContextManager[FileSource]:
        """Look the datastore up. Raises NotFound, NotAllowed, SourceProblem, Unavailable."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[FileSource]:
        container = open_datastore(self.workspace, self.datastore, self.tokens.management, self.tokens.storage)
        ahead = Ahead()
        try:
            yield BlobSource(container, self.paths, ahead)
        finally:
            ahead.close()


@dataclass(frozen=True, slots=True)
class PublicPlace:
    """Paths and globs of public containers, read without any credential. paths: (container, its paths)."""

    paths: tuple[tuple[ContainerAddress, tuple[str, ...]], ...]

    def reading(self) -> AbstractContextManager[FileSource]:
        """Nothing is asked for yet."""
        return self._reading()

    @contextmanager
    def _reading(self) -> Iterator[FileSource]:
        with ExitStack() as stack:
            sources: list[BlobSource] = []
            for address, paths in self.paths:
                ahead = Ahead()
                stack.callback(ahead.close)
                sources.append(BlobSource(Container(address, None, None), paths, ahead, f"{address.url}/"))
            yield _Together(tuple(sources))


@dataclass(frozen=True, slots=True)
class _Together:
    """Several containers as one source."""

    sources: tuple[BlobSource, ...]

    def find(self, limit: int, limits: Limits) -> Found[SourceFile]:
        """At most `limit` files of all."""
        found = [source.find(limit, limits) for source in self.sources]
        files = sorted((file for each in found for file in each.files), key=lambda file: natural_key(file.path))
        return Found(tuple(files[:limit]), len(files) > limit or any(each.truncated for each in found))

    def nothing_matches(self) -> SourceProblem:
        """That of the first."""
        return self.sources[0].nothing_matches()


def warm() -> None:
    """Like `work.warm`; being here, it makes a worker import what reading from storage needs too."""
    work.warm()
