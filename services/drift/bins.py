"""Both sides of a column as counts over common bins: by value, by category, or between edges that a preset chooses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from services.drift.categories import all_in_buckets, as_buckets
from services.drift.model import CategoryCounts, Floats, Ints, NumberCounts
from services.drift.settings import Preset

BY_VALUE = 20
"""A baseline of at most so many different numbers is compared value by value, as Evidently does."""

DECILES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """baseline, target: (bins,) counts. exact: False where an edge had to be interpolated between counted ones.

    coarse: so many of the last bins may hold several categories each; every distance over them is a lower bound.
    labels: categories by bin, where every bin is one.
    """

    baseline: Ints
    target: Ints
    exact: bool = True
    coarse: int = 0
    labels: tuple[str, ...] = ()


def by_category(baseline: CategoryCounts, target: CategoryCounts) -> Binned:
    """One bin for each category that either side has; hash buckets once there are too many."""
    if baseline.counts is not None and target.counts is not None:
        labels = tuple(sorted(baseline.counts.keys() | target.counts.keys()))
        mine = np.fromiter(map(baseline.counts.get, labels, repeat(0)), np.int64, len(labels))
        theirs = np.fromiter(map(target.counts.get, labels, repeat(0)), np.int64, len(labels))
        return Binned(mine, theirs, labels=labels)
    pinned, buckets = as_buckets(baseline, baseline.pinned)
    their_pinned, their_buckets = as_buckets(target, baseline.pinned)
    used = (buckets + their_buckets) > 0
    named = (pinned + their_pinned) > 0
    return Binned(
        np.concatenate((pinned[named], buckets[used])),
        np.concatenate((their_pinned[named], their_buckets[used])),
        coarse=int(np.count_nonzero(used)),
    )


def by_bucket(baseline: CategoryCounts, target: CategoryCounts) -> Binned:
    """All categories by hash, for tests that the choice of the plan's texts must not bias."""
    mine, theirs = all_in_buckets(baseline, baseline.pinned), all_in_buckets(target, baseline.pinned)
    used = (mine + theirs) > 0
    return Binned(mine[used], theirs[used], coarse=int(np.count_nonzero(used)))


def by_value(baseline: NumberCounts, target: NumberCounts) -> Binned | None:
    """One bin for each number that either side has; None where they were not counted one by one."""
    if baseline.values is None or target.values is None or baseline.counts is None or target.counts is None:
        return None
    values = np.union1d(baseline.values, target.values)
    mine, theirs = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    mine[np.searchsorted(values, baseline.values)] = baseline.counts
    theirs[np.searchsorted(values, target.values)] = target.counts
    return Binned(mine, theirs)


def by_deciles(baseline: NumberCounts, target: NumberCounts) -> Binned:
    """Ten bins of about equal baseline counts, cut at counted edges, so that counts are exact and stay comparable."""
    edges = decile_places(baseline)
    return Binned(_between(baseline.below[edges], baseline.total), _between(target.below[edges], target.total))


def decile_places(counts: NumberCounts) -> Ints:
    """(at most 9,) which edges are nearest to the deciles; each once."""
    if not counts.total or not len(counts.edges):
        return np.empty(0, np.int64)
    wanted = np.arange(1, DECILES) / DECILES * counts.total
    after = np.minimum(np.searchsorted(counts.below, wanted), len(counts.edges) - 1)
    before = np.maximum(after - 1, 0)
    nearer = np.abs(counts.below[before] - wanted) < np.abs(counts.below[after] - wanted)
    return np.unique(np.where(nearer, before, after))


def at_edges(baseline: NumberCounts, target: NumberCounts, edges: Floats) -> Binned:
    """Bins [edge, next edge), the last one closed, as `numpy.histogram`. Exact where the edges were counted."""
    sides, exact = [], True
    for side in (baseline, target):
        below, certain = counted_below(side, edges)
        below[0], below[-1] = 0, side.total  # edges reach from the joint minimum to the joint maximum
        exact = exact and certain
        sides.append(np.diff(np.round(below).astype(np.int64)))
    return Binned(sides[0], sides[1], exact=exact)


def counted_below(counts: NumberCounts, edges: Floats) -> tuple[Floats, bool]:
    """(how many values are below each edge, is that exact?): otherwise interpolated between counted edges."""
    if counts.values is not None and counts.counts is not None:
        running = np.concatenate(([0], np.cumsum(counts.counts)))
        return running[np.searchsorted(counts.values, edges, "left")].astype(np.float64), True
    place = np.searchsorted(counts.edges, edges, "left")
    inside = np.minimum(place, max(len(counts.edges) - 1, 0))
    known = (counts.edges[inside] == edges) if len(counts.edges) else np.zeros(len(edges), np.bool_)
    outside = (edges <= counts.minimum) | (edges > counts.maximum)
    xs = np.concatenate(([counts.minimum], np.repeat(counts.edges, 2), [counts.maximum]))
    ys = np.concatenate(([0], np.column_stack((counts.below, counts.upto)).ravel(), [counts.total]))
    order = np.argsort(xs, kind="stable")
    found = np.interp(edges, xs[order], np.maximum.accumulate(ys[order]))
    found = np.where(known, counts.below[inside] if len(counts.edges) else 0, found)
    found = np.where(edges <= counts.minimum, 0, np.where(edges > counts.maximum, counts.total, found))
    return found, bool(np.all(known | outside))


def joint_edges(baseline: NumberCounts, target: NumberCounts, preset: Preset, *, whole: bool, size: int = 0) -> Floats:
    """Equal widths from the joint minimum to the joint maximum, as many as the preset's library takes.

    Evidently: `numpy.histogram_bin_edges(both together, "sturges")`, where whole numbers get no bin narrower than 1.
    Azure ML: ceil(log2(size of the smaller side) + 1). size: instead of both sizes together, for Evidently.
    """
    low, high = min(baseline.minimum, target.minimum), max(baseline.maximum, target.maximum)
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    bins: float
    if preset is Preset.AZUREML:
        bins = math.ceil(math.log2(min(baseline.total, target.total)) + 1)
    else:
        bins = math.log2(size or baseline.total + target.total) + 1
        if math.isfinite(high - low):
            width = (high - low) / bins
            bins = (high - low) / (max(width, 1.0) if whole else width)
        bins = math.ceil(bins)
    return evenly_between(low, high, int(bins))


def evenly_between(low: float, high: float, bins: int) -> Floats:
    """(bins + 1,) from low to high, even where their difference is larger than any number."""
    if math.isfinite(high - low):
        return np.linspace(low, high, bins + 1)
    found: Floats = np.linspace(low / 2, high / 2, bins + 1) * 2
    return found


def _between(below: Ints, total: int) -> Ints:
    return np.diff(np.concatenate(([0], below, [total])))
