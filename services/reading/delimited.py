"""Rows of delimited text (CSV, TSV …), every column as text: types are inferred later, over all files alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pa_csv

from services.datasets.model import Format, HeaderMode
from services.errors import InvalidInput, SourceProblem
from services.reading.chunks import Chunk, FileColumns, spread_text
from services.reading.display import quoted, visible
from services.reading.formats import (
    DELIMITER_NAMES,
    HEAD_BYTES,
    binary_file,
    codec,
    decode_head,
    foreign,
    guess_delimiter,
    guess_encoding,
    looks_binary,
    read_head,
    sample_records,
)
from services.reading.limits import Limits, counted
from services.reading.places import SourceFile, announce_heads
from services.reading.schema_check import same_columns
from services.reading.text import Window, can_seek, windows, wrong_encoding

MAX_COLUMNS = 10_000


@dataclass(frozen=True, slots=True)
class _Start:
    """The beginning of a file. names: columns; header: its first record is the header, not data."""

    names: tuple[str, ...]
    header: bool


@dataclass(frozen=True, slots=True)
class DelimitedReader:
    """See `RowReader`."""

    files: tuple[SourceFile, ...]
    names: tuple[str, ...]
    format: Format
    limits: Limits
    notes: tuple[str, ...]
    first: SourceFile
    text_columns: bool = True
    row_count: int | None = None

    def not_null(self, name: str) -> bool | None:
        return None

    def rows(self, file: SourceFile) -> Iterator[Chunk]:
        """All rows of a file."""
        row = 1
        for index, window in enumerate(windows(file, self.format.encoding, self.limits, quotes=True)):
            data, skipped_lines = window.data, 0
            if index == 0 and self._has_header(file):
                data, skipped_lines = _after_first_record(window.data, self.format.delimiter)
            first_line = None if window.first_line is None else window.first_line + skipped_lines
            table = self._parse(file, Window(data, first_line), strict=True)
            if table.num_rows:
                yield Chunk(file, table, row)
                row += table.num_rows

    def spread(self, file: SourceFile, rows: int) -> Iterator[Chunk]:
        """Rows spread over a file."""
        segment = self._segment if can_seek(file, self.format.encoding) else None
        yield from spread_text(
            file,
            rows,
            self.rows(file),
            segment,
            window_bytes=self.limits.window_bytes,
            scan_bytes=self.limits.scan_bytes,
            segments=self.limits.segments,
        )

    def _segment(self, file: SourceFile, start: int, length: int) -> Iterator[Chunk]:
        for window in windows(file, self.format.encoding, self.limits, quotes=True, start=start, length=length):
            table = self._parse(file, window, strict=False)
            if table.num_rows:
                yield Chunk(file, table, None)

    def _has_header(self, file: SourceFile) -> bool:
        mode = self.format.header
        return mode is HeaderMode.ALL_FILES_SAME or (mode is HeaderMode.FIRST_FILE_ONLY and file == self.first)

    def _parse(self, file: SourceFile, window: Window, *, strict: bool) -> pa.Table:
        """strict: a row with another number of values is a problem; else it is left out of the sample."""
        if not window.data.strip(b"\r\n"):
            return pa.table({name: pa.array([], pa.string()) for name in self.names})
        ragged: list[pa_csv.InvalidRow] = []

        def on_ragged(row: pa_csv.InvalidRow) -> str:
            ragged.append(row)
            return "error" if strict else "skip"

        try:
            return pa_csv.read_csv(
                pa.BufferReader(window.data),
                read_options=pa_csv.ReadOptions(
                    column_names=list(self.names), use_threads=False, block_size=len(window.data) + 1
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.format.delimiter, newlines_in_values=True, invalid_row_handler=on_ragged
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={name: pa.string() for name in self.names},
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            if ragged:
                raise _ragged(file, window, ragged[0], self.format.delimiter) from None
            raise SourceProblem(
                f"{quoted(file.path)} cannot be read as delimited text: {visible(str(error))}.",
                code="delimited_unreadable",
                field="format",
            ) from None


def open_delimited(files: tuple[SourceFile, ...], format_: Format, limits: Limits) -> DelimitedReader:
    """Check the headers of the first files and make a reader. Raises SourceProblem, InvalidInput."""
    if len(format_.delimiter) != 1 or format_.delimiter in '"\r\n' or not format_.delimiter.isascii():
        raise InvalidInput(
            "The delimiter has to be one plain character, for example a comma, semicolon, tab or vertical bar.",
            code="delimiter_invalid",
            field="delimiter",
        )
    filled = tuple(file for file in files if file.size)
    if not filled:
        raise SourceProblem(
            f"{quoted(files[0].path)} is empty." if len(files) == 1 else "All matching files are empty.",
            code="empty_file",
            field="source",
        )
    notes: list[str] = []
    if len(filled) < len(files):
        empty = next(file for file in files if not file.size)
        notes.append(
            f"{counted(len(files) - len(filled), 'file')} without content left out, e.g. {quoted(empty.path)}."
        )
    announce_heads(filled[: limits.headers], HEAD_BYTES + 1)
    first = filled[0]
    start = _start(first, format_, header=format_.header is not HeaderMode.NONE)
    names, duplicates = unique_names(start.names)
    if duplicates:
        told = ", ".join(f"{quoted(old, 60)} is read as {quoted(new, 60)}" for old, new in duplicates[:5])
        notes.append(f"Column names have to differ, as in Azure ML: {told}.")
    notes.extend(_delimiter_doubt(first, format_, len(names)))
    checked = filled[: limits.headers]
    if format_.header is HeaderMode.ALL_FILES_SAME:
        same_columns(
            [FileColumns(file, _untyped(_start(file, format_, header=True).names)) for file in checked], ordered=True
        )
    else:
        for file in checked[1:]:
            width = len(_start(file, format_, header=False).names)
            if width != len(names):
                raise SourceProblem(
                    f"{quoted(first.path)} has {counted(len(names), 'column')} and {quoted(file.path)} has {width:,}. "
                    "Register files of one shape together.",
                    code="mixed_schemas",
                    field="source",
                )
    if len(filled) > len(checked):
        notes.append(f"Headers of the first {len(checked):,} of {len(filled):,} files were compared.")
    return DelimitedReader(filled, names, format_, limits, tuple(notes), first)


def unique_names(raw: tuple[str, ...]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Column names made non-empty and unique as Azure ML does, and (name in the file, name used) of repeated ones.

    The second "x" becomes "x_1", an empty third name "Column3"; if that exists too, numbers are appended until free.
    """
    taken: set[str] = set()
    names: list[str] = []
    renamed: list[tuple[str, str]] = []
    for index, given in enumerate(raw, start=1):
        wanted = given or f"Column{index}"
        name, number = wanted, 0
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        if given and name != given:
            renamed.append((given, name))
        taken.add(name)
        names.append(name)
    return tuple(names), renamed


