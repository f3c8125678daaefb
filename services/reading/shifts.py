"""Quick drift: how far the columns of two samples lie apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.datasets.model import ColumnShift, ColumnType
from services.reading.columns import column_type
from services.reading.distances import histogram, jensen_shannon_distance, quantile_edges
from services.reading.limits import counted
from services.reading.tabular import Sample, TabularData

BINS = 32
CATEGORIES = 100  # most frequent values kept apart; the rest is one
_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})


def compare_samples(before: pa.Table, after: pa.Table) -> tuple[ColumnShift, ...]:
    """A shift for every column both have, largest distance first, those without a distance last.

    Numbers and times are compared on quantile bins of `before` with open ends, text and booleans by how often each
    value occurs. Nulls are told by their shares and do not count in the distance.
    """
    shifts = [
        _shift(name, before.column(name), after.column(name))
        for name in before.column_names
        if name in after.column_names
    ]
    return tuple(sorted(shifts, key=lambda shift: -1.0 if shift.distance is None else shift.distance, reverse=True))


def _shift(name: str, before: pa.ChunkedArray, after: pa.ChunkedArray) -> ColumnShift:
    kind, other = column_type(before.type), column_type(after.type)
    return ColumnShift(
        name,
        kind,
        _distance(before.drop_null(), after.drop_null(), kind, other),
        nulls_before=_null_share(before),
        nulls_after=_null_share(after),
    )


def _null_share(column: pa.ChunkedArray) -> float:
    return column.null_count / len(column) if len(column) else 0.0


def _distance(before: pa.ChunkedArray, after: pa.ChunkedArray, kind: ColumnType, other: ColumnType) -> float | None:
    if not len(before) or not len(after):
        return None
    if {kind, other} <= _NUMBERS or kind is other is ColumnType.DATETIME:
        return numeric_distance(_numbers(before), _numbers(after))
    if kind is other and kind in (ColumnType.STRING, ColumnType.BOOLEAN):
        return categorical_distance(_frequencies(before), _frequencies(after))
    return None


def numeric_distance(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Jensen-Shannon distance of two samples on at most 32 quantile bins of the first. Both non-empty, no NaN."""
    edges = quantile_edges(before[np.isfinite(before)] if np.isfinite(before).any() else np.zeros(1), BINS)
    return jensen_shannon_distance(histogram(before, edges), histogram(after, edges))


def categorical_distance(before: Counter[str], after: Counter[str]) -> float:
    """Jensen-Shannon distance of two sets of value frequencies, the values beyond the 100 most frequent pooled."""
    shares: Counter[str] = Counter()
    for counts in (before, after):
        total = counts.total()
        for value, count in counts.items():
            shares[value] += count / total  # type: ignore[assignment]  # a Counter of shares: typeshed knows only int
    # Ties by value, so that the same samples give the same number each time.
    kept = [value for value, _ in sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:CATEGORIES]]

    def counted_values(counts: Counter[str]) -> NDArray[np.float64]:
        named = [counts.get(value, 0) for value in kept]
        return np.array([*named, counts.total() - sum(named)], dtype=np.float64)

    return jensen_shannon_distance(counted_values(before), counted_values(after))


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _frequencies(column: pa.ChunkedArray) -> Counter[str]:
    counts = pc.value_counts(column.cast(pa.string()))
    return Counter(dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)))


def sample_note(before: TabularData, before_sample: Sample, after: TabularData, after_sample: Sample) -> str:
    """What a comparison covers, in one sentence."""
    return (
        f"Compared {_covered(before, before_sample)} with {_covered(after, after_sample)}, by Jensen-Shannon distance."
    )


def _covered(data: TabularData, sample: Sample) -> str:
    count, rows, files = sample.table.num_rows, data.row_count(sample), len(data.reader.files)
    if sample.complete:
        return f"all {counted(count, 'row')}"
    of_rows = f"{count:,} of {rows:,} rows" if rows is not None else f"a sample of {counted(count, 'row')}"
    return f"{of_rows} spread over {sample.files_touched:,} of {counted(files, 'file')}"
