"""Column types: what Arrow's mean in Azure ML's words, inferring them from text, converting, and showing values."""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from services.datasets.model import ColumnType
from services.drift.buffers import text_array
from services.reading.display import CELL_LIMIT, visible

# Formats tried beside ISO 8601, as Azure ML does; a column that fits both is read as month first, as there.
_DATE_FORMATS = ("%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S")
_MONTH_FIRST_TWIN = {
    "%m/%d/%Y": "%d/%m/%Y",
    "%m/%d/%Y %H:%M": "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S": "%d/%m/%Y %H:%M:%S",
}
_TRUE_FALSE = ("true", "false")


class UnconvertibleError(Exception):
    """A value that does not fit a type. index: its position in the column, from 0."""

    def __init__(self, index: int, value: str) -> None:
        super().__init__(index, value)
        self.index = index
        self.value = value


def column_type(arrow: pa.DataType) -> ColumnType:
    """Azure ML's word for an Arrow type."""
    t = pa.types
    if t.is_dictionary(arrow):
        return column_type(arrow.value_type)
    tests = (
        (ColumnType.BOOLEAN, (t.is_boolean,)),
        (ColumnType.INTEGER, (t.is_integer,)),
        (ColumnType.DECIMAL, (t.is_floating, t.is_decimal)),
        (ColumnType.DATETIME, (t.is_timestamp, t.is_date)),
        (ColumnType.STRING, (t.is_string, t.is_large_string, t.is_string_view, t.is_null)),
    )
    return next((kind for kind, any_of in tests if any(test(arrow) for test in any_of)), ColumnType.OTHER)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without dictionary encoding, with NaN as null and dates and times in microseconds."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        column = column.cast(pa.float64())
        kind = column.type
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(column), pa.nulls(1, kind)[0], column)
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(kind) and kind.unit != "us":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    return column


def infer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A text column in the narrowest type that all its values fit: integer, decimal, boolean, date and time, else text.

    Empty cells are null already and fit everything; words like "NA" are text, as in Azure ML.
    """
    if column.null_count == len(column):
        return column
    for attempt in (_integers, _decimals, _booleans):
        try:
            return attempt(column)
        except pa.ArrowInvalid:
            continue
    times = _times(column)
    return column if times is None else times


def ambiguous_dates(column: pa.ChunkedArray) -> bool:
    """True if text dates of this column could be read month first and day first."""
    fitting = _fitting_format(column)
    twin = _MONTH_FIRST_TWIN.get(fitting or "")
    return twin is not None and _parsed(column, twin) is not None


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(pc.utf8_trim_whitespace(column), pa.int64())


def _decimals(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return plain(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()))


def _booleans(column: pa.ChunkedArray) -> pa.ChunkedArray:
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    # Arrow would take "1" and "0" too: those are numbers here, found before.
    known = pc.or_(pc.is_in(lower, value_set=text_array(_TRUE_FALSE).cast(lower.type)), pc.is_null(lower))
    if not pc.all(known).as_py():
        raise pa.ArrowInvalid("not only true and false")
    return pc.cast(lower, pa.bool_())


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    text = pc.utf8_trim_whitespace(column)
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return plain(pc.cast(text, kind))
        except pa.ArrowInvalid:
            continue
    mixed = _mixed_iso(text)
    if mixed is not None:
        return mixed
    fitting = _fitting_format(column)
    return None if fitting is None else _parsed(column, fitting)


def _mixed_iso(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """ISO 8601 with a zone in some values and none in others: those without are taken as UTC, as Azure ML does."""
    zoned = pc.match_substring_regex(text, r"(Z|[+-]\d{2}:?\d{2})$")
    complete = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
    bare_date = pc.match_substring_regex(text, r"^\d{4}-\d{2}-\d{2}$")
    if not pc.all(pc.or_(complete, bare_date)).as_py():
        return None
    padded = pc.if_else(bare_date, pc.binary_join_element_wise(text, "T00:00:00Z", ""), text)
    needs_zone = pc.and_(pc.invert(zoned), pc.invert(bare_date))
    padded = pc.if_else(needs_zone, pc.binary_join_element_wise(padded, "Z", ""), padded)
    try:
        return pc.cast(padded, pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return None


def _fitting_format(column: pa.ChunkedArray) -> str | None:
    return next((text for text in _DATE_FORMATS if _parsed(column, text) is not None), None)


def _parsed(column: pa.ChunkedArray, text_format: str) -> pa.ChunkedArray | None:
    if not pa.types.is_string(column.type):
        return None
    parsed = pc.strptime(pc.utf8_trim_whitespace(column), format=text_format, unit="us", error_is_null=True)
    return parsed if parsed.null_count == column.null_count else None


def convert(column: pa.ChunkedArray, to: ColumnType) -> pa.ChunkedArray:
    """The column as another type, nulls kept. Raises UnconvertibleError with the first value that does not fit."""
    if column_type(column.type) is to or to in (ColumnType.STREAM, ColumnType.OTHER):
        return column
    if to is ColumnType.STRING:
        return _as_text(column)
    converted = _converted(column, to)
    if converted is not None:
        return converted
    for index in range(len(column)):
        single = column.slice(index, 1)
        if single.null_count == 0 and _converted(single, to) is None:
            raise UnconvertibleError(index, _raw_text(single[0].as_py()))
    # Each value fits alone, but no one reading fits all, e.g. dates written in two ways.
    first = next(index for index in range(len(column)) if column[index].is_valid)
    raise UnconvertibleError(first, _raw_text(column[first].as_py()))


def _converted(column: pa.ChunkedArray, to: ColumnType) -> pa.ChunkedArray | None:
    text = pa.types.is_string(column.type)
    try:
        if to is ColumnType.INTEGER:
            return _whole_numbers(column) if text else column.cast(pa.int64())
        if to is ColumnType.DECIMAL:
            return _decimals(column) if text else plain(column.cast(pa.float64()))
        if to is ColumnType.BOOLEAN:
            return _flags(column) if text else _flags(_as_text(column))
        if column.null_count == len(column):
            return pa.chunked_array([pa.nulls(len(column), pa.timestamp("us"))])
        return _times(column) if text else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _whole_numbers(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text to integers, also from "1.0"."""
    try:
        return _integers(text)
    except pa.ArrowInvalid:
        return _decimals(text).cast(pa.int64())


