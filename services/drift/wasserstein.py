"""The Wasserstein-1 distance: the area between both distribution functions, as `scipy.stats.wasserstein_distance`.

Reference: Ramdas, Garcia, Cuturi, "On Wasserstein two sample testing and related families" (2015), section 2.
"""

from __future__ import annotations

import numpy as np

from services.drift.model import Floats, NumberCounts
from services.drift.steps import Interval, Steps, same_values, steps

_EPS = float(np.finfo(np.float64).eps)


def wasserstein(baseline: NumberCounts, target: NumberCounts) -> Interval:
    """In the column's unit. Exact where every distinct value was counted, else certain to lie between two ends.

    Both sides need a number.
    """
    known = same_values(baseline, target)
    if known is not None:
        values, f, g = known
        exact = float(np.sum(np.abs(f - g)[:-1] * np.diff(values)))
        return Interval(exact, exact)
    found = steps(baseline, target)
    lower, upper = bounds(found)
    low, high = float(np.sum(lower)), float(np.sum(upper))
    # Sums were rounded once for each value: far less than this, which keeps the certificate true.
    slack = 256 * _EPS * (_spread(baseline) + _spread(target)) + 8 * _EPS * high
    return Interval(max(0.0, low - slack), high + slack)


def bounds(found: Steps) -> tuple[Floats, Floats]:
    """(K + 1,) least and greatest area between F and G in each step."""
    start, end = found.f0 - found.g0, found.f1 - found.g1
    rise_f, rise_g = found.f1 - found.f0, found.g1 - found.g0
    net = start * found.width + found.f_area - found.g_area
    lower = np.abs(net)
    # F and G cannot cross where one begins at or above the other's end.
    apart = (found.f0 >= found.g1) | (found.g0 >= found.f1) | (rise_f == 0) & (start * end >= 0)
    apart |= (rise_g == 0) & (start * end >= 0)
    from_start = np.abs(start) * found.width + found.f_area + found.g_area
    rest_f, rest_g = rise_f * found.width - found.f_area, rise_g * found.width - found.g_area
    from_end = np.abs(end) * found.width + rest_f + rest_g
    box = np.maximum(found.f1 - found.g0, found.g1 - found.f0) * found.width
    upper = np.minimum(np.minimum(from_start, from_end), np.maximum(box, 0.0))
    return lower, np.where(apart, lower, np.maximum(upper, lower))


def normed(distance: Interval, baseline: NumberCounts, *, least: float = 0.001, sample: bool = False) -> Interval:
    """In standard deviations of the baseline, at least `least`. sample: divide by n - 1, as Azure ML does."""
    variance = baseline.variance
    if sample and baseline.total > 1:
        variance *= baseline.total / (baseline.total - 1)
    scale = max(variance**0.5, least)
    return Interval(distance.lower / scale, distance.upper / scale)


def exact_wasserstein(baseline: Floats, target: Floats) -> float:
    """The distance from all values. Both finite and not empty; sorted in place."""
    baseline.sort()
    target.sort()
    values = np.concatenate((baseline, target))
    values.sort()
    f = np.searchsorted(baseline, values[:-1], "right") / len(baseline)
    g = np.searchsorted(target, values[:-1], "right") / len(target)
    return float(np.sum(np.abs(f - g) * np.diff(values)))


def _spread(counts: NumberCounts) -> float:
    """Root mean square of x - shift, plus what a step as wide as the range can round."""
    return float((counts.square / counts.total) ** 0.5)
