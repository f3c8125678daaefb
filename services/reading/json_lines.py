"""Rows of JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import orjson
import pyarrow as pa

from services.datasets.model import Format
from services.errors import SourceProblem
from services.reading.chunks import Chunk, FileColumns, spread_text
from services.reading.display import quoted, visible
from services.reading.formats import HEAD_BYTES, foreign, read_head
from services.reading.limits import Limits, counted
from services.reading.places import SourceFile, announce_heads
from services.reading.schema_check import same_columns
from services.reading.text import can_seek, windows

_LOOKED_AT = 50  # records whose keys tell a file's columns


@dataclass(frozen=True, slots=True)
class JsonLinesReader:
    """See `RowReader`."""

    files: tuple[SourceFile, ...]
    encoding: str
    limits: Limits
    notes: tuple[str, ...]
    text_columns: bool = False
    row_count: int | None = None

    def not_null(self, name: str) -> bool | None:
        return None

    def rows(self, file: SourceFile) -> Iterator[Chunk]:
        """All rows of a file."""
        row = 1
        for window in windows(file, self.encoding, self.limits, quotes=False):
            records = _records(file, window.data, window.first_line)
            if records:
                yield Chunk(file, _table(records), row)
                row += len(records)

    def spread(self, file: SourceFile, rows: int) -> Iterator[Chunk]:
        """Rows spread over a file."""
        segment = self._segment if can_seek(file, self.encoding) else None
        yield from spread_text(
            file,
            rows,
            self.rows(file),
            segment,
            window_bytes=self.limits.window_bytes,
            scan_bytes=self.limits.scan_bytes // 4,
            segments=self.limits.segments,
        )

    def _segment(self, file: SourceFile, start: int, length: int) -> Iterator[Chunk]:
        for window in windows(file, self.encoding, self.limits, quotes=False, start=start, length=length):
            records = _records(file, window.data, None)
            if records:
                yield Chunk(file, _table(records), None)


def open_json_lines(files: tuple[SourceFile, ...], format_: Format, limits: Limits) -> JsonLinesReader:
    """Look at the first records of the first files and make a reader. Raises SourceProblem."""
    filled = tuple(file for file in files if file.size)
    if not filled:
        raise SourceProblem(
            f"{quoted(files[0].path)} is empty." if len(files) == 1 else "All matching files are empty.",
            code="empty_file",
            field="source",
        )
    notes: list[str] = []
    if len(filled) < len(files):
        notes.append(f"{counted(len(files) - len(filled), 'file')} without content left out.")
    announce_heads(filled[: limits.headers], HEAD_BYTES + 1)
    keys = [_keys(file, format_, limits) for file in filled[: limits.headers]]
    known = [(file, names) for file, names in zip(filled, keys, strict=False) if names]
    if len(known) > 1:
        first_names = set(known[0][1])
        for file, names in known[1:]:
            if first_names.isdisjoint(names):  # optional keys are usual, but these are two kinds of records
                same_columns(
                    [_columns(known[0][0], known[0][1]), _columns(file, names)],
                    ordered=False,
                )
    return JsonLinesReader(filled, format_.encoding, limits, tuple(notes))


def _columns(file: SourceFile, names: tuple[str, ...]) -> FileColumns:
    return FileColumns(file, tuple((name, None) for name in names))


def _keys(file: SourceFile, format_: Format, limits: Limits) -> tuple[str, ...]:
    head = read_head(file)
    if problem := foreign(file, head.data):
        raise problem
    if head.data.startswith(b"PAR1"):
        raise SourceProblem(
            f"{quoted(file.path)} is a Parquet file. Choose Parquet as the format.", code="format_wrong", field="format"
        )
    small = replace(limits, window_bytes=64 * 1024)
    window = next(windows(file, format_.encoding, small, quotes=False), None)
    if window is None:
        return ()
    lines = b"\n".join(window.data.split(b"\n")[:_LOOKED_AT])
    return tuple(dict.fromkeys(key for record in _records(file, lines, 1) for key in record))


def _records(file: SourceFile, data: bytes, first_line: int | None) -> list[dict[str, object]]:
    records: list[dict[str, object]] = []
    for offset, line in enumerate(data.split(b"\n")):
        text = line.strip()
        if not text:
            continue
        where = "A line" if first_line is None else f"Line {first_line + offset:,}"
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError:
            if first_line is not None and offset + first_line == 1 and text in (b"[", b"{", b"[{"):
                raise _one_document(file) from None
            raise SourceProblem(
                f"{where} of {quoted(file.path)} is not JSON: {quoted(text[:80].decode('utf-8', 'replace'), 60)}. "
                "Every line has to be one JSON object.",
                code="json_invalid",
                field="format",
            ) from None
        if isinstance(record, list) and first_line is not None and offset + first_line == 1:
            raise _one_document(file)
        if not isinstance(record, dict):
            raise SourceProblem(
                f"{where} of {quoted(file.path)} is not a JSON object but "
                f"{quoted(visible(text[:80].decode('utf-8', 'replace'), 60), 60)}. "
                "Every line has to be one JSON object.",
                code="json_not_object",
                field="format",
            )
        if "" in record:
            raise SourceProblem(
                f"{where} of {quoted(file.path)} has a value without a name (the key is empty). Give it one.",
                code="unnamed_column",
                field="format",
            )
        records.append(record)
    return records


def _one_document(file: SourceFile) -> SourceProblem:
    return SourceProblem(
        f"{quoted(file.path)} is one JSON document, not JSON lines. Write one object on each line, without a list "
        "around them.",
        code="json_document",
        field="format",
    )


def _table(records: list[dict[str, object]]) -> pa.Table:
    names = list(dict.fromkeys(name for record in records for name in record))
    return pa.table([_array([record.get(name) for record in records]) for name in names], names=names)


def _array(values: list[object]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_() if kinds else pa.null())
    if kinds <= {int, float}:
        if float not in kinds:
            try:
                return pa.array(values, pa.int64())
            except (OverflowError, pa.ArrowInvalid):
                pass
        return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
    if kinds == {str}:
        return pa.array(values, pa.string())
    if kinds <= {dict, list}:
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            pass  # objects of several shapes: shown as the text they were
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode("utf-8")
