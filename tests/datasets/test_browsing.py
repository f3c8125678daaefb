"""Showing, listing versions, comparing, using and looking into datasets."""

from __future__ import annotations

import pytest

from services.actor import Actor
from services.datasets.model import ColumnType, DatasetType
from services.datasets.rules import NO_ACCESS
from services.errors import NotAllowed, NotFound
from tests.datasets.world import ADA, ADMIN, BEN, World, files, request, table


@pytest.fixture
async def sales(world: World) -> World:
    """sales:1 to sales:3: a file more, then a column more."""
    world.storage.write("sales/a.csv", "id,price\n1,2\n2,2\n")
    await world.register(request(tags=(("team", "growth"),)))
    world.storage.write("sales/b.csv", "id,price\n3,4\n")
    await world.register(request(new_version=True, tags=(("team", "risk"),)))
    world.storage.write("wide/a.csv", "id,price,shop\n1,2.5,x\n")
    await world.register(request(definition=table("wide/*.csv"), by=BEN, new_version=True))
    return world


async def test_a_card_shows_the_latest_or_the_asked_for(sales: World) -> None:
    card = await sales.service.show("sales")
    assert (card.version.label, card.versions, card.studio_url) == ("sales:3", 3, None)
    assert card.version.registered_by == BEN.user_id
    assert card.dataset.owner == ADA.user_id
    card = await sales.service.show("sales", 1)
    assert (card.version.label, card.version.registered_by) == ("sales:1", ADA.user_id)


@pytest.mark.parametrize("number", [0, -1, 4, 10**12])
async def test_versions_that_do_not_exist(sales: World, number: int) -> None:
    with pytest.raises(NotFound, match="Its versions are 1 to 3"):
        await sales.service.show("sales", number)


async def test_versions_tell_what_changed(sales: World) -> None:
    page = await sales.service.versions("sales")
    assert [(line.version.version, line.changes[0]) for line in page.items] == [
        (3, "schema +1 column"),
        (2, "1 file more"),
        (1, "first version"),
    ]
    assert "source changed" in page.items[0].changes
    assert "1 column retyped" in page.items[0].changes
    assert (page.total, page.dataset.name) == (3, "sales")


async def test_a_page_of_versions_knows_the_predecessor_beyond_it(sales: World) -> None:
    page = await sales.service.versions("sales", offset=1, limit=1)
    assert [(line.version.version, line.changes[0]) for line in page.items] == [(2, "1 file more")]
    assert (page.total, page.offset) == (3, 1)
    assert (await sales.service.versions("sales", offset=3)).items == ()


async def test_diff_of_two_versions(sales: World) -> None:
    diff = await sales.service.diff("sales", 1, "sales", 2)
    assert [file.path for file in diff.added_files] == ["sales/b.csv"]
    assert (diff.removed_files, diff.changed_files, diff.unchanged_file_count) == ((), (), 1)
    assert diff.changed_tags == (("team", "growth", "risk"),)
    assert (diff.shifts, diff.shift_note) == ((), "")
    diff = await sales.service.diff("sales", 2, "sales", None)
    assert diff.after.label == "sales:3"
    assert [column.name for column in diff.added_columns] == ["shop"]
    (change,) = diff.changed_columns
    assert (change.name, change.before, change.after, change.widened) == (
        "price",
        ColumnType.INTEGER,
        ColumnType.DECIMAL,
        True,
    )


async def test_quick_drift(sales: World) -> None:
    diff = await sales.service.diff("sales", 2, "sales", 3, values_for=ADA)
    assert {shift.name for shift in diff.shifts} >= {"id", "price"}
    assert diff.shift_note


async def test_quick_drift_that_cannot_be_done_leaves_the_rest(sales: World) -> None:
    await sales.register(request("raw", files("sales/*.csv")))
    diff = await sales.service.diff("sales", 1, "raw", None, values_for=ADA)
    assert "raw:1 is a file dataset" in diff.shift_note
    assert diff.definition_changes[0] == ("type", "tabular", "file")
    sales.storage.go_away()
    diff = await sales.service.diff("sales", 1, "sales", 2, values_for=ADA)
    assert diff.shift_note.startswith("The values were not compared. ")
    assert len(diff.added_files) == 1


