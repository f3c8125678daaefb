"""Choosing where to count, from a sample of the baseline.

The sample decides how tight the certified intervals are, never whether they are right: every count is exact wherever
the edges lie.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from services.drift.categories import pinned_of
from services.drift.columns import kind_of, lengths_of, numbers_of, texts_of, type_name
from services.drift.model import FEW_VALUES, ColumnPlan, Floats, Kind, NumberPlan, Plan

EDGES = 2048
"""Baseline quantiles that become edges: certified intervals are then about 0.003 standard deviations wide (W1)."""

LEAST_EDGES = 512
_FEW_COLUMNS = 40
_TAIL = 41  # edges beyond each end, 2 %
_TAIL_REACH = 4.0  # ranges of the sample


def edges_for(columns: int) -> int:
    """How many edges each of so many columns gets: fewer for very many, whose profile would be large."""
    return max(LEAST_EDGES, min(EDGES, EDGES * _FEW_COLUMNS // max(columns, 1)))


def plan_of(sample: pa.Table, *, edges: int | None = None, extra: Mapping[str, Floats] | None = None) -> Plan:
    """A plan for the columns of a sample, of which quantiles and frequent texts are taken.

    edges: None for as many as `edges_for` says. extra: further edges by column.
    """
    known = extra or {}
    if edges is None:
        edges = edges_for(sample.num_columns)
    return make_plan([_column(name, sample.column(name), edges, known.get(name)) for name in sample.column_names])


def make_plan(columns: Sequence[ColumnPlan]) -> Plan:
    """A plan with its id: the hash of all that decides what is counted."""
    digest = hashlib.sha256(b"drift plan 1")
    for column in columns:
        digest.update(
            repr((column.name, column.kind.value, column.arrow_type, column.pinned)).encode("utf-8", "replace")
        )
        if column.numbers is not None:
            digest.update(repr((column.numbers.shift, column.numbers.few)).encode())
            digest.update(column.numbers.edges.tobytes())
    return Plan(digest.hexdigest()[:32], tuple(columns))


def plan_at(plan: Plan, edges: Mapping[str, Floats]) -> Plan:
    """A plan for some number columns of another one that counts at other edges, for a second look at the data."""
    chosen = []
    for column in plan.columns:
        if column.name in edges and column.numbers is not None:
            numbers = NumberPlan(column.numbers.shift, _increasing(edges[column.name]), few=False)
            chosen.append(ColumnPlan(column.name, column.kind, column.arrow_type, numbers))
    return make_plan(chosen)


def _column(name: str, column: pa.ChunkedArray, edges: int, extra: Floats | None) -> ColumnPlan:
    kind = kind_of(column.type)
    if kind in (Kind.NUMBER, Kind.TIME, Kind.NESTED):
        read = lengths_of if kind is Kind.NESTED else numbers_of
        parts = [read(chunk) for chunk in column.chunks if len(chunk)]
        numbers = np.concatenate([part.astype(np.float64) for part in parts]) if parts else np.empty(0)
        return ColumnPlan(name, kind, type_name(column.type), _numbers(numbers[np.isfinite(numbers)], edges, extra))
    pinned: tuple[str, ...] = ()
    if kind is Kind.CATEGORY:
        pinned = pinned_of([texts_of(chunk) for chunk in column.chunks])
    return ColumnPlan(name, kind, type_name(column.type), None, pinned)


def _numbers(sample: Floats, edges: int, extra: Floats | None) -> NumberPlan:
    if not len(sample):
        none = np.empty(0) if extra is None else _increasing(extra)
        return NumberPlan(0.0, none, few=True)
    ordered = np.sort(sample)
    distinct = int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1
    few = distinct <= min(FEW_VALUES, max(EDGES, len(ordered) // 8))  # as many values as edges cost no more than these
    at = np.linspace(0, len(ordered) - 1, min(edges, len(ordered))).round().astype(np.int64)
    wanted = [ordered[at], _tails(ordered)]
    if extra is not None:
        wanted.append(extra)
    middle = float(ordered[len(ordered) // 2])
    return NumberPlan(middle, _increasing(np.concatenate(wanted)), few)


def _tails(ordered: Floats) -> Floats:
    """Edges beyond both ends, each further away than the one before, to four times the range."""
    low, high = float(ordered[0]), float(ordered[-1])
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return np.empty(0)
    steps = span * np.geomspace(1e-3, _TAIL_REACH, _TAIL)
    with np.errstate(over="ignore"):
        return np.concatenate((low - steps, high + steps))


def _increasing(edges: Floats) -> Floats:
    finite = edges[np.isfinite(edges)] + 0.0  # no negative zero beside zero
    return np.unique(finite)
