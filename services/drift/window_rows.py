"""Rows of a window of days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from services.drift.model import FileFacts
from services.drift.scan import Rows
from services.drift.windows import Window
from services.errors import InvalidInput

_FEW = 1000
"""A sample of all rows with fewer of the window's is made anew, of the window alone."""


class WindowRows:
    """`services.drift.scan.Rows` whose time lies in a window. Raises InvalidInput for a column that holds no times."""

    by_column = False  # which rows are left needs the column of times

    def __init__(self, rows: Rows, window: Window) -> None:
        self._rows = rows
        self._window = window
        self.name: str = rows.name
        self.files: tuple[FileFacts, ...] = rows.files
        self.schema: pa.Schema = rows.schema
        self.row_count: int | None = None
        if window.column not in rows.schema.names:
            raise InvalidInput(f"There is no column “{window.column}” any more.", code="no_time_column")
        kind = rows.schema.field(window.column).type
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise InvalidInput(f"The column “{window.column}” holds {kind}, not times.", code="no_time_column")
        begin = datetime.combine(window.first, time(), UTC)
        end = datetime.combine(window.last, time(), UTC) + timedelta(days=1)
        self._bounds = (pa.scalar(begin, pa.timestamp("us", "UTC")), pa.scalar(end, pa.timestamp("us", "UTC")))

    def weight(self, column: str) -> float:
        """As of all rows."""
        return self._rows.weight(column)

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of the window: those of a sample of all, or its own first ones where that has few."""
        found = self._rows.sample(rows)
        kept = pa.Table.from_batches([self._within(batch) for batch in found.to_batches()], found.schema)
        if kept.num_rows < _FEW:
            kept = self._first(rows)
        return kept if columns is None else kept.select(list(columns))

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The window's rows of these columns, in order."""
        wanted = list(dict.fromkeys([*columns, self._window.column]))
        for batch in self._rows.batches(wanted):
            yield self._within(batch).select(list(columns))

    def _first(self, rows: int) -> pa.Table:
        found: list[pa.RecordBatch] = []
        left = rows
        for batch in self.batches(self.schema.names):
            found.append(batch.slice(0, left))
            left -= found[-1].num_rows
            if left <= 0:
                break
        return pa.Table.from_batches(found, self.schema)

    def _within(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        times = batch.column(self._window.column)
        if pa.types.is_timestamp(times.type) and times.type.tz is None:
            times = pc.assume_timezone(times.cast(pa.timestamp("us"), safe=False), "UTC")
        times = times.cast(pa.timestamp("us", "UTC"), safe=False)
        begin, end = self._bounds
        mask = pc.and_(pc.greater_equal(times, begin), pc.less(times, end))
        return batch.filter(mask)  # a row without a time is in no window