def _untyped(names: tuple[str, ...]) -> tuple[tuple[str, None], ...]:
    return tuple((name, None) for name in names)


def _start(file: SourceFile, format_: Format, *, header: bool) -> _Start:
    """Column names of a file: its first record with a header, else Column1 … for as many values as that has."""
    head = read_head(file)
    if problem := foreign(file, head.data):
        raise problem
    if head.data.startswith(b"PAR1"):
        raise SourceProblem(
            f"{quoted(file.path)} is a Parquet file. Choose Parquet as the format.", code="format_wrong", field="format"
        )
    text = decode_head(head, format_.encoding)
    if looks_binary(text):
        likely = guess_encoding(head.data, head.complete)
        if likely == codec(format_.encoding) or looks_binary(decode_head(head, likely)):
            raise binary_file(file)
        if "\x00" in text:
            raise wrong_encoding(file, format_.encoding)
        # A few bytes do not fit: reading will say in which line.
    record = next(iter(sample_records(text, format_.delimiter, complete=True, limit=1)), None)
    if record is None:
        raise SourceProblem(f"{quoted(file.path)} has only blank lines.", code="empty_file", field="source")
    if len(record) > MAX_COLUMNS:
        raise SourceProblem(
            f"{quoted(file.path)} has {len(record):,} columns; {MAX_COLUMNS:,} is the most. Check the delimiter.",
            code="too_many_columns",
            field="delimiter",
        )
    if header:
        return _Start(tuple(name.strip() for name in record), True)
    return _Start(tuple(f"Column{index}" for index in range(1, len(record) + 1)), False)


def _delimiter_doubt(file: SourceFile, format_: Format, columns: int) -> list[str]:
    """A note if there is one column only and another delimiter would give more."""
    if columns > 1:
        return []
    head = read_head(file)
    text = decode_head(head, format_.encoding)
    better = guess_delimiter(text, head.complete)
    records = sample_records(text, better, head.complete, limit=50)
    if better == format_.delimiter or not records or len(records[0]) < 2:
        return []
    return [
        f"Read with a {_named(format_.delimiter)} there is one column; with a {_named(better)} there would be "
        f"{len(records[0]):,}. Change the delimiter if that is what you mean."
    ]


def _named(delimiter: str) -> str:
    return DELIMITER_NAMES.get(delimiter, visible(delimiter))


def _records(data: bytes, delimiter: str) -> Iterator[tuple[list[str], int, int]]:
    """(record, line it starts on, bytes before it) of every record that is not blank; lines count from 0."""
    consumed = 0

    def lines() -> Iterator[str]:
        nonlocal consumed
        for line in io.StringIO(data.decode("utf-8", "surrogatepass"), newline=""):
            consumed += len(line.encode("utf-8", "surrogatepass"))
            yield line

    reader = csv.reader(lines(), delimiter=delimiter)
    start_line, start = 0, 0
    for record in reader:
        if record:
            yield record, start_line, start
        start_line, start = reader.line_num, consumed


def _after_first_record(data: bytes, delimiter: str) -> tuple[bytes, int]:
    """What follows the header, and the number of lines before it."""
    records = _records(data, delimiter)
    next(records, None)
    following = next(records, None)
    if following is None:
        return b"", 0
    _, line, start = following
    return data[start:], line


def _ragged(file: SourceFile, window: Window, row: pa_csv.InvalidRow, delimiter: str) -> SourceProblem:
    where = "a row"
    if window.first_line is not None and row.number is not None:
        for index, (_, line, _) in enumerate(_records(window.data, delimiter), start=1):
            if index == row.number:
                where = f"line {window.first_line + line:,}"
                break
    return SourceProblem(
        f"{quoted(file.path)}, {where}: {counted(row.actual_columns, 'value')} where "
        f"{counted(row.expected_columns, 'column')} "
        f"{'is' if row.expected_columns == 1 else 'are'} expected ({quoted(row.text, 60)}). "
        "Put values that contain the delimiter in quotation marks, or choose another delimiter.",
        code="ragged_rows",
        field="delimiter",
    )
