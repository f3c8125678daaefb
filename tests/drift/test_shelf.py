"""Profiles of versions are made once and found again; of which data they are is always known."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from services.datasets.model import DatasetVersion, Definition, VersionStats
from services.drift.encode import decode
from services.drift.shelf import ProfileShelf
from services.drift.windows import Window
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
        window: Window | None = None,
    ) -> bytes:
        made = await super().profile(
            definition, plan=plan, name=name, fingerprint=fingerprint, progress=progress, window=window
        )
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
