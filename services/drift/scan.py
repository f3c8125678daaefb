"""One pass over data: batches in, a profile out; memory does not grow with the number of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Protocol

import pyarrow as pa

from services.drift.columns import ColumnCounter, kind_of, type_name
from services.drift.model import ColumnPlan, ColumnProfile, FileFacts, Kind, Plan, Profile
from services.drift.plan import edges_for, make_plan, plan_of

Progress = Callable[[int], None]
"""Called now and then with the number of rows read so far."""

SAMPLE_ROWS = 200_000
_WAITING = 6  # threads of which most wait


class Rows(Protocol):
    """Rows that can be read from their beginning again and again, by several threads at once."""

    @property
    def name(self) -> str:
        """How a person calls them."""
        ...

    @property
    def files(self) -> tuple[FileFacts, ...]:
        """What they are read from."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Columns with the types that `batches` gives."""
        ...

    @property
    def row_count(self) -> int | None:
        """Number of rows where the files tell it."""
        ...

    @property
    def by_column(self) -> bool:
        """True where reading each column by itself costs about as much as reading them together."""
        ...

    @property
    def waits(self) -> bool:
        """True where reading waits for a network, so that more threads than processors are of use."""
        ...

    def sample(self, rows: int, columns: Sequence[str] | None = None) -> pa.Table:
        """About so many rows spread over all of them; all of them if there are no more. columns: only these."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows of these columns, at most about 131,072 at a time. Raises SourceProblem naming file and column."""
        ...

    def weight(self, column: str) -> float:
        """What reading and counting a column costs beside the others, for sharing work among threads."""
        ...


def threads(rows: Rows | None = None) -> int:
    """As many as this process may run at once, at most eight: more threads only wait for memory."""
    here = max(1, min(len(os.sched_getaffinity(0)), 8))
    return max(here, _WAITING) if rows is not None and rows.waits else here


def plan_for(rows: Rows, sample_rows: int = SAMPLE_ROWS) -> Plan:
    """A plan from a sample of the rows themselves. Raises SourceProblem when they cannot be read."""
    if not rows.by_column:
        return plan_of(rows.sample(sample_rows))

    edges = edges_for(len(rows.schema))

    def plan(name: str) -> Sequence[ColumnPlan]:
        return plan_of(rows.sample(sample_rows, [name]), edges=edges).columns

    with ThreadPoolExecutor(threads(rows), thread_name_prefix="plan") as pool:
        planned = list(pool.map(plan, rows.schema.names))
    return make_plan([column for columns in planned for column in columns])


def scan(
    rows: Rows,
    plan: Plan,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    fingerprint: str = "",
) -> Profile:
    """The profile of rows, counted where the plan says. Raises SourceProblem when something cannot be read."""
    here = {field.name: field.type for field in rows.schema}
    wanted = [column for column in plan.columns if column.name in here and fits(column, here[column.name])]
    counting = _count_apart if rows.by_column else _count_together
    total, counted = counting(rows, wanted, here, workers or threads(rows), progress)
    known = {column.name for column in wanted}
    return Profile(
        plan=plan,
        rows=total,
        columns=tuple(counted.get(column.name) or absent(column, total) for column in plan.columns),
        others=tuple((name, type_name(kind)) for name, kind in here.items() if name not in known),
        missing=tuple(column.name for column in plan.columns if column.name not in known),
        files=rows.files,
        source=rows.name,
        fingerprint=fingerprint,
    )


def fits(column: ColumnPlan, kind: pa.DataType) -> bool:
    """Can a column of this type be counted as the plan says?"""
    found = kind_of(kind)
    return found is column.kind or found is Kind.EMPTY or column.kind is Kind.EMPTY


def absent(column: ColumnPlan, rows: int) -> ColumnProfile:
    """A column that the data do not have, or have as another kind: nothing was counted."""
    empty = ColumnCounter(column).result()
    return ColumnProfile(
        name=empty.name,
        kind=empty.kind,
        arrow_type=empty.arrow_type,
        rows=0 if rows else empty.rows,
        nulls=0,
        numbers=empty.numbers,
        categories=empty.categories,
    )


Counted = tuple[int, dict[str, ColumnProfile]]


def _count_apart(
    rows: Rows, columns: Sequence[ColumnPlan], here: dict[str, pa.DataType], workers: int, progress: Progress | None
) -> Counted:
    """Each thread reads and counts one column after the other, so that no more than that many are in memory."""
    told = _Told(progress, len(columns))

    def count(column: ColumnPlan) -> tuple[int, ColumnProfile]:
        counter = ColumnCounter(_as_here(column, here))
        seen = 0
        for batch in rows.batches([column.name]):
            counter.add(batch.column(0))
            seen += batch.num_rows
            told.add(batch.num_rows)
        return seen, counter.result()

    # The costly ones first, so that no thread is left alone with one at the end.
    ordered = sorted(columns, key=lambda each: (-rows.weight(each.name), each.name))
    with ThreadPoolExecutor(max(1, min(workers, len(ordered))), thread_name_prefix="scan") as pool:
        running = [pool.submit(count, column) for column in ordered]
        try:
            done = [each.result() for each in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what has not begun need not
            raise
    return max((seen for seen, _ in done), default=0), {profile.name: profile for _, profile in done}


class _Told:
    """How far columns are that are read apart, as rows of the whole."""

    def __init__(self, progress: Progress | None, columns: int) -> None:
        self._progress = progress
        self._columns = columns
        self._values = 0
        self._lock = Lock()

    def add(self, rows: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._values += rows
            self._progress(self._values // self._columns)


def _count_together(
    rows: Rows, columns: Sequence[ColumnPlan], here: dict[str, pa.DataType], workers: int, progress: Progress | None
) -> Counted:
    """Rows are read once, their columns counted by several threads."""
    counters = [ColumnCounter(_as_here(column, here)) for column in columns]
    groups = _shared(rows, columns, workers)
    seen = 0

    def add(batch: pa.RecordBatch, group: Sequence[int]) -> None:
        for index in group:
            counters[index].add(batch.column(index))

    with ThreadPoolExecutor(max(len(groups), 1), thread_name_prefix="scan") as pool:
        for batch in rows.batches([column.name for column in columns]):
            for done in [pool.submit(add, batch, group) for group in groups]:
                done.result()
            seen += batch.num_rows
            if progress is not None:
                progress(seen)
    return seen, {counter.plan.name: counter.result() for counter in counters}


def _as_here(column: ColumnPlan, here: dict[str, pa.DataType]) -> ColumnPlan:
    """The plan's column with the type that these data have."""
    return ColumnPlan(column.name, column.kind, type_name(here[column.name]), column.numbers, column.pinned)


def _shared(rows: Rows, columns: Sequence[ColumnPlan], workers: int) -> list[list[int]]:
    """Places of the columns in at most `workers` groups of about equal weight, always the same for the same data."""
    groups: list[list[int]] = [[] for _ in range(min(workers, len(columns)))]
    loads = [0.0] * len(groups)
    for index in sorted(range(len(columns)), key=lambda each: (-rows.weight(columns[each].name), columns[each].name)):
        lightest = loads.index(min(loads))
        groups[lightest].append(index)
        loads[lightest] += rows.weight(columns[index].name)
    return groups
