"""Every delivery is handled once, by the real app and the real inbox, and everything is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.app import BotApp, answer_the_unknown
from bot.clock import SystemClock
from bot.deliveries import identify
from bot.metrics import Metrics
from bot.sandbox.server import LocalSlack
from services.jobs import Origin
from services.store.inbox import Inbox
from tests.bot.conftest import INSTANCE, Store, value

Body = dict[str, Any]  # a Slack payload

COMMAND: Body = {
    "command": "/dataset",
    "text": "list sales",
    "user_id": "U0ADA",
    "channel_id": "C0DATA",
    "team_id": "T0LOCAL",
    "trigger_id": "1.2.3",
}
CLICK: Body = {
    "type": "block_actions",
    "user": {"id": "U0ADA"},
    "team": {"id": "T0LOCAL"},
    "channel": {"id": "C0DATA"},
    "trigger_id": "9.9.9",
    "actions": [{"type": "button", "action_id": "go", "block_id": "b", "text": {"type": "plain_text", "text": "Go"}}],
}


def http(body: Body) -> AsyncBoltRequest:
    if "command" in body:
        text, kind = urlencode(body), "application/x-www-form-urlencoded"
    elif body.get("type") == "event_callback":
        text, kind = json.dumps(body), "application/json"
    else:
        text, kind = urlencode({"payload": json.dumps(body)}), "application/x-www-form-urlencoded"
    return AsyncBoltRequest(body=text, headers={"content-type": kind})


def socket(body: Body) -> AsyncBoltRequest:
    return AsyncBoltRequest(mode="socket_mode", body=body, headers={})


def submission(*, trigger: str = "7.7.7", view_hash: str = "h1", text: str = "a") -> Body:
    values = {"name": {"value": {"type": "plain_text_input", "value": text}}}
    view = {"id": "V1", "hash": view_hash, "callback_id": "form", "type": "modal", "state": {"values": values}}
    return {"type": "view_submission", "user": {"id": "U0ADA"}, "team": {"id": "T0LOCAL"}, "trigger_id": trigger,
            "view": view}  # fmt: skip


def event(event_id: str) -> Body:
    inner = {"type": "app_home_opened", "user": "U0ADA", "channel": "D1", "tab": "home"}
    return {"type": "event_callback", "team_id": "T0LOCAL", "event_id": event_id, "event": inner}


async def test_a_command_delivered_twice_runs_once_and_is_acknowledged_alike(app: BotApp, metrics: Metrics) -> None:
    seen: list[str] = []

    async def listener(ack: AsyncAck, context: AsyncBoltContext) -> None:
        seen.append(context["delivery_key"])
        await ack(text="working")

    app.command("/dataset")(listener)
    first = await app.async_dispatch(http(COMMAND))
    second = await app.async_dispatch(socket(COMMAND))
    assert (first.status, first.body) == (200, "working")
    assert (second.status, second.body) == (200, "working")
    assert seen == ["trigger:1.2.3"]
    assert value(metrics, "dataset_bot_duplicate_deliveries_total", type="command") == 1
    assert value(metrics, "dataset_bot_acks_total", type="command", status="200") == 2


async def test_duplicates_that_come_at_the_same_time_run_once(app: BotApp) -> None:
    runs: list[int] = []

    async def listener(ack: AsyncAck) -> None:
        await ack()
        runs.append(1)

    app.event("app_home_opened")(listener)
    answers = await asyncio.gather(*(app.async_dispatch(http(event("Ev1"))) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len(runs) == 1
    await app.async_dispatch(http(event("Ev2")))
    assert len(runs) == 2


async def test_a_corrected_form_is_a_new_submission_and_a_repeated_one_is_not(app: BotApp) -> None:
    seen: list[str] = []

    async def listener(ack: AsyncAck, view: Body) -> None:
        seen.append(view["state"]["values"]["name"]["value"]["value"])
        await ack(response_action="errors", errors={"name": "taken"})

    app.view("form")(listener)
    await app.async_dispatch(http(submission(trigger="1", text="a")))
    again = await app.async_dispatch(http(submission(trigger="1", text="a")))
    assert json.loads(again.body)["response_action"] == "errors", "a plain answer would close the form"
    # The hash stays after an error; unchanged input may be right on the second try, too.
    await app.async_dispatch(http(submission(trigger="2", text="a")))
    await app.async_dispatch(http(submission(trigger="3", text="b")))
    assert seen == ["a", "a", "b"]


async def test_what_another_process_handled_is_acknowledged_plainly(app: BotApp, store: Store) -> None:
    async def listener() -> None:
        raise AssertionError("handled twice")

    app.command("/dataset")(listener)
    other = Inbox(store.database, "another", clock=SystemClock())
    assert await other.claim("trigger:1.2.3", Origin("U0ADA", "C0DATA", "/dataset list sales", "r1", "trigger:1.2.3"))
    answer = await app.async_dispatch(http(COMMAND))
    assert (answer.status, answer.body) == (200, "")
    await other.close()


async def test_a_type_ahead_is_read_every_time(app: BotApp, store: Store) -> None:
    async def listener(ack: AsyncAck) -> None:
        await ack(options=[])

    app.options("pick")(listener)
    body = {"type": "block_suggestion", "user": {"id": "U0ADA"}, "team": {"id": "T0LOCAL"}, "action_id": "pick",
            "block_id": "b", "value": "sa"}  # fmt: skip
    for _ in range(3):
        answer = await app.async_dispatch(http(body))
        assert json.loads(answer.body) == {"options": []}
    assert identify(body).key == ""


async def test_a_database_that_is_gone_does_not_cost_the_person_their_answer(app: BotApp, store: Store) -> None:
    async def listener(ack: AsyncAck) -> None:
        await ack(text="still here")

    app.command("/dataset")(listener)
    await store.inbox.close()
    await store.database.close()
    answer = await app.async_dispatch(http(COMMAND))
    assert (answer.status, answer.body) == (200, "still here")


async def test_a_handled_delivery_is_closed_in_the_store(app: BotApp, store: Store) -> None:
    async def listener(ack: AsyncAck) -> None:
        await ack()

    app.command("/dataset")(listener)
    await app.async_dispatch(http(COMMAND))
    await store.inbox.claim("never handled", Origin("U0ADA", "C0DATA", "/dataset show x", "r1", "never handled"))
    await store.inbox.close()
    await store.instances.deregister(INSTANCE)
    survivor = Inbox(store.database, "another", clock=SystemClock())
    assert [origin.delivery for origin in await survivor.abandoned()] == ["never handled"]
    await survivor.close()


async def answer_to(app: BotApp, body: Body) -> BoltResponse:
    return await app.async_dispatch(http(body))


async def test_what_nobody_listens_to_is_answered_in_the_form_its_kind_takes(app: BotApp, slack: LocalSlack) -> None:
    answer_the_unknown(app)
    command = json.loads((await answer_to(app, COMMAND)).body)
    assert command["response_type"] == "ephemeral"
    assert "Reference: " in command["text"]
    form = json.loads((await answer_to(app, submission())).body)
    assert form["response_action"] == "push"
    assert "Reference: " in form["view"]["blocks"][0]["text"]["text"]
    options = await answer_to(
        app,
        {"type": "block_suggestion", "user": {"id": "U0ADA"}, "team": {"id": "T0LOCAL"}, "action_id": "x", "value": ""},
    )
    assert json.loads(options.body) == {"options": []}
    assert (await answer_to(app, event("Ev9"))).status == 200
    assert (await answer_to(app, CLICK)).status == 200
    told = await slack.person("U0ADA").wait_message("C0DATA", contains="Reference: ")
    assert told.ephemeral


async def test_a_listener_that_fails_leaves_a_sentence_and_not_a_status(app: BotApp) -> None:
    async def listener() -> None:
        raise RuntimeError("a fault of ours")

    app.command("/dataset")(listener)
    answer = await answer_to(app, COMMAND)
    assert answer.status == 200
    assert "tell your platform team this reference" in json.loads(answer.body)["text"]
    assert "a fault of ours" not in answer.body


def test_keys_do_not_depend_on_how_a_delivery_came() -> None:
    retried = {**event("Ev1"), "retry_attempt": 2}
    assert identify(retried).key == identify(event("Ev1")).key == "event:Ev1"
    assert identify(http(COMMAND).body).key == identify(COMMAND).key
    assert identify({"type": "view_closed", "view": {"id": "V1", "hash": "h"}}).key.startswith("view_closed:V1:h:")


def test_odd_bodies_are_read_without_an_error() -> None:
    for body in ({}, {"type": None}, {"type": "block_actions", "actions": [None]}, {"type": "view_submission"},
                 {"command": 5}, {"type": "event_callback", "event": "x"}, {"type": ["x"]}):  # fmt: skip
        assert identify(body).kind in {"other", "action", "view_submission", "command", "event"}