async def test_usage_fills_in_the_version(sales: World) -> None:
    guide = await sales.service.usage("sales", 2)
    assert guide.label == "sales:2"
    assert guide.snippets[0].title == "The files themselves, with pandas"
    assert "version=2" in "\n".join(snippet.code for snippet in guide.snippets)


async def test_preview(sales: World) -> None:
    preview = await sales.service.preview(ADA, "sales")
    assert [column.name for column in preview.schema] == ["id", "price", "shop"]
    assert len(preview.rows) == 1
    assert {profile.name for profile in preview.profile} == {"id", "price", "shop"}
    with pytest.raises(NotAllowed, match="Only members of this workspace"):
        await sales.service.preview(Actor(""), "sales")
    assert (await sales.service.preview(ADMIN, "sales")).rows == preview.rows


async def test_preview_is_for_those_who_may_read(sales: World) -> None:
    with pytest.raises(NotAllowed, match=r"no access to “sales” yet.*“/dataset access sales”") as refused:
        await sales.service.preview(BEN, "sales")
    assert refused.value.code == NO_ACCESS
    await sales.service.set_owner(ADA, "sales", BEN.user_id)
    assert (await sales.service.preview(BEN, "sales")).rows
    await sales.service.set_owner(BEN, "sales", "")
    assert (await sales.service.preview(ADA, "sales")).rows


async def test_values_are_compared_for_those_who_may_read_both(sales: World) -> None:
    diff = await sales.service.diff("sales", 2, "sales", 3, values_for=BEN)
    assert diff.shifts == ()
    assert diff.shift_note == (
        "The values were not compared. You have no access to “sales” yet. Ask for access with “/dataset access sales”."
    )
    assert diff.added_columns


async def test_rows_are_inspected_by_somebody_who_is_known(sales: World) -> None:
    assert (await sales.service.inspect(table("wide/*.csv"))).rows == ()
    assert (await sales.service.inspect(table("wide/*.csv"), actor=ADA)).rows


async def test_inspect_before_registering(world: World) -> None:
    world.storage.write("sales/a.csv", "id|x\n1|2\n")
    found = await world.service.inspect(table("sales/*.csv", how=None), guess=True)
    assert found.format is not None
    assert (found.listing.file_count, found.format.delimiter) == (1, "|")
    assert (await world.service.inspect(files("sales/*"))).listing.file_count == 1


async def test_type_ahead(sales: World) -> None:
    assert [item.name for item in await sales.service.suggest("sal")] == ["sales"]
    assert [item.type for item in await sales.service.suggest("")] == [DatasetType.TABULAR]


async def test_what_a_person_watches_and_what_of_it_changed(world: World) -> None:
    for number, by in enumerate((ADA, BEN, BEN, BEN)):
        world.clock.advance(hours=1)
        world.storage.write(f"d{number}/a.csv", f"id\n{number}\n")
        await world.register(request(f"d{number}", by=by))
    for name in ("d2", "d0", "d1"):
        await world.service.watch(ADA, name, watching=True)
    watched = await world.service.watched_by(ADA, 2)
    assert ([item.name for item in watched.items], watched.total) == (["d2", "d1"], 3)
    assert (await world.service.watched_by(ADMIN)).items == ()
    assert (await world.service.changed_for(ADA)).total == 0
    world.clock.advance(hours=1)
    for name in ("d3", "d2", "d0"):
        world.storage.write(f"{name}/b.csv", "id\n9\n")
        await world.service.recheck(name)
    changed = await world.service.changed_for(ADA)
    assert [item.name for item in changed.items] == ["d0", "d2"], "mine first, then watched; d3 is neither"
    assert (await world.service.changed_for(ADA, 1)).total == 2
    assert [item.name for item in (await world.service.changed_for(BEN)).items] == ["d3", "d2"]
