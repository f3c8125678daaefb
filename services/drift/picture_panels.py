"""One column in the picture: its name and verdict, and both distributions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.drift.comparison import ColumnDrift, Histogram
from services.drift.moved import known_shares
from services.drift.picture_style import Style, fitted, label, rect
from services.drift.picture_words import end_text, verdict

WIDTH = 196.0
HEIGHT = 138.0

_INSET = 10.0
_INNER = WIDTH - 2 * _INSET
_TOP = 48.0  # of the plot
_PLOT = 68.0  # its height
_FLOOR = _TOP + _PLOT
_BARS = 4  # categories named
_NAMES = 64.0  # room for their names
_SHARES = 66.0  # room for their shares
_TALLEST = 4.0  # times the next bin: what is higher is cut off, and the cut is shown
_CUT = 3  # bins at most


def panel(column: ColumnDrift, style: Style) -> str:
    """An SVG fragment WIDTH by HEIGHT units large."""
    drawn = _bars(column, style) if column.baseline.top or column.target.top else _curves(column, style)
    colour = style.strong if column.drifted else style.faint
    return "".join(
        (
            rect(0, 0, WIDTH, HEIGHT, style.card, radius=7),
            label(_INSET, 21, fitted(column.name, _INNER - 18, 13.5), style.text, 13.5, weight=500),
            _mark(column.drifted, style),
            label(_INSET, 37, fitted(verdict(column), _INNER + 4, 11), colour, 11),
            drawn,
        )
    )


def _mark(drifted: bool, style: Style) -> str:
    """Top right: a triangle for drift, a ring for none; told apart by their shape."""
    x, y = WIDTH - _INSET - 5, 16.0
    if drifted:
        return f'<path d="M{x - 5:g} {y + 4.5:g}h10l-5 -9z" fill="{style.strong}"/>'
    return f'<circle cx="{x:g}" cy="{y:g}" r="3.6" fill="none" stroke="{style.faint}" stroke-width="1.3"/>'


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values and densities to places. top: the highest density shown."""

    low: float
    high: float
    top: float

    def x(self, value: float) -> float:
        return _INSET + _INNER * (value - self.low) / (self.high - self.low)

    def y(self, density: float) -> float:
        return _FLOOR - _PLOT * min(density, self.top) / self.top


def _curves(column: ColumnDrift, style: Style) -> str:
    """Both densities over the same bins: the baseline filled, the target as a line."""
    sides = [side for side in (column.baseline.histogram, column.target.histogram) if side is not None]
    edges = sides[0].edges if sides else ()
    mine, theirs = _density(column.baseline.histogram), _density(column.target.histogram)
    heights = [max(pair) for pair in zip(mine or theirs, theirs or mine, strict=True)]
    top = _ceiling(heights)
    if not top:
        return _nothing("No values to draw", style)
    axes = _Axes(edges[0], edges[-1], top)
    parts: list[str] = []
    if mine:
        steps = _steps(edges, mine, axes)
        parts.append(f'<path d="{steps}" fill="{style.baseline_fill}"/>')
        parts.append(f'<path d="{steps}" fill="none" stroke="{style.baseline_line}" stroke-width="1"/>')
    if theirs:
        steps = _steps(edges, theirs, axes)
        parts.append(
            f'<path d="{steps}" fill="none" stroke="{style.target}" stroke-width="2" stroke-linejoin="round"/>'
        )
    parts.append(f'<path d="M{_INSET:g} {_FLOOR:g}H{WIDTH - _INSET:g}" stroke="{style.rule}"/>')
    parts += [
        _cut((axes.x(edges[index]) + axes.x(edges[index + 1])) / 2, style)
        for index, height in enumerate(heights)
        if height > top
    ]
    low, high = end_text(column.kind, column.type, edges[0], edges[-1])
    parts.append(label(_INSET, HEIGHT - 8, low, style.faint, 11))
    parts.append(label(WIDTH - _INSET, HEIGHT - 8, high, style.faint, 11, anchor="end"))
    return "".join(parts)


def _density(histogram: Histogram | None) -> list[float]:
    """Share of the values in each bin, divided by its width. Empty where there is nothing to draw."""
    if histogram is None or not sum(histogram.counts):
        return []
    total = sum(histogram.counts)
    widths = [after - before for before, after in itertools.pairwise(histogram.edges)]
    if any(not width > 0 or not math.isfinite(width) for width in widths):
        return []
    return [count / total / width for count, width in zip(histogram.counts, widths, strict=True)]


def _ceiling(heights: Sequence[float]) -> float:
    """The highest density shown: up to three bins that would flatten all others are cut off. 0 without any."""
    ranked = sorted((height for height in heights if height > 0), reverse=True)
    for before, height in itertools.islice(itertools.pairwise(ranked), _CUT):
        if before > _TALLEST * height:
            return 1.5 * height
    return ranked[0] if ranked else 0.0


def _steps(edges: Sequence[float], densities: Sequence[float], axes: _Axes) -> str:
    """The outline of a histogram as a path, beginning and ending on the axis."""
    path = [f"M{axes.x(edges[0]):.2f} {_FLOOR:g}"]
    for index, density in enumerate(densities):
        path.append(f"V{axes.y(density):.2f}H{axes.x(edges[index + 1]):.2f}")
    return "".join((*path, f"V{_FLOOR:g}"))


def _cut(x: float, style: Style) -> str:
    """Two strokes across a bar that goes on beyond the top."""
    return "".join(
        f'<path d="M{x - 6:.2f} {_TOP + y:g}l12 -5" stroke="{style.card}" stroke-width="2.6"/>' for y in (11, 17)
    )


def _bars(column: ColumnDrift, style: Style) -> str:
    """Categories that moved most, a pair of bars each, in the order of their size."""
    known = known_shares(column)
    moved = sorted(known, key=lambda each: (-abs(each[1] - each[2]), -max(each[1:]), each[0]))
    named = sorted(moved[:_BARS], key=lambda each: (-max(each[1:]), each[0]))
    widest = max((max(each[1:]) for each in named), default=0.0)
    if not widest:
        return _nothing("No values to draw", style)
    x, room = _INSET + _NAMES, _INNER - _NAMES - _SHARES
    parts: list[str] = []
    for index, (text, before, after) in enumerate(named):
        y = _TOP + 1 + index * 20.5
        width = room * before / widest
        parts.append(label(_INSET, y + 11, fitted(text or "(empty text)", _NAMES - 6, 11), style.text, 11))
        parts.append(rect(x, y, width, 6.5, style.baseline_fill, stroke=style.baseline_line if width > 1 else ""))
        parts.append(rect(x, y + 8, room * after / widest, 6.5, style.target))
        parts.append(label(WIDTH - _INSET, y + 11, _shares(before, after), style.faint, 11, anchor="end"))
    return "".join(parts)


def _shares(before: float, after: float) -> str:
    """ "25 to 24%", with a digit more where both are small."""
    digits = 0 if max(before, after) >= 0.1 else 1
    return f"{before:.{digits}%}".removesuffix("%") + f" to {after:.{digits}%}"


def _nothing(sentence: str, style: Style) -> str:
    return label(WIDTH / 2, _TOP + _PLOT / 2 + 4, sentence, style.faint, 11.5, anchor="middle")
