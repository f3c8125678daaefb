"""Distances between distributions that are given as histograms on the same bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def jensen_shannon_distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Square root of the base-2 Jensen-Shannon divergence of two histograms on the same bins.

    p, q: shape (bins,), non-negative counts or weights. Returns 0 (equal) to 1 (disjoint), no unit.
    Raises ValueError if shapes differ, either sums to zero, or a value is negative or not finite.
    Source: Lin 1991, doi:10.1109/18.61115; equals scipy.spatial.distance.jensenshannon(p, q, base=2).
    """
    p = np.asarray(p, dtype=np.float64)
    q = np.asarray(q, dtype=np.float64)
    if p.ndim != 1 or p.shape != q.shape:
        raise ValueError(f"histograms need one shape (bins,), got {p.shape} and {q.shape}")
    if not (np.isfinite(p).all() and np.isfinite(q).all() and (p >= 0).all() and (q >= 0).all()):
        raise ValueError("histograms have to be finite and not negative")
    if p.sum() == 0 or q.sum() == 0:
        raise ValueError("a histogram without weight has no distribution")
    p = p / p.sum()
    q = q / q.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    # Rounding can leave the range by some 1e-17.
    return float(np.sqrt(min(max(divergence, 0.0), 1.0)))


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Kullback-Leibler divergence in bits; q is positive wherever p is."""
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))


def quantile_edges(baseline: NDArray[np.float64], bins: int = 32) -> NDArray[np.float64]:
    """Edges of at most `bins` intervals with about equally many baseline values each, shape (2..bins + 1,), increasing.

    baseline: shape (values,), finite, at least one. The last edge lies just above the maximum, so that every baseline
    value is in an interval [edge, next edge).
    """
    edges = np.unique(np.quantile(baseline, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    top = np.nextafter(edges[-1], np.inf)
    # The largest value is often frequent (a cap, a category code): an interval of its own if there is room.
    if len(edges) <= bins:
        return np.append(edges, top)
    edges[-1] = top
    return edges


def histogram(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts of values below the first edge, in each interval [edge, next edge), and from the last edge on.

    values: shape (values,), no NaN; infinities go to the ends. Returns shape (edges + 1,).
    """
    places = np.searchsorted(edges, values, side="right")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.float64)
