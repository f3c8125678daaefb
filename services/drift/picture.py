"""The picture of a comparison: the columns that moved most as small multiples, drawn as SVG and rendered to PNG.

Made for the width of a phone: two panels beside each other, no letter smaller than a fortieth of the width. The
baseline is a filled shape and the target an outline, so that colours (Okabe and Ito, 2008) carry nothing alone.
"""

from __future__ import annotations

from pathlib import Path

from services.drift.comparison import Comparison
from services.drift.moved import most_moved
from services.drift.picture_panels import HEIGHT, WIDTH, panel
from services.drift.picture_style import DARK, LIGHT, Style, fitted, label, rect, width_of

PANELS = 6
"""Columns shown: three rows of two."""

ZOOM = 2.5
"""Pixels for each unit: 440 units wide are 1,100 pixels, sharp on a phone and in Slack's large view."""

_MARGIN = 16.0
_GAP = 16.0
_PAGE = 2 * WIDTH + _GAP + 2 * _MARGIN
_HEAD = 78.0
_LEGEND = 12.5
_FONTS = [str(path) for path in sorted(Path(__file__).with_name("fonts").glob("*.ttf"))]


def png(comparison: Comparison, *, dark: bool = False) -> bytes:
    """The picture, 1,100 pixels wide. Not in the process that answers Slack: it takes some 50 ms of computing."""
    import resvg_py  # noqa: PLC0415 - a native library, only where a picture is rendered

    return resvg_py.svg_to_bytes(
        svg_string=svg(comparison, dark=dark), zoom=ZOOM, font_files=_FONTS, sans_serif_family="Roboto"
    )


def svg(comparison: Comparison, *, dark: bool = False) -> str:
    """The picture as SVG; pure."""
    style = DARK if dark else LIGHT
    shown = most_moved(comparison, PANELS)
    rows = max(1, -(-len(shown) // 2))
    height = _HEAD + rows * HEIGHT + (rows - 1) * _GAP + _MARGIN
    parts = [rect(0, 0, _PAGE, height, style.page), *_head(comparison, len(shown), style)]
    for index, column in enumerate(shown):
        x = _MARGIN + (index % 2) * (WIDTH + _GAP)
        y = _HEAD + (index // 2) * (HEIGHT + _GAP)
        parts.append(f'<g transform="translate({x:g} {y:g})">{panel(column, style)}</g>')
    if not shown:
        parts.append(label(_PAGE / 2, _HEAD + HEIGHT / 2, "No column was compared.", style.faint, 13, anchor="middle"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_PAGE:g}" height="{height:g}" '
        f'viewBox="0 0 {_PAGE:g} {height:g}" font-family="Roboto, sans-serif">{"".join(parts)}</svg>'
    )


def _head(comparison: Comparison, shown: int, style: Style) -> list[str]:
    dataset, compared = comparison.dataset, len(comparison.columns)
    drifted = len(comparison.drifted_columns)
    count = f"{drifted} of {compared} column{'' if compared == 1 else 's'} drifted"
    title = count if drifted else f"No drift in {compared} column{'' if compared == 1 else 's'}"
    more = f" · {shown} shown" if shown < compared else ""
    middle = _MARGIN + WIDTH + _GAP
    return [
        label(_MARGIN, 31, title, style.strong if drifted else style.text, 19, weight=500),
        label(_PAGE - _MARGIN, 31, more.removeprefix(" · "), style.faint, 12, anchor="end"),
        rect(_MARGIN, 46, 14, 11, style.baseline_fill, stroke=style.baseline_line),
        _side(_MARGIN + 21, comparison.baseline or "Baseline", dataset.baseline_rows, style),
        f'<path d="M{middle:g} 51.5h14" stroke="{style.target}" stroke-width="2.6"/>',
        _side(middle + 21, comparison.target or "Target", dataset.target_rows, style),
    ]


def _side(x: float, name: str, rows: int, style: Style) -> str:
    """What a side is called, as much of it as there is room for, and its rows."""
    more = f" {_rows(rows)}"
    shown = fitted(name, WIDTH - 21 - width_of(more, _LEGEND), _LEGEND)
    return label(x, 56, shown, style.text, _LEGEND, weight=500, after=more)


def _rows(count: int) -> str:
    """Short: 27,004 rows, 1.2 M rows."""
    if count >= 10_000_000:
        return f"{count / 1e6:,.0f} M rows"
    if count >= 1_000_000:
        return f"{count / 1e6:.1f} M rows"
    return f"{count:,} row{'' if count == 1 else 's'}"
