"""Keeping a dataset in order."""

from __future__ import annotations

import pytest

from services.datasets.model import DatasetQuery
from services.errors import InvalidInput, NotAllowed, NotFound
from tests.datasets.world import ADA, ADMIN, BEN, World, request

pytestmark = pytest.mark.parametrize("world", ["memory", "sql"], indirect=True)


@pytest.fixture
async def sales(world: World) -> World:
    """Datasets "sales" and "weather" of Ada."""
    for number, name in enumerate(("sales", "weather")):
        world.storage.write(f"{name}/a.csv", f"id\n{number}\n")
        await world.register(request(name, tags=(("team", "growth"), ("pii", "no"))))
    return world


async def test_tags_are_put_and_removed_and_found(sales: World) -> None:
    changed = await sales.service.change_tags(ADA, "sales", [("team", "risk"), ("level", "gold")], ["pii"])
    assert sorted(changed.tags) == [("level", "gold"), ("team", "risk")]
    page = await sales.service.search(DatasetQuery(tags=(("level", None),)))
    assert [item.name for item in page.items] == ["sales"]


@pytest.mark.parametrize(
    ("put", "remove", "message"),
    [
        ([], ["nope"], "no tag “nope”. Its tags are pii, team|no tag “nope”. Its tags are team, pii"),
        ([("status", "deprecated")], [], "Deprecate it"),
        ([("replaced_by", "x")], [], "Deprecate it"),
        ([("", "x")], [], "needs a key"),
        ([("team", "x")], ["team"], "at once"),
        ([(f"k{number}", "v") for number in range(49)], [], "51 tags; 50"),
    ],
)
async def test_tags_that_will_not_do(sales: World, put: list[tuple[str, str]], remove: list[str], message: str) -> None:
    before = await sales.catalog.get("sales")
    with pytest.raises(InvalidInput, match=message):
        await sales.service.change_tags(ADA, "sales", put, remove)
    assert await sales.catalog.get("sales") == before


async def test_only_those_who_may_change_it(sales: World) -> None:
    for attempt in (
        sales.service.change_tags(BEN, "sales", [("a", "b")], []),
        sales.service.describe(BEN, "sales", "mine"),
        sales.service.deprecate(BEN, "sales", "", ""),
        sales.service.reinstate(BEN, "sales"),
        sales.service.set_owner(BEN, "sales", BEN.user_id),
    ):
        with pytest.raises(NotAllowed, match="owner"):
            await attempt
    assert (await sales.service.describe(ADMIN, "sales", "ours")).description == "ours"


async def test_a_description_is_replaced_and_searchable(sales: World) -> None:
    assert (await sales.service.describe(ADA, "sales", "Receipts of all shops")).description == "Receipts of all shops"
    assert (await sales.service.search(DatasetQuery(words="reciepts"))).total == 1
    with pytest.raises(InvalidInput, match="5,001"):
        await sales.service.describe(ADA, "sales", "x" * 5001)


async def test_deprecating_and_reinstating(sales: World) -> None:
    gone = await sales.service.deprecate(ADA, "sales", "weather:1", "moved")
    assert gone.deprecation is not None
    assert (gone.deprecation.replaced_by, gone.deprecation.reason) == ("weather:1", "moved")
    assert (gone.deprecation.by, gone.deprecation.at) == (ADA.user_id, sales.clock.now())
    assert {("status", "deprecated"), ("replaced_by", "weather:1")} <= set(gone.tags)
    assert [item.name for item in (await sales.service.search(DatasetQuery(deprecated=True))).items] == ["sales"]
    with pytest.raises(InvalidInput, match="Reinstate"):
        await sales.service.change_tags(ADA, "sales", [], ["status"])
    with pytest.raises(InvalidInput, match="Reinstate"):
        await sales.service.change_tags(ADA, "sales", [("status", "fine")], [])
    again = await sales.service.deprecate(ADA, "sales", "", "really")
    assert dict(again.tags).get("replaced_by") is None
    back = await sales.service.reinstate(ADA, "sales")
    assert back.deprecation is None
    assert dict(back.tags) == {"team": "growth", "pii": "no"}
    with pytest.raises(InvalidInput, match="not deprecated"):
        await sales.service.reinstate(ADA, "sales")


async def test_replacements_exist_and_never_run_in_a_circle(sales: World) -> None:
    with pytest.raises(InvalidInput, match="itself"):
        await sales.service.deprecate(ADA, "sales", "sales", "")
    with pytest.raises(InvalidInput, match="itself"):
        await sales.service.deprecate(ADA, "sales", "sales:1", "")
    with pytest.raises(NotFound, match="Did you mean “weather”"):
        await sales.service.deprecate(ADA, "sales", "wether", "")
    with pytest.raises(NotFound, match="no version 9"):
        await sales.service.deprecate(ADA, "sales", "weather:9", "")
    await sales.service.deprecate(ADA, "sales", "weather", "")
    with pytest.raises(InvalidInput, match="deprecated itself"):
        await sales.service.deprecate(ADA, "weather", "sales", "")


async def test_a_deprecation_made_in_the_studio_counts(sales: World) -> None:
    await sales.catalog.change_tags("sales", put=[("status", "deprecated"), ("replaced_by", "weather")], remove=[])
    card = await sales.service.show("sales")
    assert card.dataset.deprecation is not None
    assert (card.dataset.deprecation.replaced_by, card.dataset.deprecation.by) == ("weather", "")
    await sales.service.deprecate(ADA, "sales", "", "")
    await sales.catalog.change_tags("sales", put=[], remove=["status"])
    assert (await sales.service.show("sales")).dataset.deprecation is None


async def test_ownership_is_handed_over_and_taken(sales: World) -> None:
    assert (await sales.service.set_owner(ADA, "sales", BEN.user_id)).owner == BEN.user_id
    assert [item.name for item in (await sales.service.search(DatasetQuery(owner=BEN.user_id))).items] == ["sales"]
    assert (await sales.service.set_owner(BEN, "sales", "")).owner == ""
    with pytest.raises(NotAllowed, match="take it yourself"):
        await sales.service.set_owner(BEN, "sales", ADA.user_id)
    assert (await sales.service.set_owner(ADA, "sales", ADA.user_id)).owner == ADA.user_id


async def test_watching(sales: World) -> None:
    assert (await sales.service.watch(BEN, "sales", watching=True)).watchers == (BEN.user_id,)
    assert (await sales.service.watch(BEN, "sales", watching=True)).watchers == (BEN.user_id,)
    assert (await sales.service.watch(BEN, "sales", watching=False)).watchers == ()


async def test_an_unknown_name_is_answered_with_the_nearest(sales: World) -> None:
    with pytest.raises(NotFound) as error:
        await sales.service.watch(BEN, "slaes", watching=True)
    assert error.value.suggestions == ("sales",)
    assert error.value.sentence == "There is no dataset called “slaes”. Did you mean “sales”?"
    with pytest.raises(NotFound, match="List the datasets"):
        await sales.service.watch(BEN, "qqqqqqqq", watching=True)
