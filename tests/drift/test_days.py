"""Counting days apart, in one scan."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from services.drift.days import MOST_DAYS, NO_DAY, scan_days
from services.drift.plan import plan_of
from services.drift.profile import merge_all
from services.drift.scan import scan
from services.errors import SourceProblem
from tests.drift.frames import TableRows

DAY = 86_400_000_000


def _rows(times: pa.Array, batch: int = 100) -> TableRows:
    rng = np.random.default_rng(3)
    size = len(times)
    table = pa.table({"at": times, "x": rng.normal(size=size), "c": [f"c{n % 7}" for n in range(size)]})
    return TableRows(table, batch=batch)


def test_days_are_those_of_utc_and_together_the_whole() -> None:
    rng = np.random.default_rng(5)
    moments = rng.integers(-3 * DAY, 4 * DAY, 1_000)
    rows = _rows(pa.array(moments, pa.timestamp("us", "Europe/Berlin"), mask=moments % 50 == 0))
    plan = plan_of(rows.sample(1_000))
    days = scan_days(rows, plan, "at")
    wanted = sorted({(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(each))).date() for each in moments})
    assert list(days) == [*map(date.isoformat, wanted), NO_DAY]
    of_30th = (moments >= -2 * DAY) & (moments < -DAY) & (moments % 50 != 0)
    assert days["1969-12-30"].rows == int(of_30th.sum())
    assert days[NO_DAY].columns[0].nulls == days[NO_DAY].rows == sum(each % 50 == 0 for each in moments)
    whole, summed = scan(rows, plan), merge_all(days.values())
    for mine, theirs in zip(summed.columns, whole.columns, strict=True):
        assert (mine.rows, mine.nulls, mine.present) == (theirs.rows, theirs.nulls, theirs.present)
        if theirs.numbers is not None and mine.numbers is not None:
            assert np.array_equal(mine.numbers.upto, theirs.numbers.upto)
        if theirs.categories is not None and mine.categories is not None:
            assert mine.categories.counts == theirs.categories.counts


@pytest.mark.parametrize(
    "kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns"), pa.dictionary(pa.int32(), pa.date32())]
)
def test_every_type_that_has_days(kind: pa.DataType) -> None:
    times = pa.array([0, 1, 1, 20_000], pa.int32()).cast(pa.date32())
    plain = times.cast(kind) if not pa.types.is_dictionary(kind) else times.dictionary_encode()
    rows = _rows(plain, batch=3)
    found = scan_days(rows, plan_of(rows.sample(9)), "at")
    assert {day: each.rows for day, each in found.items()} == {
        "1970-01-01": 1, "1970-01-02": 2, "2024-10-04": 1, NO_DAY: 0,
    }  # fmt: skip


def test_too_many_days_and_no_days() -> None:
    rows = _rows(pa.array(range(MOST_DAYS + 1), pa.int32()).cast(pa.date32()))
    plan = plan_of(rows.sample(9))
    with pytest.raises(SourceProblem, match="more than 400 days"):
        scan_days(rows, plan, "at")
    for name in ("x", "c", "nothing"):
        with pytest.raises(SourceProblem, match="of dates"):
            scan_days(rows, plan, name)
    clock = _rows(pa.array([1, 2], pa.time64("us")))
    with pytest.raises(SourceProblem, match="of dates"):
        scan_days(clock, plan_of(clock.sample(2)), "at")
