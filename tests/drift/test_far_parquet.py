"""Parquet files whose every read is a round trip: few large reads, whatever the size of row groups."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.drift.parquet_rows import ParquetRows
from services.drift.scan import plan_for, scan, threads
from services.reading.limits import DEFAULT_LIMITS
from services.reading.places import LocalFile


class _Stream(io.BytesIO):
    """Notes each read."""

    def __init__(self, data: bytes, reads: list[tuple[int, int]]) -> None:
        super().__init__(data)
        self._reads = reads

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        found = super().read(size)
        self._reads.append((start, len(found)))
        return found


@dataclass(frozen=True)
class Far:
    """A `SourceFile` far away."""

    path: str
    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)
    announced: list[list[tuple[int, int]]] = field(default_factory=list)
    modified: datetime | None = None
    hash: str | None = None
    read_size: int = 64 * 1024

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self, *, onward: bool = False) -> BinaryIO:
        return cast(BinaryIO, _Stream(self.data, self.reads))

    def will_read(self, ranges: Sequence[tuple[int, int]]) -> None:
        self.announced.append(list(ranges))


def _written(tmp_path: Path, *, rows: int, group: int) -> tuple[Path, pq.FileMetaData]:
    rng = np.random.default_rng(1)
    table = pa.table(
        {"x": rng.normal(size=rows), "y": rng.integers(0, 10**12, rows), "c": [f"k{n % 9}" for n in range(rows)]}
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=group, compression="none")
    return path, pq.read_metadata(path)


def _same_as_here(path: Path, far: Far) -> None:
    here = ParquetRows("a", [LocalFile("a.parquet", str(path), far.size, None)], DEFAULT_LIMITS)
    plan = plan_for(here)
    expected = scan(here, plan)
    there = ParquetRows("a", [far], DEFAULT_LIMITS)
    far.reads.clear()
    far.announced.clear()
    found = scan(there, plan)
    for mine, theirs in zip(found.columns, expected.columns, strict=True):
        assert (mine.rows, mine.nulls, mine.present) == (theirs.rows, theirs.nulls, theirs.present)
        if mine.numbers is not None and theirs.numbers is not None:
            assert np.array_equal(mine.numbers.upto, theirs.numbers.upto)
            assert np.allclose(mine.numbers.sum_below, theirs.numbers.sum_below, rtol=1e-12)
        if mine.categories is not None and theirs.categories is not None:
            assert mine.categories.counts == theirs.categories.counts
    assert plan_for(there).id == plan.id
    assert threads(there) > threads(here) or threads(here) >= 6


def test_large_chunks_are_read_whole_column_by_column(tmp_path: Path) -> None:
    path, metadata = _written(tmp_path, rows=200_000, group=100_000)
    far = Far("a.parquet", path.read_bytes())
    _same_as_here(path, far)
    rows = ParquetRows("a", [far], DEFAULT_LIMITS)
    assert rows.by_column
    far.reads.clear()
    far.announced.clear()
    assert sum(batch.num_rows for batch in rows.batches(["x"])) == 200_000
    chunks = {metadata.row_group(group).column(0).total_compressed_size for group in range(2)}
    assert {length for _, length in far.reads if length > 100_000} == chunks
    assert far.announced == []


def test_small_row_groups_are_read_together_and_announced(tmp_path: Path) -> None:
    path, metadata = _written(tmp_path, rows=5_000, group=500)
    far = Far("a.parquet", path.read_bytes())
    _same_as_here(path, far)
    rows = ParquetRows("a", [far], DEFAULT_LIMITS)
    assert not rows.by_column
    far.announced.clear()
    assert sum(batch.num_rows for batch in rows.batches(["y", "c"])) == 5_000
    assert len(far.announced) == metadata.num_row_groups == 10
    first = metadata.row_group(0)
    wanted = [first.column(index) for index in (1, 2)]
    assert [length for _, length in far.announced[0][:2]] == [each.total_compressed_size for each in wanted]
    assert len(far.announced[0]) == 4, "the next row group too"
    assert len(far.announced[-1]) == 2
