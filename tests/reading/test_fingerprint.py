"""Fingerprints: what they hold, what they notice and how they tell it."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.datasets.model import FileStamp, Fingerprint, FingerprintState
from services.errors import SourceProblem
from services.reading.fingerprint import batches, compare, fingerprint_of, hash_files, reusable
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


@pytest.mark.parametrize(
    ("after", "state", "counts", "detail"),
    [
        ([stamp("a"), stamp("b")], FingerprintState.UNCHANGED, (0, 0, 0), "2 files, as registered."),
        ([stamp("a"), stamp("b"), stamp("c")], FingerprintState.GROWN, (1, 0, 0), "1 file new: c."),
        ([stamp("a")], FingerprintState.VANISHED, (0, 1, 0), "1 file vanished: b."),
        ([stamp("a"), stamp("b", "y")], FingerprintState.CHANGED, (0, 0, 1), "1 file changed: b."),
        ([stamp("a"), stamp("c")], FingerprintState.CHANGED, (1, 1, 0), "1 file vanished, 1 new: b, c."),
        (
            [stamp("a", "y"), *(stamp(f"n{i}") for i in range(4))],
            FingerprintState.CHANGED,
            (4, 1, 1),
            "1 file changed, 1 vanished, 4 new: a, b, n0 and 3 more.",
        ),
        ([], FingerprintState.VANISHED, (0, 2, 0), "2 files vanished: a, b."),
    ],
)
def test_compare(after: list[FileStamp], state: FingerprintState, counts: tuple[int, int, int], detail: str) -> None:
    check = compare(taken(stamp("a"), stamp("b")), taken(*after))
    assert check.state is state
    assert (check.added, check.removed, check.changed) == counts
    assert check.detail == detail
    assert check.checked_at == NOW


def test_compare_without_hashes_of_one_kind_goes_by_size_and_time() -> None:
    etag = FileStamp("a", 1, EARLIER, 'etag:"1"')
    assert compare(taken(stamp("a")), taken(etag)).state is FingerprintState.UNCHANGED
    newer = FileStamp("a", 1, NOW, None)
    assert compare(taken(FileStamp("a", 1, EARLIER, None)), taken(newer)).state is FingerprintState.CHANGED
    assert (
        compare(taken(FileStamp("a", 1, EARLIER, 'etag:"1"')), taken(FileStamp("a", 1, EARLIER, 'etag:"2"'))).changed
        == 1
    )


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz")),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz")),
)
def test_compare_counts_every_file_once(before: dict[str, str], after: dict[str, str]) -> None:
    check = compare(taken(*(stamp(p, c) for p, c in before.items())), taken(*(stamp(p, c) for p, c in after.items())))
    assert check.added == len(after.keys() - before.keys())
    assert check.removed == len(before.keys() - after.keys())
    assert check.changed == sum(before[p] != after[p] for p in before.keys() & after.keys())
    assert (check.state is FingerprintState.UNCHANGED) == (before == after)


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
