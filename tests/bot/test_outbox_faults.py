"""Whatever Slack answers or not: what was posted is not posted again, and what cannot arrive is told elsewhere."""

from __future__ import annotations

import time

import pytest

from bot.outbox_pictures import PICTURE_TRIES
from bot.sandbox.faults import Faults, RateFault, ServerFault
from services.errors import Busy, TimedOut, Unavailable
from tests.bot.conftest import value
from tests.bot.outbox_stage import Stage, edit, post

POSTING = "chat.postMessage"

CUT_OFF = {
    "the answer is lost": Faults(lost_answers={POSTING: 1}),
    "the answer comes too late": Faults(answer_latency_ms={POSTING: 700}),
    "done, and answered with an error": Faults(server_error={POSTING: ServerFault(times=1, carried_out=True)}),
}


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF)
@pytest.mark.parametrize("to", ["C0DRIFT", "U0ADA"])
async def test_a_post_without_an_answer_is_looked_up_and_not_repeated(fault: Faults, to: str, stage: Stage) -> None:
    stage.slack.faults = fault.model_copy(deep=True)
    channel = stage.slack.world.dm(to).id if to == "U0ADA" else to
    await stage.put(post("alert", to=to))
    assert await stage.ended("alert") == ["sent"]
    stage.slack.faults = Faults()
    found = await stage.outbox.get("alert")
    (message,) = stage.messages(channel)
    assert found is not None
    assert (found.channel, found.ts) == (channel, message.ts)
    assert value(stage.metrics, "dataset_bot_outbox_notices_total", result="found") == 1
    await stage.put(edit("alert", "changed"), post("reply", to=to, of="alert"))
    await stage.ended("alert>changed", "reply")
    assert [each.text for each in stage.messages(channel)] == ["changed", "reply"]


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF)
async def test_a_reply_without_an_answer_is_looked_up_in_its_thread(fault: Faults, stage: Stage) -> None:
    await stage.put(post("card"))
    await stage.ended("card")
    stage.slack.faults = fault.model_copy(deep=True)
    await stage.put(post("reply", of="card"))
    await stage.ended("reply")
    assert [each.text for each in stage.messages()] == ["card", "reply"]


async def test_a_post_that_failed_before_it_was_done_is_posted(stage: Stage) -> None:
    stage.slack.faults = Faults(server_error={POSTING: ServerFault(times=1)})
    await stage.put(post("alert"))
    assert await stage.ended("alert") == ["sent"]
    assert stage.told() == ["alert"]


async def test_where_the_history_cannot_be_read_people_are_rather_told_twice_than_never(stage: Stage) -> None:
    stage.slack.faults = Faults(lost_answers={POSTING: 1})
    stage.slack.world.channels["C0RANDOM"].members.append("U0BOT")
    await stage.put(post("alert", to="C0RANDOM"))
    await stage.until(lambda: bool(stage.messages("C0RANDOM")))
    stage.slack.world.channels["C0RANDOM"].members.remove("U0BOT")
    assert await stage.ended("alert", hurry=True) == ["failed"]
    assert stage.undelivered == [("alert", "not_in_channel")]
    assert value(stage.metrics, "dataset_bot_outbox_notices_total", result="blind") == 1


async def test_an_edit_takes_the_turn_of_the_one_it_replaces(stage: Stage) -> None:
    await stage.put(post("card"))
    await stage.ended("card")
    stage.slack.faults = Faults(rate_limited={"chat.update": RateFault(times=1, retry_after=1)})
    for number in range(30):  # with a turn of its own for each, the last one would be told after 36 s
        await stage.put(edit("card", f"v{number}"))
        await stage.begun(f"card>v{number}")
    assert await stage.ended("card>v29") == ["sent"]
    assert stage.told() == ["v29"]


async def test_slack_asks_to_wait_and_is_obeyed(stage: Stage) -> None:
    stage.slack.faults = Faults(rate_limited={POSTING: RateFault(times=1, retry_after=1)})
    started = time.monotonic()
    await stage.put(post("first", lane="a"), post("second", lane="a"), post("elsewhere", to="C0DATA"))
    await stage.ended("first", "second", "elsewhere")
    assert time.monotonic() - started >= 0.9
    assert stage.told() == ["first", "second"]
    assert value(stage.metrics, "dataset_bot_outbox_notices_total", result="rate_limited") == 1
    assert stage.undelivered == []


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("C0OLD", "is_archived"),
        ("C0RANDOM", "not_in_channel"),
        ("C0GONE", "channel_not_found"),
        ("U0DEE", "channel_not_found"),
    ],
)
async def test_what_can_never_arrive_is_told_another_way(to: str, error: str, stage: Stage) -> None:
    await stage.put(post("alert", to=to, lane="x"), edit("alert", "changed"), post("next", lane="x"))
    assert await stage.ended("alert", "alert>changed", "next") == ["failed", "dropped", "sent"]
    assert stage.undelivered == [("alert", error)]


