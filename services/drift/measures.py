"""Every metric of one column, as an interval that certainly holds the exact value, and the p-value of its test."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from services.drift import distances
from services.drift.bins import BY_VALUE, Binned, at_edges, by_bucket, by_category, by_deciles, by_value, joint_edges
from services.drift.categories import distinct
from services.drift.ks import ks_statistic
from services.drift.ks_p_values import asymptotic, ks_p_value
from services.drift.model import ColumnProfile, Floats, Ints, Kind, NumberCounts
from services.drift.p_values import contingency, goodness_of_fit, homogeneity, proportions
from services.drift.settings import Metric, Preset
from services.drift.steps import Interval
from services.drift.wasserstein import normed, wasserstein

BINNED = (Metric.JENSEN_SHANNON, Metric.PSI, Metric.HELLINGER, Metric.L_INFINITY)
ORDERED = (Metric.KS_STATISTIC, Metric.KS_P_VALUE, Metric.WASSERSTEIN, Metric.WASSERSTEIN_NORMED)

_IDENTIFIER = 0.95
_FEW_INTEGERS = 10  # Evidently: at most so many different integers are categories
_DISTINCT_SHARE = 0.05  # Azure ML: integers with relatively fewer different values are categories


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What a second look at the data told of a column.

    at: (baseline, target) counted at the edges of the preset's bins. ks, wasserstein: exact distances. distinct: how
    many different numbers both sides have together.
    """

    at: tuple[NumberCounts, NumberCounts] | None = None
    ks: float | None = None
    wasserstein: float | None = None
    distinct: int | None = None


NOTHING = Known()