def _flags(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text to booleans, also from 1 and 0."""
    return pc.cast(pc.utf8_lower(pc.utf8_trim_whitespace(text)), pa.bool_())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array(
            [pa.array([None if v is None else _raw_text(v) for v in column.to_pylist()], pa.string())]
        )


def combine(tables: list[pa.Table]) -> pa.Table:
    """Tables one below the other. Columns that some lack are null there; types that differ meet in decimal or text."""
    if len(tables) == 1:
        return tables[0]
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    columns: list[pa.ChunkedArray] = []
    for name in names:
        parts = [_plain_or_null(table, name) for table in tables]
        kind = _common([part.type for part in parts])
        chunks = [
            chunk
            for part in parts
            for chunk in (_as_text(part) if pa.types.is_string(kind) else part.cast(kind, safe=False)).chunks
        ]
        columns.append(pa.chunked_array(chunks, kind))
    return pa.table(columns, names=names)


def _plain_or_null(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names or pa.types.is_null(table.column(name).type):
        return pa.chunked_array([pa.nulls(table.num_rows)])
    return plain(table.column(name))


def _common(kinds: list[pa.DataType]) -> pa.DataType:
    known = list(dict.fromkeys(kind for kind in kinds if not pa.types.is_null(kind)))
    if not known:
        return pa.string()
    if len(known) == 1:
        return known[0]
    types = {column_type(kind) for kind in known}
    if types == {ColumnType.INTEGER}:
        return pa.int64()
    if types <= {ColumnType.INTEGER, ColumnType.DECIMAL}:
        return pa.float64()
    if types == {ColumnType.DATETIME}:
        return pa.timestamp("us", next((kind.tz for kind in known if kind.tz), None))
    return pa.string()


def cell(value: object) -> str | None:
    """One value for display: cut, with control characters visible, None for null."""
    return None if value is None else visible(_raw_text(value), CELL_LIMIT)


def values_of(column: pa.ChunkedArray) -> list[object]:
    """The column's values for `cell`; as Arrow's own text where Python has no such value (the year 20000)."""
    try:
        values: list[object] = column.to_pylist()
    except (ValueError, OverflowError, KeyError):  # KeyError: a time zone that this machine does not know
        values = _as_text(column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return values


def _raw_text(value: object) -> str:
    match value:
        case bool():
            text = "true" if value else "false"
        case float():
            text = repr(value).removesuffix(".0")
        case datetime():
            text = value.isoformat(" ").removesuffix(" 00:00:00")
        case bytes():
            text = "0x" + value[:CELL_LIMIT].hex()
        case dict() | list() | tuple():
            text = json.dumps(value, default=_raw_text, ensure_ascii=False)
        case _:
            text = str(value)
    return text
