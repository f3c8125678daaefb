"""Rows of Parquet files for a scan: only the columns wanted, pages as they come, whatever the size of row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from services.drift.columns import kind_of
from services.drift.model import FileFacts, Kind
from services.drift.numbers import BLOCK
from services.errors import SourceProblem
from services.reading.chunks import evenly, thinned
from services.reading.display import quoted
from services.reading.limits import Limits
from services.reading.parquet import open_parquet, opened, unreadable
from services.reading.places import SourceFile

_BUFFER = 256 * 1024
_FOOTERS_KEPT = 200
_WORTH_A_READ = 256 * 1024  # bytes that are worth a round trip
_LARGEST_READ = 32 * 1024 * 1024  # bytes of one column held by a thread
_BATCH_BYTES = 8 << 20
_SAMPLE_BYTES = 16 << 20  # of one row group
_GROUPS_MEASURED = 8
_SAMPLED_FILES = 8
_SAMPLED_GROUPS = 3
_WEIGHTS = {Kind.NUMBER: 20.0, Kind.TIME: 20.0, Kind.CATEGORY: 6.0, Kind.BOOLEAN: 2.0, Kind.NESTED: 8.0}


class ParquetRows:
    """`services.drift.scan.Rows` of Parquet files. Raises SourceProblem for files that are no table together."""

    def __init__(self, name: str, files: Sequence[SourceFile], limits: Limits) -> None:
        reader = open_parquet(tuple(files), limits)
        self.name = name
        self._files = reader.files
        self.files = tuple(FileFacts(file.path, file.size, file.hash or "") for file in reader.files)
        self.schema: pa.Schema = reader.schema
        self.row_count = reader.row_count
        self._kinds = {field.name: kind_of(field.type) for field in self.schema}
        self._many_texts: set[str] = set()
        self._footers: dict[str, pq.FileMetaData] = {}
        self.waits = any(file.read_size for file in reader.files)
        # From afar, few large reads are cheap and many small ones are not.
        self.by_column = not self.waits or self._chunk_size() >= _WORTH_A_READ

    def weight(self, column: str) -> float:
        """About nanoseconds for each value."""
        return _WEIGHTS.get(self._kinds.get(column, Kind.EMPTY), 1.0)

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a few row groups of a few files, spread."""
        names = self.schema.names if columns is None else list(columns)
        chosen = [self._files[index] for index in evenly(len(self._files), _SAMPLED_FILES)]
        quota = max(rows // len(chosen), 1)
        tables: list[pa.Table] = []
        for file in chosen:
            with file.open() as stream:
                try:
                    parquet = self._opened(file, stream, names, file.read_size or _BUFFER)
                except (pa.ArrowException, OSError) as error:
                    raise unreadable(file, error) from None
                sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.metadata.num_row_groups)]
                groups = list(range(len(sizes)))
                if sum(sizes) > quota:
                    groups = evenly(len(sizes), _SAMPLED_GROUPS)
                left = max(quota // max(len(groups), 1), 1)
                tables.extend(self._head_of(file, parquet, group, names, left) for group in groups)
        wanted = pa.schema([self.schema.field(name) for name in names])
        found = pa.concat_tables(tables, promote_options="permissive") if tables else wanted.empty_table()
        self._many_texts |= {
            name for name in names if self._kinds[name] is Kind.CATEGORY and _is_diverse(found.column(name))
        }
        return found

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows in the order of the files."""
        wanted = list(columns)
        for file in self._files:
            with file.open(onward=not file.read_size) as stream:
                try:
                    parquet = self._opened(file, stream, wanted, self._buffer(file))
                    at_once = _rows_at_once(parquet.metadata, frozenset(wanted))
                    for groups in self._announced(file, parquet, wanted):
                        for batch in parquet.iter_batches(
                            batch_size=at_once, row_groups=groups, columns=wanted, use_threads=False
                        ):
                            yield self._in_order(file, batch, wanted)
                except (pa.ArrowException, OSError) as error:
                    raise unreadable(file, error) from None

    def _opened(self, file: SourceFile, stream: object, columns: Sequence[str], buffer: int) -> pq.ParquetFile:
        """The file, whose footer is read once and kept where there are not very many of them."""
        as_dictionary = [
            name for name in columns if self._kinds.get(name) is Kind.CATEGORY and name not in self._many_texts
        ]
        parquet = pq.ParquetFile(
            stream,
            metadata=self._footers.get(file.path),
            read_dictionary=as_dictionary,
            pre_buffer=False,
            buffer_size=buffer,
            page_checksum_verification=True,
        )
        if len(self._footers) < _FOOTERS_KEPT:
            self._footers[file.path] = parquet.metadata
        return parquet

    def _buffer(self, file: SourceFile) -> int:
        """Bytes of a column read at a time; 0: whole chunks, where each read is a round trip."""
        if not file.read_size:
            return _BUFFER
        return 0 if self.by_column and self._chunk_size() <= _LARGEST_READ else file.read_size

    def _chunk_size(self) -> int:
        """About how many bytes a column has in a row group, by the first file."""
        file = self._files[0]
        if file.path not in self._footers:
            with file.open() as stream:
                self._footers[file.path] = opened(file, stream).metadata
        metadata = self._footers[file.path]
        return int(file.size // max(metadata.num_row_groups * metadata.num_columns, 1))

    def _announced(self, file: SourceFile, parquet: pq.ParquetFile, columns: Sequence[str]) -> Iterator[list[int]]:
        """Row groups to be read together: all, or each alone and announced in time where columns are read together."""
        metadata = parquet.metadata
        if self.by_column:
            yield list(range(metadata.num_row_groups))
            return
        chunks = [_chunks(metadata.row_group(index), frozenset(columns)) for index in range(metadata.num_row_groups)]
        for index in range(metadata.num_row_groups):
            file.will_read([chunk for group in chunks[index : index + 2] for chunk in group])
            yield [index]

    def _in_order(self, file: SourceFile, batch: pa.RecordBatch, wanted: list[str]) -> pa.RecordBatch:
        """The columns as asked for: Parquet gives them in the order of the file."""
        if batch.schema.names == wanted:
            return batch
        missing = [name for name in wanted if name not in batch.schema.names]
        if missing:
            raise SourceProblem(
                f"{quoted(file.path)} has no column {quoted(missing[0], 60)}, which other files have. "
                "Write it again, or narrow the path so that it is left out.",
                code="mixed_schemas",
                field="source",
            )
        return batch.select(wanted)

    def _head_of(self, file: SourceFile, parquet: pq.ParquetFile, group: int, names: list[str], rows: int) -> pa.Table:
        tables: list[pa.Table] = []
        left, size = rows, 0
        try:
            for batch in parquet.iter_batches(
                batch_size=min(_rows_at_once(parquet.metadata, frozenset(names)), rows),
                row_groups=[group],
                columns=names,
                use_threads=False,
            ):
                tables.append(thinned(pa.Table.from_batches([batch]), left))
                left -= batch.num_rows
                size += tables[-1].nbytes
                if left <= 0 or size > _SAMPLE_BYTES:
                    break
        except (pa.ArrowException, OSError) as error:
            raise unreadable(file, error) from None
        return pa.concat_tables(tables) if tables else self.schema.empty_table()


def _rows_at_once(metadata: pq.FileMetaData, columns: frozenset[str]) -> int:
    """Fewer rows than a block where they are large, as texts and lists can be."""
    size = rows = 0
    for index in range(min(metadata.num_row_groups, _GROUPS_MEASURED)):
        group = metadata.row_group(index)
        rows += group.num_rows
        parts = (group.column(place) for place in range(group.num_columns))
        size += sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
    return max(min(BLOCK, _BATCH_BYTES * rows // max(size, 1)), 64)


def _is_diverse(column: pa.ChunkedArray) -> bool:
    """Are there so many different texts that a dictionary of them would only be in the way?"""
    size = len(column)
    return size > 2_000 and len(column.unique()) > size // 4


def _chunks(group: pq.RowGroupMetaData, columns: frozenset[str]) -> list[tuple[int, int]]:
    """(First byte, length) of the chunks of some columns in a row group, in the order of the file."""
    chunks: list[tuple[int, int]] = []
    for index in range(group.num_columns):
        column = group.column(index)
        if column.path_in_schema.partition(".")[0] in columns or column.path_in_schema in columns:
            first = column.data_page_offset
            if column.dictionary_page_offset is not None:
                first = min(first, column.dictionary_page_offset)
            chunks.append((first, column.total_compressed_size))
    return sorted(chunks)
