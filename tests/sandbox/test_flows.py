"""What people do, end to end, with a real Bolt app over signed HTTP and over Socket Mode."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.person import SandboxError
from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, card, http_app
from tests.sandbox.conftest import Clock

Json = dict[str, Any]


async def test_command_answer_is_ephemeral_and_mentions_are_escaped(slack: LocalSlack, bolt: BoltApp) -> None:
    ada, ben = slack.person("U0ADA"), slack.person("U0BEN")
    assert await ada.command("C0DATA", "/dataset", "grant @ben #data a&b <!channel>") == {"ok": True}
    message = await ada.wait_message("C0DATA", "You said")
    assert message.ephemeral
    assert not [m for m in await ben.messages("C0DATA") if "You said" in m.shown]
    body = await bolt.wait("command")
    assert body["text"] == "grant <@U0BEN|ben> <#C0DATA|data> a&amp;b &lt;!channel&gt;"
    assert (body["user_name"], body["channel_name"], body["team_domain"]) == ("ada", "data", "northwind")
    assert {"api_app_id", "token", "trigger_id", "response_url", "is_enterprise_install"} <= set(body)


async def test_what_is_typed_becomes_rich_text(slack: LocalSlack) -> None:
    said = await slack.person("U0ADA").say(
        "C0DATA", "@ben @data-owners @here #data https://a.example/?x=1&y=2 <b> @nobody"
    )
    assert said.text == (
        "<@U0BEN> <!subteam^S0OWNERS> <!here> <#C0DATA|data> <https://a.example/?x=1&amp;y=2> &lt;b&gt; @nobody"
    )
    elements = said.blocks[0]["elements"][0]["elements"]
    assert [e["type"] for e in elements if e["type"] != "text"] == ["user", "usergroup", "broadcast", "channel", "link"]
    assert elements[-2]["url"] == "https://a.example/?x=1&y=2"
    assert elements[-1]["text"] == " <b> @nobody"


async def test_command_answer_for_the_channel(slack: LocalSlack, bolt: BoltApp) -> None:
    await slack.person("U0ADA").command("C0DATA", "/dataset", "share")
    message = await slack.person("U0BEN").wait_message("C0DATA", "shared")
    assert not message.ephemeral


async def test_commands_are_not_offered_in_threads(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    root = await ada.say("C0DATA", "root")
    answer = await ada.call("command", channel="C0DATA", command="/dataset", text="", thread_ts=root.ts)
    assert answer["error"] == "not_supported_in_threads"
    assert bolt.seen("command") == []


async def test_register_through_the_modal(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    assert (await ada.command("C0DATA", "/dataset", "form"))["ok"]
    view = await ada.wait_view("form")
    assert [o["value"] for o in await ada.suggest(view, "store", "la")] == ["lake"]
    refused = await ada.submit(view, {"name": "taken"})
    assert refused["errors"] == {"name": "That name is taken"}
    done = await ada.submit(view, {"name": "sales", "store": "lake", "kind": "Tabular"})
    assert (done["ok"], done["response_action"]) == (True, None)
    await ada.wait_no_view()
    values = bolt.seen("submission")[1]["view"]["state"]["values"]
    assert values["store"]["store"]["selected_option"]["value"] == "lake"
    assert values["kind"]["kind"]["selected_option"]["value"] == "tabular"


async def test_options_beyond_the_limits_are_refused(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.command("C0DATA", "/dataset", "form")
    view = await ada.wait_view("form")
    for typed in ("toomany", "toolong"):
        with pytest.raises(SandboxError, match="invalid_response"):
            await ada.suggest(view, "store", typed)
    body = bolt.seen("options")[0]
    assert (body["value"], body["action_id"], body["block_id"]) == ("toomany", "store", "store")
    assert body["container"] == {"type": "view", "view_id": view.id}


async def test_fill_refuses_what_is_not_offered(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.command("C0DATA", "/dataset", "form")
    view = await ada.wait_view("form")
    with pytest.raises(SandboxError, match="not offered"):
        await ada.fill(view, {"kind": "cube"})
    with pytest.raises(SandboxError, match="not offered"):
        await ada.fill(view, {"store": "nowhere"})
    with pytest.raises(SandboxError, match="no block"):
        await ada.fill(view, {"colour": "red"})


async def test_click_replaces_the_message(slack: LocalSlack, bolt: BoltApp) -> None:
    ada, ben = slack.person("U0ADA"), slack.person("U0BEN")
    await ada.command("C0DATA", "/dataset", "card")
    message = await ben.wait_message("C0DATA", "Please decide")
    assert await ben.click(message, "approve") == {"ok": True}
    assert (await ada.wait_message("C0DATA", "approved")).ts == message.ts
    body = await bolt.wait("action")
    assert body["user"]["id"] == "U0BEN"
    assert body["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": "C0DATA",
        "is_ephemeral": False,
    }
    assert body["message"]["blocks"][1]["block_id"] == "row"
    action = body["actions"][0]
    assert (action["type"], action["value"], action["block_id"]) == ("button", "r1", "row")
    assert {"action_ts", "text"} <= set(action)
    assert (await ben.click(message, "approve"))["error"] == "action_not_found", "the button is gone"


async def test_click_in_an_ephemeral_message(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.command("C0DATA", "/dataset", "hidden")
    message = await ada.wait_message("C0DATA", "Only you")
    assert message.ephemeral
    await ada.click(message, "approve")
    assert (await ada.wait_message("C0DATA", "approved")).ephemeral
    body = await bolt.wait("action")
    assert body["container"]["is_ephemeral"]
    assert "message" not in body
    assert (await slack.person("U0BEN").click(message, "approve"))["error"] == "message_not_found"


async def test_home_opens_and_is_published(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.open_home()
    home = await ada.wait_home("Welcome")
    body = await bolt.wait("app_home_opened")
    assert (body["event"]["tab"], body["event"]["channel"]) == ("home", "D0ADA")
    assert {"event_id", "event_time", "authorizations", "api_app_id", "event_context"} <= set(body)
    assert (await ada.click(home, "open"))["ok"]
    await ada.wait_view("form")


async def test_shortcuts(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    assert (await ada.shortcut("register"))["ok"]
    await ada.close(await ada.wait_view("form"))
    said = await ada.say("C0DATA", "look at this")
    assert (await ada.shortcut("register", said))["ok"]
    await ada.wait_view("form")
    first, second = bolt.seen("shortcut")
    assert (first["type"], second["type"]) == ("shortcut", "message_action")
    assert second["message"]["text"] == "look at this"
    assert {"response_url", "trigger_id", "message_ts", "channel", "action_ts"} <= set(second)


async def test_events_of_messages_files_and_people(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.say("C0DATA", "hello @dataset_bot")
    mention = await bolt.wait("app_mention")
    assert mention["event"]["text"] == "hello <@U0BOT>"
    await ada.say(await ada.dm(), "hi")
    direct = (await bolt.wait("message", 2))["event"]
    assert (direct["channel_type"], direct["text"], direct["channel"]) == ("im", "hi", "D0ADA")
    file_id = await ada.upload("sales.csv", b"a,b\n", "C0DATA")
    assert (await bolt.wait("file_shared"))["event"]["file_id"] == file_id
    await ada.invite("C0RANDOM", "U0BOT")
    joined = (await bolt.wait("member_joined_channel"))["event"]
    assert (joined["user"], joined["inviter"], joined["channel"]) == ("U0BOT", "U0ADA", "C0RANDOM")


async def test_a_strangers_event_says_where_it_comes_from(slack: LocalSlack, bolt: BoltApp) -> None:
    await slack.person("U0SAM").say("C0SHARED", "hello @dataset_bot")
    body = await bolt.wait("app_mention")
    assert (body["is_ext_shared_channel"], body["event"]["team"]) == (True, "T0OTHER")
    await slack.person("U0SAM").command("C0SHARED", "/dataset", "list")
    assert (await bolt.wait("command"))["user_id"] == "U0SAM"


async def test_links_unfurl(clock: Clock) -> None:
    manifest = {
        "features": {"unfurl_domains": ["ml.azure.com"], "slash_commands": []},
        "settings": {"event_subscriptions": {"bot_events": ["link_shared"]}},
        "oauth_config": {"scopes": {"bot": ["links:read", "links:write"]}},
    }
    async with LocalSlack(manifest=manifest, clock=clock) as slack, http_app(slack) as app:
        ada = slack.person("U0ADA")
        url = "https://ml.azure.com/data/sales?a=1&b=2"
        said = await ada.say("C0DATA", f"see {url} and https://other.example")
        event = (await app.wait("link_shared"))["event"]
        assert event["links"] == [{"domain": "ml.azure.com", "url": url}]
        client = app.app.client
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "sales:3"}}
        await client.chat_unfurl(
            unfurl_id=event["unfurl_id"], source=event["source"], unfurls={url: {"blocks": [block]}}
        )
        assert "sales:3" in (await ada.wait_message("C0DATA", "sales:3")).shown
        with pytest.raises(SlackApiError, match="cannot_unfurl_url"):
            await client.chat_unfurl(channel="C0DATA", ts=said.ts, unfurls={"https://ml.azure.com/x": {"text": "x"}})
        with pytest.raises(SlackApiError, match="invalid_unfurls_format"):
            await client.chat_unfurl(channel="C0DATA", ts=said.ts, unfurls={url: "text"})  # type: ignore[dict-item]
        assert app.seen("app_mention") == [], "not subscribed"


async def response_url(slack: LocalSlack, bolt: BoltApp) -> str:
    await slack.person("U0ADA").command("C0DATA", "/dataset", "hello")
    return str((await bolt.wait("command"))["response_url"])


async def test_response_url_works_five_times(slack: LocalSlack, bolt: BoltApp) -> None:
    hook = AsyncWebhookClient(await response_url(slack, bolt))
    for number in range(5):
        assert (await hook.send(text=f"answer {number}", response_type="in_channel")).status_code == 200
    refused = await hook.send(text="too many")
    assert (refused.status_code, "used_url" in refused.body) == (404, True)
    assert (await slack.person("U0BEN").wait_message("C0DATA", "answer 4")).ephemeral is False


async def test_a_commands_response_url_replaces_nothing(slack: LocalSlack, bolt: BoltApp) -> None:
    hook = AsyncWebhookClient(await response_url(slack, bolt))
    await hook.send(text="working")
    await hook.send(text="done", replace_original=True)
    texts = [message.text for message in await slack.person("U0ADA").messages("C0DATA")]
    assert texts[-2:] == ["working", "done"]


async def test_response_url_expires_and_checks_blocks(slack: LocalSlack, bolt: BoltApp, clock: Clock) -> None:
    hook = AsyncWebhookClient(await response_url(slack, bolt))
    assert "no_text" in (await hook.send(response_type="ephemeral")).body
    bad = await hook.send(text="x", blocks=[{"type": "nonsense"}])
    assert (bad.status_code, "invalid_blocks" in bad.body) == (400, True)
    clock.skipped += 1801
    assert "expired_url" in (await hook.send(text="x")).body
    assert "invalid_url" in (await AsyncWebhookClient(f"{slack.url}/respond/none").send(text="x")).body


async def test_response_url_deletes_the_original(slack: LocalSlack, bolt: BoltApp) -> None:
    ada = slack.person("U0ADA")
    await ada.command("C0DATA", "/dataset", "hidden")
    message = await ada.wait_message("C0DATA", "Only you")
    await ada.click(message, "open")
    hook = AsyncWebhookClient((await bolt.wait("action"))["response_url"])
    await hook.send(delete_original=True)
    assert not [m for m in await ada.messages("C0DATA") if "Only you" in m.shown]


async def test_threads_carry_their_root_into_actions(slack: LocalSlack, bolt: BoltApp, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    root = await ada.say("C0DATA", "root")
    await client.chat_postMessage(channel="C0DATA", thread_ts=root.ts, text="card", blocks=card("In the thread"))
    message = await ada.wait_message("C0DATA", "In the thread", thread_ts=root.ts)
    await ada.click(message, "open")
    assert (await bolt.wait("action"))["container"]["thread_ts"] == root.ts


async def test_guests_and_former_people(slack: LocalSlack, bolt: BoltApp) -> None:
    with pytest.raises(SandboxError, match="channel_not_found"):
        await slack.person("U0GUS").say("C0GENERAL", "x")
    assert (await slack.person("U0GUS").command("C0DATA", "/dataset", "x"))["ok"], "the app has to refuse guests"
    answer = await slack.person("U0DEE").command("C0DATA", "/dataset", "x")
    assert answer["error"] == "user_cannot_act"
    assert (await slack.person("U0BEN").command("G0OWNERS", "/dataset", "x"))["error"] == "channel_not_found"
    with pytest.raises(SandboxError, match="is_archived"):
        await slack.person("U0ADA").say("C0OLD", "x")
