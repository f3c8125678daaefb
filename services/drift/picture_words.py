"""Numbers, times and verdicts as short words, for pictures and charts."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from services.drift.comparison import ColumnDrift

METRICS = {
    "jensen_shannon": "Jensen–Shannon",
    "psi": "PSI",
    "hellinger": "Hellinger",
    "l_infinity": "L-infinity",
    "ks_statistic": "KS",
    "ks_p_value": "KS p-value",
    "wasserstein": "Wasserstein",
    "wasserstein_normed": "Wasserstein/σ",
    "chi2_p_value": "χ² p-value",
    "z_p_value": "Z-test p-value",
    "null_rate": "Missing values",
}
"""A metric as people say it."""

_SCALES = ((1e9, " bn"), (1e6, " M"))
_LEAST = 1e-3
_NOTABLE = 0.005  # a change of the share of missing values that is told
_DAY = 86_400_000_000  # microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def verdict(column: ColumnDrift) -> str:
    """What was measured, against what: "Wasserstein/σ 0.152 > 0.1"."""
    parts: list[str] = []
    if column.metric is None or column.value is None:
        parts.append("not compared")
    else:
        parts.append(f"{METRICS.get(column.metric, column.metric)} {short(column.value)}{_against(column)}")
    if abs(column.null_rate_change) >= _NOTABLE and column.metric != "null_rate":
        parts.append(f"empty {column.baseline.missing_rate:.0%} to {column.target.missing_rate:.0%}")
    return " · ".join(parts)


def _against(column: ColumnDrift) -> str:
    """How the value stands to its threshold; for a p-value, small means drift."""
    if column.threshold is None or column.value is None:
        return ""
    signs = "<≥" if (column.metric or "").endswith("p_value") else ">≤"
    beyond = column.value < column.threshold if signs[0] == "<" else column.value > column.threshold
    return f" {signs[0] if beyond else signs[1]} {short(column.threshold)}"


def short(value: float) -> str:
    """Three significant digits: 0.152, 12.3, 1,230, 4.1 M, 4e-9."""
    size = abs(value)
    if size == 0 or not math.isfinite(value):
        return "0" if size == 0 else str(value)
    if size < _LEAST:
        return f"{value:.0e}".replace("e-0", "e-")
    if size >= 1e12:
        return f"{value:.1e}".replace("e+", "e")
    for scale, word in _SCALES:
        if size >= scale:
            return f"{_digits(value / scale)}{word}"
    return f"{value:,.0f}" if size >= 1000 else _digits(value)


def _digits(value: float) -> str:
    shown = f"{value:.3g}"
    return f"{value:.0f}" if "e" in shown else shown


def end_text(kind: str, type_name: str, low: float, high: float) -> tuple[str, str]:
    """Both ends of an axis: numbers, or times as precise as their distance asks for."""
    if kind != "time":
        return short(low), short(high)
    if type_name.startswith("time"):  # timestamp, time32 and time64
        pattern = "%H:%M" if not type_name.startswith("timestamp") else _pattern(high - low)
    else:
        pattern = "%Y-%m-%d"
    return _moment(low, pattern), _moment(high, pattern)


def _pattern(span: float) -> str:
    return "%Y-%m-%d" if span > 3 * _DAY else "%m-%d %H:%M"


def _moment(microseconds: float, pattern: str) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).strftime(pattern)
    except OverflowError:  # beyond the year 9999
        return short(microseconds)
