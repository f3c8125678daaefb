"""Which metric and threshold each preset takes for a column; docs/drift-engine.md says why."""

from __future__ import annotations

from dataclasses import dataclass

from services.drift.measures import Pair, nearly_all_different
from services.drift.model import Kind
from services.drift.settings import MINIMUM_ROWS, SIGNIFICANCE, Correction, Metric, Preset

_EVIDENTLY_SMALL = 1000
_EVIDENTLY_FEW = 5
_EVIDENTLY_TEXT = 0.5  # texts with relatively more different ones are prose, for which it trains a classifier


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all columns of a preset.

    distance, share, p_value: thresholds; share is for what reads as a share of the rows (Kolmogorov-Smirnov,
    L-infinity, missing values). minimum_rows: values each side needs for a verdict. significance: see
    `CompareSettings`. null_rate: how far the share of missing values may move, None where that is never drift.
    inclusive: a distance equal to the threshold is drift. dataset_share: the whole has drifted from this share of
    drifted columns on; None: with the first one.
    """

    distance: float
    share: float
    p_value: float
    minimum_rows: int
    significance: float
    correction: Correction
    null_rate: float | None
    inclusive: bool
    dataset_share: float | None

    def threshold(self, metric: Metric) -> float:
        """The preset's own for a metric."""
        if metric.is_p_value:
            return self.p_value
        if metric in (Metric.KS_STATISTIC, Metric.L_INFINITY, Metric.NULL_RATE):
            return self.share
        return self.distance


RULES = {
    Preset.DEFAULT: Rules(
        distance=0.1,
        share=0.05,
        p_value=0.05,
        minimum_rows=MINIMUM_ROWS,
        significance=SIGNIFICANCE,
        correction=Correction.BENJAMINI_HOCHBERG,
        null_rate=0.05,
        inclusive=False,
        dataset_share=None,
    ),
    Preset.EVIDENTLY: Rules(
        distance=0.1,
        share=0.1,
        p_value=0.05,
        minimum_rows=1,
        significance=0.0,
        correction=Correction.NONE,
        null_rate=None,
        inclusive=True,
        dataset_share=0.5,
    ),
    Preset.AZUREML: Rules(
        distance=0.1,
        share=0.1,
        p_value=0.05,
        minimum_rows=1,
        significance=0.0,
        correction=Correction.NONE,
        null_rate=None,
        inclusive=False,
        dataset_share=None,
    ),
}


def metric_of(pair: Pair) -> Metric | None:
    """The preset's own choice; None where it does not compare such a column."""
    if pair.preset is Preset.EVIDENTLY:
        return _evidently(pair)
    if pair.preset is Preset.AZUREML:
        if pair.baseline.kind is Kind.NESTED:
            return None
        if pair.is_ordered:
            return Metric.WASSERSTEIN_NORMED
        return None if pair.baseline.kind is Kind.TIME and pair.distinct is None else Metric.JENSEN_SHANNON
    if pair.baseline.kind is Kind.TIME or (nearly_all_different(pair.baseline) and nearly_all_different(pair.target)):
        return None
    return Metric.KS_STATISTIC if pair.is_ordered else Metric.JENSEN_SHANNON


def _evidently(pair: Pair) -> Metric | None:
    """By rows of the baseline without missing values, and by different values on both sides together."""
    if pair.baseline.kind in (Kind.TIME, Kind.NESTED) or nearly_all_different(pair.target, _EVIDENTLY_TEXT):
        return None
    few = pair.distinct is not None and pair.distinct <= _EVIDENTLY_FEW
    if pair.baseline.present <= _EVIDENTLY_SMALL:
        if pair.is_ordered and not few:
            return Metric.KS_P_VALUE
        return Metric.Z_P_VALUE if pair.distinct is not None and pair.distinct <= 2 else Metric.CHI2_P_VALUE
    return Metric.WASSERSTEIN_NORMED if pair.is_ordered and not few else Metric.JENSEN_SHANNON
