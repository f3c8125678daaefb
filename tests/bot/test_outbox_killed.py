"""kill -9 while messages are being sent: the next process tells each exactly once."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from bot.sandbox.faults import Faults
from tests.bot.conftest import Store
from tests.bot.outbox_stage import Stage, edit, post
from tests.scenario.bot_on_local_slack import ROOT

pytestmark = pytest.mark.slow

SLOW_MS = 60_000


def late(method: str) -> tuple[str, Faults]:
    """Killed once the method has been done, while its answer is on the way."""
    return method, Faults(answer_latency_ms={method: SLOW_MS})


MOMENTS = {
    "after a message": ("chat.postMessage", Faults()),
    "between a message and its answer": late("chat.postMessage"),
    "before the upload": late("files.getUploadURLExternal"),
    "between the upload and its message": late("files.completeUploadExternal"),
    "between an edit and its answer": late("chat.update"),
}


@pytest.mark.parametrize(("method", "faults"), MOMENTS.values(), ids=MOMENTS)
async def test_a_kill_loses_and_doubles_nothing(method: str, faults: Faults, idle_stage: Stage, store: Store) -> None:
    stage = idle_stage
    stage.slack.faults = faults.model_copy(deep=True)
    notices = [
        post("card", lane="card", picture="p"),
        edit("card", "changed", picture="p"),
        post("reply", of="card", lane="card"),
        post("direct", to="U0ADA", picture="q"),
        post("elsewhere", to="C0DATA"),
    ]
    await stage.outbox.add(notices)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.outbox_child", store.url, stage.slack.url, stage.slack.bot_token, cwd=ROOT
    )
    try:
        await stage.until(lambda: method in [entry.name for entry in stage.slack.traffic.entries()], seconds=20)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    stage.slack.faults = Faults()
    await stage.pump.start()
    states = await stage.ended(*(notice.key for notice in notices))
    assert states == ["sent"] * 5
    assert [message.text for message in stage.messages()] == ["changed", "reply"]
    assert stage.told("C0DATA") == ["elsewhere"]
    assert stage.told(stage.slack.world.dm("U0ADA").id) == ["direct"]
    card = stage.messages()[0]
    assert card.blocks[1]["slack_file"]["id"] in stage.slack.world.files
