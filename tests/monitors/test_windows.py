"""Days of a time-series dataset: which rows they hold, and monitors that compare them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.datasets.model import DatasetVersion, FingerprintCheck, FingerprintState, VersionStats
from services.drift.settings import CompareSettings
from services.drift.shelf import ProfileShelf
from services.drift.windows import Window, before, newest
from services.errors import InvalidInput, SourceProblem
from services.monitors.comparing import ShelfComparer
from services.monitors.drafts import check_draft
from services.monitors.incidents import Act, Resolution
from services.monitors.model import Baseline, BaselineKind, Concern
from tests.datasets.world import ADA, table
from tests.fakes.clock import ManualClock
from tests.fakes.profiles import MemoryProfiles
from tests.fakes.reader import MemoryReader
from tests.fakes.records import MemoryRecords
from tests.monitors.test_rules import DATASET, DRAFT, LATEST
from tests.monitors.world import MonitorWorld

DAYS = Baseline(BaselineKind.WINDOW, days=20, newest=5)


def test_windows_lie_side_by_side() -> None:
    target = newest("day", date(2026, 3, 1), 3)
    assert target == Window("day", date(2026, 2, 27), date(2026, 3, 1))
    assert before(target, 2) == Window("day", date(2026, 2, 25), date(2026, 2, 26))
    assert (target.words, newest("day", date(2026, 3, 1), 1).words) == ("2026-02-27 to 2026-03-01", "2026-03-01")


def rows(days: int, *, moves_from: int) -> str:
    """A hundred rows a day from 2026-01-01, ten of them without a time; the price moves from a day on."""
    rng = random.Random(3)
    lines = ["day,price"]
    for number in range(days):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
        for row in range(100):
            at = (moment + timedelta(minutes=14 * row)).strftime("%Y-%m-%d %H:%M:%S") if row % 10 else ""
            lines.append(f"{at},{rng.gauss(30 if number >= moves_from else 10, 2):.2f}")
    return "\n".join(lines) + "\n"


def series(**changes: object) -> DatasetVersion:
    definition = table("sales/*.csv", timestamp_column="day")
    plain = DatasetVersion("sales", 1, definition, "", (), datetime(2026, 2, 1, tzinfo=UTC), "U0ADA", VersionStats())
    return replace(plain, **changes)  # type: ignore[arg-type]  # any field


def comparer(reader: MemoryReader) -> ShelfComparer:
    records = MemoryRecords()
    shelf = ProfileShelf(reader=reader, profiles=MemoryProfiles(), records=records)
    return ShelfComparer(reader=reader, shelf=shelf, records=records)


async def test_the_newest_days_are_compared_with_those_before_them() -> None:
    reader = MemoryReader(ManualClock())
    reader.put("sales/a.csv", rows(25, moves_from=20))
    compares = comparer(reader)
    found = await compares.compare_days(series(), 20, 5, CompareSettings())
    assert found.comparison.baseline == "sales:1, 2026-01-01 to 2026-01-20"
    assert found.comparison.target == "sales:1, 2026-01-21 to 2026-01-25"
    assert (found.comparison.dataset.baseline_rows, found.comparison.dataset.target_rows) == (1800, 450)
    assert [column.name for column in found.comparison.columns] == ["price"], "times always move"
    assert [column.name for column in found.comparison.drifted_columns] == ["price"]
    assert (await compares.compare_days(series(), 20, 5, CompareSettings())).digests == found.digests
    scans = len(reader.profiled)
    await compares.compare_days(series(), 20, 5, CompareSettings())
    assert len(reader.profiled) == scans, "nothing is read twice"
    reader.put("sales/b.csv", rows(26, moves_from=99).splitlines()[0] + "\n2026-01-26 08:00:00,30.5\n")
    later = await compares.compare_days(series(), 20, 5, CompareSettings())
    assert later.comparison.target == "sales:1, 2026-01-22 to 2026-01-26"
    assert later.digests != found.digests


async def test_equal_days_are_no_drift_of_what_is_in_them() -> None:
    reader = MemoryReader(ManualClock())
    reader.put("sales/a.csv", rows(25, moves_from=99))
    found = await comparer(reader).compare_days(series(), 20, 5, CompareSettings())
    assert found.comparison.drifted_columns == ()


async def test_without_a_column_of_times_there_are_no_days() -> None:
    reader = MemoryReader(ManualClock())
    reader.put("sales/a.csv", "day,price\n,1\n,2\n")
    with pytest.raises(InvalidInput, match="timestamp column"):
        await comparer(reader).compare_days(series(definition=table("sales/*.csv")), 2, 1, CompareSettings())
    with pytest.raises(SourceProblem, match="holds no times"):
        await comparer(reader).compare_days(series(), 2, 1, CompareSettings())


def test_a_form_with_days_needs_a_timestamp_column_and_sensible_numbers() -> None:
    draft = replace(DRAFT, baseline=DAYS)
    assert [each.field for each in check_draft(draft, DATASET, LATEST, ManualClock().now())] == ["baseline"]
    timed = replace(LATEST, definition=table("flights/*.csv", timestamp_column="day"))
    assert check_draft(draft, DATASET, timed, ManualClock().now()) == ()
    empty = replace(draft, baseline=Baseline(BaselineKind.WINDOW, days=0, newest=7))
    assert [each.field for each in check_draft(empty, DATASET, timed, ManualClock().now())] == ["days"]


async def test_a_monitor_of_days_is_told_and_accepted_like_any_other(world: MonitorWorld) -> None:
    await world.version(timestamp="day", price=0.3)
    await world.monitor(baseline=DAYS)
    world.clock.advance(days=1)
    (result,) = await world.run_due()
    assert (result.baseline, result.target) == ("flights:1, 20 days", "flights:1, newest 5")
    (incident,) = await world.open()
    await world.records.set_check(
        "flights", 1, FingerprintCheck(FingerprintState.GROWN, world.clock.now(), added=1, detail="One new file.")
    )
    view = await world.incidents.act(ADA, incident.id, Act.ACCEPT)
    assert view.incident.resolution is Resolution.ACCEPTED
    world.clock.advance(days=10)
    (result,) = await world.run_due()
    assert Concern.CHANGED not in {problem.concern for problem in result.problems}, "new days are what is expected"
