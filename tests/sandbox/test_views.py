"""Modals and App Home: triggers, hashes, the stack, external ids, sizes, submissions."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, modal, plain
from tests.sandbox.conftest import Clock

Json = dict[str, Any]


def trigger(slack: LocalSlack, user: str = "U0ADA") -> str:
    return slack.workspace.tickets.trigger(user)


async def code(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_trigger_works_once_and_for_three_seconds(
    slack: LocalSlack, client: AsyncWebClient, clock: Clock
) -> None:
    first = trigger(slack)
    await client.views_open(trigger_id=first, view=modal())
    assert await code(client.views_open(trigger_id=first, view=modal())) == "exchanged_trigger_id"
    late = trigger(slack)
    clock.skipped += 3.1
    assert await code(client.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await code(client.views_open(trigger_id="1.2.abc", view=modal())) == "invalid_trigger_id"


async def test_a_refused_view_leaves_the_trigger_usable(slack: LocalSlack, client: AsyncWebClient) -> None:
    ticket = trigger(slack)
    assert await code(client.views_open(trigger_id=ticket, view=modal(title="x" * 25))) == "invalid_arguments"
    assert (await client.views_open(trigger_id=ticket, view=modal()))["ok"]


async def test_stack_holds_three(slack: LocalSlack, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    root = (await client.views_open(trigger_id=trigger(slack), view=modal()))["view"]
    second = (await client.views_push(trigger_id=trigger(slack), view=modal(title="Second")))["view"]
    assert (second["root_view_id"], second["previous_view_id"]) == (root["id"], root["id"])
    await client.views_push(trigger_id=trigger(slack), view=modal(title="Third"))
    assert await code(client.views_push(trigger_id=trigger(slack), view=modal())) == "push_limit_reached"
    assert [view.title for view in await ada.views()] == ["Form", "Second", "Third"]
    await ada.close((await ada.views())[-1])
    assert [view.title for view in await ada.views()] == ["Form", "Second"]
    await ada.close((await ada.views())[-1], is_cleared=True)
    assert await ada.view() is None
    assert await code(client.views_push(trigger_id=trigger(slack), view=modal())) == "not_found"


async def test_closing_with_clear_on_close_takes_the_stack(slack: LocalSlack, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    await client.views_open(trigger_id=trigger(slack), view=modal())
    await client.views_push(trigger_id=trigger(slack), view=modal(clear_on_close=True))
    await ada.close((await ada.views())[-1])
    assert await ada.views() == []


async def test_hash_guards_updates(slack: LocalSlack, client: AsyncWebClient) -> None:
    view = (await client.views_open(trigger_id=trigger(slack), view=modal()))["view"]
    newer = (await client.views_update(view_id=view["id"], hash=view["hash"], view=modal(title="New")))["view"]
    assert newer["hash"] != view["hash"]
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal(title="Old"))
    assert await code(stale) == "hash_conflict"
    assert (await client.views_update(view_id=view["id"], view=modal(title="Unguarded")))["ok"]
    await slack.person("U0ADA").close(await slack.person("U0ADA").wait_view())
    assert await code(client.views_update(view_id=view["id"], view=modal())) == "not_found"


async def test_external_id_is_unique_while_open(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.views_open(trigger_id=trigger(slack), view=modal(external_id="one"))
    other = client.views_open(trigger_id=trigger(slack, "U0BEN"), view=modal(external_id="one"))
    assert await code(other) == "duplicate_external_id"
    assert (await client.views_update(external_id="one", view=modal(title="By name", external_id="one")))["ok"]


async def test_view_size_in_bytes(slack: LocalSlack, client: AsyncWebClient) -> None:
    long = [{"type": "section", "text": {"type": "plain_text", "text": "é" * 1400}} for _ in range(95)]
    view = {"type": "modal", "title": plain("Big"), "blocks": long}
    assert await code(client.views_open(trigger_id=trigger(slack), view=view)) == "view_too_large"


async def test_home_is_per_person_and_guarded_by_its_hash(slack: LocalSlack, client: AsyncWebClient) -> None:
    def home(text: str) -> Json:
        return {"type": "home", "blocks": [{"type": "section", "text": plain(text)}]}

    first = (await client.views_publish(user_id="U0ADA", view=home("one")))["view"]
    await client.views_publish(user_id="U0ADA", view=home("two"), hash=first["hash"])
    stale = client.views_publish(user_id="U0ADA", view=home("three"), hash=first["hash"])
    assert await code(stale) == "hash_conflict"
    assert "two" in (await slack.person("U0ADA").wait_home()).shown
    assert await slack.person("U0BEN").home() is None


async def open_form(slack: LocalSlack, client: AsyncWebClient, **more: Any) -> None:
    await client.views_open(trigger_id=trigger(slack), view=modal(**more))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("taken", {"ok": True, "response_action": "errors", "errors": {"name": "That name is taken"}}),
        ("update", {"ok": True, "response_action": "update"}),
        ("push", {"ok": True, "response_action": "push"}),
        ("clear", {"ok": True, "response_action": "clear"}),
    ],
)
async def test_submission_answers(
    slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient, name: str, expected: Json
) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client)
    assert await ada.submit(await ada.wait_view("form"), {"name": name}) == expected
    titles = [view.title for view in await ada.views()]
    assert titles == {"update": ["Working"], "push": ["Form", "Again"], "clear": [], "taken": ["Form"]}[name]


@pytest.mark.parametrize("name", ["stray", "badview", "crash"])
async def test_a_broken_answer_keeps_the_modal(
    slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient, name: str
) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client)
    answer = await ada.submit(await ada.wait_view("form"), {"name": name})
    failed = {"dispatch_failed", "operation_timeout"}  # Bolt answers 500 over HTTP, nothing on a socket
    assert not answer["ok"]
    assert answer["error"] in (failed if name == "crash" else {"invalid_response"})
    assert [view.title for view in await ada.views()] == ["Form"]


async def test_a_modal_opened_during_a_submission_does_not_stay(
    slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient
) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client)
    assert (await ada.submit(await ada.wait_view("form"), {"name": "open"}))["ok"]
    assert await ada.views() == []


async def test_slack_itself_refuses_empty_and_malformed_inputs(
    slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient
) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client)
    view = await ada.wait_view("form")
    assert set((await ada.submit(view))["errors"]) == {"name"}
    assert "at most 20" in (await ada.submit(view, {"name": "x" * 21}))["errors"]["name"]
    state = await ada.fill(view, {"name": "ok"})
    state.values["kind"]["kind"]["selected_option"] = {"text": plain("Odd"), "value": "odd"}
    assert set((await ada.submit(view, state))["errors"]) == {"kind"}
    assert bolt.seen("submission") == []


async def test_submission_payload_has_slacks_fields(slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client, private_metadata="m", notify_on_close=True)
    await ada.submit(await ada.wait_view("form"), {"name": "sales"})
    body = await bolt.wait("submission")
    assert body["user"] == {"id": "U0ADA", "username": "ada", "name": "ada", "team_id": "T0LOCAL"}
    assert body["team"] == {"id": "T0LOCAL", "domain": "northwind"}
    assert (body["enterprise"], body["is_enterprise_install"], body["response_urls"]) == (None, False, [])
    assert {"id", "team_id", "state", "hash", "root_view_id", "app_id", "bot_id", "external_id"} <= set(body["view"])
    assert body["view"]["private_metadata"] == "m"
    assert bolt.seen("closed") == [], "submitting does not count as closing"


async def test_view_closed_is_told_when_asked(slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client, notify_on_close=True)
    await ada.close(await ada.wait_view("form"), is_cleared=True)
    assert (await bolt.wait("closed"))["is_cleared"] is True


async def test_action_in_a_view_updates_it_and_keeps_what_was_typed(
    slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient
) -> None:
    ada = slack.person("U0ADA")
    await open_form(slack, client)
    view = await ada.wait_view("form")
    assert (await ada.click(view, "kind", "tabular", state={"name": "sales"}))["ok"]
    changed = await ada.wait_view("form", contains="Changed")
    assert changed.raw["state"]["values"]["name"]["value"]["value"] == "sales"
    body = await bolt.wait("action")
    assert body["container"] == {"type": "view", "view_id": view.id}
    assert body["actions"][0]["selected_option"]["value"] == "tabular"
    assert "response_url" not in body


async def test_another_person_cannot_touch_the_modal(slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient) -> None:
    await open_form(slack, client)
    view = await slack.person("U0ADA").wait_view("form")
    assert (await slack.person("U0BEN").submit(view, {"name": "x"}))["error"] == "not_found"


async def test_files_in_a_modal_arrive_whole(slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    view = modal()
    upload = {"type": "file_input", "action_id": "file", "filetypes": ["csv"], "max_files": 1}
    view["blocks"].append({"type": "input", "block_id": "file", "label": plain("File"), "element": upload})
    await client.views_open(trigger_id=trigger(slack), view=view)
    file_id = await ada.upload("sales.csv", b"a,b\n1,2\n")
    await ada.submit(await ada.wait_view("form"), {"name": "sales", "file": [file_id]})
    files = (await bolt.wait("submission"))["view"]["state"]["values"]["file"]["file"]["files"]
    assert (files[0]["name"], files[0]["size"], files[0]["user"]) == ("sales.csv", 8, "U0ADA")
