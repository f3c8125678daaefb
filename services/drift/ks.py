"""The two-sample Kolmogorov-Smirnov statistic: sup |F - G|, as `scipy.stats.ks_2samp`."""

from __future__ import annotations

import numpy as np

from services.drift.model import Floats, NumberCounts
from services.drift.steps import Interval, same_values, steps


def ks_statistic(baseline: NumberCounts, target: NumberCounts) -> Interval:
    """Exact where every distinct value was counted, else certain to lie between two ends. Both sides need a number."""
    known = same_values(baseline, target)
    if known is not None:
        _, f, g = known
        exact = float(np.max(np.abs(f - g)))
        return Interval(exact, exact)
    found = steps(baseline, target)
    at_ends = np.maximum(np.abs(found.f0 - found.g0), np.abs(found.f1 - found.g1))
    lower = float(max(np.max(at_ends), np.max(found.at_edges, initial=0.0)))
    # Where only one side has values in between, the difference is monotone and largest at an end.
    crossing = (found.f1 > found.f0) & (found.g1 > found.g0)
    inside = np.where(crossing, np.maximum(found.f1 - found.g0, found.g1 - found.f0), at_ends)
    return Interval(lower, float(max(lower, np.max(inside))))


def exact_ks(baseline: Floats, target: Floats) -> float:
    """The statistic from all values. Both finite and not empty; sorted in place."""
    baseline.sort()
    target.sort()
    values = np.concatenate((baseline, target))
    values.sort()
    f = np.searchsorted(baseline, values, "right") / len(baseline)
    g = np.searchsorted(target, values, "right") / len(target)
    return float(np.max(np.abs(f - g)))
