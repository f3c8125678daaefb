"""One pass over data: batches in, a profile out; memory does not grow with the number of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pyarrow as pa

from services.drift.columns import ColumnCounter, kind_of, type_name
from services.drift.model import ColumnPlan, ColumnProfile, FileFacts, Kind, Plan, Profile

Progress = Callable[[int], None]
"""Called now and then with the number of rows read so far."""

SAMPLE_ROWS = 200_000


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
        """True where reading half of the columns costs about half."""
        ...

    def sample(self, rows: int) -> pa.Table:
        """About so many rows spread over all of them; all of them if there are no more."""
        ...

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows of these columns, at most about 131,072 at a time. Raises SourceProblem naming file and column."""
        ...

    def weight(self, column: str) -> float:
        """What reading and counting a column costs beside the others, for sharing work among threads."""
        ...


def threads() -> int:
    """As many as this process may run at once, at most eight: more threads only wait for memory."""
    return max(1, min(len(os.sched_getaffinity(0)), 8))


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
    groups = _shared(rows, wanted, workers or threads())
    counted: dict[str, ColumnProfile] = {}
    total = 0
    if rows.by_column and len(groups) > 1:
        with ThreadPoolExecutor(len(groups), thread_name_prefix="scan") as pool:
            running = [
                pool.submit(_count, rows, group, here, progress if index == 0 else None)
                for index, group in enumerate(groups)
            ]
            for each in running:
                seen, profiles = each.result()
                total = max(total, seen)
                counted |= {profile.name: profile for profile in profiles}
    else:
        total, profiles = _count_together(rows, groups, here, progress)
        counted = {profile.name: profile for profile in profiles}
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


def _count(
    rows: Rows, columns: Sequence[ColumnPlan], here: dict[str, pa.DataType], progress: Progress | None
) -> tuple[int, list[ColumnProfile]]:
    counters = [ColumnCounter(_as_here(column, here)) for column in columns]
    seen = 0
    for batch in rows.batches([column.name for column in columns]):
        for index, counter in enumerate(counters):
            counter.add(batch.column(index))
        seen += batch.num_rows
        if progress is not None:
            progress(seen)
    return seen, [counter.result() for counter in counters]


def _count_together(
    rows: Rows, groups: Sequence[Sequence[ColumnPlan]], here: dict[str, pa.DataType], progress: Progress | None
) -> tuple[int, list[ColumnProfile]]:
    """Rows are read once, their columns counted by several threads."""
    columns = [column for group in groups for column in group]
    counters = [ColumnCounter(_as_here(column, here)) for column in columns]
    share = max(1, -(-len(columns) // max(len(groups), 1)))
    seen = 0

    def add(batch: pa.RecordBatch, first: int) -> None:
        for index in range(first, min(first + share, len(counters))):
            counters[index].add(batch.column(index))

    with ThreadPoolExecutor(max(len(groups), 1), thread_name_prefix="scan") as pool:
        for batch in rows.batches([column.name for column in columns]):
            for done in [pool.submit(add, batch, first) for first in range(0, len(columns), share)]:
                done.result()
            seen += batch.num_rows
            if progress is not None:
                progress(seen)
    return seen, [counter.result() for counter in counters]


def _as_here(column: ColumnPlan, here: dict[str, pa.DataType]) -> ColumnPlan:
    """The plan's column with the type that these data have."""
    return ColumnPlan(column.name, column.kind, type_name(here[column.name]), column.numbers, column.pinned)


def _shared(rows: Rows, columns: Sequence[ColumnPlan], workers: int) -> list[list[ColumnPlan]]:
    """The columns in at most `workers` groups of about equal weight, always the same for the same data."""
    groups: list[list[ColumnPlan]] = [[] for _ in range(max(1, min(workers, len(columns))))]
    loads = [0.0] * len(groups)
    for column in sorted(columns, key=lambda each: (-rows.weight(each.name), each.name)):
        lightest = loads.index(min(loads))
        groups[lightest].append(column)
        loads[lightest] += rows.weight(column.name)
    return groups
