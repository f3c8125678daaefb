"""What is told of each side of a column beside its distance: moments, quantiles, categories, a histogram."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np

from services.drift.bins import counted_below, evenly_between
from services.drift.categories import distinct
from services.drift.comparison import NAMED, QUANTILES, Count, Histogram, SideFacts
from services.drift.model import CategoryCounts, ColumnProfile, Floats, Ints, Kind, NumberCounts

_BINS = 40
_TAILS = 0.005  # of the rows of each side may lie outside of the histogram, at each end


def side_facts(column: ColumnProfile, edges: Floats | None) -> SideFacts:
    """The facts of one side. edges: of the histogram that both sides share; None for none."""
    numbers, texts = column.numbers, column.categories
    if numbers is None or not numbers.total:
        how_many = None if texts is None else distinct(texts)[0]
        return SideFacts(
            rows=column.rows,
            nulls=column.nulls,
            nan=column.nan,
            infinite=column.plus_infinite + column.minus_infinite,
            distinct=how_many,
            top=() if texts is None else most_frequent(named_counts(texts)),
        )
    return SideFacts(
        rows=column.rows,
        nulls=column.nulls,
        nan=column.nan,
        infinite=column.plus_infinite + column.minus_infinite,
        distinct=None if numbers.values is None else float(len(numbers.values)),
        minimum=_finite(numbers.minimum),
        maximum=_finite(numbers.maximum),
        mean=_finite(numbers.mean),
        std=_finite(math.sqrt(numbers.variance)),
        quantiles=tuple(zip(QUANTILES, quantiles(numbers, QUANTILES), strict=True)),
        histogram=None if edges is None else _histogram(numbers, edges),
    )


def shared_edges(baseline: ColumnProfile, target: ColumnProfile) -> Floats | None:
    """At most 41 edges, mostly of equal distance, at which both sides were counted; None without numbers."""
    sides = [
        side.numbers
        for side in (baseline, target)
        if side.numbers is not None and side.numbers.total and side.kind is not Kind.EMPTY
    ]
    if not sides:
        return None
    values = [side.values for side in sides if side.values is not None]
    if len(values) == len(sides):
        every = np.unique(np.concatenate(values))
        if len(every) <= _BINS:
            end = every[-1] + (every[-1] - every[-2] if len(every) > 1 else 1.0)
            return np.append(every, min(float(end), float(np.finfo(np.float64).max)))
    ends = [quantiles(side, (_TAILS, 1 - _TAILS)) for side in sides]
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    if not low < high:
        low, high = min(side.minimum for side in sides), max(side.maximum for side in sides)
    wanted = evenly_between(low, high, _BINS)
    if len(values) == len(sides):
        return np.unique(wanted)
    edges = sides[0].edges
    after = np.minimum(np.searchsorted(edges, wanted), len(edges) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(np.abs(edges[before] - wanted) < np.abs(edges[after] - wanted), before, after)
    chosen: Floats = edges[np.unique(nearest)]
    return chosen if len(chosen) > 1 else None


def quantiles(counts: NumberCounts, at: Sequence[float]) -> tuple[float, ...]:
    """The values below which these shares lie: exact where values were counted, else interpolated between edges."""
    wanted = np.asarray(at) * counts.total
    if counts.values is not None and counts.counts is not None:
        running = np.cumsum(counts.counts)
        found: Floats = counts.values[np.minimum(np.searchsorted(running, wanted), len(running) - 1)]
        return tuple(found.tolist())
    xs = np.concatenate(([counts.minimum], np.repeat(counts.edges, 2), [counts.maximum]))
    ys = np.concatenate(([0], np.column_stack((counts.below, counts.upto)).ravel(), [counts.total]))
    inside = (xs >= counts.minimum) & (xs <= counts.maximum)
    return tuple(np.interp(wanted, ys[inside], xs[inside]).tolist())


def shifts(baseline: NumberCounts, target: NumberCounts) -> dict[str, float]:
    """Mean and quantiles in standard deviations of the baseline, "std" as a share of it; none for a constant."""
    std = math.sqrt(baseline.variance)
    if not std > 0 or not math.isfinite(std):
        return {}
    found = {"mean": (target.mean - baseline.mean) / std, "std": math.sqrt(target.variance) / std - 1}
    for share, mine, theirs in zip(
        QUANTILES, *(quantiles(side, QUANTILES) for side in (baseline, target)), strict=True
    ):
        found[f"q{round(share * 100):02d}"] = (theirs - mine) / std
    return {name: value for name, value in found.items() if math.isfinite(value)}


def named_counts(counts: CategoryCounts) -> dict[str, int]:
    """Every category counted by name; beyond 10,000 only those of the plan."""
    if counts.counts is not None:
        return {text: rows for text, rows in counts.counts.items() if rows}
    assert counts.pinned_counts is not None
    return {text: rows for text, rows in zip(counts.pinned, counts.pinned_counts.tolist(), strict=True) if rows}


def most_frequent(counts: dict[str, int]) -> tuple[Count, ...]:
    """At most NAMED of them, the most frequent first."""
    least = heapq.nlargest(NAMED, counts.values())[-1] if counts else 0
    most = [(-rows, text) for text, rows in counts.items() if rows >= least]
    return tuple(Count(text, -rows) for rows, text in sorted(most)[:NAMED])


def _histogram(counts: NumberCounts, edges: Floats) -> Histogram:
    below, _ = counted_below(counts, edges)
    inside: Ints = np.diff(np.round(below).astype(np.int64))
    return Histogram(tuple(edges.tolist()), tuple(inside.tolist()))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
