"""Texts: hashed alike everywhere, counted alike however they are packed, and in bounded memory however many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.drift.buffers import text_array
from services.drift.categories import CategoryCounter, all_in_buckets, as_buckets, distinct, hashes, kept
from services.drift.model import BUCKETS, CATEGORIES
from tests.drift.frames import one, profiled

HASHES = {
    "": "0000000000000000",
    "a": "80c1ae61e48259f9",
    "abcdefgh": "0aba0c1030dde094",
    "abcdefghi": "5c869727d7eeb31f",
    "x" * 9000: "3dc2caf04c2bbb5e",
}

_texts = st.lists(st.text(max_size=40), max_size=40)


@settings(deadline=None)
@given(_texts, st.integers(0, 40))
def test_a_hash_does_not_depend_on_what_lies_around_a_text(texts: list[str], start: int) -> None:
    array = text_array(texts)
    alone = [int(hashes(text_array([text]))[0]) for text in texts]
    assert hashes(array).tolist() == alone
    assert hashes(array.slice(min(start, len(texts)))).tolist() == alone[start:]
    assert hashes(pa.array(texts, pa.string())).tolist() == alone


def test_hashes_stay_as_they_are() -> None:
    """Stored profiles hold counts by hash: another hash would need another version of their format."""
    told = {
        text: f"{int(hashes(text_array([text]))[0]):016x}" for text in ("", "a", "abcdefgh", "abcdefghi", "x" * 9000)
    }
    assert told == HASHES


def test_near_texts_fall_apart() -> None:
    """A quarter of a million texts that differ in one digit: no collision, and buckets as even as chance makes them."""
    marks = hashes(text_array([f"id-{number:08d}" for number in range(250_000)]))
    assert len(np.unique(marks)) == 250_000
    filled = np.bincount((marks >> np.uint64(40)).astype(np.int64) % BUCKETS, minlength=BUCKETS)
    assert filled.var() == pytest.approx(filled.mean(), rel=0.15)  # Poisson


@pytest.mark.parametrize("size", [255, 256, 257, 5000])
def test_long_texts_are_told_by_their_beginning_and_all_of_them_by_hash(size: int) -> None:
    a, b = "é" * size, "é" * (size - 1) + "x"
    assert (kept(a) == a) is (size <= 256)
    assert len(kept(a)) <= 256
    assert kept(a) != kept(b)
    found = one([a, b, a] * 20, [a, b, a] * 20)
    assert found.baseline.distinct == 2


def test_texts_are_counted_alike_however_they_are_packed() -> None:
    values = ["a", None, "b", "", "b", "ü" * 300, None, "a"] * 10
    plain = pa.array(values)
    expected = {"a": 20, "b": 20, "": 10, kept("ü" * 300): 10}
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None, 2]), pa.array(["x", None, "x"]))
    for array in (plain, plain.cast(pa.large_string()), plain.cast(pa.string_view()), plain.dictionary_encode()):
        column = profiled({"x": array}).columns[0]
        assert column.categories is not None
        assert dict(column.categories.counts or {}) == expected
        assert (column.rows, column.nulls) == (80, 20)
    column = profiled({"x": twice}).columns[0]
    assert column.categories is not None
    assert dict(column.categories.counts or {}) == {"x": 3}
    assert column.nulls == 2


def test_buckets_are_the_same_whether_texts_were_counted_by_name_first() -> None:
    texts = [f"t{number % 9000}" for number in range(30_000)]
    by_name, by_hash = CategoryCounter(("t1", "t2")), CategoryCounter(("t1", "t2"))
    by_name.add(pa.array(texts))
    by_hash.add(pa.array([*texts, *(f"u{number}" for number in range(CATEGORIES))]))
    rest = CategoryCounter(("t1", "t2"))
    rest.add(pa.array([f"u{number}" for number in range(CATEGORIES)]))
    named, hashed, other = by_name.result(), by_hash.result(), rest.result()
    assert named.counts is not None
    assert hashed.counts is None
    for mine, added, theirs in zip(
        as_buckets(named, named.pinned), as_buckets(other, other.pinned), as_buckets(hashed, hashed.pinned), strict=True
    ):
        assert np.array_equal(mine + added, theirs)
    assert all_in_buckets(hashed, hashed.pinned).sum() == 30_000 + CATEGORIES


def test_how_many_different_texts_is_told_to_its_error() -> None:
    for many in (20_000, 300_000):
        counter = CategoryCounter(())
        counter.add(text_array(f"{number}" for number in range(many)))
        estimate, error = distinct(counter.result())
        assert abs(estimate - many) <= 4 * error * many


_PEAK = """
def peak():  # in MiB; what getrusage tells is handed down by the process that started this one
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
"""

_MANY = (
    _PEAK
    + """
import sys
import pyarrow as pa
from services.drift.buffers import text_array
from services.drift.categories import CategoryCounter
counter, peaks = CategoryCounter(()), []
for block in range(int(sys.argv[1])):
    counter.add(text_array(f"session-{number}" for number in range(block * 20_000, (block + 1) * 20_000)))
    peaks.append(peak())
print(peaks[9], peaks[-1])
"""
)


@pytest.mark.slow
def test_ever_more_different_texts_take_no_more_memory() -> None:
    """As a billion would: nothing but counters is kept."""
    done = subprocess.run([sys.executable, "-c", _MANY, "60"], capture_output=True, text=True, check=True)
    early, late = map(float, done.stdout.split())
    assert late - early < 15


_SCAN = (
    _PEAK
    + """
import sys
import pyarrow as pa
from services.drift.local_files import find_files, open_files
from services.drift.run import counted
pa.set_cpu_count(1)
profile = counted(open_files("x", find_files(sys.argv[1])))
print(profile.rows, peak())
"""
)


@pytest.mark.slow
def test_one_huge_row_group_is_read_in_pieces(tmp_path: Path) -> None:
    """A row group of 3 million rows (72 MB of numbers in three columns) takes hardly more memory than a small one."""
    rng = np.random.default_rng(1)
    peaks = []
    for rows in (150_000, 3_000_000):
        path = tmp_path / f"{rows}.parquet"
        table = pa.table({name: rng.normal(size=rows) for name in "abc"})
        pq.write_table(table, path, row_group_size=rows, use_dictionary=False)
        done = subprocess.run([sys.executable, "-c", _SCAN, str(path)], capture_output=True, text=True, check=True)
        seen, peak = done.stdout.split()
        assert int(seen) == rows
        peaks.append(float(peak))
    assert peaks[1] - peaks[0] < 30


@pytest.mark.slow
def test_large_texts_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    """30,000 different texts of 6 KB each (180 MB) in one row group."""
    path = tmp_path / "large.parquet"
    table = pa.table({"text": [f"{number:06d}" + "large text " * 550 for number in range(30_000)]})
    pq.write_table(table, path, row_group_size=30_000, use_dictionary=False)
    done = subprocess.run([sys.executable, "-c", _SCAN, str(path)], capture_output=True, text=True, check=True)
    seen, peak = done.stdout.split()
    assert int(seen) == 30_000
    assert float(peak) < 260
