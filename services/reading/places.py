"""Where files are: plain values that go to a worker process, and what opens them there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Generic, NamedTuple, Protocol, TypeVar

from services.datasets.model import Listing
from services.errors import SourceProblem
from services.reading.display import quoted, visible
from services.reading.limits import Limits

NAMES_SHOWN = 20
_SOON = 8  # files


class SourceFile(Protocol):
    """One listed file, wherever it is."""

    @property
    def path(self) -> str:
        """What a person knows it by: relative path or URL."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def modified(self) -> datetime | None:
        """Last modified, UTC, if that is known."""
        ...

    @property
    def hash(self) -> str | None:
        """Hash or ETag of the content where the listing tells one."""
        ...

    @property
    def read_size(self) -> int:
        """Bytes worth reading at a time where every read costs a round trip; 0 where reads are cheap."""
        ...

    def open(self, *, onward: bool = False) -> BinaryIO:
        """The file's bytes, seekable. Raises SourceProblem, also while they are read.

        onward: they are read from some place on and on, so that a remote file may fetch what follows ahead of time.
        """
        ...

    def will_read(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Announce (first byte, length) in the order they will be read: a remote file fetches them ahead of time."""
        ...


def announce_heads(files: Sequence[SourceFile], length: int) -> None:
    """The first `length` bytes of each file will be read."""
    for file in files:
        file.will_read([(0, length)])


def announce_tails(files: Sequence[SourceFile], length: int) -> None:
    """The last `length` bytes of each file will be read."""
    for file in files:
        start = max(file.size - length, 0)
        file.will_read([(start, file.size - start)])


def one_after_another(files: Sequence[SourceFile], length: int) -> Iterator[SourceFile]:
    """The files in order; the first `length` bytes of those that come next are announced in time."""
    for index, file in enumerate(files):
        if index == 0:
            announce_heads(files[: 2 * _SOON], length)
        elif index % _SOON == 0:
            announce_heads(files[index + _SOON : index + 2 * _SOON], length)
        yield file


F_co = TypeVar("F_co", bound=SourceFile, covariant=True)


@dataclass(frozen=True, slots=True)
class Found(Generic[F_co]):
    """Files in natural order; truncated when there are more."""

    files: tuple[F_co, ...]
    truncated: bool

    def listing(self) -> Listing:
        """Count, bytes and first names."""
        return Listing(
            file_count=len(self.files),
            total_bytes=sum(file.size for file in self.files),
            names=tuple(visible(file.path, 300) for file in self.files[:NAMES_SHOWN]),
            truncated=self.truncated,
        )


class FileSource(Protocol):
    """A place that is open for reading."""

    def find(self, limit: int, limits: Limits) -> Found[SourceFile]:
        """At most `limit` files. Raises InvalidInput for a path that cannot be, SourceProblem if it cannot be read."""
        ...

    def nothing_matches(self) -> SourceProblem:
        """The sentence for a place without files, with the nearest thing that exists."""
        ...


class Place(Protocol):
    """A place as a value that pickles. Its files can be read while it is open."""

    def reading(self) -> AbstractContextManager[FileSource]:
        """Open it in the process that reads."""
        ...


class LocalFile(NamedTuple):
    """One file on disk, a `SourceFile`. A named tuple, because it pickles fast and there may be very many.

    local: where its bytes are; modified: None for downloads; hash: None, only reading it tells.
    """

    path: str
    local: str
    size: int
    modified: datetime | None
    hash: str | None = None

    @property
    def read_size(self) -> int:
        """Reads are cheap."""
        return 0

    def open(self, *, onward: bool = False) -> BinaryIO:
        """Open it, refusing what has become something else since it was listed. Raises SourceProblem."""
        return open_file(self)

    def will_read(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Nothing to prepare: the system reads ahead."""


def modified_at(status: os.stat_result) -> datetime:
    """Last modified, UTC."""
    return datetime.fromtimestamp(status.st_mtime, tz=UTC)


def open_file(file: LocalFile) -> BinaryIO:
    """Open a listed file for reading.

    Refuses what has become something else since it was listed (a symbolic link, a pipe). Raises SourceProblem.
    """
    try:
        descriptor = os.open(file.local, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SourceProblem(
            f"{quoted(file.path)} vanished while it was read. Try again.", code="file_vanished"
        ) from None
    except PermissionError:
        raise SourceProblem(
            f"The bot may not read {quoted(file.path)}. Ask whoever runs the datastore for read access.",
            code="no_permission",
        ) from None
    except OSError as error:
        raise SourceProblem(
            f"{quoted(file.path)} cannot be read: {error.strerror or 'input/output error'}.",
            code="unreadable",
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceProblem(f"{quoted(file.path)} is not a regular file any more.", code="unreadable")
    return os.fdopen(descriptor, "rb")
