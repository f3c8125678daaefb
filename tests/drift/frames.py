"""Small data of every shape, and what the engine makes of them, for the tests of drift."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.drift.compare import compare
from services.drift.comparison import ColumnDrift, Comparison
from services.drift.model import FileFacts, Plan, Profile
from services.drift.plan import plan_of
from services.drift.scan import scan
from services.drift.settings import CompareSettings


class TableRows:
    """`services.drift.scan.Rows` of tables in memory."""

    by_column = True
    waits = False

    def __init__(self, table: pa.Table, *, name: str = "data", batch: int = 10_000) -> None:
        self.name = name
        self.files: tuple[FileFacts, ...] = ()
        self.schema: pa.Schema = table.schema
        self.row_count: int | None = table.num_rows
        self._table = table
        self._batch = batch

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The first rows."""
        return (self._table if columns is None else self._table.select(list(columns))).slice(0, rows)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows."""
        yield from self._table.select(list(columns)).to_batches(max_chunksize=self._batch)

    def weight(self, column: str) -> float:
        """All alike."""
        return 1.0


def as_table(data: pa.Table | Mapping[str, Any]) -> pa.Table:
    """A table of columns given as arrays or lists."""
    if isinstance(data, pa.Table):
        return data
    return pa.table(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in data.items()}
    )


def profiled(data: pa.Table | Mapping[str, Any], plan: Plan | None = None, *, edges: int | None = None) -> Profile:
    """The profile of some columns. edges: how many, to make the counts coarse."""
    table = as_table(data)
    return scan(TableRows(table), plan or plan_of(table, edges=edges))


def both(
    baseline: pa.Table | Mapping[str, Any], target: pa.Table | Mapping[str, Any], *, edges: int | None = None
) -> tuple[Profile, Profile]:
    """The profiles of a baseline and of a target counted with its plan."""
    first = profiled(baseline, edges=edges)
    return first, profiled(target, first.plan)


def compared(
    baseline: pa.Table | Mapping[str, Any], target: pa.Table | Mapping[str, Any], **settings: Any
) -> Comparison:
    """The comparison of some columns with these settings."""
    return compare(*both(baseline, target), CompareSettings(**settings))


def one(baseline: Any, target: Any, **settings: Any) -> ColumnDrift:
    """The drift of one column."""
    return compared({"x": baseline}, {"x": target}, **settings).columns[0]


def heavy(rng: np.random.Generator, kind: int, size: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Numbers of one of twelve shapes: smooth, heavy-tailed, with atoms, far from zero, narrow types, not finite."""
    x: Any
    match kind % 12:
        case 0:
            x = rng.normal(size=size)
        case 1:
            x = rng.standard_cauchy(size)
        case 2:
            x = rng.standard_t(2, size)
        case 3:
            x = rng.lognormal(0, 3, size)
        case 4:
            x = np.where(rng.random(size) < 0.6, 0.0, rng.exponential(size=size))
        case 5:
            x = 1e9 + rng.normal(size=size)
        case 6:
            x = rng.normal(size=size).astype(np.float32)
        case 7:
            x = rng.integers(-(2**40), 2**40, size)
        case 8:
            x = rng.integers(0, 7, size).astype(np.int32)
        case 9:
            x = np.round(rng.normal(20, 5, size), 2)
        case 10:
            x = np.where(rng.random(size) < 0.1, rng.choice([np.nan, np.inf, -np.inf], size), rng.normal(size=size))
        case _:
            x = rng.choice([1.5, 1.5 + 2**-50, 2.5, 1e-300, -1e300], size)
    return np.asarray(x)
