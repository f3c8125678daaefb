"""The buttons of monitors: run now, pause, resume, delete, history."""

from __future__ import annotations

import asyncio

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import pressed
from handlers.call import Call, call_from
from handlers.message import Json, Message
from handlers.monitors import buttons
from handlers.monitors.list_view import history_message
from handlers.monitors.phrases import name_of, problem_lines, run_phrase
from handlers.text import Mrkdwn, lines, md
from services.jobs import Pool
from services.monitors.model import Run, RunState

TITLE = "Drift monitor"
RUN_SECONDS = 900.0
LOOK_SECONDS = 0.5
TOLD_AFTER_SECONDS = 2.0
"""A run that takes longer is announced, so that nobody waits without a word."""

TOLD_AGAIN_SECONDS = 30.0
"""How often it is told how far a run is where each telling is a message; in a modal it is told at every look."""


def attach(app: AsyncApp) -> None:
    """Listen to the buttons."""
    app.action(pressed.any_of(buttons.RUN))(on_run)
    app.action(pressed.any_of(buttons.PAUSE))(on_pause)
    app.action(pressed.any_of(buttons.RESUME))(on_resume)
    app.action(pressed.any_of(buttons.DELETE))(on_delete)
    app.action(pressed.any_of(buttons.HISTORY))(on_history)


async def on_run(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Compare now; say when it takes longer, and what came of it."""
    await ack()

    async def run(call: Call) -> None:
        begun = await call.services.monitors.run_now(call.caller.actor, pressed.value_of(action))
        await follow(call, body, begun)

    call = call_from(body, context, client)
    await pressed.start(call, body, Pool.SLACK, "run a monitor", run, title=TITLE, seconds=RUN_SECONDS)


async def follow(call: Call, body: Json, run: Run) -> None:
    """Wait for a run to end and say what it found."""
    monitors = call.services.monitors
    waited, tell_at, said = 0.0, TOLD_AFTER_SECONDS, ""
    while run.state in {RunState.WAITING, RunState.RUNNING}:
        if waited >= tell_at and (how_far := monitors.how_far(run.id) or _under_way(run)) != said:
            said, tell_at = how_far, waited + (LOOK_SECONDS if call.over_modal else TOLD_AGAIN_SECONDS)
            sentence = md(":hourglass_flowing_sand: Comparing the versions of {}. {} …", name_of(run.dataset), said)
            await pressed.tell_done(call, body, sentence, TITLE)
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        run = await monitors.run(run.id)
    await pressed.tell_done(call, body, _ended(run), TITLE)


def _under_way(run: Run) -> str:
    return "It waits for a free worker" if run.state is RunState.WAITING else "It runs"


def _ended(run: Run) -> Mrkdwn:
    said = [md(":bar_chart: {}: {}", name_of(run.dataset), run_phrase(run))]
    if run.result is not None and run.result.problems and not run.result.error_code:
        said.append(problem_lines(run.result.problems))
    return lines(said)


async def on_pause(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Stop it for a while."""
    await ack()
    await _turn(call_from(body, context, client), body, pressed.value_of(action), paused=True)


async def on_resume(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Let it go on."""
    await ack()
    await _turn(call_from(body, context, client), body, pressed.value_of(action), paused=False)


async def _turn(call: Call, body: Json, monitor_id: str, *, paused: bool) -> None:
    async def run(call: Call) -> None:
        monitor = await call.services.monitors.pause(call.caller.actor, monitor_id, paused=paused)
        words = "is paused. Resume it with /dataset drift." if paused else "goes on."
        await pressed.tell_done(call, body, md("The monitor of {} " + words, name_of(monitor.label)), TITLE)

    await pressed.start(call, body, Pool.CATALOG, "pause a monitor", run, title=TITLE)


async def on_delete(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Delete was confirmed."""
    await ack()

    async def run(call: Call) -> None:
        card = await call.services.monitors.monitor(call.caller.actor, pressed.value_of(action))
        await call.services.monitors.delete(call.caller.actor, card.monitor.id)
        await pressed.tell_done(call, body, md("The monitor of {} is deleted.", name_of(card.monitor.label)), TITLE)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "delete a monitor", run, title=TITLE)


async def on_history(
    ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient
) -> None:
    """The runs of a monitor."""
    await ack()

    async def run(call: Call) -> None:
        history = await call.services.monitors.history(pressed.value_of(action))
        message: Message = history_message(history)
        await call.reply.send(message)

    await pressed.start(call_from(body, context, client), body, Pool.CATALOG, "history", run, title=TITLE)
