"""Rows on their way from files: what every format's reader yields and offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
import pyarrow as pa

from services.datasets.model import ColumnType
from services.drift.buffers import as_array
from services.reading.places import SourceFile


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of one file, columns as the format gives them (all text for delimited files).

    first_row: number of the first row in its file, from 1; None when it is not known.
    """

    file: SourceFile
    table: pa.Table
    first_row: int | None


class Segment(Protocol):
    """Reads about `length` bytes of a text file from byte `start` on, as chunks."""

    def __call__(self, file: SourceFile, start: int, length: int) -> Iterator[Chunk]: ...


def spread_text(
    file: SourceFile,
    rows: int,
    all_rows: Iterator[Chunk],
    segment: Segment | None,
    *,
    window_bytes: int,
    scan_bytes: int,
    segments: int,
) -> Iterator[Chunk]:
    """About `rows` rows of a text file, spread evenly.

    Files up to `scan_bytes` are read and thinned; of larger ones `segments` pieces are read, the beginning only where
    one cannot seek (segment is None).
    """
    first = next(all_rows, None)
    if first is None:
        return
    row_bytes = min(window_bytes, file.size) / first.table.num_rows
    share = min(rows * row_bytes / file.size, 1.0)  # of a packed file this share is too large: then it is thinned less
    if file.size <= scan_bytes:
        left = 2 * rows
        for chunk in chain((first,), all_rows):
            kept = thinned(chunk.table, min(max(round(chunk.table.num_rows * share), 1), left))
            left -= kept.num_rows
            yield Chunk(file, kept, None)
            if left <= 0:
                return
        return
    if segment is None:
        left = rows
        for chunk in chain((first,), all_rows):
            yield Chunk(file, chunk.table.slice(0, left), None)
            left -= chunk.table.num_rows
            if left <= 0:
                return
        return
    quota = max(rows // segments, 1)
    length = int(quota * row_bytes * 1.5) + 16 * 1024
    yield Chunk(file, thinned(first.table.slice(0, quota), quota), None)
    starts = [file.size * index // segments for index in range(1, segments)]
    file.will_read([(start - 1, length + 1) for start in starts])
    for start in starts:
        left = quota
        for chunk in segment(file, start, length):
            yield Chunk(file, thinned(chunk.table.slice(0, left), left), None)
            left -= chunk.table.num_rows
            if left <= 0:
                break


class RowReader(Protocol):
    """The files of a Tabular dataset in one format. Opened by a function that has checked their columns."""

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Files with rows, in order."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences worth telling about the files."""
        ...

    @property
    def text_columns(self) -> bool:
        """True if values are text whose types have to be inferred."""
        ...

    @property
    def row_count(self) -> int | None:
        """Number of rows of all files where the files tell it."""
        ...

    def not_null(self, name: str) -> bool | None:
        """True if the files promise that a column has no nulls, None if they say nothing."""
        ...

    def rows(self, file: SourceFile) -> Iterator[Chunk]:
        """All rows of a file from its beginning, in chunks of bounded size."""
        ...

    def spread(self, file: SourceFile, rows: int) -> Iterator[Chunk]:
        """About `rows` rows spread evenly over a file, or over as much of it as is quick to read."""
        ...


@dataclass(frozen=True, slots=True)
class FileColumns:
    """The columns of one file, type None where the file does not tell."""

    file: SourceFile
    columns: tuple[tuple[str, ColumnType | None], ...]


def thinned(table: pa.Table, keep: int) -> pa.Table:
    """`keep` rows spread evenly over the table, all if it has no more: rows are often in the order of time."""
    rows = table.num_rows
    if rows <= keep:
        return table
    # A copy on purpose: a slice would hold the whole table in memory.
    return table.take(as_array(np.arange(keep, dtype=np.int64) * rows // keep))


def evenly(count: int, wanted: int) -> list[int]:
    """`wanted` indices spread evenly over range(count), first and last included; all if there are no more."""
    if count <= wanted:
        return list(range(count))
    if wanted == 1:
        return [0]
    return sorted({round(index * (count - 1) / (wanted - 1)) for index in range(wanted)})
