"""What a comparison is asked to do: plain values that travel as JSON. Imports neither numpy nor pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EVERY = "*"
"""Stands for every column where a column's name is expected."""


class Preset(StrEnum):
    """Whose definitions and thresholds are used; see docs/drift-engine.md."""

    DEFAULT = "default"
    EVIDENTLY = "evidently"
    AZUREML = "azureml"


class Metric(StrEnum):
    """What tells how far a column has moved; defined in docs/drift-engine.md."""

    JENSEN_SHANNON = "jensen_shannon"
    PSI = "psi"
    HELLINGER = "hellinger"
    L_INFINITY = "l_infinity"
    KS_STATISTIC = "ks_statistic"
    KS_P_VALUE = "ks_p_value"
    WASSERSTEIN = "wasserstein"
    WASSERSTEIN_NORMED = "wasserstein_normed"
    CHI2_P_VALUE = "chi2_p_value"
    Z_P_VALUE = "z_p_value"
    NULL_RATE = "null_rate"

    @property
    def is_p_value(self) -> bool:
        """Then a small value means drift."""
        return self in (Metric.KS_P_VALUE, Metric.CHI2_P_VALUE, Metric.Z_P_VALUE)

    @property
    def has_unit(self) -> bool:
        """Measured in the column's own unit, so that no threshold fits every column."""
        return self is Metric.WASSERSTEIN


class Correction(StrEnum):
    """What is done about many p-values being looked at together. BH: Benjamini and Hochberg, 1995."""

    BENJAMINI_HOCHBERG = "bh"
    NONE = "none"


MINIMUM_ROWS = 30
"""Fewer values on a side tell nothing: the column is reported, and never drifted, in the default preset."""

SIGNIFICANCE = 0.001
"""The default preset alarms only where equal data would look so different once in a thousand comparisons."""


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """How to compare two profiles; what is None is as the preset has it.

    columns: only these. metrics: by column, EVERY for all others. thresholds: by column, EVERY for all others.
    all_metrics: fill `ColumnDrift.metrics`. minimum_rows: values that each side needs for a verdict. correction: for
    p-values. significance: a distance counts only if its test is below this after correction; 0 switches that off.
    null_rate: how far the share of missing values may move (0 to 1). exact: look at the data again until nothing is
    uncertain, instead of only where a verdict depends on it.
    """

    preset: Preset = Preset.DEFAULT
    columns: tuple[str, ...] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    all_metrics: bool = False
    minimum_rows: int | None = None
    correction: Correction | None = None
    significance: float | None = None
    null_rate: float | None = None
    exact: bool = False

    def metric_for(self, column: str) -> Metric | None:
        """What was asked for; None leaves it to the preset."""
        return self.metrics.get(column, self.metrics.get(EVERY))

    def threshold_for(self, column: str) -> float | None:
        """What was asked for; None leaves it to the preset."""
        return self.thresholds.get(column, self.thresholds.get(EVERY))

    def to_json(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {
            "preset": self.preset.value,
            "columns": None if self.columns is None else list(self.columns),
            "metrics": {column: metric.value for column, metric in self.metrics.items()},
            "thresholds": dict(self.thresholds),
            "all_metrics": self.all_metrics,
            "minimum_rows": self.minimum_rows,
            "correction": None if self.correction is None else self.correction.value,
            "significance": self.significance,
            "null_rate": self.null_rate,
            "exact": self.exact,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> CompareSettings:
        """Of what `to_json` gave. What is missing is as the preset has it. Raises ValueError for unknown names."""
        columns, correction = kept.get("columns"), kept.get("correction")
        return cls(
            preset=Preset(kept.get("preset", Preset.DEFAULT)),
            columns=None if columns is None else tuple(map(str, columns)),
            metrics={str(column): Metric(metric) for column, metric in (kept.get("metrics") or {}).items()},
            thresholds={str(column): float(value) for column, value in (kept.get("thresholds") or {}).items()},
            all_metrics=bool(kept.get("all_metrics", False)),
            minimum_rows=_optional(kept.get("minimum_rows"), int),
            correction=None if correction is None else Correction(correction),
            significance=_optional(kept.get("significance"), float),
            null_rate=_optional(kept.get("null_rate"), float),
            exact=bool(kept.get("exact", False)),
        )


def _optional(value: Any, kind: Any) -> Any:  # what `kind` makes of it
    return None if value is None else kind(value)
