"""Slack's own charts of a comparison."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blockkit import message_errors
from handlers.drift.chart_view import chart_blocks
from services.drift.comparison import SideFacts
from tests.drift.comparison_samples import FLIGHTS, column, comparison, numbers, texts


def test_how_far_columns_moved_and_the_one_that_moved_most() -> None:
    values, distribution = chart_blocks(FLIGHTS)
    assert message_errors([values, distribution], None, {}) == []
    chart = values["chart"]
    assert values["title"] == "How far columns moved"
    assert chart["axis_config"]["categories"][:3] == ["carrier", "air_time", "zeros"]
    assert [point["value"] for point in chart["series"][0]["data"]] == [0.18, 0.3, 0.21, 4e-9, 1.0, 0.011]
    assert [point["value"] for point in chart["series"][1]["data"]] == [0.1, 0.1, 0.1, 0.05, 0.1, 0.1]
    assert distribution["title"] == "carrier: distribution"
    chart = distribution["chart"]
    assert (chart["type"], chart["axis_config"]["categories"]) == ("bar", ["UA", "DL", "AA", "WN"])
    assert [series["name"] for series in chart["series"]] == ["flights:1", "flights:7"]
    assert [point["value"] for point in chart["series"][1]["data"]] == [30.0, 35.0, 30.0, 5.0]


def test_many_bins_are_added_up() -> None:
    wide = column("delay", numbers(*range(1, 41)), numbers(*range(40, 0, -1)))
    _, distribution = chart_blocks(comparison(wide))
    chart = distribution["chart"]
    assert (chart["type"], len(chart["axis_config"]["categories"])) == ("area", 20)
    assert chart["axis_config"]["categories"][:2] == ["0 to 2", "2 to 4"]
    for series in chart["series"]:
        assert abs(sum(point["value"] for point in series["data"]) - 100) < 0.1
    odd = column("delay", numbers(*[1] * 33), numbers(*[2] * 33))
    _, distribution = chart_blocks(comparison(odd))
    assert distribution["chart"]["axis_config"]["categories"][-1] == "32 to 33"


def test_days_name_the_bins_of_times() -> None:
    times = next(each for each in FLIGHTS.columns if each.name == "time_hour")
    _, distribution = chart_blocks(comparison(times))
    assert distribution["chart"]["axis_config"]["categories"] == ["2024-01-01", "2024-01-31"]


def test_nothing_to_draw() -> None:
    assert chart_blocks(comparison()) == ()
    empty = column("none", SideFacts(3, 3), SideFacts(0, 0), metric=None, value=None, threshold=None, drifted=False)
    assert chart_blocks(comparison(empty)) == ()


_NAMES = st.lists(st.text(max_size=60), min_size=1, max_size=14)


@settings(max_examples=80, deadline=None)
@given(names=_NAMES, categories=_NAMES, source=st.text(max_size=60))
def test_slack_takes_whatever_data_are_called(names: list[str], categories: list[str], source: str) -> None:
    sides = texts(**{name: 5 + index for index, name in enumerate(categories)})
    columns = [column(name, sides, sides) for name in names]
    made = replace(comparison(*columns), baseline=source, target=source)
    blocks = chart_blocks(made)
    assert len(blocks) == 2
    assert message_errors(list(blocks), None, {}) == []
