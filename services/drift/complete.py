"""Rows in which nothing is missing, as Azure ML's drift job keeps them (`DataFrame.dropna()` over all columns)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from services.drift.model import FileFacts
from services.drift.scan import Rows
from services.errors import SourceProblem
from services.reading.display import quoted

_SAMPLED = 10_000  # rows looked at to say why none is complete


class CompleteRows:
    """`services.drift.scan.Rows` without those that hold a null or NaN in any column."""

    by_column = False  # which rows are left needs every column
    waits = False

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.name: str = rows.name
        self.files: tuple[FileFacts, ...] = rows.files
        self.schema: pa.Schema = rows.schema
        self.row_count: int | None = None

    def none_left(self, what: str) -> SourceProblem:
        """What to say where no row is complete. what: how the report calls these rows."""
        sample = self._rows.sample(_SAMPLED)
        empty = [name for name in sample.column_names if sample.column(name).null_count == sample.num_rows]
        why = f"the column {quoted(empty[0], 60)} never has a value" if empty else "each misses something"
        return SourceProblem(
            f"Azure ML leaves out every row in which any column has no value, and none is left of the {what}: {why}. "
            "Leave such columns out of the data, or choose another preset.",
            code="no_complete_row",
            field="source",
        )

    def weight(self, column: str) -> float:
        """As of all rows."""
        return self._rows.weight(column)

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """The complete ones of a sample."""
        found = self._rows.sample(rows)
        kept = pa.Table.from_batches([complete(batch) for batch in found.to_batches()], found.schema)
        return kept if columns is None else kept.select(list(columns))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The complete rows of these columns, in order."""
        for batch in self._rows.batches(self.schema.names):
            yield complete(batch).select(list(columns))


def complete(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows in which every column has a value that is no NaN."""
    mask = None
    for column in batch.columns:
        if not column.null_count and not pa.types.is_floating(column.type):
            continue
        here = pc.invert(pc.is_null(column, nan_is_null=pa.types.is_floating(column.type)))
        mask = here if mask is None else pc.and_(mask, here)
    return batch if mask is None else batch.filter(mask)
