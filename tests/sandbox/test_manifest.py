"""What an app's manifest lets it have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.context.complete.async_complete import AsyncComplete
from slack_bolt.context.fail.async_fail import AsyncFail
from slack_sdk.errors import SlackApiError

from bot.sandbox.manifest import read_manifest
from bot.sandbox.person import SandboxError
from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, http_app

Json = dict[str, Any]


def manifest(**changes: Any) -> Json:
    """A manifest with everything on; `changes` replace whole parts."""
    parts: Json = {
        "scopes": ["commands", "chat:write", "im:history"],
        "events": ["message.im", "app_home_opened", "function_executed"],
        "interactive": True,
        "home": True,
        **changes,
    }
    return {
        "features": {
            "slash_commands": [{"command": "/dataset", "description": "d", "usage_hint": "u", "should_escape": False}],
            "shortcuts": [{"type": "global", "callback_id": "register", "name": "Register", "description": "d"}],
            "app_home": {"home_tab_enabled": parts["home"]},
        },
        "functions": {"register_step": {"title": "Register"}},
        "oauth_config": {"scopes": {"bot": parts["scopes"]}},
        "settings": {
            "event_subscriptions": {"bot_events": parts["events"]},
            "interactivity": {"is_enabled": parts["interactive"]},
        },
    }


@asynccontextmanager
async def running(**changes: Any) -> AsyncIterator[tuple[LocalSlack, BoltApp]]:
    async with LocalSlack(manifest=manifest(**changes)) as slack, http_app(slack) as app:
        yield slack, app


def test_reading() -> None:
    read = read_manifest(manifest())
    assert [command.command for command in read.commands] == ["/dataset"]
    assert read.shortcuts[0].callback_id == "register"
    assert [step.callback_id for step in read.functions] == ["register_step"]
    assert read_manifest(None).interactive


async def test_text_stays_as_typed_without_should_escape() -> None:
    async with running() as (slack, app):
        await slack.person("U0ADA").command("C0DATA", "/dataset", "give @ben")
        assert (await app.wait("command"))["text"] == "give @ben"


async def test_commands_need_their_scope() -> None:
    async with running(scopes=["chat:write"]) as (slack, app):
        answer = await slack.person("U0ADA").command("C0DATA", "/dataset")
        assert (answer["error"], app.seen("command")) == ("unknown_command", [])


async def test_events_need_subscription_and_scope() -> None:
    async with running(scopes=["chat:write"]) as (slack, app):
        ada = slack.person("U0ADA")
        await ada.say(await ada.dm(), "unheard")
        await ada.open_home()
        await app.wait("app_home_opened")
        assert app.seen("message") == []


async def test_interactivity_switched_off() -> None:
    async with running(interactive=False) as (slack, app):
        assert (await slack.person("U0ADA").shortcut("register"))["error"] == "dispatch_failed"
        assert app.seen("shortcut") == []


async def test_shortcuts_are_those_of_the_manifest() -> None:
    async with running() as (slack, app):
        assert (await slack.person("U0ADA").shortcut("register"))["ok"]
        assert (await slack.person("U0ADA").shortcut("other"))["error"] == "unknown_shortcut"
        assert len(app.seen("shortcut")) == 1


async def test_home_tab_switched_off() -> None:
    async with running(home=False) as (_, app):
        with pytest.raises(SlackApiError, match="not_enabled"):
            await app.app.client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []})


async def test_custom_step_is_completed_once() -> None:
    async with running() as (slack, app):

        @app.app.function("register_step", auto_acknowledge=True)
        async def step(inputs: Json, complete: AsyncComplete, fail: AsyncFail) -> None:
            if inputs["name"] == "bad":
                await fail("That name is taken")
            else:
                await complete({"version": "1"})

        ada = slack.person("U0ADA")
        done = await ada.run_step("register_step", {"name": "sales"})
        assert (done["status"], done["outputs"]) == ("completed", {"version": "1"})
        failed = await ada.run_step("register_step", {"name": "bad"})
        assert (failed["status"], failed["error"]) == ("failed", "That name is taken")
        execution = next(iter(slack.world.executions))
        with pytest.raises(SlackApiError, match="not_in_running_state"):
            await app.app.client.functions_completeSuccess(function_execution_id=execution, outputs={})
        with pytest.raises(SandboxError, match="unknown_function"):
            await ada.run_step("other_step", {})
