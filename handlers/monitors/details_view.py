"""All columns of a comparison with their distributions, in a modal."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blockkit import context, modal, section
from handlers.message import Json
from handlers.monitors.phrases import name_of
from handlers.text import Mrkdwn, code, count_text, join, lines, md, truncate
from services.drift.comparison import ColumnDrift, Comparison, Count, SideFacts
from services.drift.moved import most_moved
from services.drift.picture_words import end_text, short, verdict

TITLE = "Details"
COLUMNS = 60
"""Columns in one view; the rest is counted. A view holds 100 blocks and 250 kB."""

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 24
_NAMED = 4


def details_view(comparison: Comparison) -> Json:
    """The modal: the whole first, then each column, the most moved first."""
    whole = comparison.dataset
    drifted = len(comparison.drifted_columns)
    said = [
        md("{} compared with {}", name_of(comparison.target), name_of(comparison.baseline)),
        md(
            "{} of {} moved · magnitude {} · rows {} → {}",
            f"{drifted:,}",
            count_text(len(comparison.columns), "column"),
            short(whole.magnitude),
            f"{whole.baseline_rows:,}",
            f"{whole.target_rows:,}",
        ),
    ]
    said += [md(":warning: {}", note) for note in comparison.notes[:3]]
    said += [
        md(
            "Column {} {}: {}",
            code(each.column, 80),
            each.kind.value,
            " → ".join(filter(None, (each.before, each.after))),
        )
        for each in whole.schema[:10]
    ]
    blocks = [section(lines(said))]
    shown = most_moved(comparison, COLUMNS)
    blocks += [section(_column(column)) for column in shown]
    if len(comparison.columns) > len(shown):
        blocks.append(context(f"{len(comparison.columns) - len(shown):,} more columns moved less and are not shown."))
    return modal("incident_details", TITLE, blocks, close="Close")


def _column(column: ColumnDrift) -> Mrkdwn:
    mark = "▲" if column.drifted else "○"  # as in the picture
    said = [md("{} {} · {} · {}", mark, code(column.name, 80), column.type, verdict(column))]
    said += _distribution(column)
    said += [md("_{}_", reason) for reason in column.reasons[:2]]
    if column.new_categories:
        said.append(md("New: {}", _counts(column.new_categories)))
    if column.gone_categories:
        said.append(md("Gone: {}", _counts(column.gone_categories)))
    said += [md("_{}_", note) for note in column.notes[:2]]
    return lines(said)


def _distribution(column: ColumnDrift) -> list[Mrkdwn]:
    before, after = column.baseline, column.target
    if before.histogram is not None and after.histogram is not None and len(before.histogram.edges) > 1:
        low, high = before.histogram.edges[0], before.histogram.edges[-1]
        first, last = end_text(column.kind, column.type, low, high)
        return [
            md("{} baseline{}", code(_bars(before.histogram.counts)), _facts(before, column)),
            md("{} target{} · from {} to {}", code(_bars(after.histogram.counts)), _facts(after, column), first, last),
        ]
    if before.top or after.top:
        return [
            md("baseline: {}", _counts(before.top) or "nothing"),
            md("target: {}", _counts(after.top) or "nothing"),
        ]
    return []


def _facts(side: SideFacts, column: ColumnDrift) -> str:
    if column.kind == "time" or side.mean is None:
        return ""
    spread = f" ± {short(side.std)}" if side.std is not None else ""
    return f" mean {short(side.mean)}{spread}"


def _counts(counts: Sequence[Count]) -> Mrkdwn:
    shown = [md("{} {}", code(truncate(each.text, 40) or "(empty)", 60), f"{each.rows:,}") for each in counts[:_NAMED]]
    more = f" +{len(counts) - _NAMED}" if len(counts) > _NAMED else ""
    return md("{}{}", join(", ", shown), more) if shown else Mrkdwn("")


def _bars(counts: Sequence[int]) -> str:
    """Counts as a row of bars, at most 24 characters wide; the tallest is full."""
    step = max(1, -(-len(counts) // _WIDTH))
    sums = [sum(counts[i : i + step]) for i in range(0, len(counts), step)]
    tallest = max(sums, default=0)
    if not tallest:
        return " "
    return "".join(_BARS[min(7, round(7 * value / tallest))] if value else "·" for value in sums)