@dataclass(eq=False)
class Pair:
    """A column on both sides, measured as a preset defines it. Both sides hold at least one value."""

    baseline: ColumnProfile
    target: ColumnProfile
    preset: Preset
    known: Known = field(default=NOTHING)

    @cached_property
    def is_ordered(self) -> bool:
        """Compared as numbers, not as categories, by the preset's rules of types."""
        mine, theirs = self.baseline.numbers, self.target.numbers
        if mine is None or theirs is None:
            return False
        if self.baseline.kind is Kind.TIME and self.preset is Preset.AZUREML:
            return False
        if self.preset is Preset.DEFAULT or not self.is_whole:
            return True
        if self.preset is Preset.EVIDENTLY:
            return theirs.values is None or len(theirs.values) > _FEW_INTEGERS
        return mine.values is None or len(mine.values) >= _DISTINCT_SHARE * mine.total

    @property
    def is_whole(self) -> bool:
        """Integers; to pandas only where none is missing."""
        whole = "int" in self.baseline.arrow_type and "int" in self.target.arrow_type
        if self.preset is Preset.EVIDENTLY:
            return whole and not self.baseline.nulls and not self.target.nulls
        return whole

    @cached_property
    def distinct(self) -> int | None:
        """Different values on both sides together; None where they were not counted one by one."""
        if self.baseline.numbers is not None and self.target.numbers is not None:
            found = by_value(self.baseline.numbers, self.target.numbers)
            return None if found is None else len(found.baseline)
        return None if self.binned.coarse else len(self.binned.baseline)

    @cached_property
    def binned(self) -> Binned:
        """Counts over the bins that the preset uses for distances between histograms."""
        if self.baseline.categories is not None and self.target.categories is not None:
            return by_category(self.baseline.categories, self.target.categories)
        mine, theirs = self.baseline.numbers, self.target.numbers
        assert mine is not None
        assert theirs is not None
        values = by_value(mine, theirs)
        few = mine.values is not None and len(mine.values) <= BY_VALUE and self.preset is not Preset.AZUREML
        if values is not None and (few or not self.is_ordered):
            return values
        if self.preset is Preset.DEFAULT:
            return by_deciles(mine, theirs)
        return at_edges(*(self.known.at or (mine, theirs)), self.joint_edges)

    @cached_property
    def unbiased(self) -> Binned:
        """The same counts for tests and what chance explains: see `by_bucket`."""
        if self.binned.coarse and self.baseline.categories is not None and self.target.categories is not None:
            return by_bucket(self.baseline.categories, self.target.categories)
        return self.binned

    @property
    def joint_edges(self) -> Floats:
        """Where the preset cuts numbers, from both sides' ends and sizes."""
        mine, theirs = self.baseline.numbers, self.target.numbers
        assert mine is not None
        assert theirs is not None
        return joint_edges(mine, theirs, self.preset, whole=self.is_whole)

    def applies(self, metric: Metric) -> bool:
        """Can this metric be taken of such a column?"""
        if metric in ORDERED:
            return self.is_ordered
        if metric is Metric.Z_P_VALUE:
            return self.distinct is not None and self.distinct <= 2
        if metric is Metric.CHI2_P_VALUE and self.preset is not Preset.DEFAULT:
            return not self.is_ordered or (self.distinct is not None and self.distinct <= BY_VALUE)
        return metric is not Metric.NULL_RATE

    def measure(self, metric: Metric) -> Interval:  # noqa: PLR0911 - one answer for each metric
        """The metric, exact where lower and upper are equal."""
        if metric in BINNED:
            return self._over_bins(metric)
        if metric is Metric.CHI2_P_VALUE:
            return _exactly(self.chi2_p_value)
        if metric is Metric.Z_P_VALUE:
            p, q = self.binned.baseline, self.binned.target
            return _exactly(proportions(int(p[0]), int(p.sum()), int(q[0]), int(q.sum())))
        if metric is Metric.KS_STATISTIC:
            return self.ks
        if metric is Metric.KS_P_VALUE:
            n, m = self.baseline.present, self.target.present
            lower = ks_p_value(self.ks.upper, n, m)
            return Interval(lower, lower if self.ks.is_exact else ks_p_value(self.ks.lower, n, m))
        distance = self.wasserstein
        if metric is Metric.WASSERSTEIN:
            return distance
        assert self.baseline.numbers is not None
        return normed(distance, self.baseline.numbers, sample=self.preset is Preset.AZUREML)

    @cached_property
    def ks(self) -> Interval:
        """The Kolmogorov-Smirnov statistic."""
        if self.known.ks is not None:
            return _exactly(self.known.ks)
        assert self.baseline.numbers is not None
        assert self.target.numbers is not None
        return ks_statistic(self.baseline.numbers, self.target.numbers)

    @cached_property
    def wasserstein(self) -> Interval:
        """The Wasserstein distance in the column's unit."""
        if self.known.wasserstein is not None:
            return _exactly(self.known.wasserstein)
        assert self.baseline.numbers is not None
        assert self.target.numbers is not None
        return wasserstein(self.baseline.numbers, self.target.numbers)

    def _over_bins(self, metric: Metric) -> Interval:
        binned = self.binned
        if metric is Metric.HELLINGER and self.has_hellinger_bins:
            binned = self._evidently_hellinger
        lower = _distance(metric, binned.baseline, binned.target, self.preset)
        if not binned.coarse or metric is Metric.PSI:  # filled shares make PSI neither smaller nor larger
            return _exactly(lower)
        # At worst the categories within a bucket are different ones on each side.
        mine, theirs = binned.baseline[-binned.coarse :], binned.target[-binned.coarse :]
        nothing = np.zeros(binned.coarse, np.int64)
        apart_mine = np.concatenate((binned.baseline[: -binned.coarse], mine, nothing))
        apart_theirs = np.concatenate((binned.target[: -binned.coarse], nothing, theirs))
        if self.preset is Preset.DEFAULT:
            lower = _distance(metric, self.unbiased.baseline, self.unbiased.target, self.preset)
        return Interval(lower, max(lower, _distance(metric, apart_mine, apart_theirs, self.preset)))

    @property
    def has_hellinger_bins(self) -> bool:
        """Evidently takes other bins for this one: as many as the number of different values suggests."""
        return self.preset is Preset.EVIDENTLY and self.is_ordered

    @property
    def lacks_distinct(self) -> bool:
        """Do the bins of Evidently's Hellinger distance depend on a number that the profiles do not tell?"""
        mine, theirs = self.baseline.numbers, self.target.numbers
        return mine is None or theirs is None or by_value(mine, theirs) is None

    def hellinger_edges(self, distinct: int | None = None) -> Floats:
        """The edges of those bins. distinct: of both sides together, all values where it is not known."""
        mine, theirs = self.baseline.numbers, self.target.numbers
        assert mine is not None
        assert theirs is not None
        return joint_edges(mine, theirs, self.preset, whole=self.is_whole, size=distinct or mine.total + theirs.total)

    @cached_property
    def _evidently_hellinger(self) -> Binned:
        mine, theirs = self.baseline.numbers, self.target.numbers
        assert mine is not None
        assert theirs is not None
        values = by_value(mine, theirs)
        if values is not None:
            return at_edges(mine, theirs, self.hellinger_edges(len(values.baseline)))
        found = at_edges(*(self.known.at or (mine, theirs)), self.hellinger_edges(self.known.distinct))
        return found if self.known.distinct is not None else replace(found, exact=False)

    def is_estimated(self, metric: Metric) -> bool:
        """Was an edge of the metric's bins not counted, or does their number rest on a guess?"""
        if metric is Metric.HELLINGER and self.has_hellinger_bins:
            return not self._evidently_hellinger.exact
        return metric not in ORDERED and not self.binned.exact

    @cached_property
    def chi2_p_value(self) -> float:
        """Goodness of fit in the presets of libraries that test that, homogeneity in ours."""
        if self.preset is Preset.DEFAULT:
            return homogeneity(self.unbiased.baseline, self.unbiased.target)
        return goodness_of_fit(self.binned.baseline, self.binned.target)

    def evidence(self, metric: Metric) -> float:
        """P-value that equal distributions look as different; on the safe side where the distance is not exact."""
        if metric in (Metric.KS_STATISTIC, Metric.WASSERSTEIN, Metric.WASSERSTEIN_NORMED):
            return asymptotic(self.ks.lower, self.baseline.present, self.target.present)
        if metric.is_p_value:
            return self.measure(metric).upper
        return homogeneity(self.unbiased.baseline, self.unbiased.target)

    def noise(self, metric: Metric) -> float:
        """What the metric's square (Jensen-Shannon, Hellinger) or value (PSI) is expected to be on equal data.

        All three are the same chi-squared statistic near equality (Csiszar and Shields 2004, section 4), whose
        expectation is bins - 1.
        """
        size = (len(self.unbiased.baseline) - 1) * (1 / self.baseline.present + 1 / self.target.present)
        scales = {Metric.JENSEN_SHANNON: 1 / (8 * math.log(2)), Metric.HELLINGER: 1 / 8, Metric.PSI: 1.0}
        return size * scales.get(metric, 0.0)


