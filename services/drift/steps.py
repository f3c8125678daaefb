"""Two empirical distribution functions between common edges: what is known of their difference without the data.

F is the baseline's, G the target's. Between two edges both are monotone; their values at both ends and their integrals
are known exactly, the latter from the count and the sum of what lies between: the integral of F over (a, b) is
F(a) (b - a) + sum of (b - x) over the x between, divided by n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.drift.model import Floats, Ints, NumberCounts


@dataclass(frozen=True, slots=True)
class Interval:
    """What is certain of a number: lower <= number <= upper; exact when they are equal."""

    lower: float
    upper: float

    @property
    def value(self) -> float:
        """The best single guess: the lower end, which only crossings between edges raise."""
        return self.lower

    @property
    def is_exact(self) -> bool:
        """Nothing is left to find out."""
        return self.lower == self.upper


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The open intervals between edges, and the two ends outside of them: K + 1 of them.

    width: of each. f0, f1: F just after its beginning and just before its end; g0, g1 likewise. f_area, g_area: the
    integral of F - f0 and G - g0 over it. at_edges: |F - G| at the K edges themselves.
    """

    width: Floats
    f0: Floats
    f1: Floats
    g0: Floats
    g1: Floats
    f_area: Floats
    g_area: Floats
    at_edges: Floats


def steps(baseline: NumberCounts, target: NumberCounts) -> Steps:
    """Both must be counted at the same edges, and hold at least one number."""
    low = min(baseline.minimum, target.minimum)
    high = max(baseline.maximum, target.maximum)
    edges = baseline.edges
    starts = np.concatenate(([min(low, edges[0]) if len(edges) else low], edges))
    ends = np.concatenate((edges, [max(high, edges[-1]) if len(edges) else high]))
    f0, f1, f_area = _side(baseline, starts, ends)
    g0, g1, g_area = _side(target, starts, ends)
    at_edges = np.abs(baseline.upto / baseline.total - target.upto / target.total)
    return Steps(ends - starts, f0, f1, g0, g1, f_area, g_area, at_edges)


def _side(counts: NumberCounts, starts: Floats, ends: Floats) -> tuple[Floats, Floats, Floats]:
    n = counts.total
    at_start: Ints = np.concatenate(([0], counts.upto))
    before_end: Ints = np.concatenate((counts.below, [n]))
    inside = before_end - at_start
    at_edge = (counts.upto - counts.below) * (counts.edges - counts.shift)
    sum_upto = np.concatenate(([0.0], counts.sum_below + at_edge))
    sums = np.concatenate((counts.sum_below, [counts.sum])) - sum_upto
    area = inside * (ends - counts.shift) - sums
    # Rounding must not make an area negative or larger than its box.
    width = ends - starts
    area = np.where(inside > 0, np.clip(area, 0.0, inside * width), 0.0)
    return at_start / n, before_end / n, area / n


def same_values(baseline: NumberCounts, target: NumberCounts) -> tuple[Floats, Floats, Floats] | None:
    """(every distinct value, F, G at it), when every value of both sides was counted."""
    if baseline.values is None or target.values is None:
        return None
    assert baseline.counts is not None
    assert target.counts is not None
    values = np.union1d(baseline.values, target.values)
    mine, theirs = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    mine[np.searchsorted(values, baseline.values)] = baseline.counts
    theirs[np.searchsorted(values, target.values)] = target.counts
    return values, np.cumsum(mine) / baseline.total, np.cumsum(theirs) / target.total
