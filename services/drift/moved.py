"""What to show of a comparison first, and which shares of categories are known. Imports neither numpy nor pyarrow."""

from __future__ import annotations

from services.drift.comparison import NAMED, ColumnDrift, Comparison


def most_moved(comparison: Comparison, limit: int) -> tuple[ColumnDrift, ...]:
    """Drifted columns first, then by their share of the whole's drift, then by how near they are to their threshold.

    Columns without a verdict come last, and only if there is room.
    """
    shares = dict(comparison.dataset.contributions)

    def rank(column: ColumnDrift) -> tuple[bool, bool, float, float]:
        return (not column.drifted, column.value is None, -shares.get(column.name, 0.0), -_nearness(column))

    return tuple(sorted(comparison.columns, key=rank)[:limit])


def _nearness(column: ColumnDrift) -> float:
    """How much of its threshold a column has reached, from 0; p-values the other way round."""
    if column.value is None or not column.threshold:
        return 0.0
    if column.metric is not None and column.metric.endswith("p_value"):
        return column.threshold / max(column.value, 1e-300)
    return column.value / column.threshold


def known_shares(column: ColumnDrift) -> list[tuple[str, float, float]]:
    """(category, its share of the baseline's values, of the target's), where both are known.

    A side names its most frequent categories only: one that is not among them may be rare or not there at all.
    """
    sides = ((column.baseline, column.gone_categories), (column.target, column.new_categories))
    counts = [{each.text: each.rows for each in (*side.top, *alone)} for side, alone in sides]
    for mine, (_, alone) in zip(reversed(counts), sides, strict=True):
        mine.update({each.text: 0 for each in alone})  # gone from the target, new to the baseline
    for mine, theirs, (side, _) in zip(counts, reversed(counts), sides, strict=True):
        if len(side.top) < NAMED:  # it names all that it has
            mine.update({text: 0 for text in theirs if text not in mine})
    totals = [max(side.rows - side.nulls - side.nan, 1) for side, _ in sides]
    return [(text, counts[0][text] / totals[0], counts[1][text] / totals[1]) for text in counts[0] if text in counts[1]]
