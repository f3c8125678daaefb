"""Comparisons for pictures and charts, made by hand."""

from __future__ import annotations

from services.drift.comparison import (
    ChangeKind,
    ColumnDrift,
    Comparison,
    Count,
    DatasetDrift,
    Histogram,
    SchemaChange,
    SideFacts,
)

EDGES = (0.0, 1.0, 2.0, 3.0, 4.0)


def numbers(*counts: int, nulls: int = 0) -> SideFacts:
    """A side of a number column, its values in bins one wide."""
    edges = tuple(float(edge) for edge in range(len(counts) + 1))
    return SideFacts(sum(counts) + nulls, nulls, histogram=Histogram(edges, counts))


def texts(**counts: int) -> SideFacts:
    """A side of a text column."""
    return SideFacts(sum(counts.values()), 0, top=tuple(Count(text, rows) for text, rows in counts.items()))


def column(
    name: str,
    baseline: SideFacts,
    target: SideFacts,
    *,
    value: float | None = 0.3,
    threshold: float | None = 0.1,
    metric: str | None = "wasserstein_normed",
    kind: str = "number",
    type_name: str = "double",
    drifted: bool = True,
    new: tuple[Count, ...] = (),
    gone: tuple[Count, ...] = (),
) -> ColumnDrift:
    """A column of which only what is drawn matters."""
    return ColumnDrift(
        name=name,
        type=type_name,
        kind=kind,
        metric=metric,
        value=value,
        lower=value,
        upper=value,
        p_value=None,
        threshold=threshold,
        drifted=drifted,
        baseline=baseline,
        target=target,
        new_categories=new,
        gone_categories=gone,
        null_rate_change=target.missing_rate - baseline.missing_rate,
    )


def comparison(*columns: ColumnDrift, shares: tuple[tuple[str, float], ...] = ()) -> Comparison:
    """flights:1 against flights:7."""
    drifted = sum(each.drifted for each in columns)
    return Comparison(
        "flights:1",
        "flights:7",
        "default",
        columns,
        DatasetDrift(
            drifted=drifted > 0,
            share=drifted / max(len(columns), 1),
            magnitude=0.2,
            contributions=shares,
            baseline_rows=27_004,
            target_rows=1_928_243,
            schema=(SchemaChange(ChangeKind.ADDED, "gate", "", "string"),),
        ),
    )


FLIGHTS = comparison(
    column("air_time", numbers(5, 30, 40, 20, 5), numbers(2, 20, 45, 25, 8, nulls=20)),
    column("zeros", numbers(900, 50, 30, 20), numbers(800, 90, 70, 40), value=0.21),
    column(
        "carrier",
        texts(UA=500, AA=300, DL=200),
        texts(UA=300, AA=300, DL=350, WN=50),
        metric="jensen_shannon",
        value=0.18,
        kind="category",
        type_name="string",
        new=(Count("WN", 50),),
    ),
    column(
        "on_time",
        texts(false=290, true=710),
        texts(false=350, true=650),
        metric="chi2_p_value",
        value=4e-9,
        threshold=0.05,
        kind="boolean",
        type_name="bool",
    ),
    column(
        "time_hour",
        SideFacts(10, 0, histogram=Histogram((1.7040672e15, 1.7066592e15, 1.7092512e15), (10, 0))),
        SideFacts(12, 0, histogram=Histogram((1.7040672e15, 1.7066592e15, 1.7092512e15), (0, 12))),
        kind="time",
        type_name="timestamp[us]",
        metric="ks_statistic",
        value=1.0,
    ),
    column("distance", numbers(9, 9, 9), numbers(9, 9, 8), value=0.011, drifted=False),
    column("empty", SideFacts(10, 10), SideFacts(12, 12), metric=None, value=None, threshold=None, drifted=False),
    shares=(("carrier", 0.4), ("air_time", 0.3), ("zeros", 0.2), ("on_time", 0.05)),
)
