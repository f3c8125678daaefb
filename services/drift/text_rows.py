"""Rows of delimited and JSON lines files for a scan, typed by a sample and held to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import pyarrow as pa

from services.datasets.model import ColumnType
from services.drift.columns import kind_of
from services.drift.model import FileFacts, Kind
from services.drift.numbers import BLOCK
from services.errors import SourceProblem
from services.reading.chunks import Chunk
from services.reading.columns import UnconvertibleError, column_type, convert, plain
from services.reading.display import quoted
from services.reading.tabular import Sample, TabularData

_WEIGHTS = {Kind.NUMBER: 20.0, Kind.TIME: 20.0, Kind.CATEGORY: 30.0, Kind.BOOLEAN: 5.0}


class TextRows:
    """`services.drift.scan.Rows` of an opened Tabular dataset, of any format."""

    by_column = False
    waits = False

    def __init__(self, name: str, data: TabularData, *, sample_rows: int = 200_000) -> None:
        self.name = name
        self._data = data
        self._sample_rows = sample_rows
        self.files = tuple(FileFacts(file.path, file.size, file.hash or "") for file in data.reader.files)

    @cached_property
    def _sample(self) -> Sample:
        return self._data.sample(self._sample_rows)

    @property
    def schema(self) -> pa.Schema:
        """Columns with the types that the sample showed, or the registrar chose."""
        return self._sample.table.schema

    @property
    def row_count(self) -> int | None:
        """Number of rows where it is known without reading all."""
        return self._data.row_count(self._sample)

    def weight(self, column: str) -> float:
        """About nanoseconds for each value."""
        return _WEIGHTS.get(kind_of(self.schema.field(column).type), 1.0)

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows that the types were told from."""
        found = self._sample.table if columns is None else self._sample.table.select(list(columns))
        return found.slice(0, rows) if rows < found.num_rows else found

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows in the order of the files. Raises SourceProblem naming file, row and column of an odd value."""
        wanted = [self.schema.field(name) for name in columns]
        for file in self._data.reader.files:
            for chunk in self._data.reader.rows(file):
                table = self._data.with_partition([chunk])
                typed = [self._typed(table, field, chunk) for field in wanted]
                yield from pa.table(typed, schema=pa.schema(wanted)).to_batches(max_chunksize=BLOCK)

    def _typed(self, table: pa.Table, field: pa.Field, chunk: Chunk) -> pa.ChunkedArray:
        if field.name not in table.column_names:
            return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        column = plain(table.column(field.name))
        if column.type == field.type:
            return column
        if column.null_count == len(column):
            return pa.chunked_array([pa.nulls(len(column), field.type)])
        kind = column_type(field.type)
        try:
            found = convert(column, kind)
            return found if found.type == field.type else found.cast(field.type)
        except UnconvertibleError as odd:
            raise self._odd(field.name, kind, odd.index, odd.value, chunk) from None
        except pa.ArrowInvalid:
            raise self._odd(field.name, kind, 0, "", chunk) from None

    def _odd(self, name: str, kind: ColumnType, index: int, value: str, chunk: Chunk) -> SourceProblem:
        row = "" if chunk.first_row is None else f" row {chunk.first_row + index:,}"
        return SourceProblem(
            f"The column {quoted(name, 60)} holds {kind} values in a sample of the rows, but {quoted(value, 60)} in "
            f"{quoted(chunk.file.path)}{row}. Correct the data, leave the column out, or register the dataset with "
            "this column as text.",
            code="mixed_types",
            field="source",
        )
