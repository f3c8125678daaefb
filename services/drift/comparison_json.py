"""A comparison as JSON, and back. The schema is docs/drift.schema.json. Imports neither numpy nor pyarrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.drift.comparison import (
    ChangeKind,
    ColumnDrift,
    Comparison,
    Count,
    DatasetDrift,
    DuplicateFiles,
    Freshness,
    Histogram,
    SchemaChange,
    SideFacts,
)

FORMAT = 1


def to_json(comparison: Comparison) -> dict[str, Any]:
    """As values that JSON has: no NaN, no infinity, no tuple."""
    return {
        "format": FORMAT,
        "baseline": comparison.baseline,
        "target": comparison.target,
        "preset": comparison.preset,
        "columns": [_column(column) for column in comparison.columns],
        "dataset": _dataset(comparison.dataset),
        "notes": list(comparison.notes),
    }


def from_json(kept: Mapping[str, Any]) -> Comparison:
    """Of what `to_json` gave. Raises ValueError for another format, KeyError for what is missing."""
    if kept.get("format") != FORMAT:
        raise ValueError(f"this comparison has format {kept.get('format')}, and this program reads format {FORMAT}")
    return Comparison(
        baseline=kept["baseline"],
        target=kept["target"],
        preset=kept["preset"],
        columns=tuple(map(_read_column, kept["columns"])),
        dataset=_read_dataset(kept["dataset"]),
        notes=tuple(kept["notes"]),
    )


def _side(side: SideFacts) -> dict[str, Any]:
    histogram = side.histogram
    return {
        "rows": side.rows,
        "nulls": side.nulls,
        "nan": side.nan,
        "infinite": side.infinite,
        "distinct": side.distinct,
        "minimum": side.minimum,
        "maximum": side.maximum,
        "mean": side.mean,
        "std": side.std,
        "quantiles": [list(pair) for pair in side.quantiles],
        "top": [list(pair) for pair in side.top],
        "histogram": None if histogram is None else {"edges": list(histogram.edges), "counts": list(histogram.counts)},
    }


def _column(column: ColumnDrift) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "kind": column.kind,
        "metric": column.metric,
        "value": column.value,
        "lower": column.lower,
        "upper": column.upper,
        "p_value": column.p_value,
        "threshold": column.threshold,
        "drifted": column.drifted,
        "baseline": _side(column.baseline),
        "target": _side(column.target),
        "metrics": dict(column.metrics),
        "shifts": dict(column.shifts),
        "new_categories": [list(pair) for pair in column.new_categories],
        "gone_categories": [list(pair) for pair in column.gone_categories],
        "null_rate_change": column.null_rate_change,
        "reasons": list(column.reasons),
        "notes": list(column.notes),
    }


def _dataset(dataset: DatasetDrift) -> dict[str, Any]:
    return {
        "drifted": dataset.drifted,
        "share": dataset.share,
        "magnitude": dataset.magnitude,
        "contributions": [list(pair) for pair in dataset.contributions],
        "baseline_rows": dataset.baseline_rows,
        "target_rows": dataset.target_rows,
        "schema": [
            {"kind": change.kind.value, "column": change.column, "before": change.before, "after": change.after}
            for change in dataset.schema
        ],
        "freshness": [
            {"column": each.column, "baseline": each.baseline, "target": each.target} for each in dataset.freshness
        ],
        "duplicate_files": [{"side": each.side, "paths": list(each.paths)} for each in dataset.duplicate_files],
    }


def _counts(pairs: Sequence[Sequence[Any]]) -> tuple[Count, ...]:
    return tuple(Count(text, rows) for text, rows in pairs)


def _read_side(kept: Mapping[str, Any]) -> SideFacts:
    histogram = kept["histogram"]
    return SideFacts(
        **{
            name: kept[name]
            for name in ("rows", "nulls", "nan", "infinite", "distinct", "minimum", "maximum", "mean", "std")
        },
        quantiles=tuple((share, value) for share, value in kept["quantiles"]),
        top=_counts(kept["top"]),
        histogram=None if histogram is None else Histogram(tuple(histogram["edges"]), tuple(histogram["counts"])),
    )


def _read_column(kept: Mapping[str, Any]) -> ColumnDrift:
    plain = ("name", "type", "kind", "metric", "value", "lower", "upper", "p_value", "threshold", "drifted")
    return ColumnDrift(
        **{name: kept[name] for name in plain},
        baseline=_read_side(kept["baseline"]),
        target=_read_side(kept["target"]),
        metrics=dict(kept["metrics"]),
        shifts=dict(kept["shifts"]),
        new_categories=_counts(kept["new_categories"]),
        gone_categories=_counts(kept["gone_categories"]),
        null_rate_change=kept["null_rate_change"],
        reasons=tuple(kept["reasons"]),
        notes=tuple(kept["notes"]),
    )


def _read_dataset(kept: Mapping[str, Any]) -> DatasetDrift:
    return DatasetDrift(
        drifted=kept["drifted"],
        share=kept["share"],
        magnitude=kept["magnitude"],
        contributions=tuple((name, share) for name, share in kept["contributions"]),
        baseline_rows=kept["baseline_rows"],
        target_rows=kept["target_rows"],
        schema=tuple(
            SchemaChange(ChangeKind(each["kind"]), each["column"], each["before"], each["after"])
            for each in kept["schema"]
        ),
        freshness=tuple(Freshness(each["column"], each["baseline"], each["target"]) for each in kept["freshness"]),
        duplicate_files=tuple(DuplicateFiles(each["side"], tuple(each["paths"])) for each in kept["duplicate_files"]),
    )
