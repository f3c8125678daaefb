"""One number for the whole, and what each column adds to it.

The Hellinger distance H of two data as if their columns were independent: then the Bhattacharyya coefficient of the
whole, 1 - H^2, is the product of those of the columns (Tsybakov, "Introduction to Nonparametric Estimation", 2009,
section 2.4), so that -ln of it adds up and every column has its share. H also bounds what any classifier can tell:
H^2 <= total variation <= H sqrt(2 - H^2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from services.drift.bins import by_bucket, by_category, by_deciles, by_value
from services.drift.distances import hellinger, shares
from services.drift.model import ColumnProfile
from services.drift.p_values import rare_together

_SIGMAS = 3.0
_LARGEST = 1 - 1e-12


def column_part(baseline: ColumnProfile, target: ColumnProfile) -> float:
    """-ln(1 - H^2) of one column, over deciles or categories and a bin of what is missing; 0 where chance explains it.

    On equal data 8 H^2 / (1/n + 1/m) is about chi-squared with bins - 1 degrees of freedom (Pardo 2005, section 3);
    its mean and three standard deviations are taken off. Rare categories are taken together.
    """
    if not baseline.rows or not target.rows:
        return 0.0
    counts = _counts(baseline, target)
    mine, theirs = rare_together(*(np.asarray(each, np.int64) for each in counts))
    used = (mine + theirs) > 0
    square = hellinger(shares(mine[used]), shares(theirs[used])) ** 2
    degrees = int(np.count_nonzero(used)) - 1
    chance = (degrees + _SIGMAS * math.sqrt(2 * degrees)) / 8 * (1 / baseline.rows + 1 / target.rows)
    # Square roots of few counts vary a little more: Var sqrt(Poisson(k)) is about (1 + 3 / (8 k)) / 4.
    chance *= 1 + (degrees + 1) / (2 * min(baseline.rows, target.rows))
    return -math.log1p(-min(max(square - chance, 0.0), _LARGEST))


def magnitude(parts: Mapping[str, float]) -> tuple[float, tuple[tuple[str, float], ...]]:
    """(0 to 1, share of each column that has one, largest first)."""
    total = math.fsum(parts.values())
    if total <= 0:
        return 0.0, ()
    ranked = sorted(((name, part / total) for name, part in parts.items() if part > 0), key=lambda each: -each[1])
    return math.sqrt(-math.expm1(-total)), tuple(ranked)


def _counts(baseline: ColumnProfile, target: ColumnProfile) -> tuple[list[int], list[int]]:
    missing = [side.rows - side.present for side in (baseline, target)]
    mine: list[int] = []
    theirs: list[int] = []
    sides = baseline.numbers, target.numbers
    if baseline.numbers is not None and target.numbers is not None and any(side.total for side in sides if side):
        found = by_value(baseline.numbers, target.numbers)
        if found is None or len(found.baseline) > 40:
            found = by_deciles(baseline.numbers, target.numbers)
        mine, theirs = found.baseline.tolist(), found.target.tolist()
    elif baseline.categories is not None and target.categories is not None:
        texts = by_category(baseline.categories, target.categories)
        if texts.coarse:
            texts = by_bucket(baseline.categories, target.categories)
        mine, theirs = texts.baseline.tolist(), texts.target.tolist()
    else:
        mine, theirs = [baseline.present], [target.present]
    return [*mine, missing[0]], [*theirs, missing[1]]
