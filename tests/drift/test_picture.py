"""The picture of a comparison: what it shows, in which order, and that nothing in the data can break it."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st

from services.drift import picture_words
from services.drift.comparison import Count, Histogram, SideFacts
from services.drift.moved import known_shares, most_moved
from services.drift.picture import _FONTS, PANELS, png, svg
from services.drift.picture_panels import WIDTH
from services.drift.picture_style import DARK, LIGHT, fitted, width_of
from services.drift.picture_words import end_text, short, verdict
from tests.drift.comparison_samples import FLIGHTS, column, comparison, numbers, texts

_NAMESPACE = {"s": "http://www.w3.org/2000/svg"}


def _words(drawing: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(drawing).iterfind(".//s:text", _NAMESPACE)]


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_a_png_of_a_phones_width(dark: bool) -> None:
    made = png(FLIGHTS, dark=dark)
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", made[16:24])
    assert width == 1100
    assert 1200 < height < 1500
    assert len(made) < 300_000
    assert png(FLIGHTS, dark=dark) == made


def test_what_moved_most_comes_first() -> None:
    assert [each.name for each in most_moved(FLIGHTS, 10)] == [
        "carrier", "air_time", "zeros", "on_time", "time_hour", "distance", "empty",
    ]  # fmt: skip
    words = _words(svg(FLIGHTS))
    assert words[0] == "5 of 7 columns drifted"
    assert f"{PANELS} shown" in words
    assert "flights:1 27,004 rows" in words
    assert "flights:7 1.9 M rows" in words
    assert "empty" not in words, "the seventh of six"


def test_long_names_leave_room_for_their_rows() -> None:
    made = replace(FLIGHTS, target="/data/warehouse/flights/2013/july/part-00001.parquet")
    (legend,) = (each for each in _words(svg(made)) if each.endswith("1.9 M rows"))
    assert legend.startswith("/data/")
    assert width_of(legend, 12.5) <= WIDTH - 21


def test_verdicts() -> None:
    by_name = {each.name: verdict(each) for each in FLIGHTS.columns}
    assert by_name == {
        "air_time": "Wasserstein/σ 0.3 > 0.1 · empty 0% to 17%",
        "zeros": "Wasserstein/σ 0.21 > 0.1",
        "carrier": "Jensen–Shannon 0.18 > 0.1",
        "on_time": "χ² p-value 4e-9 < 0.05",
        "time_hour": "KS 1 > 0.1",
        "distance": "Wasserstein/σ 0.011 ≤ 0.1",
        "empty": "not compared",
    }
    assert verdict(replace(FLIGHTS.columns[3], value=0.4, drifted=False)) == "χ² p-value 0.4 ≥ 0.05"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.1523, "0.152"), (-12.34, "-12.3"), (1234.5, "1,234"), (4.12e6, "4.12 M"), (999_600_000.0, "1000 M"),
     (7.3e10, "73 bn"), (1e15, "1e15"), (4e-9, "4e-9"), (float("inf"), "inf")],
)  # fmt: skip
def test_short_numbers(value: float, told: str) -> None:
    assert short(value) == told.replace("1e15", "1.0e15")


def test_ends_of_time_axes() -> None:
    day = 86_400_000_000.0
    assert end_text("time", "timestamp[us]", 0, 90 * day) == ("1970-01-01", "1970-04-01")
    assert end_text("time", "timestamp[us]", 0, day / 2) == ("01-01 00:00", "01-01 12:00")
    assert end_text("time", "time64[us]", 0, day / 4) == ("00:00", "06:00")
    assert end_text("time", "date32[day]", -day, day) == ("1969-12-31", "1970-01-02")
    assert end_text("time", "timestamp[us]", 0, 1e20)[1] == "1.0e20"


def test_a_category_is_compared_only_where_both_sides_tell_of_it() -> None:
    full = SideFacts(100, 0, top=tuple(Count(f"c{index}", 5) for index in range(20)))
    other = SideFacts(200, 0, top=tuple(Count(f"c{index}", 10) for index in range(1, 21)))
    told = {text for text, _, _ in known_shares(column("c", full, other))}
    assert told == {f"c{index}" for index in range(1, 20)}, "c0 and c20 may be rare on the other side"
    gone = known_shares(column("c", full, other, gone=(Count("c0", 5),), new=(Count("c20", 10),)))
    assert ("c0", 0.05, 0.0) in gone
    assert ("c20", 0.0, 0.05) in gone
    short_list = known_shares(column("c", texts(a=1, b=3), texts(a=2)))
    assert short_list == [("a", 0.25, 1.0), ("b", 0.75, 0.0)]


def test_a_tall_bin_is_cut_and_the_cut_is_shown() -> None:
    tall = svg(comparison(column("zeros", numbers(900, 50, 30, 20), numbers(800, 90, 70, 40))))
    even = svg(comparison(column("even", numbers(50, 50, 30, 20), numbers(80, 90, 70, 40))))
    stroke = f'stroke="{LIGHT.card}"'
    assert tall.count(stroke) == 2
    assert even.count(stroke) == 0


def test_without_values_it_says_so() -> None:
    nothing = column("none", SideFacts(3, 3), SideFacts(0, 0), metric=None, value=None, drifted=False)
    one_bin = column("odd", SideFacts(3, 0, histogram=Histogram((1.0, 1.0), (3,))), SideFacts(0, 0))
    words = _words(svg(comparison(nothing, one_bin)))
    assert words.count("No values to draw") == 2
    assert "No column was compared." in _words(svg(comparison()))
    assert png(comparison())


def test_one_side_alone_is_drawn() -> None:
    drawing = svg(comparison(column("grown", SideFacts(0, 0), numbers(5, 6, 7))))
    assert f'stroke="{LIGHT.target}"' in drawing.split("grown")[1]
    assert f'fill="{LIGHT.baseline_fill}"' not in drawing.split("grown")[1]


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=400), text=st.text(max_size=400), source=st.text(max_size=80))
def test_no_text_breaks_the_drawing(name: str, text: str, source: str) -> None:
    made = comparison(column(name, texts(**{"a": 3, text: 2}), texts(a=2)), column(name, numbers(1, 2), numbers(2, 1)))
    drawing = svg(replace(made, baseline=source))
    root = ET.fromstring(drawing)
    assert {each.tag.rpartition("}")[2] for each in root.iter()} <= {
        "svg",
        "g",
        "rect",
        "text",
        "tspan",
        "path",
        "circle",
    }
    assert len(root.findall(".//s:g", _NAMESPACE)) == 2
    assert resvg_py.svg_to_bytes(svg_string=drawing, skip_system_fonts=True, font_files=_FONTS)


@given(st.text(max_size=200), st.floats(20, 300))
def test_text_is_cut_to_its_room(text: str, room: float) -> None:
    cut = fitted(text, room, 12)
    assert cut == "…" or width_of(cut, 12) <= room


def test_names_are_cut_in_their_middle() -> None:
    assert re.fullmatch(r"energy_consum.*…*.*_per_m2", fitted("energy_consumption_of_the_house_per_m2", WIDTH, 13.5))


def test_every_word_of_ours_is_in_the_fonts_that_ship() -> None:
    """A letter that is not there would be taken from whatever font the machine has, or not drawn."""
    ours = "".join(picture_words.METRICS.values()) + "0123456789.,%<>≥≤·…−–()" + "not compared empty to M bn rows"

    def drawn(character: str) -> bytes:
        text = f'<text x="5" y="25" font-size="20" font-family="Roboto">{character}</text>'
        return resvg_py.svg_to_bytes(
            svg_string=f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">{text}</svg>',
            skip_system_fonts=True,
            font_files=_FONTS,
        )

    blank, unknown = drawn(" "), drawn("\u2f00")
    missing = {character for character in set(ours) - set(" <>&") if drawn(character) in {blank, unknown}}
    assert not missing


def test_light_and_dark_are_readable() -> None:
    """WCAG 2.1: text at least 4.5 to 1 against what it stands on, lines at least 3 to 1."""
    for style in (LIGHT, DARK):
        for ground in (style.page, style.card):
            assert min(_contrast(each, ground) for each in (style.text, style.faint, style.strong)) >= 4.5
            assert min(_contrast(each, ground) for each in (style.target, style.baseline_line)) >= 3
        assert _contrast(style.target, style.baseline_fill) >= 1.9


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