def nearly_all_different(column: ColumnProfile, share: float = _IDENTIFIER) -> bool:
    """Is it a text of which (nearly) every one is different, such as an identifier?"""
    if column.kind is not Kind.CATEGORY or column.categories is None or column.present < 50:
        return False
    return distinct(column.categories)[0] >= share * column.present


def null_evidence(baseline: ColumnProfile, target: ColumnProfile) -> float:
    """P-value that both sides miss values equally often."""
    counts = [
        np.array([side.nulls + side.nan, side.rows - side.nulls - side.nan], np.int64) for side in (baseline, target)
    ]
    return contingency(counts[0], counts[1])


def _exactly(value: float) -> Interval:
    return Interval(value, value)


def _distance(metric: Metric, baseline: Ints, target: Ints, preset: Preset) -> float:
    p, q = distances.shares(baseline), distances.shares(target)
    if metric is Metric.JENSEN_SHANNON:
        return distances.jensen_shannon(p, q, base=math.e if preset is Preset.EVIDENTLY else 2.0)
    if metric is Metric.HELLINGER:
        return distances.hellinger(p, q)
    if metric is Metric.L_INFINITY:
        return distances.l_infinity(p, q)
    if preset is Preset.AZUREML:
        bins = len(baseline)
        return distances.psi((baseline + 1) / (baseline.sum() + bins), (target + 1) / (target.sum() + bins))
    return distances.psi(distances.filled(p), distances.filled(q))
