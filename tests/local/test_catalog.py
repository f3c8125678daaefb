"""The registry answers as Azure Machine Learning does, and keeps its word when many ask at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.datasets.model import (
    ColumnType,
    Dataset,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    FileFormat,
    Format,
    HeaderMode,
    WebSource,
)
from services.errors import IdenticalData, InvalidInput, NameTaken, NotFound
from services.local.catalog import LocalCatalog
from services.store.database import Database
from tests.databases import SetClock
from tests.local.requests import CSV, FILES, NOON, fill, fingerprint, request

RICH = replace(
    CSV,
    format=Format(FileFormat.DELIMITED, ";", HeaderMode.NONE, "latin-1"),
    timestamp_column="at",
    partition_format="/{year}/{month}",
    column_types=(("id", ColumnType.STRING), ("käse", ColumnType.DECIMAL)),
)


@pytest.fixture
def catalog(db: Database, clock: SetClock) -> LocalCatalog:
    return LocalCatalog(db, "local", clock=clock)


@pytest.fixture
async def elsewhere(database_url: str, clock: SetClock) -> AsyncIterator[LocalCatalog]:
    """The same workspace as another replica sees it."""
    database = Database.open(database_url)
    yield LocalCatalog(database, "local", clock=clock)
    await database.close()


async def test_a_first_registration_is_version_1(catalog: LocalCatalog, clock: SetClock) -> None:
    tags = (("team", "eu"), ("a", "ü \ud800"))
    made = await catalog.register(
        request(definition=RICH, description="d <!channel>", tags=tags, new_version=False),
        fingerprint(),
        registration_id="r1",
    )
    now = clock.now()
    assert made == DatasetVersion("sales", 1, RICH, "d <!channel>", tags, now, "")
    assert await catalog.version("sales") == made
    assert await catalog.get("sales") == Dataset(
        "sales", DatasetType.TABULAR, "d <!channel>", (("a", "ü \ufffd"), ("team", "eu")), "", 1, now, now
    )


async def test_the_next_one_takes_over_description_and_tags_and_the_old_keeps_its_own(
    catalog: LocalCatalog, clock: SetClock
) -> None:
    first = await catalog.register(
        request(description="one", tags=(("a", "1"), ("b", "1"))), fingerprint("1"), registration_id="r1"
    )
    created = clock.now()
    clock.advance(hours=1)
    second = await catalog.register(
        request(description="two", tags=(("b", "2"),)), fingerprint("2"), registration_id="r2"
    )
    assert (first.version, second.version) == (1, 2)
    assert await catalog.get("sales") == Dataset(
        "sales", DatasetType.TABULAR, "two", (("b", "2"),), "", 2, created, clock.now()
    )
    assert await catalog.versions("sales") == (second, first)
    assert await catalog.versions("sales", offset=1, limit=1) == (first,)
    assert await catalog.version("sales", 1) == first


async def test_a_taken_name_needs_a_new_version(catalog: LocalCatalog) -> None:
    await catalog.register(request(), fingerprint("1"), registration_id="r1")
    with pytest.raises(NameTaken, match="exists already, at version 1"):
        await catalog.register(request(new_version=False), fingerprint("2"), registration_id="r2")
    assert (await catalog.get("sales")).latest_version == 1
    assert (await catalog.changes(""))[1] == "1"


async def test_identical_data_are_told_by_name_and_version_under_any_name(catalog: LocalCatalog) -> None:
    await catalog.register(request(), fingerprint("1"), registration_id="r1")
    await catalog.register(request(), fingerprint("2"), registration_id="r2")
    for name in ("sales", "other"):
        with pytest.raises(IdenticalData, match="sales:2") as told:
            await catalog.register(request(name), fingerprint("2"), registration_id="r3")
        assert (told.value.name, told.value.version) == ("sales", 2)
    assert await catalog.find_identical(CSV, fingerprint("1")) == ("sales", 1)
    assert await catalog.find_identical(CSV, fingerprint("3")) is None
    assert await catalog.find_identical(RICH, fingerprint("1")) is None
    other = await catalog.register(request("other", RICH), fingerprint("1"), registration_id="r4")
    assert other.label == "other:1"


async def test_the_type_of_a_dataset_is_fixed(catalog: LocalCatalog) -> None:
    await catalog.register(request(), fingerprint("1"), registration_id="r1")
    with pytest.raises(InvalidInput, match=r"Tabular.*File"):
        await catalog.register(request(definition=FILES), fingerprint("2"), registration_id="r2")


async def test_a_repeated_registration_is_the_same_version(catalog: LocalCatalog, elsewhere: LocalCatalog) -> None:
    attempts = [
        replica.register(request(new_version=False), fingerprint("1"), registration_id="r1")
        for replica in [catalog, elsewhere] * 10
    ]
    made = await asyncio.gather(*attempts)
    assert {version.label for version in made} == {"sales:1"}
    assert len(await catalog.versions("sales")) == 1


async def test_registrations_at_once_get_consecutive_versions(catalog: LocalCatalog, elsewhere: LocalCatalog) -> None:
    made = await asyncio.gather(
        *(
            (catalog, elsewhere)[turn % 2].register(request(), fingerprint(f"{turn}"), registration_id=f"r{turn}")
            for turn in range(50)
        )
    )
    assert sorted(version.version for version in made) == list(range(1, 51))
    assert [version.version for version in await catalog.versions("sales")] == list(range(50, 0, -1))
    assert (await catalog.get("sales")).latest_version == 50


async def test_the_same_data_at_once_are_registered_once(catalog: LocalCatalog, elsewhere: LocalCatalog) -> None:
    made = await asyncio.gather(
        *(
            (catalog, elsewhere)[turn % 2].register(request(f"n{turn}"), fingerprint(), registration_id=f"r{turn}")
            for turn in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, DatasetVersion) for outcome in made) == 1
    assert sum(isinstance(outcome, IdenticalData) for outcome in made) == 19


async def test_what_does_not_exist_is_not_found(catalog: LocalCatalog) -> None:
    await catalog.register(request(), fingerprint(), registration_id="r1")
    for asked in (catalog.get("Sales"), catalog.version("none"), catalog.versions("none")):
        with pytest.raises(NotFound, match="There is no dataset called"):
            await asked
    for number in (0, -1, 2, 10**30):
        with pytest.raises(NotFound, match=f"no version {number}; its latest is 1"):
            await catalog.version("sales", number)
    with pytest.raises(NotFound):
        await catalog.set_description("none", "d")
    with pytest.raises(NotFound):
        await catalog.change_tags("none", put=(), remove=())
    assert catalog.studio_url("sales", 1) is None


async def test_describing_and_tagging_leave_versions_and_other_tags_alone(
    catalog: LocalCatalog, clock: SetClock
) -> None:
    first = await catalog.register(
        request(description="one", tags=(("a", "1"), ("b", "1"))), fingerprint(), registration_id="r1"
    )
    clock.advance(minutes=5)
    assert (await catalog.set_description("sales", "nul \x00")).description == "nul \ufffd"
    changed = await catalog.change_tags("sales", put=(("b", "2"), ("c", "3")), remove=("a", "absent", "c"))
    assert changed.tags == (("b", "2"), ("c", "3"))
    assert changed.modified_at == clock.now()
    assert await catalog.version("sales") == first


async def test_tags_changed_at_once_are_all_kept(catalog: LocalCatalog, elsewhere: LocalCatalog) -> None:
    await catalog.register(request(), fingerprint(), registration_id="r1")
    await asyncio.gather(
        *(
            (catalog, elsewhere)[turn % 2].change_tags("sales", put=((f"k{turn:02d}", "v"),), remove=())
            for turn in range(30)
        )
    )
    assert (await catalog.get("sales")).tags == tuple((f"k{turn:02d}", "v") for turn in range(30))


async def test_changes_come_once_each_in_order_and_in_pages(catalog: LocalCatalog, clock: SetClock) -> None:
    assert await catalog.changes("") == ((), "")
    for name in ("a", "b", "c"):
        await catalog.register(request(name, tags=(("k", name),)), fingerprint(name), registration_id=name)
    await catalog.change_tags("a", put=(("status", "deprecated"),), remove=())
    page, cursor = await catalog.changes("", 2)
    assert page == (
        DatasetSummary("b", DatasetType.TABULAR, "", (("k", "b"),), "", 1, clock.now(), False),
        DatasetSummary("c", DatasetType.TABULAR, "", (("k", "c"),), "", 1, clock.now(), False),
    )
    page, cursor = await catalog.changes(cursor, 2)
    assert [(entry.name, entry.deprecated) for entry in page] == [("a", True)]
    assert await catalog.changes(cursor, 2) == ((), cursor)
    await catalog.set_description("b", "new")
    page, cursor = await catalog.changes(cursor)
    assert [(entry.name, entry.description) for entry in page] == [("b", "new")]
    with pytest.raises(ValueError, match="invalid literal"):
        await catalog.changes("soon")


async def test_a_reader_of_changes_misses_none_while_they_are_made(
    catalog: LocalCatalog, elsewhere: LocalCatalog
) -> None:
    seen: set[str] = set()

    async def follow() -> None:
        cursor = ""
        while "last" not in seen:
            page, cursor = await elsewhere.changes(cursor, 5)
            seen.update(entry.name for entry in page)

    following = asyncio.create_task(follow())
    names = [f"d{turn}" for turn in range(40)]
    await asyncio.gather(
        *(
            (catalog, elsewhere)[len(name) % 2].register(request(name), fingerprint(name), registration_id=name)
            for name in names
        )
    )
    await catalog.register(request("last"), fingerprint("last"), registration_id="last")
    await asyncio.wait_for(following, 20)
    assert seen == {*names, "last"}


async def test_names_are_found_by_their_beginning_whatever_the_case(catalog: LocalCatalog) -> None:
    for name in ("Sales-b", "sales-a", "sale", "SALES", "sbles", "a%"):
        await catalog.register(request(name), fingerprint(name), registration_id=name)
    assert await catalog.resolve_names("SALES") == ("SALES", "sales-a", "Sales-b")
    assert await catalog.resolve_names("sal", 2) == ("sale", "SALES")
    assert await catalog.resolve_names("%") == ()
    assert await catalog.resolve_names("", 1) == ("a%",)
    assert await catalog.resolve_names("\x00") == ()


async def test_workspaces_do_not_see_each_other(catalog: LocalCatalog, db: Database, clock: SetClock) -> None:
    other = LocalCatalog(db, "other", clock=clock)
    await catalog.register(request(), fingerprint(), registration_id="r1")
    assert (await other.register(request(), fingerprint(), registration_id="r1")).version == 1
    await catalog.set_description("sales", "ours")
    assert (await other.get("sales")).description == ""


async def test_web_sources_are_kept(catalog: LocalCatalog) -> None:
    web = replace(FILES, source=WebSource(("https://example.org/a?b=c", "https://example.org/ü")))
    made = await catalog.register(request(definition=web), fingerprint(), registration_id="r1")
    assert (await catalog.version("sales")).definition == web == made.definition


@pytest.mark.slow
async def test_a_crowded_workspace_answers_fast(catalog: LocalCatalog, db: Database) -> None:
    await fill(db, "local", datasets=10_000, versions=5)
    assert (await catalog.get("dataset-000007")).created_at == NOON.replace(second=1)

    async def best_of(times: int, name: str) -> float:
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            assert len(await catalog.versions(name)) == 5
            taken.append(time.perf_counter() - started)
        return min(taken)

    assert await best_of(10, "dataset-005000") < 0.05
    cursor, seen = "", 0
    while page := (await catalog.changes(cursor, 1000)):
        if not page[0]:
            break
        cursor, seen = page[1], seen + len(page[0])
    assert seen == 10_000
    assert (await catalog.register(request(), fingerprint(), registration_id="r")).version == 1
