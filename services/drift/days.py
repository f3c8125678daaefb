"""One scan that counts each day by itself, so that any window of days is a sum of profiles afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.drift.buffers import valid, values_of
from services.drift.columns import ColumnCounter, kind_of, type_name
from services.drift.model import ColumnPlan, Kind, Plan, Profile
from services.drift.scan import Progress, Rows, absent, fits
from services.errors import SourceProblem
from services.reading.display import quoted

MOST_DAYS = 400
"""Counts of so many days are in memory at once: about 0.7 MB for each with 20 columns."""

NO_DAY = "none"
"""Stands for the day of rows without a time."""

_DAY = 86_400_000_000  # microseconds
_EPOCH = date(1970, 1, 1)
_NULL = np.iinfo(np.int32).min


def scan_days(
    rows: Rows, plan: Plan, column: str, *, progress: Progress | None = None, fingerprint: str = ""
) -> Mapping[str, Profile]:
    """(day in UTC as 2026-01-31, profile of its rows), in order; NO_DAY, always, has those without a time.

    column: of timestamps or dates. Raises SourceProblem without such a column and for more than MOST_DAYS.
    """
    here = {field.name: field.type for field in rows.schema}
    if column not in here or kind_of(here[column]) is not Kind.TIME or pa.types.is_time(here[column]):
        raise SourceProblem(
            f"The data have no column {quoted(column, 60)} of dates, by which days could be told apart.",
            code="no_time_column",
        )
    known = [each for each in plan.columns if each.name in here and fits(each, here[each.name])]
    names = list(dict.fromkeys([*(each.name for each in known), column]))
    counted: dict[int, _Day] = {_NULL: _Day(known, here)}
    seen = 0
    for batch in rows.batches(names):
        days = _days(batch.column(names.index(column)))
        present = np.unique(days).tolist()
        for day in present:
            if day not in counted:
                counted[day] = _Day(known, here)
                _refuse_too_many(len(counted) - 1, column)
            counted[day].add(batch if len(present) == 1 else batch.filter(pa.array(days == day)))
        seen += batch.num_rows
        if progress is not None:
            progress(seen)
    made = {_name(day): counted[day].profile(rows, plan, fingerprint) for day in sorted(counted)}
    return dict(sorted(made.items(), key=lambda each: (each[0] == NO_DAY, each[0])))


class _Day:
    """Counters of one day."""

    def __init__(self, plans: list[ColumnPlan], here: Mapping[str, pa.DataType]) -> None:
        self._counters = [
            ColumnCounter(ColumnPlan(each.name, each.kind, type_name(here[each.name]), each.numbers, each.pinned))
            for each in plans
        ]
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        for index, counter in enumerate(self._counters):
            counter.add(batch.column(index))
        self._rows += batch.num_rows

    def profile(self, rows: Rows, plan: Plan, fingerprint: str) -> Profile:
        counted = {counter.plan.name: counter.result() for counter in self._counters}
        return Profile(
            plan=plan,
            rows=self._rows,
            columns=tuple(counted.get(each.name) or absent(each, self._rows) for each in plan.columns),
            others=tuple((each.name, type_name(each.type)) for each in rows.schema if each.name not in counted),
            missing=tuple(each.name for each in plan.columns if each.name not in counted),
            source=rows.name,
            fingerprint=fingerprint,
        )


def _days(times: pa.Array) -> NDArray[np.int32]:
    """(rows,) days since 1970-01-01 in UTC, _NULL where there is no time."""
    if pa.types.is_dictionary(times.type):
        times = times.dictionary_decode()
    there = valid(times) if times.null_count else None
    if pa.types.is_timestamp(times.type):
        moments = values_of(times.cast(pa.timestamp("us", times.type.tz), safe=False).cast(pa.int64()))
        days = np.floor_divide(moments, _DAY).astype(np.int32)
    else:
        days = values_of(times.cast(pa.date32()).cast(pa.int32()))
    return days if there is None else np.where(there, days, _NULL).astype(np.int32)


def _refuse_too_many(days: int, column: str) -> None:
    if days > MOST_DAYS:
        raise SourceProblem(
            f"The column {quoted(column, 60)} spans more than {MOST_DAYS} days, which are too many to be told apart. "
            "Compare versions instead of windows of days.",
            code="too_many_days",
        )


def _name(day: int) -> str:
    return NO_DAY if day == _NULL else (_EPOCH + timedelta(days=day)).isoformat()
