"""The Web API through the real client: what works, and every refusal with Slack's code."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Faults
from bot.sandbox.server import LocalSlack

Json = dict[str, Any]


async def refusal(client: AsyncWebClient, method: str, **arguments: Any) -> Json:
    """The refusing answer of a call."""
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=arguments)
    body: Json = caught.value.response.data
    return body


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
POST = "chat.postMessage"

REFUSALS: list[tuple[str, Json, str]] = [
    ("no.such.method", {}, "unknown_method"),
    (POST, {"text": "x"}, "channel_not_found"),
    (POST, {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
    (POST, {"channel": "U0DEE", "text": "x"}, "channel_not_found"),
    (POST, {"channel": "U0OTHERBOT", "text": "x"}, "channel_not_found"),
    (POST, {"channel": "C0RANDOM", "text": "x"}, "not_in_channel"),
    (POST, {"channel": "C0OLD", "text": "x"}, "is_archived"),
    (POST, {"channel": "C0DATA"}, "no_text"),
    (POST, {"channel": "C0DATA", "text": "x" * 40_001}, "msg_too_long"),
    (POST, {"channel": "C0DATA", "text": "x", "blocks": "{"}, "invalid_blocks_format"),
    (POST, {"channel": "C0DATA", "text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
    (POST, {"channel": "C0DATA", "text": "x", "blocks": [SECTION]}, "invalid_blocks"),
    (POST, {"channel": "C0DATA", "text": "x", "attachments": [{"blocks": [SECTION]}]}, "invalid_attachments"),
    (POST, {"channel": "C0DATA", "text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
    (POST, {"channel": "C0DATA", "text": "x", "metadata": {"event_type": 1}}, "invalid_metadata_format"),
    (POST, {"channel": "C0DATA", "text": "x", "thread_ts": "1.2"}, "thread_not_found"),
    (POST, {"channel": "C0DATA", "markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
    (POST, {"channel": "C0DATA", "text": "x", "username": "Boss"}, "missing_scope"),
    ("chat.postEphemeral", {"channel": "C0DATA", "text": "x"}, "user_not_found"),
    ("chat.postEphemeral", {"channel": "G0OWNERS", "text": "x", "user": "U0BEN"}, "user_not_in_channel"),
    ("chat.update", {"channel": "C0DATA", "ts": "1.2", "text": "x"}, "message_not_found"),
    ("chat.update", {"channel": "C0NONE", "ts": "1.2", "text": "x"}, "channel_not_found"),
    ("chat.delete", {"channel": "C0DATA", "ts": "1.2"}, "message_not_found"),
    ("chat.getPermalink", {"channel": "C0DATA", "message_ts": "1.2"}, "message_not_found"),
    ("chat.scheduleMessage", {"channel": "C0DATA", "text": "x", "post_at": 5}, "time_in_past"),
    ("chat.scheduleMessage", {"channel": "C0DATA", "text": "x", "post_at": 9_999_999_999}, "time_too_far"),
    ("chat.scheduleMessage", {"channel": "C0DATA", "text": "x"}, "invalid_time"),
    ("chat.unfurl", {"channel": "C0DATA", "ts": "1.2"}, "missing_unfurls"),
    ("chat.unfurl", {"channel": "C0DATA", "ts": "1.2", "unfurls": {}}, "cannot_find_message"),
    ("chat.unfurl", {"unfurl_id": "x", "source": "composer", "unfurls": {}}, "invalid_unfurl_id"),
    ("views.open", {"trigger_id": "1.2.x"}, "invalid_arguments"),
    ("views.open", {"view": {}}, "invalid_arguments"),
    ("views.update", {"view_id": "V0NONE", "view": {}}, "not_found"),
    ("views.update", {"view": {}}, "invalid_arguments"),
    ("views.publish", {"user_id": "U0BOT", "view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("views.publish", {"user_id": "U0SAM", "view": {"type": "home", "blocks": []}}, "not_enabled"),
    ("users.info", {"user": "U0NONE"}, "user_not_found"),
    ("users.info", {}, "user_not_found"),
    ("users.lookupByEmail", {"email": "nobody@northwind.example"}, "users_not_found"),
    ("users.lookupByEmail", {"email": "dee@northwind.example"}, "users_not_found"),
    ("users.lookupByEmail", {"email": "sam@partner.example"}, "users_not_found"),
    ("users.list", {"cursor": "nonsense"}, "invalid_cursor"),
    ("users.list", {"limit": 5000}, "invalid_limit"),
    ("users.list", {"limit": "many"}, "invalid_arguments"),
    ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
    ("conversations.info", {"channel": "C0NONE"}, "channel_not_found"),
    ("conversations.history", {"channel": "C0RANDOM"}, "not_in_channel"),
    ("conversations.replies", {"channel": "C0DATA", "ts": "1.2"}, "thread_not_found"),
    ("conversations.list", {"types": "clouds"}, "invalid_types"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.open", {"users": "U0DEE"}, "user_disabled"),
    ("conversations.open", {"users": "U0OTHERBOT"}, "cannot_dm_bot"),
    ("conversations.open", {"users": "U0NONE"}, "user_not_found"),
    ("conversations.join", {"channel": "C0OLD"}, "is_archived"),
    ("conversations.join", {"channel": "G0OWNERS"}, "method_not_supported_for_channel_type"),
    ("reactions.add", {"channel": "C0DATA", "timestamp": "1.2", "name": "eyes"}, "message_not_found"),
    ("files.info", {"file": "F0NONE"}, "file_not_found"),
    ("files.getUploadURLExternal", {"filename": "a.csv"}, "invalid_arguments"),
    ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}, "file_not_found"),
    ("files.completeUploadExternal", {}, "invalid_arguments"),
    ("bots.info", {"bot": "B0NONE"}, "bot_not_found"),
    ("blocks.validate", {}, "invalid_arguments"),
    ("functions.completeSuccess", {"function_execution_id": "Fx", "outputs": {}}, "function_execution_not_found"),
    ("functions.completeError", {"error": "x"}, "invalid_arguments"),
    ("entity.presentDetails", {"trigger_id": "1.2.x", "metadata": {}}, "invalid_trigger_id"),
    ("oauth.v2.access", {"client_id": "1", "code": "x"}, "invalid_code"),
    ("apps.connections.open", {}, "not_allowed_token_type"),
]


@pytest.mark.parametrize(("method", "arguments", "code"), REFUSALS)
async def test_refusal(client: AsyncWebClient, method: str, arguments: Json, code: str) -> None:
    assert (await refusal(client, method, **arguments))["error"] == code


async def test_invalid_blocks_say_where(client: AsyncWebClient) -> None:
    body = await refusal(client, POST, channel="C0DATA", text="x", blocks=[SECTION])
    line = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert body["errors"] == [line]
    assert body["response_metadata"]["messages"] == [f"[ERROR] {line}"]


async def test_blocks_validate_needs_no_token_and_gives_pointers(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    client = AsyncWebClient(base_url=f"{slack.url}/api/", session=session)
    assert (await client.api_call("blocks.validate", json={"blocks": [{"type": "divider"}]}))["ok"]
    body = await refusal(
        client, "blocks.validate", view={"type": "modal", "blocks": [{"type": "markdown", "text": "x"}]}
    )
    assert body["error"] == "invalid_view"
    assert {error["pointer"] for error in body["errors"]} == {"", "/blocks/0/type"}
    assert {error["code"] for error in body["errors"]} == {"missing_field", "failed_constraint"}
    body = await refusal(client, "blocks.validate", message={"blocks": [{"type": "alert"}]})
    assert (body["error"], body["errors"][0]["pointer"]) == ("invalid_message", "/blocks/0/type")


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "not_authed"), ("xoxb-wrong", "invalid_auth")],
)
async def test_tokens(slack: LocalSlack, session: aiohttp.ClientSession, token: str, code: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.post(f"{slack.url}/api/auth.test", headers=headers) as response:
        assert await response.json() == {"ok": False, "error": code}


async def test_app_token_opens_connections_only(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    client = AsyncWebClient(token=slack.app_token, base_url=f"{slack.url}/api/", session=session)
    assert (await refusal(client, "auth.test"))["error"] == "not_allowed_token_type"
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    assert url.startswith("ws://127.0.0.1:")


async def test_revoked_token_and_removed_app(slack: LocalSlack, client: AsyncWebClient) -> None:
    slack.faults = Faults(revoked=True)
    assert (await refusal(client, "auth.test"))["error"] == "token_revoked"
    slack.faults = Faults()
    slack.world.users["U0BOT"].deleted = True
    assert (await refusal(client, "auth.test"))["error"] == "account_inactive"


@pytest.mark.parametrize(
    "send",
    [
        lambda s, url, h: s.post(
            url, data={"text": "a&b", "blocks": '[{"type":"divider"}]', "channel": "C0DATA"}, headers=h
        ),
        lambda s, url, h: s.post(
            url, json={"text": "a&b", "blocks": [{"type": "divider"}], "channel": "C0DATA"}, headers=h
        ),
        lambda s, url, h: s.get(
            url, params={"text": "a&b", "blocks": '[{"type":"divider"}]', "channel": "C0DATA"}, headers=h
        ),
        lambda s, url, h: s.post(
            url,
            data=b"channel=C0DATA&text=a%26b&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D",
            headers={**h, "Content-Type": "application/json;charset=utf-8"},
        ),
    ],
    ids=["form", "json", "query", "form under a JSON content type"],
)
async def test_arguments_in_any_encoding(
    slack: LocalSlack, session: aiohttp.ClientSession, send: Callable[..., Any]
) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with send(session, f"{slack.url}/api/chat.postMessage", headers) as response:
        body = await response.json()
    assert body["ok"], body
    assert body["message"]["text"] == "a&b"
    assert body["message"]["blocks"][0]["type"] == "divider"


async def test_scopes_come_from_the_manifest(session: aiohttp.ClientSession) -> None:
    manifest = {"oauth_config": {"scopes": {"bot": ["chat:write", "channels:read"]}}}
    async with LocalSlack(manifest=manifest) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/", session=session)
        body = await refusal(client, "users.info", user="U0ADA")
        assert (body["error"], body["needed"], body["provided"]) == (
            "missing_scope",
            "users:read",
            "channels:read,chat:write",
        )
        assert (await client.conversations_info(channel="C0DATA"))["channel"]["name"] == "data"
        assert (await refusal(client, "conversations.info", channel="G0OWNERS"))["needed"] == "groups:read"
        answer = await client.chat_postMessage(channel="C0DATA", text="x")
        assert answer.headers["X-OAuth-Scopes"] == "channels:read,chat:write"


async def test_posting_uninvited_needs_its_scope(session: aiohttp.ClientSession) -> None:
    manifest = {"oauth_config": {"scopes": {"bot": ["chat:write", "chat:write.public"]}}}
    async with LocalSlack(manifest=manifest) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/", session=session)
        assert (await client.chat_postMessage(channel="C0RANDOM", text="x"))["ok"]


async def test_people_of_every_kind(client: AsyncWebClient) -> None:
    async def user(user_id: str) -> Json:
        found: Json = (await client.users_info(user=user_id))["user"]
        return found

    assert (await user("U0ADA"))["profile"]["email"] == "ada@northwind.example"
    assert (await user("U0GUS"))["is_ultra_restricted"]
    assert (await user("U0MIA"))["is_restricted"]
    stranger = await user("U0SAM")
    assert (stranger["is_stranger"], stranger["team_id"]) == (True, "T0OTHER")
    assert (await user("U0DEE"))["deleted"]
    assert (await user("U0OTHERBOT"))["is_bot"]
    assert len({(await user(u))["tz"] for u in ("U0ADA", "U0BEN", "U0CHIARA")}) == 3
    listed = (await client.users_list(limit=3))["members"]
    assert "U0SAM" not in {member["id"] for member in listed}


async def test_pages_follow_the_cursor(client: AsyncWebClient) -> None:
    seen: list[str] = []
    async for page in await client.conversations_list(limit=2, types="public_channel,private_channel,im"):
        seen += [channel["id"] for channel in page["channels"]]
    assert {"C0DATA", "C0RANDOM", "G0OWNERS", "D0ADA"} <= set(seen)
    assert len(seen) == len(set(seen))


async def test_update_delete_history_and_threads(slack: LocalSlack, client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(
        channel="C0DATA", text="root", metadata={"event_type": "a", "event_payload": {}}
    )
    reply = await client.chat_postMessage(channel="C0DATA", text="reply", thread_ts=root["ts"])
    await client.chat_postEphemeral(channel="C0DATA", user="U0ADA", text="hidden")
    history = (await client.conversations_history(channel="C0DATA", include_all_metadata=True))["messages"]
    assert [(m["text"], m["reply_count"], m["metadata"]["event_type"]) for m in history] == [("root", 1, "a")]
    replies = (await client.conversations_replies(channel="C0DATA", ts=root["ts"]))["messages"]
    assert [m["text"] for m in replies] == ["root", "reply"]
    await client.chat_update(channel="C0DATA", ts=reply["ts"], text="better")
    await client.reactions_add(channel="C0DATA", timestamp=reply["ts"], name="eyes")
    assert (await refusal(client, "reactions.add", channel="C0DATA", timestamp=reply["ts"], name="eyes"))[
        "error"
    ] == "already_reacted"
    ada = slack.person("U0ADA")
    assert [m.text for m in await ada.messages("C0DATA", root["ts"])] == ["root", "better"]
    await client.chat_delete(channel="C0DATA", ts=reply["ts"])
    assert [m.text for m in await ada.messages("C0DATA", root["ts"])] == ["root"]
    assert [m.text for m in await ada.messages("C0DATA")] == ["root", "hidden"]


async def test_only_own_messages_can_be_changed(slack: LocalSlack, client: AsyncWebClient) -> None:
    said = await slack.person("U0ADA").say("C0DATA", "mine")
    where = {"channel": "C0DATA", "ts": said.ts}
    assert (await refusal(client, "chat.update", **where, text="x"))["error"] == "cant_update_message"
    assert (await refusal(client, "chat.delete", **where))["error"] == "cant_delete_message"
    hidden = await client.chat_postEphemeral(channel="C0DATA", user="U0ADA", text="hidden")
    where["ts"] = hidden["message_ts"]
    assert (await refusal(client, "chat.update", **where, text="x"))["error"] == "message_not_found"
    posted = await client.chat_postMessage(channel="C0DATA", text="x")
    where["ts"] = posted["ts"]
    assert (await refusal(client, "chat.update", **where, text="x" * 4001))["error"] == "msg_too_long"


async def test_direct_messages(slack: LocalSlack, client: AsyncWebClient) -> None:
    opened = (await client.conversations_open(users="U0ADA"))["channel"]["id"]
    posted = await client.chat_postMessage(channel="U0ADA", text="for you")
    assert posted["channel"] == opened == await slack.person("U0ADA").dm()
    assert (await client.conversations_info(channel=opened))["channel"]["is_im"]


async def test_shared_channels_say_so(client: AsyncWebClient) -> None:
    channel = (await client.conversations_info(channel="C0SHARED"))["channel"]
    assert channel["is_ext_shared"]
    assert "U0SAM" in (await client.conversations_members(channel="C0SHARED"))["members"]


async def test_upload_share_and_show(slack: LocalSlack, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 20
    shared = (
        await client.files_upload_v2(content=png, filename="drift.png", channel="C0DATA", initial_comment="chart")
    )["file"]
    message = (await slack.person("U0BEN").messages("C0DATA"))[-1]
    assert (message.text, message.raw["files"][0]["name"]) == ("chart", "drift.png")
    info = (await client.files_info(file=shared["id"]))["file"]
    assert (info["size"], info["mimetype"], info["channels"]) == (28, "image/png", ["C0DATA"])
    async with session.get(info["url_private"]) as response:
        assert response.status == 403
    async with session.get(info["url_private"], headers={"Authorization": f"Bearer {slack.bot_token}"}) as response:
        assert (response.status, await response.read()) == (200, png)
    hidden = (await client.files_upload_v2(content=png, filename="only.png"))["file"]
    image = {"type": "image", "slack_file": {"id": hidden["id"]}, "alt_text": "chart"}
    assert (await client.chat_postMessage(channel="C0DATA", text="x", blocks=[image]))["ok"]
    await client.files_delete(file=shared["id"])
    assert (await refusal(client, "files.info", file=shared["id"]))["error"] == "file_not_found"


async def test_upload_of_the_wrong_length_is_refused(
    slack: LocalSlack, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    ticket = await client.files_getUploadURLExternal(filename="a.csv", length=3)
    async with session.post(ticket["upload_url"], data=b"four") as response:
        assert response.status == 400
    body = await refusal(client, "files.completeUploadExternal", files=[{"id": ticket["file_id"]}])
    assert body["error"] == "file_not_found"


async def test_groups_team_bot(client: AsyncWebClient) -> None:
    group = (await client.usergroups_list(include_users=True))["usergroups"][0]
    assert (await client.usergroups_users_list(usergroup=group["id"]))["users"] == group["users"]
    assert (await client.team_info())["team"]["domain"] == "northwind"
    assert (await client.bots_info(bot="B0BOT"))["bot"]["user_id"] == "U0BOT"
    assert (await client.auth_test())["user_id"] == "U0BOT"
    assert (await client.api_test(foo="bar"))["args"] == {"foo": "bar"}


async def test_join_then_post(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.conversations_join(channel="C0RANDOM")
    posted = await client.chat_postMessage(channel="#random", text="hello")
    link = (await client.chat_getPermalink(channel="C0RANDOM", message_ts=posted["ts"]))["permalink"]
    assert link.endswith("/archives/C0RANDOM/p" + posted["ts"].replace(".", ""))


async def test_scheduled_message_comes_and_is_limited(slack: LocalSlack, client: AsyncWebClient) -> None:
    now = slack.workspace.settings.clock()
    await client.chat_scheduleMessage(channel="C0DATA", text="later", post_at=int(now) + 1)
    assert (await slack.person("U0ADA").wait_message("C0DATA", "later", timeout=3)).text == "later"
    for _ in range(30):
        await client.chat_scheduleMessage(channel="C0DRIFT", text="x", post_at=int(now) + 1000)
    body = await refusal(client, "chat.scheduleMessage", channel="C0DRIFT", text="x", post_at=int(now) + 1010)
    assert body["error"] == "restricted_too_many"
