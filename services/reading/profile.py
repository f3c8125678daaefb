"""The profile of each column of a sample."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from services.datasets.model import Column, ColumnProfile, ColumnType
from services.reading.columns import cell, values_of

TOP = 5
_ORDERED = frozenset(
    {ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATETIME, ColumnType.STRING, ColumnType.BOOLEAN}
)
_NUMERIC = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})


def profile(table: pa.Table, schema: Iterable[Column]) -> tuple[ColumnProfile, ...]:
    """Count, nulls, distinct values, range, mean and most frequent values of each column of the table.

    distinct is exact for the table's rows; nested and binary columns have only count and nulls.
    """
    return tuple(_one(table.column(column.name), column) for column in schema)


def _one(values: pa.ChunkedArray, column: Column) -> ColumnProfile:
    count, nulls = len(values), values.null_count
    if column.type not in _ORDERED or nulls == count or pa.types.is_nested(values.type):
        return ColumnProfile(column.name, column.type, count, nulls, 0)
    counts = pc.value_counts(values.drop_null())
    distinct = len(counts)
    limits = pc.min_max(values)
    smallest, largest = values_of(pa.chunked_array([pa.array([limits["min"], limits["max"]], values.type)]))
    numeric = column.type in _NUMERIC
    mean = pc.mean(values.cast(pa.float64(), safe=False)).as_py() if numeric else None
    return ColumnProfile(
        column.name,
        column.type,
        count,
        nulls,
        distinct,
        minimum=cell(smallest),
        maximum=cell(largest),
        mean=mean,
        top=_top(counts) if distinct < count - nulls else (),
    )


def _top(counts: pa.StructArray) -> tuple[tuple[str, int], ...]:
    """The most frequent values; equally frequent ones in the order of their values."""
    table = pa.table({"value": counts.field("values"), "count": counts.field("counts")})
    order = pc.select_k_unstable(table, TOP, [("count", "descending"), ("value", "ascending")])
    chosen = table.take(order)
    return tuple(
        (cell(value) or "", int(count))
        for value, count in zip(values_of(chosen.column("value")), chosen.column("count").to_pylist(), strict=True)
    )
