"""What people are to be told goes out in order, each notice through one instance, and nothing is forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from services.outbox import Action, NoticeState, StoredNotice
from services.store.database import Database
from services.store.instances import Instances
from services.store.outbox import Outbox
from tests.databases import SetClock
from tests.store.access_samples import post, redraw


@pytest.fixture
async def outbox(db: Database, clock: SetClock) -> Outbox:
    await Instances(db, clock=clock).register("one")
    return Outbox(db, "one", clock=clock)


def keys(notices: tuple[StoredNotice, ...]) -> list[str]:
    return [each.notice.key for each in notices]


async def state(outbox: Outbox, key: str) -> tuple[str, str]:
    found = await outbox.get(key)
    assert found is not None
    return found.state.value, found.error


async def deliver(outbox: Outbox, ts: str = "1.0") -> list[str]:
    """Everything that can go now, sent."""
    claimed = await outbox.claim(99)
    for each in claimed:
        assert await outbox.sent(each.id, "D1", ts)
    return keys(claimed)


async def test_a_notice_comes_back_as_it_was_put(outbox: Outbox, clock: SetClock) -> None:
    notice = post("k", of="root", args={"who": "ü\x00", "list": [1, None]}, not_before=clock.now())
    await outbox.add([notice])
    (claimed,) = await outbox.claim(9)
    assert claimed == StoredNotice(claimed.id, notice, NoticeState.SENDING, "one", 1, clock.now())
    assert await outbox.posted("k") is None
    assert await outbox.sent(claimed.id, "D1", "12.3")
    assert await outbox.posted("k") == ("D1", "12.3")
    assert await outbox.posted("other") is None
    stored = await outbox.get("k")
    assert stored is not None
    assert (stored.state, stored.channel, stored.ts) == (NoticeState.SENT, "D1", "12.3")
    assert await outbox.claim(9) == ()


async def test_one_of_a_lane_at_a_time_and_the_oldest_first(outbox: Outbox) -> None:
    await outbox.add([post("a1", lane="a"), post("b1", lane="b"), post("a2", lane="a"), post("c1", lane="c")])
    first = await outbox.claim(2)
    assert keys(first) == ["a1", "b1"]
    assert keys(await outbox.claim(9)) == ["c1"]
    assert await outbox.claim(9) == ()
    assert await outbox.failed(first[0].id, "channel_not_found")
    assert keys(await outbox.claim(9)) == ["a2"]
    assert await state(outbox, "a1") == ("failed", "channel_not_found")


async def test_a_notice_waits_for_its_time_and_its_lane_with_it(outbox: Outbox, clock: SetClock) -> None:
    later = clock.now() + timedelta(seconds=30)
    await outbox.add([post("a1", lane="a"), post("a2", lane="a"), post("b1", not_before=later)])
    (claimed,) = await outbox.claim(9)
    assert await outbox.again(claimed.id, later)
    clock.advance(seconds=29)
    assert await outbox.claim(9) == ()
    clock.advance(seconds=1)
    again = await outbox.claim(9)
    assert [(each.notice.key, each.attempts) for each in again] == [("a1", 2), ("b1", 1)]
    assert await outbox.again(again[0].id, None)
    assert keys(await outbox.claim(9)) == ["a1"]


async def test_updates_that_wait_together_are_told_as_the_newest(outbox: Outbox, clock: SetClock) -> None:
    later = clock.now() + timedelta(seconds=30)
    await outbox.add([post("card")])
    assert await deliver(outbox) == ["card"]
    await outbox.add([redraw("card", 1), redraw("card", 2), redraw("card", 3), redraw("card", 4, not_before=later)])
    (claimed,) = await outbox.claim(9)
    assert claimed.notice.key == "card:3"
    assert await state(outbox, "card:1") == await state(outbox, "card:2") == ("dropped", "superseded")
    assert await state(outbox, "card:4") == ("waiting", "")
    clock.advance(seconds=31)
    assert await outbox.claim(9) == (), "the one before it is being sent"
    assert await outbox.again(claimed.id, None)
    assert keys(await outbox.claim(9)) == ["card:4"]
    assert await state(outbox, "card:3") == ("dropped", "superseded")


async def test_an_update_waits_for_its_message(outbox: Outbox) -> None:
    await outbox.add([redraw("card", 1, lane="another"), post("card")])
    await outbox.add([redraw("never there", 1)])
    (card,) = await outbox.claim(9)
    assert card.notice.key == "card"
    assert await outbox.claim(9) == ()
    assert await outbox.sent(card.id, "C1", "1.1")
    assert keys(await outbox.claim(9)) == ["card:1"]
    assert await state(outbox, "never there:1") == ("dropped", "no_message")


@pytest.mark.parametrize("end", ["failed", "dropped"])
async def test_an_update_of_a_message_that_never_was_is_dropped(end: str, outbox: Outbox) -> None:
    await outbox.add([post("card"), redraw("card", 1)])
    (card,) = await outbox.claim(9)
    if end == "failed":
        assert await outbox.failed(card.id, "is_archived")
    else:
        assert await outbox.dropped(card.id)
    assert await outbox.claim(9) == ()
    assert await state(outbox, "card:1") == ("dropped", "no_message")


async def test_a_reply_waits_for_its_thread_and_goes_without_one(outbox: Outbox) -> None:
    await outbox.add([post("reply", of="card"), post("card"), post("lonely", of="never there")])
    card, lonely = await outbox.claim(9)
    assert (card.notice.key, lonely.notice.key) == ("card", "lonely")
    assert await outbox.claim(9) == ()
    assert await outbox.failed(card.id, "is_archived")
    (reply,) = await outbox.claim(9)
    assert (reply.notice.key, reply.notice.action) == ("reply", Action.POST)


async def test_only_the_one_who_sends_tells_the_outcome_and_once(outbox: Outbox, db: Database, clock: SetClock) -> None:
    await outbox.add([post("a")])
    (claimed,) = await outbox.claim(9)
    stranger = Outbox(db, "two", clock=clock)
    assert not await stranger.sent(claimed.id, "C1", "1.1")
    assert not await stranger.again(claimed.id, None)
    assert await outbox.failed(claimed.id, "no")
    assert not await outbox.sent(claimed.id, "C1", "1.1")
    assert await state(outbox, "a") == ("failed", "no")


async def test_what_a_dead_instance_was_sending_is_doubtful_for_one_other(
    outbox: Outbox, db: Database, database_url: str, clock: SetClock
) -> None:
    instances = Instances(db, clock=clock)
    await instances.register("dead")
    await outbox.add([post(f"k{number}") for number in range(4)])
    dead = Outbox(db, "dead", clock=clock)
    claimed = await dead.claim(3)
    assert await dead.sent(claimed[2].id, "C1", "1.1")
    assert keys(await outbox.claim(9)) == ["k3"]
    clock.advance(seconds=14)
    assert await outbox.doubtful() == ()
    clock.advance(seconds=2)
    for name in ("one", "two"):
        await instances.register(name)
    elsewhere = Database.open(database_url)
    others = [outbox, Outbox(elsewhere, "two", clock=clock)]
    taken = await asyncio.gather(*(others[turn % 2].doubtful() for turn in range(8)))
    assert sorted(key for batch in taken for key in keys(batch)) == ["k0", "k1"]
    new = next(batch for batch in taken if batch)
    owner = others[0] if new[0].instance_id == "one" else others[1]
    assert not await dead.sent(claimed[0].id, "C1", "1.1"), "it came back too late"
    assert await owner.sent(claimed[0].id, "C1", "1.2")
    assert await owner.again(claimed[1].id, None)
    assert keys(await outbox.claim(9)) == ["k1"]
    await elsewhere.close()


async def test_two_instances_never_claim_the_same(outbox: Outbox, db: Database, database_url: str) -> None:
    await outbox.add([post(f"k{number}", lane=f"lane {number % 10}") for number in range(100)])
    elsewhere = Database.open(database_url)
    clock = SetClock()
    instances = [outbox, Outbox(elsewhere, "two", clock=clock)]
    told: list[str] = []
    busy: set[str] = set()

    async def work(own: Outbox) -> None:
        while len(told) < 100:
            for each in await own.claim(3):
                assert each.notice.lane not in busy
                busy.add(each.notice.lane)
                await asyncio.sleep(0)
                told.append(each.notice.key)
                busy.remove(each.notice.lane)
                assert await own.sent(each.id, "C1", "1.1")

    await asyncio.wait_for(asyncio.gather(*(work(instances[turn % 2]) for turn in range(4))), 60)
    assert sorted(told) == sorted(f"k{number}" for number in range(100))
    for lane in range(10):
        in_lane = [int(key[1:]) for key in told if int(key[1:]) % 10 == lane]
        assert in_lane == sorted(in_lane)
    await elsewhere.close()


async def test_sweeping_keeps_what_waits_and_posts_that_may_be_changed(outbox: Outbox, clock: SetClock) -> None:
    await outbox.add([post("card"), redraw("card", 1)])
    assert await deliver(outbox) == ["card"]
    assert await deliver(outbox) == ["card:1"]
    await outbox.add([post("waiting", not_before=clock.now() + timedelta(days=999)), post("failed")])
    (failed,) = await outbox.claim(9)
    await outbox.failed(failed.id, "no")
    clock.advance(days=6.9)
    assert await outbox.sweep() == 0
    clock.advance(days=0.2)
    assert await outbox.sweep() == 1
    assert await outbox.get("card:1") is None
    assert await outbox.posted("card") == ("D1", "1.0")
    clock.advance(days=112)
    assert await outbox.sweep() == 0
    clock.advance(days=1)
    assert await outbox.sweep() == 2
    assert await outbox.get("card") is None
    assert await state(outbox, "waiting") == ("waiting", "")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("id FROM outbox WHERE outbox.state = 'waiting' ORDER BY id LIMIT 5", "ix_outbox_waiting"),
        ("id FROM outbox WHERE outbox.state IN ('waiting', 'sending') AND lane = 'a' AND id < 7", "ix_outbox_open"),
        (
            "id FROM outbox WHERE outbox.state = 'waiting' AND outbox.action = 'update' AND about = 'a' AND id > 7",
            "ix_outbox_update",
        ),
        ("id FROM outbox WHERE outbox.state = 'sending' AND instance_id <> 'a'", "ix_outbox_sending"),
    ],
)
async def test_frequent_queries_use_their_index(db: Database, query: str, index: str) -> None:
    postgres = db.dialect == "postgresql"
    settings = "SET LOCAL enable_seqscan = off" if postgres else "PRAGMA temp_store"
    if postgres and index == "ix_outbox_sending":
        settings = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"

    def plan(connection: Connection) -> str:
        for setting in settings.split(";"):
            connection.execute(text(setting))
        return " ".join(
            str(row) for row in connection.execute(text(f"EXPLAIN {'' if postgres else 'QUERY PLAN '}SELECT {query}"))
        )

    assert index in await db.read(plan)


async def test_pictures_are_remembered_with_their_message_and_no_part_of_what_it_says(outbox: Outbox) -> None:
    await outbox.add([post("card", args={"who": "Ada"})])
    assert await outbox.picture("card", "p1") == ""
    for number in range(6):
        await outbox.remember_picture("card", f"p{number}", f"F{number}")
    await outbox.remember_picture("card", "p4", "F44")
    await outbox.remember_picture("never there", "p", "F")
    assert [await outbox.picture("card", f"p{n}") for n in range(6)] == ["", "", "F2", "F3", "F44", "F5"]
    (claimed,) = await outbox.claim(9)
    assert dict(claimed.notice.args) == {"who": "Ada"}
