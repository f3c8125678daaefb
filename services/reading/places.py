"""Where files are, as plain values that go to a worker process."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

from services.errors import SourceProblem
from services.reading.display import quoted


class LocalFile(NamedTuple):
    """One file to read. A named tuple, because it pickles fast and there may be very many.

    path: what a person knows it by (relative path or URL); local: where its bytes are; size in bytes;
    modified: last modified, UTC, None for downloads.
    """

    path: str
    local: str
    size: int
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Paths and globs below the folder of a datastore."""

    datastore: str
    root: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilesPlace:
    """Files that are on disk already (downloads)."""

    files: tuple[LocalFile, ...]


Place = FolderPlace | FilesPlace


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
