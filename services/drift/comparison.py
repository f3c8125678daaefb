"""What a comparison found: plain values for Slack, terminal, picture and JSON. Imports neither numpy nor pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

NAMED = 20
"""At most so many categories are named one by one."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Histogram(NamedTuple):
    """edges: at most 41, increasing, the same on both sides; counts: one fewer, of values in [edge, next edge)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Count(NamedTuple):
    """A category and in how many rows it comes."""

    text: str
    rows: int


@dataclass(frozen=True, slots=True)
class SideFacts:
    """One side of a column. Times are in microseconds since 1970-01-01 UTC, nested columns told by their lengths.

    distinct: how many different values, an estimate for very many, None where it is not known. std: of the population.
    quantiles: (share, value) of QUANTILES, interpolated between counted edges. top: the most frequent categories.
    """

    rows: int
    nulls: int
    nan: int = 0
    infinite: int = 0
    distinct: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    top: tuple[Count, ...] = ()
    histogram: Histogram | None = None

    @property
    def missing_rate(self) -> float:
        """Share of rows that hold null or NaN; 0 without a row."""
        return (self.nulls + self.nan) / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column that both sides have.

    type: as the baseline names it. kind: number, category, boolean, time, nested or empty. metric: a name of
    `settings.Metric`; None, with value and threshold, where the column cannot be or is not compared (notes say why).
    lower, upper: between these the exact value certainly lies. p_value: of the metric's test, before correction.
    metrics: all that apply, by name, if asked for. shifts: "mean" and "q05" to "q95" in standard deviations of the
    baseline, "std" as a share of the baseline's. null_rate_change: target minus baseline, nulls and NaN.
    reasons: sentences that say why it has drifted. notes: what else is worth knowing.
    """

    name: str
    type: str
    kind: str
    metric: str | None
    value: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    threshold: float | None
    drifted: bool
    baseline: SideFacts
    target: SideFacts
    metrics: Mapping[str, float] = field(default_factory=dict)
    shifts: Mapping[str, float] = field(default_factory=dict)
    new_categories: tuple[Count, ...] = ()
    gone_categories: tuple[Count, ...] = ()
    null_rate_change: float = 0.0
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ChangeKind(StrEnum):
    """WIDENED: every value of the old type is one of the new type, as int32 is int64."""

    ADDED = "added"
    REMOVED = "removed"
    RETYPED = "retyped"
    WIDENED = "widened"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """before, after: types; "" for a column that is not there."""

    kind: ChangeKind
    column: str
    before: str
    after: str

    def breaks(self, compared: Mapping[str, str]) -> bool:
        """Is drift certain from the change alone, as values of the column can no longer be compared?

        compared: kind of each column that is compared value by value. A time that gains a zone, or a number in less
        precision, is still compared: its values decide. Of lists and structs only lengths are: their type decides.
        """
        if self.kind is ChangeKind.REMOVED:
            return True
        if self.kind is not ChangeKind.RETYPED:
            return False
        kind = compared.get(self.column)
        if kind == "time":
            return _is_time_of_day(self.before) != _is_time_of_day(self.after)
        return kind is None or kind == "nested"


def _is_time_of_day(arrow_type: str) -> bool:
    return arrow_type.startswith(("time32", "time64"))


@dataclass(frozen=True, slots=True)
class Freshness:
    """The latest time in a column on each side, ISO 8601 in UTC (of its day only, for times of day); None: no value."""

    column: str
    baseline: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class DuplicateFiles:
    """Files of one side that have the same content and were all counted."""

    side: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatasetDrift:
    """The whole. share: drifted columns of those compared. magnitude: 0 (equal) to 1 (nothing in common), the
    Hellinger distance of the two data as if columns were independent, less what chance explains; contributions: each
    column's share of it, largest first, together 1 (empty when magnitude is 0).
    """

    drifted: bool
    share: float
    magnitude: float
    contributions: tuple[tuple[str, float], ...]
    baseline_rows: int
    target_rows: int
    schema: tuple[SchemaChange, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    duplicate_files: tuple[DuplicateFiles, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """baseline, target: as people call them. columns: in the baseline's order. notes: what holds for all of it."""

    baseline: str
    target: str
    preset: str
    columns: tuple[ColumnDrift, ...]
    dataset: DatasetDrift
    notes: tuple[str, ...] = ()

    @property
    def drifted_columns(self) -> tuple[ColumnDrift, ...]:
        """Those that drifted, in the baseline's order."""
        return tuple(column for column in self.columns if column.drifted)
