"""What a version's files were, and whether they still are.

Hashing happens in batches, each one task of a worker process, so that a huge dataset neither holds a worker for hours
nor keeps its progress to itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from services.datasets.model import FileStamp, Fingerprint, FingerprintCheck, FingerprintState
from services.errors import SourceProblem
from services.reading.display import visible
from services.reading.limits import Limits, counted
from services.reading.places import LocalFile, modified_at, open_file

CHUNK = 1024 * 1024
EXAMPLES = 3
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


def same_content(before: FileStamp, after: FileStamp) -> bool:
    """True if two stamps of one path tell of the same bytes. Without hashes of one kind, size and time decide."""
    if before.size != after.size and before.size and after.size:
        return False
    if before.hash is not None and after.hash is not None and _kind(before.hash) == _kind(after.hash):
        return before.hash == after.hash
    return (before.size, before.modified) == (after.size, after.modified)


def _kind(content: str) -> str:
    return content.partition(":")[0] if content.startswith(("sha256:", "etag:", "modified:")) else ""


def compare(before: Fingerprint, after: Fingerprint) -> FingerprintCheck:
    """What happened to the files between two fingerprints.

    Changed content weighs most, then vanished files, then new ones: the state names the worst, the counts and the
    sentence tell all of it.
    """
    if before.digest == after.digest:
        return FingerprintCheck(
            FingerprintState.UNCHANGED,
            after.taken_at,
            detail=f"{counted(after.file_count, 'file')}, as registered.",
        )
    old = {stamp.path: stamp for stamp in before.files}
    new = {stamp.path: stamp for stamp in after.files}
    added = [path for path in new if path not in old]
    removed = [path for path in old if path not in new]
    changed = [path for path, stamp in new.items() if path in old and not same_content(old[path], stamp)]
    if not (added or removed or changed):  # e.g. touched, or an ETag where there was a hash
        state = FingerprintState.UNCHANGED
    elif changed or (removed and added):
        state = FingerprintState.CHANGED
    elif removed:
        state = FingerprintState.VANISHED
    else:
        state = FingerprintState.GROWN
    return FingerprintCheck(
        state,
        after.taken_at,
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        detail=_detail(changed, removed, added, after.file_count),
    )


def unreachable(detail: str, checked_at: datetime) -> FingerprintCheck:
    """The outcome of a check whose source could not be read. detail: the sentence of the error."""
    return FingerprintCheck(FingerprintState.UNREACHABLE, checked_at, detail=detail)


def _detail(changed: list[str], removed: list[str], added: list[str], total: int) -> str:
    kinds = (("changed", changed), ("vanished", removed), ("new", added))
    told: list[str] = []
    for word, paths in kinds:
        if paths:
            noun = f"{counted(len(paths), 'file')} " if not told else f"{len(paths):,} "
            told.append(f"{noun}{word}")
    if not told:
        return f"{counted(total, 'file')}, contents as registered."
    shown = [path for _, paths in kinds for path in paths][:EXAMPLES]
    names = ", ".join(visible(path, 80) for path in shown)
    more = sum(len(paths) for _, paths in kinds) - len(shown)
    return f"{', '.join(told)}: {names}{f' and {more:,} more' if more else ''}."
