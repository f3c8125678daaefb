"""Files change under a registered version, and the bot notices."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.datasets.model import DatasetQuery, FingerprintCheck, FingerprintState
from services.datasets.version_truth import worth_telling
from services.errors import NotFound
from tests.datasets.samples import NOON
from tests.datasets.world import ADA, BEN, World, memory_world, request
from tests.fakes.reader import MemoryReader

S = FingerprintState


def check(state: FingerprintState, added: int = 0) -> FingerprintCheck:
    return FingerprintCheck(state, NOON, added=added)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, check(S.UNCHANGED), False),
        (None, check(S.GROWN, 1), True),
        (check(S.UNCHECKED), check(S.UNCHANGED), False),
        (check(S.UNCHANGED), check(S.UNCHANGED), False),
        (check(S.UNCHANGED), check(S.VANISHED), True),
        (check(S.GROWN, 1), check(S.GROWN, 1), False),
        (check(S.GROWN, 1), check(S.GROWN, 2), True),
        (check(S.CHANGED), check(S.UNCHANGED), True),
        (check(S.UNCHANGED), check(S.UNREACHABLE), True),
        (check(S.UNCHANGED), check(S.UNCHECKED), False),
    ],
)
def test_worth_telling(before: FingerprintCheck | None, now: FingerprintCheck, told: bool) -> None:
    assert worth_telling(before, now) is told


@pytest.fixture
async def sales(world: World) -> World:
    world.storage.write("sales/a.csv", "id\n1\n")
    world.storage.write("sales/b.csv", "id\n2\n")
    await world.register(request())
    world.clock.advance(hours=7)
    return world


async def test_a_recheck_finds_what_happened_and_badges_it_everywhere(sales: World) -> None:
    before, now = await sales.service.recheck("sales")
    assert before is not None
    assert (before.state, now.state) == (S.UNCHANGED, S.UNCHANGED)
    sales.storage.write("sales/c.csv", "id\n3\n")
    before, now = await sales.service.recheck("sales", 1)
    assert before is not None
    assert (before.state, now.state, now.added) == (S.UNCHANGED, S.GROWN, 1)
    card = await sales.service.show("sales")
    assert (card.version.check.state, card.version.check.checked_at) == (S.GROWN, sales.clock.now())
    assert (await sales.service.versions("sales")).items[0].version.check == now
    page = await sales.service.search(DatasetQuery(drifting=True))
    assert [(item.name, item.state) for item in page.items] == [("sales", S.GROWN)]


async def test_registering_is_the_first_look(sales: World) -> None:
    found = (await sales.service.show("sales")).version.check
    registered = sales.clock.now() - timedelta(hours=7)
    assert (found.state, found.checked_at) == (S.UNCHANGED, registered)
    assert "as they were" in found.detail


async def test_files_that_did_not_change_are_not_read_again() -> None:
    async with memory_world() as world:
        reader = world.reader
        assert isinstance(reader, MemoryReader)
        for path in ("sales/a.csv", "sales/b.csv"):
            world.storage.write(path, "id\n1\n")
        world.clock.advance(hours=1)
        await world.register(request())
        world.clock.advance(hours=7)
        world.storage.write("sales/b.csv", "id\n2\n")
        reader.hashed.clear()
        assert (await world.service.recheck("sales"))[1].state is S.CHANGED
        assert reader.hashed == ["sales/b.csv"]


async def test_changed_and_vanished_files(sales: World) -> None:
    sales.storage.write("sales/b.csv", "id\n9\n")
    assert (await sales.service.recheck("sales"))[1].state is S.CHANGED
    sales.storage.remove("sales/b.csv")
    assert (await sales.service.recheck("sales"))[1].state is S.VANISHED
    sales.storage.remove("sales/a.csv")
    _, now = await sales.service.recheck("sales")
    assert (now.state, now.removed) == (S.VANISHED, 2)


async def test_storage_that_does_not_answer_is_told_as_that(sales: World) -> None:
    sales.storage.go_away()
    _, now = await sales.service.recheck("sales")
    assert now.state is S.UNREACHABLE
    assert now.detail
    assert (await sales.service.search(DatasetQuery(drifting=True))).total == 0


async def test_recheck_of_what_is_not_there(sales: World) -> None:
    with pytest.raises(NotFound, match="Did you mean “sales”"):
        await sales.service.recheck("slaes")
    with pytest.raises(NotFound, match="It has only version 1"):
        await sales.service.recheck("sales", 2)


async def test_due_rechecks_return_the_news_with_whom_to_tell(sales: World) -> None:
    await sales.service.watch(BEN, "sales", watching=True)
    assert await sales.service.recheck_due() == ()
    sales.storage.write("sales/c.csv", "id\n3\n")
    assert await sales.service.recheck_due() == (), "it was looked at a moment ago"
    sales.clock.advance(hours=7)
    (news,) = await sales.service.recheck_due()
    assert (news.version.label, news.owner, news.watchers) == ("sales:1", ADA.user_id, (BEN.user_id,))
    assert news.now.state is S.GROWN
    assert (await sales.service.search(DatasetQuery(drifting=True))).total == 1
    sales.clock.advance(hours=7)
    assert await sales.service.recheck_due() == (), "the same finding again is no news"


async def test_who_begins_to_watch_while_the_files_are_looked_at_is_told() -> None:
    async with memory_world() as world:
        reader = world.reader
        assert isinstance(reader, MemoryReader)
        world.storage.write("sales/a.csv", "id\n1\n")
        await world.register(request())
        world.clock.advance(hours=7)
        world.storage.write("sales/a.csv", "id\n2\n")
        reader.while_listing = lambda: world.service.watch(BEN, "sales", watching=True)
        (news,) = await world.service.recheck_due()
        assert news.watchers == (BEN.user_id,)


async def test_what_a_look_on_request_finds_is_told_to_those_who_did_not_ask(sales: World) -> None:
    sales.storage.write("sales/c.csv", "id\n3\n")
    await sales.service.recheck("sales")
    (news,) = await sales.service.recheck_due()
    assert (news.version.label, news.owner, news.now.state) == ("sales:1", ADA.user_id, S.GROWN)
    assert await sales.service.recheck_due() == ()
    await sales.service.recheck("sales")
    assert await sales.service.recheck_due() == (), "the same finding again is no news"


async def test_news_are_told_by_one_of_several_replicas(sales: World) -> None:
    sales.storage.write("sales/c.csv", "id\n3\n")
    await sales.service.recheck("sales")
    told = await asyncio.gather(*(sales.service.recheck_due() for _ in range(4)))
    assert sorted(len(news) for news in told) == [0, 0, 0, 1]


async def test_only_as_many_as_asked_for(world: World) -> None:
    for number in range(3):
        world.storage.write(f"d{number}/a.csv", f"id\n{number}\n")
        await world.register(request(f"d{number}"))
        world.storage.write(f"d{number}/b.csv", "id\n9\n")
    world.clock.advance(hours=7)
    assert len(await world.service.recheck_due(limit=2)) == 2
    assert len(await world.service.recheck_due(limit=2)) == 1
    assert len(await world.service.recheck_due(limit=2)) == 0
