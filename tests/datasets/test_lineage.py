"""Where datasets come from and who uses them."""

from __future__ import annotations

import pytest

from services.datasets.lineage import NEWER_SHOWN, names_in, points_at
from services.errors import NotFound
from tests.datasets.world import ADA, BEN, World, request


async def filled(world: World, versions: int) -> None:
    """`sales` with so many versions, each with a file more."""
    for number in range(1, versions + 1):
        world.storage.write(f"sales/{number}.csv", f"id,price\n{number},2\n")
        await world.register(request(by=BEN if number == 2 else ADA, new_version=number > 1), f"sales {number}")


async def test_versions_after_it_are_told_oldest_first(world: World) -> None:
    await filled(world, 3)
    found = await world.service.lineage("sales", 1)
    assert found.version.label == "sales:1"
    assert [(each.version.version, each.version.registered_by) for each in found.newer] == [
        (2, BEN.user_id),
        (3, ADA.user_id),
    ]
    assert found.newer[0].changes == ("1 file more", "1 row more")
    latest = await world.service.lineage("sales")
    assert (latest.version.version, latest.newer, latest.newer_count) == (3, (), 0)
    assert not latest.in_azure


async def test_of_many_newer_versions_the_next_are_shown(world: World) -> None:
    await filled(world, NEWER_SHOWN + 3)
    found = await world.service.lineage("sales", 1)
    assert [each.version.version for each in found.newer] == list(range(2, NEWER_SHOWN + 2))
    assert found.newer_count == NEWER_SHOWN + 2


async def test_tags_tell_what_it_was_made_of_and_what_uses_it(world: World) -> None:
    await filled(world, 1)
    world.storage.write("daily/1.csv", "day\n1\n")
    tags = (("derived_from", "Sales:1, shops"), ("opendatasets", "isd"), ("used_by", "pricing model, Tuesday report"))
    await world.register(request("daily", tags=tags))
    world.storage.write("other/1.csv", "day\n2\n")
    await world.register(request("other", tags=(("derived_from", "sales-2024"),)))
    world.storage.write("old/1.csv", "day\n3\n")
    await world.register(request("old"))
    await world.service.deprecate(ADA, "old", "sales:1", "renamed")

    daily = await world.service.lineage("daily")
    assert daily.origins == ("Sales:1", "shops")
    assert daily.open_title == "NOAA surface weather"
    assert daily.used_by == ("pricing model", "Tuesday report")
    sales = await world.service.lineage("sales")
    assert sales.derived == ("daily",)
    assert sales.replaced == ("old",)


async def test_what_does_not_exist_has_no_lineage(world: World) -> None:
    with pytest.raises(NotFound):
        await world.service.lineage("sales")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("sales", True),
        ("SALES:3", True),
        ("shops, sales:2", True),
        ("sales-2024", False),
        ("sales:latest", False),
        ("", False),
    ],
)
def test_points_at(value: str, expected: bool) -> None:
    assert points_at(value, "sales") is expected


def test_a_tag_lists_several() -> None:
    assert names_in(" a:1 ,, b ") == ("a:1", "b")
