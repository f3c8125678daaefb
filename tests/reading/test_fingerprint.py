"""Fingerprints: what they hold, what they notice and how they tell it."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.datasets.model import FileStamp, Fingerprint
from services.errors import SourceProblem
from services.reading.fingerprint import batches, fingerprint_of, hash_files, reusable
from services.reading.limits import Limits
from services.reading.listing import find
from services.reading.places import LocalFile
from tests.reading.places import place, write

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)


def stamp(path: str, content: str = "x", size: int = 1, modified: datetime | None = EARLIER) -> FileStamp:
    return FileStamp(path, size, modified, f"sha256:{content}" if content else None)


def taken(*stamps: FileStamp) -> Fingerprint:
    return fingerprint_of(stamps, NOW)


def test_hash_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    write(tmp_path, "data.bin", content)
    (one,) = hash_files(find(place(tmp_path, "data.bin"), 1).files)
    assert one.hash == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert one.size == 3_000_000
    assert one.modified is not None


def test_a_file_that_became_a_link_or_vanished_is_refused(tmp_path: Path) -> None:
    secret = write(tmp_path, "secret", "s")
    path = write(tmp_path, "store/data.csv", "a\n1\n")
    files = find(place(tmp_path / "store", "data.csv"), 1).files
    path.unlink()
    with pytest.raises(SourceProblem) as problem:
        hash_files(files)
    assert problem.value.code == "file_vanished"
    path.symlink_to(secret)
    with pytest.raises(SourceProblem) as problem:
        hash_files(files)
    assert problem.value.code == "unreadable"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5), st.integers(0, 9)), unique_by=lambda item: item[0], max_size=6))
def test_digest_does_not_depend_on_order(items: list[tuple[str, int]]) -> None:
    stamps = [stamp(path, size=size) for path, size in items]
    assert taken(*stamps).digest == taken(*reversed(stamps)).digest


@pytest.mark.parametrize(
    "other",
    [
        taken(stamp("a", "y"), stamp("b")),
        taken(stamp("a", size=2), stamp("b")),
        taken(stamp("a")),
        taken(stamp("a"), stamp("c")),
        taken(stamp("ab")),
    ],
)
def test_digest_depends_on_all_that_counts(other: Fingerprint) -> None:
    assert taken(stamp("a"), stamp("b")).digest != other.digest


def test_digest_uses_the_time_only_without_a_hash() -> None:
    assert taken(stamp("a", modified=NOW)).digest == taken(stamp("a")).digest
    assert taken(stamp("a", "", modified=NOW)).digest != taken(stamp("a", "")).digest


def local(path: str, size: int = 1, modified: datetime | None = EARLIER) -> LocalFile:
    return LocalFile(path, f"/{path}", size, modified)


def test_unchanged_files_keep_their_hash() -> None:
    previous = taken(stamp("a"), stamp("b"), stamp("c"), stamp("d", "", modified=EARLIER))
    files = [local("a"), local("b", size=2), local("c", modified=NOW), local("d"), local("e")]
    assert set(reusable(files, previous)) == {"a"}
    assert reusable(files, None) == {}


def test_a_file_written_just_before_hashing_is_read_again() -> None:
    just = NOW - timedelta(seconds=1)
    previous = fingerprint_of([stamp("a", modified=just)], NOW)
    assert reusable([local("a", modified=just)], previous) == {}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=40))
def test_batches_hold_every_file_once_within_bounds(sizes: list[int]) -> None:
    files = [local(str(index), size) for index, size in enumerate(sizes)]
    groups = list(batches(files, Limits(hash_batch_bytes=60, hash_batch_files=5)))
    assert [file for group in groups for file in group] == files
    assert all(len(group) == 1 or sum(file.size for file in group) <= 60 for group in groups)
    assert all(0 < len(group) <= 5 for group in groups)
