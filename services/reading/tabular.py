"""A Tabular dataset as one typed table: its sample, schema and first rows, whatever the format of its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice

import pyarrow as pa

from services.datasets.model import Column, ColumnType, Definition, FileFormat, Format
from services.errors import InvalidInput, SourceProblem, UserError
from services.reading.chunks import Chunk, RowReader, evenly, thinned
from services.reading.columns import (
    UnconvertibleError,
    ambiguous_dates,
    cell,
    column_type,
    combine,
    convert,
    infer,
    plain,
    values_of,
)
from services.reading.delimited import open_delimited
from services.reading.display import quoted
from services.reading.formats import guess_format
from services.reading.json_lines import open_json_lines
from services.reading.limits import Limits, counted
from services.reading.listing import data_files
from services.reading.parquet import open_parquet
from services.reading.partition import PartitionFormat, parse_partition_format
from services.reading.places import SourceFile, one_after_another


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a dataset, typed. complete: these are all rows. origins: (rows, file, first row) of consecutive rows."""

    table: pa.Table
    complete: bool
    origins: tuple[tuple[int, SourceFile, int | None], ...]
    files_touched: int
    notes: tuple[str, ...] = ()

    def where(self, index: int) -> str:
        """Where a row of the sample comes from, for a sentence."""
        for rows, file, first in self.origins:
            if index < rows:
                return quoted(file.path) if first is None else f"{quoted(file.path)} row {first + index:,}"
            index -= rows
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class TabularData:
    """An opened Tabular dataset."""

    definition: Definition
    format: Format
    reader: RowReader
    partition: PartitionFormat | None
    limits: Limits

    def sample(self, rows: int) -> Sample:
        """At most `rows` rows, all of them if there are no more, else spread over files and within them."""
        chunks, complete = self._all(rows)
        if not complete:
            chunks = self._spread(rows)
        if not any(chunk.table.num_rows for chunk in chunks):
            raise self._no_rows()
        return self._typed(chunks, complete)

    def head(self, rows: int, like: Sample) -> tuple[tuple[str | None, ...], ...]:
        """The first rows for display, in the columns and types of a sample."""
        chunks: list[Chunk] = []
        left = rows
        for file in self.reader.files:
            for chunk in self.reader.rows(file):
                chunks.append(replace(chunk, table=chunk.table.slice(0, left)))
                left -= chunk.table.num_rows
                if left <= 0:
                    break
            if left <= 0:
                break
        if not chunks:
            return ()
        table = self.with_partition(chunks)
        columns: list[list[str | None]] = []
        present = frozenset(table.column_names)  # built anew at every look, which counts with thousands of columns
        for field in like.table.schema:
            if field.name not in present:
                columns.append([None] * table.num_rows)
                continue
            column = plain(table.column(field.name))
            try:
                shown = convert(column, column_type(field.type))
            except UnconvertibleError:  # a value that the spread sample did not see: shown as it is
                shown = column
            columns.append([cell(value) for value in values_of(shown)])
        return tuple(zip(*columns, strict=True)) if columns else ()

    def schema(self, sample: Sample) -> tuple[Column, ...]:
        """Names, types and nullability."""
        overrides = dict(self.definition.column_types)
        columns: list[Column] = []
        for field in sample.table.schema:
            promised = self.reader.not_null(field.name)
            nullable = sample.table.column(field.name).null_count > 0 if promised is None else not promised
            chosen = overrides.get(field.name)
            kind = chosen if chosen in (ColumnType.STREAM, ColumnType.OTHER) else column_type(field.type)
            columns.append(Column(field.name, kind, nullable))
        return tuple(columns)

    def row_count(self, sample: Sample) -> int | None:
        """Exact number of rows, None where counting would need a full scan."""
        return sample.table.num_rows if sample.complete else self.reader.row_count

    def _all(self, rows: int) -> tuple[list[Chunk], bool]:
        """Rows from the beginning, and whether they are all. Gives up early where there are plainly more."""
        known = self.reader.row_count
        if known is not None and known > rows:
            return [], False
        chunks: list[Chunk] = []
        count = size = 0
        total = sum(file.size for file in self.reader.files)
        files: Iterable[SourceFile] = self.reader.files
        if total <= self.limits.sample_bytes:  # else this is likely to be given up soon
            files = one_after_another(self.reader.files, self.limits.window_bytes)
        for file in files:
            for chunk in self.reader.rows(file):
                count += chunk.table.num_rows
                size += chunk.table.nbytes
                if count > rows or size > self.limits.sample_bytes:
                    return [], False
                if known is None and count and total / (size / count) > 2 * rows:
                    return [], False  # at this size of rows there are far more than wanted
                chunks.append(chunk)
        return chunks, True

    def _spread(self, rows: int) -> list[Chunk]:
        files = self.reader.files
        most = self.limits.fetched_files if files[0].read_size else self.limits.sample_files
        chosen = evenly(len(files), min(most, max(rows, 1)))
        quota = max(rows // len(chosen), 1)
        chunks: list[Chunk] = []
        count = size = 0
        for index in chosen:
            for chunk in self.reader.spread(files[index], quota):
                if size > self.limits.sample_bytes:
                    break
                chunks.append(chunk)
                count += chunk.table.num_rows
                size += chunk.table.nbytes
        if count <= rows:
            return chunks
        # Estimates of row sizes were off: every chunk gives up its share of what is too much.
        fewer = [replace(chunk, table=thinned(chunk.table, chunk.table.num_rows * rows // count)) for chunk in chunks]
        return [chunk for chunk in fewer if chunk.table.num_rows] or chunks[:1]

    def _typed(self, chunks: list[Chunk], complete: bool) -> Sample:
        table = self.with_partition(chunks)
        origins = tuple((chunk.table.num_rows, chunk.file, chunk.first_row) for chunk in chunks)
        sample = Sample(table, complete, origins, len({chunk.file.path for chunk in chunks}))
        overrides = self._overrides(table.column_names)
        partition_names = {name for name, _ in self.partition.columns} if self.partition else set()
        columns: list[pa.ChunkedArray] = []
        notes: list[str] = []
        for name in table.column_names:
            column = plain(table.column(name))
            wanted = overrides.get(name)
            if wanted is not None:
                column = self._converted(column, name, wanted, sample)
            elif self.reader.text_columns and name not in partition_names:
                typed = infer(column)
                if column_type(typed.type) is ColumnType.DATETIME and ambiguous_dates(column):
                    notes.append(f"Dates in {quoted(name, 60)} are read month first; they could also be day first.")
                column = typed
            columns.append(column)
        return replace(sample, table=pa.table(columns, names=table.column_names), notes=tuple(notes))

    def _converted(self, column: pa.ChunkedArray, name: str, to: ColumnType, sample: Sample) -> pa.ChunkedArray:
        try:
            return convert(column, to)
        except UnconvertibleError as bad:
            timestamp = name == self.definition.timestamp_column and to is ColumnType.DATETIME
            what = f"The timestamp column {quoted(name, 60)}" if timestamp else f"The column {quoted(name, 60)}"
            raise SourceProblem(
                f"{what} cannot be read as {to}: {quoted(bad.value, 60)} in {sample.where(bad.index)} does not fit. "
                f"{'Choose a column with dates.' if timestamp else 'Choose another type, or correct the data.'}",
                code="timestamp_unreadable" if timestamp else "value_unconvertible",
                field="timestamp_column" if timestamp else "column_types",
            ) from None

    def _overrides(self, names: list[str]) -> dict[str, ColumnType]:
        overrides = dict(self.definition.column_types)
        for name in overrides:
            if name not in names:
                raise _unknown_column(name, names, "column_types", "There is no column")
        timestamp = self.definition.timestamp_column
        if timestamp is not None:
            if timestamp not in names:
                raise _unknown_column(timestamp, names, "timestamp_column", "There is no timestamp column")
            overrides[timestamp] = ColumnType.DATETIME
        return overrides

    def with_partition(self, chunks: list[Chunk]) -> pa.Table:
        """The rows of some chunks with the columns that the partition format makes of their paths."""
        return combine([self._add_partition(chunk) for chunk in chunks])

    def _add_partition(self, chunk: Chunk) -> pa.Table:
        table = chunk.table
        if self.partition is None:
            return table
        values = self.partition.values(chunk.file.path)
        for (name, kind), value in zip(self.partition.columns, values, strict=True):
            if name in table.column_names:
                raise SourceProblem(
                    f"The partition format makes a column {quoted(name, 60)}, and the files have one of that name. "
                    "Give it another name in the partition format.",
                    code="partition_name_taken",
                    field="partition_format",
                )
            arrow = pa.timestamp("us") if kind is ColumnType.DATETIME else pa.string()
            table = table.append_column(name, pa.repeat(pa.scalar(value, arrow), table.num_rows))
        return table

    def _no_rows(self) -> SourceProblem:
        files = self.reader.files
        one = len(files) == 1
        what = quoted(files[0].path) if one else f"None of the {counted(len(files), 'file')}"
        verb = "has a header but no rows" if one else "has a row below its header"
        if self.format.file_format is not FileFormat.DELIMITED:
            verb = "has no rows" if one else "has rows"
        return SourceProblem(
            f"{what} {verb}. Check the source, or wait until data are there.", code="no_rows", field="source"
        )


def open_tabular(
    definition: Definition, found: tuple[SourceFile, ...], limits: Limits, *, guess: bool = False
) -> TabularData:
    """Open the files of a Tabular definition, checking that they can be read as one table.

    guess: find out the format instead of using the definition's. Raises SourceProblem, InvalidInput.
    """
    files = data_files(found)
    if not files:
        raise SourceProblem("All matching files are empty.", code="empty_file", field="source")
    if guess:
        format_ = guess_format(next((file for file in files if file.size), files[0]))
    elif definition.format is None:
        raise InvalidInput("Choose the format of the files.", code="format_missing", field="format")
    else:
        format_ = definition.format
    partition = parse_partition_format(definition.partition_format) if definition.partition_format else None
    if partition is not None:
        for file in files:
            partition.values(file.path)
    reader: RowReader
    match format_.file_format:
        case FileFormat.PARQUET:
            reader = open_parquet(files, limits)
        case FileFormat.JSON_LINES:
            reader = open_json_lines(files, format_, limits)
        case FileFormat.DELIMITED:
            reader = open_delimited(files, format_, limits)
    return TabularData(definition, format_, reader, partition, limits)


def _unknown_column(name: str, names: list[str], field: str, what: str) -> UserError:
    near = [known for known in names if known.lower() == name.strip().lower()] or names
    shown = ", ".join(quoted(known, 60) for known in islice(near, 8))
    more = f" and {len(near) - 8:,} more" if len(near) > 8 else ""
    return SourceProblem(
        f"{what} {quoted(name, 60)}. The columns are {shown}{more}.", code="column_unknown", field=field
    )
