"""Notices reach their places in order, at Slack's pace, with their pictures, and edits of one message collapse."""

from __future__ import annotations

import time
from datetime import timedelta

from bot.health import Part
from bot.outbox_outcomes import longer
from tests.bot.conftest import value
from tests.bot.outbox_stage import Stage, edit, post


async def test_one_lane_is_told_in_order_and_lanes_do_not_wait_for_each_other(stage: Stage) -> None:
    await stage.put(*(post(f"a{n}", lane="a") for n in range(3)), post("b", to="C0DATA"), post("c", to="U0ADA"))
    await stage.ended("a0", "a1", "a2", "b", "c")
    assert stage.told() == ["a0", "a1", "a2"]
    assert stage.told("C0DATA") == ["b"]
    assert stage.told(stage.slack.world.dm("U0ADA").id) == ["c"]
    assert value(stage.metrics, "dataset_bot_outbox_notices_total", result="sent") == 5


async def test_a_channel_is_posted_to_at_slacks_pace(stage: Stage) -> None:
    started = time.monotonic()
    await stage.put(*(post(f"n{n}") for n in range(4)))
    await stage.ended(*(f"n{n}" for n in range(4)))
    assert time.monotonic() - started > 0.9, "three at once, then one a second"
    assert sorted(stage.told()) == [f"n{n}" for n in range(4)]
    assert all(entry.status == 200 for entry in stage.slack.traffic.entries() if entry.name == "chat.postMessage")


async def test_a_card_its_thread_and_its_edits(stage: Stage) -> None:
    await stage.put(post("card"), post("reply", of="card"), edit("card", "changed"))
    await stage.ended("card", "reply", "card>changed")
    (card,) = [message for message in stage.messages() if not message.thread_ts]
    assert card.text == "changed"
    assert card.metadata == {"event_type": "dataset_bot_notice", "event_payload": {"key": "card"}}
    assert stage.told(thread_ts=card.ts) == ["reply"]


async def test_edits_that_wait_together_are_one(stage: Stage) -> None:
    await stage.put(post("card"))
    await stage.ended("card")
    edits = [edit("card", f"v{n}") for n in range(20)]
    await stage.put(*edits)
    states = await stage.ended(*(each.key for each in edits))
    assert states.count("sent") <= 2
    assert states[-1] == "sent"
    assert stage.told() == ["v19"]


async def test_a_picture_is_uploaded_once_and_shown_by_the_edits_too(stage: Stage) -> None:
    await stage.put(post("card", picture="p1"))
    await stage.ended("card")
    await stage.put(edit("card", "same", picture="p1"))
    await stage.ended("card>same")
    assert stage.drawer.pictures_made == ["p1"]
    (file,) = stage.slack.world.files.values()
    (card,) = stage.messages()
    assert card.blocks[1]["slack_file"] == {"id": file.id}
    await stage.put(edit("card", "new", picture="p2"))
    await stage.ended("card>new")
    assert stage.drawer.pictures_made == ["p1", "p2"]
    assert card.blocks[1]["slack_file"]["id"] not in {file.id, "picture"}
    found = await stage.outbox.get("card")
    assert found is not None
    assert dict(found.notice.args) == {"text": "card", "picture": "p1"}, "a drawing sees its own arguments alone"


async def test_a_picture_that_cannot_be_drawn_does_not_hold_the_words_back(stage: Stage) -> None:
    await stage.put(post("card", picture="p1", unpaintable=True))
    assert await stage.ended("card") == ["sent"]
    (card,) = stage.messages()
    assert [block["type"] for block in card.blocks] == ["section"]


async def test_nothing_to_tell_is_dropped_and_a_broken_drawing_fails_in_the_end(stage: Stage) -> None:
    await stage.put(post("quiet", nothing=True), post("broken", broken=True))
    assert await stage.ended("quiet", "broken", hurry=True) == ["dropped", "failed"]
    ((key, error),) = stage.undelivered
    assert key == "broken"
    assert error.startswith("not_drawn:RuntimeError:")
    assert stage.told() == []


async def test_readiness_tells_whether_it_runs_and_how_far_behind_it_is(stage: Stage) -> None:
    assert await stage.pump.probe() == Part(True)
    stage.slack.faults.revoked = True
    await stage.put(post("late"))
    await stage.until(lambda: any(entry.name == "chat.postMessage" for entry in stage.slack.traffic.entries()))
    stage.clock.ahead += timedelta(minutes=10)
    told = await stage.pump.probe()
    assert "token_revoked" in told.detail
    assert "has waited 600 s" in told.detail or "has waited 601 s" in told.detail

    await stage.pump.stop()
    assert not (await stage.pump.probe()).ok


def test_waits_grow_and_end_at_a_minute_however_long_something_is_away() -> None:
    assert [longer(times) for times in (1, 2, 3, 6, 7, 100_000)] == [1, 2, 4, 32, 60, 60]
