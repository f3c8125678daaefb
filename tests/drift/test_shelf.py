"""Profiles of versions are made once and found again; of which data they are is always known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from services.datasets.model import DatasetVersion, Definition, VersionStats
from services.drift.encode import decode
from services.drift.settings import CompareSettings, Metric
from services.drift.shelf import ProfileShelf
from services.errors import InvalidInput, SourceProblem
from services.ports import Progress
from tests.datasets.samples import version
from tests.datasets.world import files, table
from tests.fakes.clock import ManualClock
from tests.fakes.profiles import MemoryProfiles
from tests.fakes.reader import MemoryReader
from tests.fakes.records import MemoryRecords

SALES = version(table("sales/*.csv"))


class Shop:
    """A version sales:1 of one file, as it was registered."""

    def __init__(self, reader: MemoryReader | None = None) -> None:
        self.clock = ManualClock()
        self.reader = reader or MemoryReader(self.clock)
        self.records = MemoryRecords()
        self.profiles = MemoryProfiles()
        self.shelf = ProfileShelf(reader=self.reader, profiles=self.profiles, records=self.records)
        self.write("id,city\n1,Oslo\n2,Bergen\n")

    def write(self, content: str, name: str = "a") -> None:
        self.reader.put(f"sales/{name}.csv", content)
        self.clock.advance(hours=1)

    async def register(self, made: DatasetVersion = SALES) -> DatasetVersion:
        taken = await self.reader.fingerprint(made.definition.source)
        await self.records.record_version(
            made.name, made.version, registered_by="U1", fingerprint=taken, stats=VersionStats()
        )
        return made


async def test_a_profile_is_made_once() -> None:
    shop = Shop()
    sales = await shop.register()
    assert await shop.shelf.kept(sales) is None
    made = await shop.shelf.profile(sales)
    assert made.as_registered
    assert decode(made.data).source == "sales:1"
    assert decode(made.data).fingerprint == made.fingerprint
    assert await shop.shelf.profile(sales) == made
    assert await shop.shelf.kept(sales) == made
    assert shop.reader.profiled == ["sales:1"]


async def test_what_was_registered_is_known_after_the_files_changed() -> None:
    shop = Shop()
    sales = await shop.register()
    made = await shop.shelf.profile(sales)
    shop.write("id,city\n9,Kiel\n")
    assert await shop.shelf.profile(sales) == made
    today = await shop.shelf.profile(sales, today=True)
    assert not today.as_registered
    assert (decode(today.data).rows, today.fingerprint != made.fingerprint) == (1, True)
    assert await shop.shelf.profile(sales, today=True) == today, "these files are counted too"
    assert len(shop.reader.profiled) == 2


async def test_what_was_not_counted_in_time_is_counted_as_it_is_today() -> None:
    shop = Shop()
    sales = await shop.register()
    shop.write("id,city\n3,Oslo\n", "b")
    made = await shop.shelf.profile(sales)
    assert (made.as_registered, decode(made.data).rows) == (False, 3)
    assert await shop.shelf.kept(sales) is None


async def test_a_target_is_counted_where_its_baseline_was() -> None:
    shop = Shop()
    sales = await shop.register()
    baseline = await shop.shelf.profile(sales)
    shop.write("id,city\n7,Rom\n8,Rom\n")
    newer = await shop.register(replace(SALES, version=2))
    target = await shop.shelf.profile(newer, plan=baseline.data)
    assert decode(target.data).plan.id == decode(baseline.data).plan.id
    assert await shop.shelf.kept(newer, plan=baseline.data) == target
    assert await shop.shelf.kept(newer) is None, "a target's profile is no baseline"
    own = await shop.shelf.profile(newer)
    assert decode(own.data).plan.id != decode(baseline.data).plan.id


async def test_of_many_who_ask_at_once_one_counts() -> None:
    shop = Shop()
    sales = await shop.register()
    made = await asyncio.gather(*(shop.shelf.profile(sales) for _ in range(5)))
    assert len(set(made)) == 1
    assert shop.reader.profiled == ["sales:1"]
    await asyncio.gather(*(shop.shelf.profile(sales, today=True) for _ in range(3)))
    assert shop.reader.profiled == ["sales:1"]


class _Overwritten(MemoryReader):
    """Files that are written while they are read."""

    async def profile(
        self,
        definition: Definition,
        *,
        plan: bytes | None = None,
        name: str = "",
        fingerprint: str = "",
        progress: Progress | None = None,
    ) -> bytes:
        made = await super().profile(definition, plan=plan, name=name, fingerprint=fingerprint, progress=progress)
        self._clock.advance(hours=1)  # type: ignore[attr-defined]  # a ManualClock
        self.put("sales/a.csv", "id,city\n5,Paris\n")
        return made


async def test_files_that_change_meanwhile_are_no_profile() -> None:
    clock = ManualClock()
    shop = Shop(_Overwritten(clock))
    shop.clock = clock
    sales = await shop.register()
    with pytest.raises(SourceProblem, match="changed while they were read"):
        await shop.shelf.profile(sales)
    assert shop.profiles.kept == {}


async def test_file_datasets_have_no_profile() -> None:
    shop = Shop()
    with pytest.raises(InvalidInput, match="sales:1 is a file dataset"):
        await shop.shelf.profile(version(files("sales/*.csv")))


async def test_a_version_that_others_registered_has_no_fingerprint() -> None:
    shop = Shop()
    made = await shop.shelf.profile(SALES)
    assert not made.as_registered
    assert await shop.shelf.profile(SALES) == made
    assert shop.reader.profiled == ["sales:1"]


async def test_a_window_of_days_is_a_sum() -> None:
    shop = Shop()
    shop.write("at,n\n" + "".join(f"2026-01-{1 + n % 10:02}T08:30:00,{n}\n" for n in range(100)))
    sales = await shop.register()
    whole = await shop.shelf.profile(sales)
    first = await shop.shelf.window(sales, "at", date(2026, 1, 1), date(2026, 1, 3))
    assert (decode(first.data).rows, first.as_registered) == (30, True)
    last = await shop.shelf.window(sales, "at", date(2026, 1, 8), date(2026, 2, 1), plan=first.data)
    everything = await shop.shelf.window(sales, "at", date(2025, 1, 1), date(2027, 1, 1))
    assert decode(last.data).rows == 30
    assert [column.present for column in decode(everything.data).columns] == [100, 100]
    assert decode(everything.data).plan.id == decode(whole.data).plan.id
    assert shop.reader.profiled == ["sales:1", "days of sales:1"], "data were read twice in all"
    with pytest.raises(SourceProblem, match="no rows from 2026-02-01 to 2026-02-28 by the column “at”"):
        await shop.shelf.window(sales, "at", date(2026, 2, 1), date(2026, 2, 28))
    with pytest.raises(SourceProblem, match="no column “city” of dates"):
        await shop.shelf.window(sales, "city", date(2026, 2, 1), date(2026, 2, 28))


def _numbers(seed: int) -> str:
    return "n\n" + "".join(f"{value:.9f}\n" for value in np.random.default_rng(seed).normal(size=8_000))


async def test_data_are_read_again_only_where_a_verdict_depends_on_it() -> None:
    shop = Shop()
    shop.write(_numbers(1))
    sales = await shop.register()
    baseline = await shop.shelf.profile(sales)
    shop.write(_numbers(2), "b")
    newer = await shop.register(replace(SALES, version=2, definition=table("sales/b.csv")))
    sales = replace(sales, definition=table("sales/a.csv"))
    target = await shop.shelf.profile(newer, plan=baseline.data)
    sides = (sales, baseline), (newer, target)
    metrics = {"n": Metric.WASSERSTEIN_NORMED}
    clear = await shop.shelf.compare(*sides, CompareSettings(metrics=metrics))
    (column,) = clear.columns
    assert column.lower is not None
    assert column.upper is not None
    assert column.lower < column.upper
    assert "second look" not in shop.reader.profiled
    middle = CompareSettings(metrics=metrics, thresholds={"n": (column.lower + column.upper) / 2})
    (settled,) = (await shop.shelf.compare(*sides, middle)).columns
    assert shop.reader.profiled[-1] == "second look"
    assert settled.lower == settled.upper == settled.value
    assert settled.value is not None
    assert column.lower <= settled.value <= column.upper
    shop.write(_numbers(3), "b")
    seen = len(shop.reader.profiled)
    (left_open,) = (await shop.shelf.compare(*sides, middle)).columns
    assert (left_open.lower, left_open.upper) == (column.lower, column.upper)
    assert len(shop.reader.profiled) == seen, "these are other data now"
