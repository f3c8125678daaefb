"""Colours of the picture, and its shapes as SVG. All text goes through `label`, which escapes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from services.reading.display import visible

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW = frozenset("iljtfrI.,:;'|!()[]{}-_ /\\·")
_WIDE = frozenset("mwMW@%—")


@dataclass(frozen=True, slots=True)
class Style:
    """Colours. Blue and vermilion of Okabe and Ito (2008), told apart with every kind of colour blindness."""

    page: str
    card: str
    text: str
    faint: str
    rule: str
    strong: str
    baseline_fill: str
    baseline_line: str
    target: str


LIGHT = Style(
    page="#ffffff",
    card="#f6f7f9",
    text="#1d1c1d",
    faint="#616061",
    rule="#c9ccd1",
    strong="#b84300",
    baseline_fill="#9cc7e6",
    baseline_line="#0072b2",
    target="#d55e00",
)
DARK = Style(
    page="#1a1d21",
    card="#23272d",
    text="#e8e8e8",
    faint="#a9abad",
    rule="#4a4f57",
    strong="#ff9a4d",
    baseline_fill="#2f5f83",
    baseline_line="#56b4e9",
    target="#ff8a3c",
)


def label(
    x: float,
    y: float,
    text: str,
    colour: str,
    size: float,
    *,
    anchor: str = "start",
    weight: int = 400,
    after: str = "",
) -> str:
    """Text on its baseline. after: more of it, in regular weight and half as strong."""
    tail = f'<tspan font-weight="400" fill-opacity="0.7">{_clean(after)}</tspan>' if after else ""
    return (
        f'<text x="{x:g}" y="{y:g}" fill="{colour}" font-size="{size:g}" font-weight="{weight}" '
        f'text-anchor="{anchor}" xml:space="preserve">{_clean(text)}{tail}</text>'
    )


def rect(x: float, y: float, width: float, height: float, fill: str, *, stroke: str = "", radius: float = 0) -> str:
    """A rectangle."""
    line = f' stroke="{stroke}"' if stroke else ""
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{max(height, 0):.2f}" rx="{radius:g}" '
        f'fill="{fill}"{line}/>'
    )


def fitted(text: str, room: float, size: float) -> str:
    """As much of a text as fits into so many units at this size, the cut in the middle shown by an ellipsis.

    The ends of names tell more than their middles: versions, units, numbers.
    """
    shown = visible(text, 300)
    if width_of(shown, size) <= room:
        return shown
    keep = len(shown) - 1
    while keep > 2:
        head = (keep + 1) // 2
        cut = f"{shown[:head]}…{shown[len(shown) - (keep - head) :]}"
        if width_of(cut, size) <= room:
            return cut
        keep -= 1
    return "…"


def width_of(text: str, size: float) -> float:
    """About how wide a text is in Roboto; letters of other scripts are taken to be square."""
    return size * sum(_letter(character) for character in text)


def _letter(character: str) -> float:
    if character in _NARROW:
        return 0.33
    if character in _WIDE:
        return 0.86
    if ord(character) > 0x2E7F:
        return 1.0
    return 0.66 if character.isupper() else 0.57


def _clean(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
