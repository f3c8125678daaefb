"""Slack's own charts of a comparison: how far columns moved, and both distributions of the one that moved most.

The block is new to Slack: a message that uses it carries a classic `fallback`. At most two charts fit in a message.
Limits: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from handlers.message import Json
from handlers.text import one_line, truncate
from services.drift.comparison import ColumnDrift, Comparison
from services.drift.moved import known_shares, most_moved
from services.drift.picture_words import METRICS, end_text, short

TITLE = 50
LABEL = 20
AXIS = 50
POINTS = 20
COLUMNS = 8
"""Columns in the first chart: more labels run into each other on a phone."""


def chart_blocks(comparison: Comparison) -> tuple[Json, ...]:
    """None, one or two `data_visualization` blocks with the numbers of the comparison."""
    shown = most_moved(comparison, COLUMNS)
    charts = (_values(shown), *(_distribution(comparison, column) for column in shown[:1]))
    return tuple(chart for chart in charts if chart is not None)


def _values(columns: Sequence[ColumnDrift]) -> Json | None:
    """Each column's metric beside its threshold, both in the metric's own unit."""
    measured = [column for column in columns if column.value is not None and column.threshold is not None]
    if not measured:
        return None
    names = _unique([_middle(column.name) for column in measured])
    metrics = dict.fromkeys(METRICS.get(column.metric or "", column.metric or "") for column in measured)
    return _chart(
        "bar",
        "How far columns moved",
        names,
        {
            "Measured": [_rounded(column.value) for column in measured],
            "Threshold": [_rounded(column.threshold) for column in measured],
        },
        ("Column", ", ".join(metrics) if len(metrics) <= 2 else "Each column's metric"),
    )


def _distribution(comparison: Comparison, column: ColumnDrift) -> Json | None:
    """Shares of both sides in percent: of categories, or of bins of numbers and times."""
    sides = _unique([_middle(comparison.baseline or "Baseline"), _middle(comparison.target or "Target")])
    title = f"{truncate(one_line(column.name), TITLE - 15)}: distribution"
    known = sorted(known_shares(column), key=lambda each: (-max(each[1:]), each[0]))[:COLUMNS]
    if known:
        shares = [[100 * each[1] for each in known], [100 * each[2] for each in known]]
        names = _unique([_middle(text or "(empty text)") for text, _, _ in known])
        return _chart("bar", title, names, _series(sides, shares), ("Category", "Share of values, %"))
    return _bins(column, title, sides)


def _bins(column: ColumnDrift, title: str, sides: Sequence[str]) -> Json | None:
    left, right = column.baseline.histogram, column.target.histogram
    if left is None or right is None or not sum(left.counts) or not sum(right.counts):
        return None
    step = -(-len(left.counts) // POINTS)
    edges = [*left.edges[:-1:step], left.edges[-1]]
    names = _unique([_bin(column, low, high) for low, high in pairwise(edges)])
    shares = [
        [100 * sum(counts[start : start + step]) / sum(counts) for start in range(0, len(counts), step)]
        for counts in (left.counts, right.counts)
    ]
    return _chart("area", title, names, _series(sides, shares), ("Values", "Share of values, %"))


def _bin(column: ColumnDrift, low: float, high: float) -> str:
    if column.kind == "time":
        return end_text(column.kind, column.type, low, high)[0]
    return f"{short(low)} to {short(high)}"


def _series(names: Sequence[str], shares: Sequence[Sequence[float]]) -> dict[str, list[float]]:
    return {name: [_rounded(share) for share in side] for name, side in zip(names, shares, strict=True)}


def _chart(
    kind: str, title: str, categories: Sequence[str], series: dict[str, list[float]], axes: tuple[str, str]
) -> Json:
    return {
        "type": "data_visualization",
        "title": truncate(title, TITLE),
        "chart": {
            "type": kind,
            "series": [
                {
                    "name": name,
                    "data": [{"label": label, "value": value} for label, value in zip(categories, values, strict=True)],
                }
                for name, values in series.items()
            ],
            "axis_config": {
                "categories": list(categories),
                "x_label": truncate(axes[0], AXIS),
                "y_label": truncate(axes[1], AXIS),
            },
        },
    }


def _middle(text: str) -> str:
    """At most 20 characters on one line, cut in the middle: the ends of names tell more."""
    line = one_line(text).strip() or "(no name)"
    if len(line) <= LABEL:
        return line
    return f"{line[: LABEL // 2]}…{line[-(LABEL - LABEL // 2 - 1) :]}"


def _unique(labels: Sequence[str]) -> list[str]:
    """The labels, those that come again numbered: a chart's must differ."""
    seen: dict[str, int] = {}
    made: list[str] = []
    for label in labels:
        candidate = label
        while candidate in seen:
            seen[label] += 1
            mark = f" ({seen[label]})"
            candidate = f"{label[: LABEL - len(mark)]}{mark}"
        seen[candidate] = 1
        made.append(candidate)
    return made


def _rounded(value: float | None) -> float:
    """Four significant digits."""
    return float(f"{value or 0.0:.4g}")
