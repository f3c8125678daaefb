"""manifest.yml and the code say the same, and Slack would take it."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.http_paths import EVENTS_PATH
from bot.manifest import for_http, for_socket_mode, read_manifest
from bot.sandbox.scopes import APP_LEVEL_METHODS, PUBLIC_METHODS, SCOPES_BY_EVENT, SCOPES_BY_METHOD
from handlers import shortcuts
from handlers.access import step
from handlers.command_table import TABLE

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "handlers").rglob("*.py"), *(ROOT / "bot").glob("*.py")])
MANIFEST: dict[str, Any] = read_manifest()
FEATURES = MANIFEST["features"]
SCOPES = frozenset(MANIFEST["oauth_config"]["scopes"]["bot"])

METHODS = {method.replace(".", "_").lower(): method for method in (*SCOPES_BY_METHOD, *PUBLIC_METHODS)} | {
    method.replace(".", "_").lower(): method for method in APP_LEVEL_METHODS
}
"""Web API methods by the folded name of their function in slack_sdk's clients (`chat_postMessage`)."""

WITHOUT_METHOD = {"commands"}
"""Scopes that let something reach the app instead of letting it call something."""

FIELDS = {"users:read.email": ("handlers/access/people.py", 'profile.get("email")')}
"""Scopes that fill a field of an answer, with the file and the words that read it."""

_NOTICED = {"channels:history", "groups:history", "im:history"}
ANY_OF = {
    "conversations.info": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations.history": _NOTICED,
    "conversations.replies": _NOTICED,
    "conversations.open": {"im:write"},
}
"""Methods whose scopes each open one kind of conversation: those kinds that the bot uses the method for.

Commands are typed in all; notices go to channels and persons.
"""


