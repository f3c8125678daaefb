"""Counting numbers at many edges: sort a block once, then look the edges up in it.

Per value this costs the sort of a block that fits the cache, whatever the number of edges; looking each value up among
the edges would cost ten times as much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.drift.model import FEW_VALUES, Floats, Ints, NumberCounts, NumberPlan

BLOCK = 131_072
"""Values sorted at once: 1 MiB of float64."""

_TABLE = 65_536
"""Integers within so small a range are counted by a table instead of by sorting."""

Numbers = NDArray[np.float64] | NDArray[np.float32] | NDArray[np.int64] | NDArray[np.int32]


class NumberCounter:
    """Adds up blocks of finite numbers for one plan. Not for several threads at once."""

    def __init__(self, plan: NumberPlan) -> None:
        self._plan = plan
        size = len(plan.edges)
        self._total = 0
        self._below = np.zeros(size, np.int64)
        self._upto = np.zeros(size, np.int64)
        self._sum_below = np.zeros(size)
        self._sum = 0.0
        self._square = 0.0
        self._minimum = np.inf
        self._maximum = -np.inf
        self._values: Floats | None = np.empty(0) if plan.few else None
        self._counts: Ints | None = np.empty(0, np.int64) if plan.few else None
        self._buffer = np.empty(0)

    def add(self, numbers: Numbers) -> None:
        """Count these finite numbers; the array itself is left alone."""
        for start in range(0, len(numbers), BLOCK):
            self._add_block(numbers[start : start + BLOCK])

    def result(self) -> NumberCounts:
        """All that was counted so far."""
        if self._values is not None:
            self._flush_values(forget=False)
        return NumberCounts(
            shift=self._plan.shift,
            edges=self._plan.edges,
            total=self._total,
            below=self._below,
            upto=self._upto,
            sum_below=self._sum_below,
            sum=self._sum,
            square=self._square,
            minimum=self._minimum if self._total else float("nan"),
            maximum=self._maximum if self._total else float("nan"),
            values=self._values,
            counts=self._counts,
        )

    def _add_block(self, block: Numbers) -> None:
        if not len(block):
            return
        self._total += len(block)
        if self._values is not None:
            found = _few(block)
            if found is not None and self._remember(*found):
                return
            if self._values is not None:  # one block too many: what was remembered goes to the edges
                self._flush_values(forget=True)
        ordered: Numbers = np.sort(block)  # type: ignore[assignment]  # of the block's own type
        self._count_sorted(ordered)

    def _remember(self, values: Floats, counts: Ints) -> bool:
        assert self._values is not None
        assert self._counts is not None
        merged, merged_counts = add_counts(self._values, self._counts, values, counts)
        if len(merged) > FEW_VALUES:
            return False
        self._values, self._counts = merged, merged_counts
        return True

    def _flush_values(self, *, forget: bool) -> None:
        """Count the remembered values at the edges. forget: from now on only edges count."""
        values, counts = self._values, self._counts
        assert values is not None
        assert counts is not None
        if len(values):
            at = counts_at(self._plan, values, counts)
            if forget:
                self._below += at.below
                self._upto += at.upto
                self._sum_below += at.sum_below
                self._sum += at.sum
                self._square += at.square
            else:
                self._below, self._upto, self._sum_below = at.below, at.upto, at.sum_below
                self._sum, self._square = at.sum, at.square
            self._minimum = min(self._minimum, at.minimum)
            self._maximum = max(self._maximum, at.maximum)
        if forget:
            self._values = self._counts = None

    def _count_sorted(self, block: Numbers) -> None:
        left, right = positions(block, self._plan.edges)
        self._below += left
        self._upto += right
        if len(self._buffer) < len(block):
            self._buffer = np.empty(BLOCK)
        moved = self._buffer[: len(block)]
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(block, self._plan.shift, out=moved, dtype=np.float64)
            self._square += float(np.dot(moved, moved))
            running = _sums_before(moved, left)
        self._sum_below += running[:-1]
        self._sum += float(running[-1])
        self._minimum = min(self._minimum, float(block[0]))
        self._maximum = max(self._maximum, float(block[-1]))


def counts_at(plan: NumberPlan, values: Floats, counts: Ints) -> NumberCounts:
    """Counts at a plan's edges from every distinct value, increasing, and how often each comes."""
    left = np.searchsorted(values, plan.edges, "left")
    right = np.searchsorted(values, plan.edges, "right")
    running = np.concatenate(([0], np.cumsum(counts)))
    with np.errstate(over="ignore", invalid="ignore"):
        moved = values - plan.shift
        weighted = moved * counts
        sums = np.concatenate(([0.0], np.cumsum(weighted)))
        square = float(np.dot(moved, weighted))
    return NumberCounts(
        shift=plan.shift,
        edges=plan.edges,
        total=int(running[-1]),
        below=running[left],
        upto=running[right],
        sum_below=sums[left],
        sum=float(sums[-1]),
        square=square,
        minimum=float(values[0]) if len(values) else float("nan"),
        maximum=float(values[-1]) if len(values) else float("nan"),
        values=values,
        counts=counts,
    )


