"""Distances between two rows of counts over the same bins or categories.

p is the baseline's share, q the target's. A bin that is empty on both sides counts for nothing.
"""

from __future__ import annotations

import numpy as np

from services.drift.model import Floats, Ints

Counts = Ints | Floats


def shares(counts: Counts) -> Floats:
    """Counts as shares of their sum; all 0 for an empty row."""
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def jensen_shannon(p: Floats, q: Floats, *, base: float = 2.0) -> float:
    """Jensen-Shannon distance, from 0 to sqrt(ln 2 / ln base), as `scipy.spatial.distance.jensenshannon`.

    Lin, "Divergence measures based on the Shannon entropy" (1991); Endres and Schindelin (2003) for the root.
    """
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0) / np.log(base)))


def psi(p: Floats, q: Floats) -> float:
    """Population stability index: sum of (q - p) ln(q / p). The caller has filled shares of zero."""
    return float(np.sum((q - p) * np.log(q / p)))


def hellinger(p: Floats, q: Floats) -> float:
    """Hellinger distance, 0 to 1: sqrt(sum (sqrt p - sqrt q)^2 / 2), a form that does not cancel."""
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))


def l_infinity(p: Floats, q: Floats) -> float:
    """The largest difference of a share."""
    return float(np.max(np.abs(p - q), initial=0.0))


def _relative_entropy(p: Floats, q: Floats) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log(p[there] / q[there])))


def filled(p: Floats) -> Floats:
    """Shares without zeros, as Evidently fills them for PSI: 0.0001, or a millionth of the least if that is no more."""
    there = p[p > 0]
    least = float(there.min()) if len(there) else 1.0
    return np.where(p == 0, least / 10**6 if least <= 0.0001 else 0.0001, p)
