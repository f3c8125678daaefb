"""Rows of Parquet files: schema and row counts from their footers, rows by row group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from services.errors import SourceProblem
from services.reading.chunks import Chunk, FileColumns, evenly, thinned
from services.reading.columns import column_type
from services.reading.display import quoted, visible
from services.reading.limits import Limits
from services.reading.places import SourceFile, announce_tails
from services.reading.schema_check import same_columns

_BATCH = 8192
_SAMPLE = 100_000  # rows of a whole sample, for which `Limits.fetched_bytes` are meant
_FOOTER_MINIMUM = 12  # magic, footer length, magic
_PAGE = 1280 * 1024  # a page of a column, about 1 MiB as most writers make it, and a dictionary before it
_FOOTER_READ = 64 * 1024  # what Arrow reads first from a file's end


@dataclass(frozen=True, slots=True)
class ParquetReader:
    """See `RowReader`. schema: of the first file; row_count: exact if all footers were read."""

    files: tuple[SourceFile, ...]
    schema: pa.Schema
    row_count: int | None
    limits: Limits
    notes: tuple[str, ...]
    text_columns: bool = False

    def not_null(self, name: str) -> bool | None:
        index = self.schema.get_field_index(name)
        return None if index < 0 else not self.schema.field(index).nullable

    def rows(self, file: SourceFile) -> Iterator[Chunk]:
        """All rows of a file."""
        row = 1
        with file.open() as stream:
            parquet = opened(file, stream)
            for group in range(parquet.metadata.num_row_groups):
                for table in _batches(file, parquet, group, _BATCH):
                    yield Chunk(file, table, row)
                    row += table.num_rows

    def spread(self, file: SourceFile, rows: int) -> Iterator[Chunk]:
        """Rows spread over row groups that are spread over the file."""
        with file.open() as stream:
            parquet = opened(file, stream)
            metadata = parquet.metadata
            sizes = [int(metadata.row_group(index).num_rows) for index in range(metadata.num_row_groups)]
            segments, decodable = self.limits.segments, self.limits.decoded_rows
            if file.read_size and file.size > self.limits.scan_bytes and sizes:
                # Every row group costs at least a page of each column: fewer of them, and fewer rows to thin out.
                cost = sum(length for _, length in _ranges(metadata.row_group(0), 0, _BATCH))
                affordable = self.limits.fetched_bytes * rows // _SAMPLE // max(cost, 1)
                segments = min(segments, max(affordable, 2 if rows >= _BATCH else 1))
                decodable = 2 * rows
            groups = evenly(len(sizes), segments)
            total = sum(sizes[group] for group in groups)
            for group in groups:
                decoded = min(sizes[group], max(decodable * sizes[group] // max(total, 1), _BATCH))
                quota = max(round(rows * sizes[group] / max(total, 1)), 1)
                seen = 0
                for table in _batches(file, parquet, group, decoded):
                    yield Chunk(file, thinned(table, max(round(table.num_rows * quota / decoded), 1)), None)
                    seen += table.num_rows
                    if seen >= decoded:
                        break


def open_parquet(files: tuple[SourceFile, ...], limits: Limits) -> ParquetReader:
    """Read the footers of the first files, compare their columns and make a reader. Raises SourceProblem."""
    footers = files[: limits.footers]
    announce_tails(footers, _FOOTER_READ)
    columns: list[FileColumns] = []
    rows = 0
    first: pa.Schema | None = None
    for file in footers:
        with file.open() as stream:
            parquet = opened(file, stream)
            schema = parquet.schema_arrow
            rows += parquet.metadata.num_rows
        if first is None:
            first = schema
            _distinct_names(file, schema)
        columns.append(
            FileColumns(
                file,
                tuple(
                    (field.name, None if pa.types.is_null(field.type) else column_type(field.type)) for field in schema
                ),
            )
        )
    assert first is not None  # callers pass at least one file
    same_columns(columns, ordered=False)
    if rows == 0 and len(footers) == len(files):
        what = quoted(files[0].path) if len(files) == 1 else "The files"
        raise SourceProblem(
            f"{what} have columns but no rows." if len(files) > 1 else f"{what} has columns but no rows.",
            code="no_rows",
            field="source",
        )
    complete = len(footers) == len(files)
    notes = () if complete else (f"Columns of the first {len(footers):,} of {len(files):,} files were compared.",)
    return ParquetReader(files, first, rows if complete else None, limits, notes)


def _batches(file: SourceFile, parquet: pq.ParquetFile, group: int, wanted: int) -> Iterator[pa.Table]:
    """Batches of a row group. wanted: how many of its rows will probably be read; more can be."""
    metadata = parquet.metadata.row_group(group)
    wanted = _announce(file, metadata, 0, wanted)
    batches = parquet.iter_batches(batch_size=_BATCH, row_groups=[group], use_threads=False)
    seen = 0
    while True:
        try:
            item = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(file, error) from None
        if item is None:
            return
        if item.num_rows:
            yield pa.Table.from_batches([item])
        seen += item.num_rows
        if seen >= wanted:  # who reads on reads more than a little
            wanted = _announce(file, metadata, seen, 8 * seen)


def _announce(file: SourceFile, group: pq.RowGroupMetaData, start: int, stop: int) -> int:
    """Announce rows `start` to `stop` of a row group; returns `stop`."""
    if file.read_size and start < group.num_rows:
        file.will_read(_ranges(group, start, stop))
    return stop


def _ranges(group: pq.RowGroupMetaData, start: int, stop: int) -> list[tuple[int, int]]:
    """(First byte, length) in each column where rows `start` to `stop` probably are.

    Rows of one column take about the same room each; the dictionary at the beginning and whole pages are allowed for.
    """
    ranges: list[tuple[int, int]] = []
    for index in range(group.num_columns):
        column = group.column(index)
        first = column.data_page_offset
        if column.dictionary_page_offset is not None:
            first = min(first, column.dictionary_page_offset)
        length = column.total_compressed_size
        begin = length * start // max(group.num_rows, 1)
        end = min(length * stop // max(group.num_rows, 1) + _PAGE, length)
        ranges.append((first + begin, end - begin))
    return ranges


def _distinct_names(file: SourceFile, schema: pa.Schema) -> None:
    seen: set[str] = set()
    for name in schema.names:
        if not name:
            raise SourceProblem(
                f"{quoted(file.path)} has a column without a name. Give it one and write the file again.",
                code="unnamed_column",
                field="source",
            )
        if name in seen:
            raise SourceProblem(
                f"{quoted(file.path)} has the column {quoted(name, 60)} twice. Rename one and write the file again.",
                code="duplicate_columns",
                field="source",
            )
        seen.add(name)


def opened(file: SourceFile, stream: object) -> pq.ParquetFile:
    """The file's footer, ready to read. Raises SourceProblem."""
    if file.size == 0:
        raise SourceProblem(
            f"{quoted(file.path)} is empty (0 bytes). Write it again, or narrow the path so that it is left out.",
            code="empty_file",
            field="source",
        )
    try:
        # Without a buffer, Arrow reads whole column chunks; with one, only the pages that are wanted.
        return pq.ParquetFile(stream, pre_buffer=False, buffer_size=file.read_size)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, error) from None


def unreadable(file: SourceFile, error: Exception) -> SourceProblem:
    """What is wrong with a file that Arrow refuses, as a sentence; a MemoryError is raised on."""
    if isinstance(error, MemoryError):
        raise error
    text = str(error)
    if file.size < _FOOTER_MINIMUM or "magic bytes" in text:
        with file.open() as stream:
            begins = stream.read(4) == b"PAR1"
        if begins:
            return SourceProblem(
                f"{quoted(file.path)} is cut off: its end is missing. Upload or write it again.",
                code="parquet_truncated",
                field="source",
            )
        return SourceProblem(
            f"{quoted(file.path)} is not a Parquet file. Choose the format it has, or narrow the path, "
            "for example with *.parquet at its end.",
            code="format_wrong",
            field="format",
        )
    return SourceProblem(
        f"{quoted(file.path)} is damaged or uses a feature of Parquet that cannot be read: {visible(text, 160)}. "
        "Write it again.",
        code="parquet_damaged",
        field="source",
    )
