"""What a version's files are: hashing them, and the fingerprint made of that.

Hashing happens in batches, each one task of a worker process, so that a huge dataset neither holds a worker for hours
nor keeps its progress to itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from services.datasets.model import FileStamp, Fingerprint
from services.errors import SourceProblem
from services.reading.display import visible
from services.reading.limits import Limits
from services.reading.places import LocalFile, modified_at, open_file

CHUNK = 1024 * 1024
# A file changed twice within one tick of the file system's clock has the same time both times: a hash is trusted
# without reading only if it was taken well after the change.
_SETTLED = timedelta(seconds=2)


def hash_files(files: Sequence[LocalFile]) -> tuple[FileStamp, ...]:
    """Read every file and return its stamp with a "sha256:…" hash. Size and time are those of the bytes read.

    Raises SourceProblem if a file cannot be read or changes while it is read.
    """
    return tuple(_hash(file) for file in files)


def _hash(file: LocalFile) -> FileStamp:
    digest = hashlib.sha256()
    with open_file(file) as stream:
        before = os.fstat(stream.fileno())
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceProblem(
            f"“{visible(file.path)}” changed while it was read. Try again when nothing writes to it.",
            code="file_changing",
        )
    modified = modified_at(after) if file.modified is not None else None
    return FileStamp(file.path, after.st_size, modified, f"sha256:{digest.hexdigest()}")


def reusable(files: Iterable[LocalFile], previous: Fingerprint | None) -> dict[str, FileStamp]:
    """Stamps of an earlier fingerprint that hold for files whose size and time have not changed since, by path."""
    if previous is None:
        return {}
    settled = previous.taken_at - _SETTLED
    known = {stamp.path: stamp for stamp in previous.files if stamp.hash is not None}
    return {
        file.path: stamp
        for file in files
        if (stamp := known.get(file.path)) is not None
        and file.modified is not None
        and (stamp.size, stamp.modified) == (file.size, file.modified)
        and file.modified < settled
    }


def batches(files: Iterable[LocalFile], limits: Limits) -> Iterator[tuple[LocalFile, ...]]:
    """Files in groups for one task each: bounded in bytes (a larger file is alone) and in number."""
    batch: list[LocalFile] = []
    size = 0
    for file in files:
        if batch and (size + file.size > limits.hash_batch_bytes or len(batch) >= limits.hash_batch_files):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield tuple(batch)


def fingerprint_of(stamps: Iterable[FileStamp], taken_at: datetime) -> Fingerprint:
    """The fingerprint of these files, sorted by path."""
    files = tuple(sorted(stamps, key=lambda stamp: stamp.path))
    digest = hashlib.sha256()
    for stamp in files:
        content = stamp.hash or (stamp.modified.astimezone(UTC).isoformat() if stamp.modified else "")
        for part in (stamp.path, str(stamp.size), content):
            encoded = part.encode("utf-8", "surrogateescape")
            # Lengths before contents: no two different lists give the same bytes.
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return Fingerprint(digest.hexdigest(), files, taken_at)
