"""The local copy of the workspace: whole, fresh, resumed, and never emptied by mistake."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from handlers.datasets.list_view import STALE_SECONDS
from services.azure.aged_index import AgedIndex
from services.azure.resource import AzureWorkspaceId
from services.datasets.model import DatasetQuery
from services.errors import Unavailable
from services.search.index import SqliteIndex
from services.store.database import Database
from services.store.records import SqlRecords
from tests.azure.catalog_world import AzureWorld, fingerprint, request
from tests.azure.page_sizes import give_large_pages, hang_on_large_pages, refuse_large_pages
from tests.contract.wire import Json

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

LIST = "*/datasets"
YAML = "type: mltable\npaths:\n- pattern: 'azureml://datastores/{}/paths/x/*.parquet'\n"


def pages(world: AzureWorld) -> int:
    return len(world.azure.log.find("GET", LIST))


async def test_a_sweep_copies_everything_and_the_next_one_changes_nothing(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(1234)
    assert world.sweeper.progress.is_first
    assert world.sweeper.age() == float("inf")
    assert await world.sweeper.run()
    assert (world.sweeper.progress.seen, await world.mirror.count(), pages(world)) == (1234, 1234, 13)
    assert world.sweeper.progress.complete_at is not None
    assert world.sweeper.age() < 5
    _, cursor = await world.catalog.changes("", limit=5000)
    assert await world.sweeper.run()
    assert await world.catalog.changes(cursor) == ((), cursor)
    assert await world.mirror.datastore_counts() == {"main": 1234}


async def test_large_pages_are_taken_where_the_service_gives_them(world: AzureWorld) -> None:
    give_large_pages(world.azure).fill(2300)
    assert await world.sweeper.run()
    assert (await world.mirror.count(), pages(world)) == (2300, 5)
    world.azure.faults.clear()
    give_large_pages(world.azure, largest=250).fill(1200)
    world.azure.log.clear()
    assert await world.sweeper.run()
    assert (await world.mirror.count(), pages(world)) == (1200, 5), "fewer than asked for, and none left out"


@pytest.mark.parametrize("status", [400, 413, 504])
async def test_a_service_that_refuses_large_pages_is_asked_for_usual_ones(world: AzureWorld, status: int) -> None:
    world.azure.workspace.datasets.fill(2300)
    refused = refuse_large_pages(world.azure, status)
    assert await world.sweeper.run()
    assert await world.mirror.count() == 2300
    assert refused.hits == (1 if status < 500 else 3), "once for the whole copy, and what may pass is tried again"
    assert pages(world) == 23 + refused.hits


async def test_a_service_that_hangs_on_large_pages_is_asked_for_usual_ones_next(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(300)
    hang_on_large_pages(world.azure, 1.0)
    with pytest.raises(Unavailable):
        await world.sweeper.run()
    assert await world.sweeper.run()
    assert await world.mirror.count() == 300


async def test_changes_made_elsewhere_arrive(world: AzureWorld) -> None:
    store = world.azure.workspace.datasets
    for name in ("a", "b", "c"):
        store.add(name, YAML.format("main"))
    await world.sweeper.run()
    _, cursor = await world.catalog.changes("")
    stored = store.get("a")
    assert stored is not None
    store.update(stored, "new words", {"k": "v"})
    store.add("b", YAML.format("other"))
    store.remove("c")
    store.add("d", YAML.format("main"))
    await world.sweeper.run()
    entries, _ = await world.catalog.changes(cursor)
    assert {entry.name: (entry.latest_version, entry.description, entry.tags) for entry in entries} == {
        "a": (1, "new words", (("k", "v"),)),
        "b": (2, "", ()),
        "c": (0, "", ()),
        "d": (1, "", ()),
    }
    assert await world.mirror.datastore_counts() == {"main": 2, "other": 1}
    assert await world.catalog.resolve_names("c") == ()


async def test_the_index_follows_and_forgets(world: AzureWorld) -> None:
    store = world.azure.workspace.datasets
    store.add("flights", YAML.format("main"), description="Departures")
    store.add("weather", YAML.format("main"))
    key = AzureWorkspaceId.parse(world.azure.workspace.url).key
    index = SqliteIndex(":memory:", world.catalog, SqlRecords(world.db, key), clock=world.clock)
    await index.open()
    await world.sweeper.run(lambda: _refreshed(index))
    assert [item.name for item in (await index.search(DatasetQuery(words="departures"))).items] == ["flights"]
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    await world.catalog.change_tags("weather", put=[("team", "ops")], remove=[])
    await index.refresh()
    assert (await index.search(DatasetQuery(tags=(("team", "ops"),)))).total == 1
    assert (await index.get("sales")) is not None
    store.remove("flights")
    await world.sweeper.run(lambda: _refreshed(index))
    assert await index.get("flights") is None
    await index.close()


async def test_a_list_tells_how_old_the_copy_is_and_how_far_the_first_one(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(1500)
    key = AzureWorkspaceId.parse(world.azure.workspace.url).key
    index = SqliteIndex(":memory:", world.catalog, SqlRecords(world.db, key), clock=world.clock)
    await index.open()
    aged = AgedIndex(index, world.sweeper)
    world.azure.faults.status(503, path=LIST, method="GET", skip=12)
    with pytest.raises(Unavailable):
        await world.sweeper.run()
    page = await aged.search(DatasetQuery())
    assert page.note == "I am still reading the workspace for the first time: 1,000 datasets so far."
    world.azure.faults.clear()
    await world.sweeper.run(lambda: _refreshed(index))
    page = await aged.search(DatasetQuery())
    assert (page.total, page.note, page.index_age < 60) == (1500, "", True)
    world.clock.advance(seconds=7200)
    world.azure.faults.unreachable("westeurope.api.azureml.ms")
    with pytest.raises(Unavailable):
        await world.sweeper.run()
    await index.refresh()  # it agrees with the copy, which is what is old
    page = await aged.search(DatasetQuery())
    assert page.total == 1500
    assert page.index_age >= 7200 > STALE_SECONDS, "so that a list says it"
    await index.close()


async def _refreshed(index: SqliteIndex) -> None:
    await index.refresh()


async def test_a_list_calls_itself_whole_only_when_the_index_has_everything(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(30)
    first: list[bool] = []

    async def changed() -> None:
        first.append(world.sweeper.progress.is_first)

    await world.sweeper.run(changed)
    assert first == [True]
    assert not world.sweeper.progress.is_first


async def test_a_sweep_that_was_stopped_goes_on_where_it_was(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(2500)
    world.azure.faults.status(503, path=LIST, method="GET", skip=12)
    with pytest.raises(Unavailable):
        await world.sweeper.run()
    assert await world.mirror.count() == 1000
    assert not world.sweeper.progress.under_way
    world.azure.faults.clear()
    before = pages(world)
    assert await AzureWorld(world.azure, world.workers, world.db, clock=world.clock).sweeper.run()
    assert await world.mirror.count() == 2500
    assert pages(world) - before == 15, "only what was missing is asked for"


async def test_a_place_in_the_list_that_azure_forgot_begins_the_sweep_anew(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(1500)
    state = await world.mirror.begin_sweep()
    assert await world.mirror.put_page(state, (), "expired")
    assert await world.sweeper.run()
    assert await world.mirror.count() == 1500


async def test_an_answer_of_the_wrong_shape_empties_nothing(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(300)
    await world.sweeper.run()
    bodies: tuple[Json, ...] = ({}, {"value": None}, {"value": [{"name": "x"}]}, "<html>")
    for body in bodies:
        world.azure.faults.wrong_shape(body, path=LIST, method="GET")
        with pytest.raises(Unavailable, match="does not understand"):
            await world.sweeper.run()
        world.azure.faults.clear()
    assert await world.mirror.count() == 300


async def test_a_list_that_is_suddenly_empty_is_not_believed(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(300)
    await world.sweeper.run()
    world.azure.faults.wrong_shape({"value": [], "continuationToken": None}, path=LIST, method="GET", times=1)
    await world.sweeper.run()
    assert await world.mirror.count() == 300


async def test_a_dataset_that_moved_between_pages_is_not_lost(world: AzureWorld) -> None:
    store = world.azure.workspace.datasets
    for name in ("a", "b"):
        store.add(name, YAML.format("main"))
    await world.sweeper.run()
    stored = store.get("a")
    assert stored is not None
    only_b: Json = {"value": [each.dto() for each in (store.get("b"),) if each is not None], "continuationToken": None}
    world.azure.faults.wrong_shape(only_b, path=LIST, method="GET", times=1)
    await world.sweeper.run()
    assert await world.mirror.get("a") is not None


async def test_what_the_bot_changed_meanwhile_is_not_undone_by_an_older_page(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    stored = world.azure.workspace.datasets.get("sales")
    assert stored is not None
    page: Json = {"value": [stored.dto()], "continuationToken": None}
    await world.catalog.change_tags("sales", put=[("new", "1")], remove=[])
    world.azure.faults.wrong_shape(page, path=LIST, method="GET", times=1)
    await world.sweeper.run()
    copied = await world.mirror.get("sales")
    assert copied is not None
    assert ("new", "1") in copied.dataset.tags


async def test_two_replicas_share_a_sweep_without_harm(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(3000)
    other = AzureWorld(world.azure, world.workers, world.db, clock=world.clock)
    done = await asyncio.gather(world.sweeper.run(), other.sweeper.run())
    assert True in done
    assert await world.mirror.count() == 3000


async def test_sweeps_keep_their_distance(world: AzureWorld) -> None:
    world.azure.workspace.datasets.fill(10)
    assert await world.sweeper.run_due()
    assert not await world.sweeper.run_due()
    world.clock.advance(seconds=31)
    assert await world.sweeper.run_due()


async def test_lists_are_answered_from_the_copy_while_azure_is_down(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    world.azure.faults.unreachable("westeurope.api.azureml.ms")
    assert (await world.catalog.get("sales")).latest_version == 1
    assert (await world.catalog.version("sales", 1)).label == "sales:1"
    assert len(await world.catalog.versions("sales")) == 1
    with pytest.raises(Unavailable):
        await world.catalog.get("never_seen")
    with pytest.raises(Unavailable):
        await world.catalog.change_tags("sales", put=[("a", "b")], remove=[])


async def test_a_deleted_workspace_is_told_and_empties_nothing(world: AzureWorld) -> None:
    await world.catalog.register(request(), fingerprint(), registration_id="r1")
    world.azure.workspace.deleted = True
    with pytest.raises(Unavailable, match="WORKSPACE"):
        await world.catalog.get("sales")
    with pytest.raises(Unavailable, match="WORKSPACE"):
        await world.sweeper.run()
    assert await world.mirror.count() == 1


async def test_a_copy_survives_a_restart(world: AzureWorld, tmp_path: Path) -> None:
    world.azure.workspace.datasets.fill(50)
    await world.sweeper.run()
    path = tmp_path / "later.db"
    shutil.copy(tmp_path / "bot.db", path)
    shutil.copy(tmp_path / "bot.db-wal", f"{path}-wal")
    db = Database.open(f"sqlite:///{path}")
    later = AzureWorld(world.azure, world.workers, db, clock=world.clock)
    await later.sweeper.open()
    assert not later.sweeper.progress.is_first
    assert await later.mirror.count() == 50
    await db.close()