def calls() -> Iterator[tuple[str, str]]:
    """(file, attribute) of every method call in handlers and bot."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                yield path.name, node.attr


def listened(method: str) -> set[str]:
    """First arguments of `app.method(…)`: constants and the names of constants, in handlers."""
    found = set()
    for path in sorted((ROOT / "handlers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == method
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "app"
            ):
                argument = node.args[0]
                found.add(argument.value if isinstance(argument, ast.Constant) else ast.unparse(argument))
    return {str(each) for each in found}


SUBSCRIBED: list[str] = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
USED_METHODS = {METHODS[name.lower()] for _, name in calls() if "_" in name and name.lower() in METHODS}


def test_the_scan_sees_the_methods_that_the_bot_surely_calls() -> None:
    views = {"views.open", "views.update", "views.push", "views.publish"}
    assert views | {"chat.postMessage", "users.info"} <= USED_METHODS


def test_every_method_called_is_known_to_the_scope_table() -> None:
    looks_like_method = re.compile(
        r"(chat|views|users|usergroups|conversations|files|reactions|team|bots|auth|functions|entity|apps|admin)_[a-zA-Z_]+"
    )
    from slack_sdk.web.async_client import AsyncWebClient

    unknown = {
        (file, name)
        for file, name in calls()
        if looks_like_method.fullmatch(name) and hasattr(AsyncWebClient, name) and name.lower() not in METHODS
    }
    assert unknown == set()


def test_scopes_are_exactly_what_the_called_methods_need() -> None:
    needed: set[str] = set(WITHOUT_METHOD)
    for method in USED_METHODS & SCOPES_BY_METHOD.keys():
        scopes = SCOPES_BY_METHOD[method]
        if method in ANY_OF:
            needed |= ANY_OF[method]
        elif scopes:
            assert len(scopes) == 1, f"{method} can be opened by several scopes: decide which in ANY_OF"
            needed |= scopes
    for event in SUBSCRIBED:
        needed |= SCOPES_BY_EVENT[event]
    for scope, (file, words) in FIELDS.items():
        assert words in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not read what {scope} is for"
        needed.add(scope)
    assert needed == SCOPES


def test_every_slash_command_is_routed_and_the_other_way_round() -> None:
    assert tuple(each["command"] for each in FEATURES["slash_commands"]) == TABLE.slashes


@pytest.mark.parametrize("entry", FEATURES["slash_commands"], ids=lambda entry: str(entry["command"]))
def test_usage_hints_name_the_commands_of_the_table(entry: dict[str, Any]) -> None:
    assert entry["usage_hint"].split("|") == [*(each.name for each in TABLE.of(entry["command"])), "help"]
    assert entry["should_escape"] is True  # the grammar reads mentions as Slack escapes them


def test_shortcuts_are_listened_to_and_the_other_way_round() -> None:
    assert {each["callback_id"] for each in FEATURES["shortcuts"]} == {shortcuts.REGISTER, shortcuts.REQUEST_ACCESS}
    assert listened("shortcut") == {"REGISTER", "REQUEST_ACCESS"}


def test_events_are_listened_to_and_the_other_way_round() -> None:
    # Slack subscribes to messages by kind of conversation and delivers all of them as "message".
    # A custom step's execution is an event with a method of its own.
    assert {event.partition(".")[0] for event in SUBSCRIBED} - {"function_executed"} == listened("event")


def test_custom_steps_are_listened_to_and_the_other_way_round() -> None:
    assert set(MANIFEST["functions"]) == {step.CALLBACK}
    assert listened("function") == {"CALLBACK"}
    assert "function_executed" in SUBSCRIBED
    declared = MANIFEST["functions"][step.CALLBACK]["input_parameters"]["properties"]
    assert set(declared) == {field.name for field in fields(step.StepInputs)}
    assert declared["requester"]["type"] == "slack#/types/user_context", "who asks must not be for a builder to say"
    assert MANIFEST["settings"]["function_runtime"] == "remote"
    assert MANIFEST["settings"]["org_deploy_enabled"] is True


def test_home_and_forms_are_switched_on() -> None:
    assert FEATURES["app_home"]["home_tab_enabled"] is True
    assert FEATURES["app_home"]["messages_tab_enabled"] is True  # answers to what is done in the Home tab
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True


def test_limits_of_names_and_descriptions() -> None:
    about = MANIFEST["display_information"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert 175 <= len(about["long_description"]) <= 4000
    assert len(FEATURES["bot_user"]["display_name"]) <= 80
    assert len(FEATURES["slash_commands"]) <= 50
    for command in FEATURES["slash_commands"]:
        assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    assert len(FEATURES["shortcuts"]) <= 10
    for shortcut in FEATURES["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert len(shortcut["callback_id"]) <= 255


def test_one_transport_at_a_time() -> None:
    socket, http = for_socket_mode(MANIFEST), for_http(MANIFEST, "https://bot.example")
    assert "https://" not in json.dumps(socket)
    assert socket["settings"]["socket_mode_enabled"] is True
    url = "https://bot.example" + EVENTS_PATH
    assert http["settings"]["socket_mode_enabled"] is False
    assert {each["url"] for each in http["features"]["slash_commands"]} == {url}
    assert http["settings"]["event_subscriptions"]["request_url"] == url
    assert http["settings"]["interactivity"]["request_url"] == url


@pytest.mark.skipif("SLACK_MANIFEST_SCHEMA" not in os.environ, reason="SLACK_MANIFEST_SCHEMA does not name a file")
@pytest.mark.parametrize("manifest", [MANIFEST, for_http(MANIFEST, "https://bot.example")], ids=["socket mode", "http"])
def test_slack_s_own_schema_takes_it(manifest: dict[str, Any]) -> None:
    schema = json.loads(Path(os.environ["SLACK_MANIFEST_SCHEMA"]).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    problems = [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(manifest)]
    assert problems == []
    broken = {**manifest, "display_information": {"name": "x" * 36}}
    assert list(jsonschema.Draft7Validator(schema).iter_errors(broken))