async def test_a_revoked_token_holds_everything_back_and_loses_nothing(stage: Stage) -> None:
    stage.slack.faults.revoked = True
    await stage.put(post("one"), post("two", to="C0DATA"))
    with pytest.raises(TimeoutError):
        await stage.ended("one", "two", seconds=0.5)
    stage.slack.faults.revoked = False
    assert await stage.ended("one", "two", hurry=True) == ["sent", "sent"]
    assert (stage.told(), stage.told("C0DATA")) == (["one"], ["two"])
    assert stage.undelivered == []


async def test_a_thread_whose_first_message_was_deleted_goes_on_in_the_channel(stage: Stage) -> None:
    await stage.put(post("card"))
    await stage.ended("card")
    stage.messages().clear()
    await stage.put(edit("card", "changed"), post("reply", of="card"))
    assert await stage.ended("card>changed", "reply") == ["failed", "sent"]
    assert stage.told() == ["reply"]
    assert stage.undelivered == [("card>changed", "message_not_found")]


async def test_an_upload_that_fails_is_repeated_and_then_left_out(stage: Stage) -> None:
    stage.slack.faults = Faults(server_error={"files.completeUploadExternal": ServerFault(times=1)})
    await stage.put(post("once", picture="p"))
    assert await stage.ended("once", hurry=True) == ["sent"]
    assert [block["type"] for block in stage.messages()[0].blocks] == ["section", "image"]
    stage.slack.faults = Faults(server_error={"files.getUploadURLExternal": ServerFault(times=99)})
    await stage.put(post("never", to="C0DATA", picture="q"))
    assert await stage.ended("never", hurry=True) == ["sent"]
    assert [block["type"] for block in stage.messages("C0DATA")[0].blocks] == ["section"]


async def test_what_a_drawing_needs_is_waited_for_however_long_it_is_away(stage: Stage) -> None:
    stage.drawer.word_troubles = [Unavailable("Slack did not tell me about this channel.")] * 8
    await stage.put(post("alert"))
    assert await stage.ended("alert", hurry=True) == ["sent"]
    assert (stage.told(), stage.undelivered) == (["alert"], [])


PASSING = {
    "no worker is free": Busy("The bot is reading as many datasets as it can."),
    "its worker died": Unavailable("The process that read the data stopped unexpectedly.", code="reader_crashed"),
    "its worker was stopped": TimedOut("Reading took longer than 120 seconds and was stopped."),
    "nobody drew it in time": TimeoutError(),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
async def test_a_picture_that_cannot_be_drawn_now_is_drawn_a_little_later(trouble: Exception, stage: Stage) -> None:
    stage.drawer.troubles = [trouble, trouble]
    await stage.put(post("card", picture="p"))
    assert await stage.ended("card", hurry=True) == ["sent"]
    assert [block["type"] for block in stage.messages()[0].blocks] == ["section", "image"]
    assert stage.drawer.pictures_made == ["p"] * 3


async def test_a_picture_that_cannot_be_drawn_for_long_is_left_out_and_the_log_says_why(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.drawer.troubles = [Busy("All workers read.")] * 99
    await stage.put(post("card", picture="p"), edit("card", "changed", picture="p"))
    assert (await stage.ended("card", "card>changed", hurry=True))[0] == "sent"
    assert [block["type"] for block in stage.messages()[0].blocks] == ["section"]
    assert stage.drawer.pictures_made == ["p"] * 2 * PICTURE_TRIES
    logged = capsys.readouterr().out
    assert "All workers read." in logged
    assert "a notice goes without its picture" in logged
    stage.drawer.troubles.clear()
    await stage.put(edit("card", "later", picture="p"))
    await stage.ended("card>later")
    assert [block["type"] for block in stage.messages()[0].blocks] == ["section", "image"], "the next edit shows it"


async def test_a_picture_that_slack_has_not_made_ready_is_waited_for(stage: Stage) -> None:
    stage.slack.faults = Faults(unready_files=2)
    await stage.put(post("card", picture="p"))
    assert await stage.ended("card", hurry=True) == ["sent"]
    assert stage.slack.faults.unready_files == 0
    assert [block["type"] for block in stage.messages()[0].blocks] == ["section", "image"]
    assert stage.drawer.pictures_made == ["p"]
    stage.slack.faults = Faults(unready_files=99)
    await stage.put(post("other", to="C0DATA", picture="q"))
    assert await stage.ended("other", hurry=True) == ["sent"]
    assert [block["type"] for block in stage.messages("C0DATA")[0].blocks] == ["section"]
