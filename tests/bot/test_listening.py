"""Listeners get what they name, as Bolt would give it; a name that means nothing is refused when it is attached."""

from __future__ import annotations

from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import BotApp
from bot.listening import ARGUMENTS, NamedArguments

Json = dict[str, Any]
CLICK: Json = {
    "type": "block_actions",
    "team": {"id": "T0LOCAL"},
    "user": {"id": "U0ADA", "team_id": "T0LOCAL"},
    "trigger_id": "7.7.7",
    "actions": [{"type": "button", "action_id": "go", "block_id": "b", "value": "v"}],
}
FORM: Json = {
    "type": "view_submission",
    "team": {"id": "T0LOCAL"},
    "user": {"id": "U0ADA", "team_id": "T0LOCAL"},
    "trigger_id": "8.8.8",
    "view": {"id": "V1", "hash": "1.a", "callback_id": "form", "state": {"values": {}}},
}


async def test_a_listener_gets_what_it_names(app: BotApp) -> None:
    seen: list[Json] = []

    async def on_click(ack: AsyncAck, action: Json, body: Json, client: AsyncWebClient) -> None:
        seen.append(action)
        assert (body["trigger_id"], client) == ("7.7.7", app.client)
        await ack()

    async def on_form(context: AsyncBoltContext, view: Json, ack: AsyncAck) -> None:
        seen.append(view)
        assert context.user_id == "U0ADA"
        await ack(response_action="clear")

    app.action("go")(on_click)
    app.view("form")(on_form)
    clicked = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=CLICK))
    submitted = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=FORM))
    assert seen == [CLICK["actions"][0], FORM["view"]]
    assert (clicked.status, submitted.body) == (200, '{"response_action": "clear"}')


async def test_a_method_may_listen(app: BotApp) -> None:
    class Listener:
        def __init__(self) -> None:
            self.heard: list[Json] = []

        async def on_click(self, ack: AsyncAck, action: Json) -> None:
            self.heard.append(action)
            await ack()

    listener = Listener()
    app.action("go")(listener.on_click)
    await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body={**CLICK, "trigger_id": "9.9.9"}))
    assert [action["value"] for action in listener.heard] == ["v"]


def test_an_unknown_argument_is_refused_when_the_listener_is_attached(app: BotApp) -> None:
    async def on_click(ack: AsyncAck, boddy: Json) -> None:
        await ack(text=str(boddy))

    with pytest.raises(TypeError, match=r"names \['boddy'\]"):
        app.action("go")(on_click)


def test_all_listeners_of_the_bot_are_called_this_way(app: BotApp) -> None:
    async def on_click(ack: AsyncAck) -> None:
        await ack()

    app.action("go")(on_click)
    app.event("app_home_opened")(on_click)
    assert {type(listener) for listener in app._async_listeners} == {NamedArguments}
    assert set(ARGUMENTS) >= {"ack", "body"}