def add_counts(values: Floats, counts: Ints, others: Floats, their_counts: Ints) -> tuple[Floats, Ints]:
    """Distinct values of both, increasing, with their counts added."""
    if not len(values):
        return others, their_counts
    if len(values) == len(others) and np.array_equal(values, others):
        return values, counts + their_counts
    every = np.union1d(values, others)
    summed = np.zeros(len(every), np.int64)
    summed[np.searchsorted(every, values)] = counts
    summed[np.searchsorted(every, others)] += their_counts
    return every, summed


def merge_numbers(one: NumberCounts, other: NumberCounts) -> NumberCounts:
    """Both together. They must be of one plan."""
    values = counts = None
    if one.values is not None and other.values is not None:
        assert one.counts is not None
        assert other.counts is not None
        values, counts = add_counts(one.values, one.counts, other.values, other.counts)
        if len(values) > FEW_VALUES:
            values = counts = None
    return NumberCounts(
        shift=one.shift,
        edges=one.edges,
        total=one.total + other.total,
        below=one.below + other.below,
        upto=one.upto + other.upto,
        sum_below=one.sum_below + other.sum_below,
        sum=one.sum + other.sum,
        square=one.square + other.square,
        minimum=float(np.fmin(one.minimum, other.minimum)),
        maximum=float(np.fmax(one.maximum, other.maximum)),
        values=values,
        counts=counts,
    )


def _few(block: Numbers) -> tuple[Floats, Ints] | None:
    """Distinct values of a block, increasing, and their counts; None when there are too many."""
    if block.dtype.kind == "i":
        low, high = int(block.min()), int(block.max())
        if high - low < _TABLE:
            table = np.bincount(block - low)
            present = np.flatnonzero(table)
            if len(present) > FEW_VALUES:
                return None
            return (present + low).astype(np.float64), table[present].astype(np.int64)
    ordered = np.sort(block)
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if len(starts) >= FEW_VALUES:
        return None
    first = np.concatenate(([0], starts))
    return ordered[first].astype(np.float64) + 0.0, np.diff(np.append(first, len(ordered)))


def _sums_before(values: Floats, places: Ints) -> Floats:
    """(K + 1,) the sum of the values before each of K places, which do not fall, and of all of them.

    Segments are added apart, each by numpy's pairwise sum, which is quicker than running sums and rounds less.
    """
    bounds = np.concatenate(([0], places, [len(values)]))
    filled = bounds[1:] > bounds[:-1]
    segments = np.zeros(len(places) + 1)
    segments[filled] = np.add.reduceat(values, bounds[:-1][filled])
    found: Floats = np.cumsum(segments)
    return found


def positions(block: Numbers, edges: Floats) -> tuple[Ints, Ints]:
    """How many of a sorted block are < and <= each edge, compared as exact numbers whatever the block's type."""
    if block.dtype == np.float64:
        left = np.searchsorted(block, edges, "left")
        right = left.copy()
        if len(block):
            met = block[np.minimum(left, len(block) - 1)] == edges  # few edges are values of the block
            right[met] = np.searchsorted(block, edges[met], "right")
        return left, right
    if block.dtype == np.float32:
        with np.errstate(over="ignore"):
            near = edges.astype(np.float32)
        rounded_up = near.astype(np.float64) > edges
        near = np.where(rounded_up, np.nextafter(near, np.float32(-np.inf)), near)  # the float32 at or below the edge
        right = np.searchsorted(block, near, "right")
        exact = near.astype(np.float64) == edges
        return np.where(exact, np.searchsorted(block, near, "left"), right), right
    bits = 8 * block.dtype.itemsize - 1
    lowest, highest = -(2.0**bits), 2.0**bits - (0 if bits > 52 else 1)
    up = np.ceil(np.clip(edges, lowest, highest))
    down = np.floor(np.clip(edges, lowest, highest))
    # float(2**63 - 1) rounds to 2**63, which no integer of the block reaches.
    over = edges >= highest if block.dtype == np.int64 else edges > highest
    under = edges < lowest
    safe_up = np.where(over, 0, up).astype(block.dtype)
    safe_down = np.where(over, 0, down).astype(block.dtype)
    left = np.where(over, len(block), np.where(under, 0, np.searchsorted(block, safe_up, "left")))
    right = np.where(over, len(block), np.where(under, 0, np.searchsorted(block, safe_down, "right")))
    return left, right
