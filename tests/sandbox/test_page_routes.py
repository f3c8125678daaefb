"""The routes that only the page uses: start, live events, history, traffic, files, reset."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Faults
from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import http_app, modal, socket_app

Json = dict[str, Any]


async def test_boot_shows_what_the_person_may_see(slack: LocalSlack) -> None:
    boot = await slack.person("U0ADA").boot()
    assert boot["app"] == {"id": "A0LOCAL", "name": "Dataset Bot", "bot_user_id": "U0BOT", "bot_id": "B0BOT"}
    assert boot["me"]["initials"] == "AO"
    assert [c["command"] for c in boot["commands"]] == ["/dataset", "/datastore"]
    channels = {c["id"]: c for c in boot["channels"]}
    assert channels["D0ADA"]["user"] == "U0BOT"
    assert channels["C0SHARED"]["is_ext_shared"]
    assert channels["C0OLD"]["is_archived"]
    assert channels["G0OWNERS"]["kind"] == "private"
    assert boot["connected"] == "none"
    assert {c["id"] for c in (await slack.person("U0GUS").boot())["channels"]} == {"C0DATA", "D0GUS"}
    assert "G0OWNERS" not in {c["id"] for c in (await slack.person("U0BEN").boot())["channels"]}


@asynccontextmanager
async def events(slack: LocalSlack, session: aiohttp.ClientSession, user: str) -> AsyncIterator[asyncio.Queue[Json]]:
    """The live events of one tab, after its first."""
    queue: asyncio.Queue[Json] = asyncio.Queue()
    ready = asyncio.Event()

    async def read() -> None:
        async with session.get(f"{slack.url}/client/events", params={"user": user}) as response:
            assert response.content_type == "text/event-stream"
            async for line in response.content:
                ready.set()
                if line.startswith(b"data: "):
                    await queue.put(json.loads(line[6:]))

    task = asyncio.create_task(read())
    await asyncio.wait_for(ready.wait(), 2)
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wait_event(queue: asyncio.Queue[Json], type_: str) -> Json:
    async def find() -> Json:
        while (event := await queue.get())["type"] != type_:
            pass
        return event

    return await asyncio.wait_for(find(), 2)


async def test_live_events(slack: LocalSlack, session: aiohttp.ClientSession, client: AsyncWebClient) -> None:
    async with events(slack, session, "U0ADA") as tab:
        assert (await wait_event(tab, "connected"))["connected"] == "none"
        posted = await client.chat_postMessage(channel="C0DATA", text="hello")
        event = await wait_event(tab, "message")
        assert (event["channel"], event["message"]["text"]) == ("C0DATA", "hello")
        assert (await wait_event(tab, "unread"))["unread"] == 1
        entry = (await wait_event(tab, "traffic"))["entry"]
        assert (entry["name"], entry["direction"], entry["status"]) == ("chat.postMessage", "app→slack", 200)
        await client.chat_update(channel="C0DATA", ts=posted["ts"], text="changed")
        assert (await wait_event(tab, "message_changed"))["message"]["edited"] is True
        await client.chat_delete(channel="C0DATA", ts=posted["ts"])
        assert (await wait_event(tab, "message_deleted"))["ts"] == posted["ts"]
        await client.chat_postEphemeral(channel="C0DATA", user="U0ADA", text="hidden")
        assert (await wait_event(tab, "ephemeral"))["message"]["ephemeral_for"] == "U0ADA"
        trigger_id = slack.workspace.tickets.trigger("U0ADA")
        view = (await client.views_open(trigger_id=trigger_id, view=modal()))["view"]
        assert [v["id"] for v in (await wait_event(tab, "view_opened"))["stack"]] == [view["id"]]
        await client.views_update(view_id=view["id"], view=modal(title="New"))
        assert (await wait_event(tab, "view_updated"))["view"]["title"]["text"] == "New"
        await slack.person("U0ADA").close((await slack.person("U0ADA").views())[0])
        assert (await wait_event(tab, "view_closed"))["stack"] == []
        await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": []})
        assert (await wait_event(tab, "home"))["view"]["type"] == "home"
        await slack.person("U0ADA").command("C0DATA", "/dataset")
        assert "dispatch_failed" in (await wait_event(tab, "notice"))["text"]
        async with socket_app(slack):
            assert (await wait_event(tab, "connected"))["connected"] == "socket"


async def test_private_things_stay_private(
    slack: LocalSlack, session: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    async with events(slack, session, "U0BEN") as tab:
        await client.chat_postMessage(channel="G0OWNERS", text="secret")
        await client.chat_postEphemeral(channel="C0DATA", user="U0ADA", text="hidden")
        await client.chat_postMessage(channel="C0DATA", text="open")
        assert (await wait_event(tab, "message"))["message"]["text"] == "open"
    history = await slack.person("U0BEN").read("history", channel="G0OWNERS")
    assert history["error"] == "channel_not_found"


async def test_guests_hear_of_their_own_channels_only(
    slack: LocalSlack, session: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    async with events(slack, session, "U0GUS") as tab:
        await client.chat_postMessage(channel="C0GENERAL", text="not for guests")
        await client.chat_postMessage(channel="C0DATA", text="for all here")
        assert (await wait_event(tab, "message"))["message"]["text"] == "for all here"


async def test_reading_clears_the_unread_count(slack: LocalSlack, client: AsyncWebClient) -> None:
    ada = slack.person("U0ADA")
    await client.chat_postMessage(channel="C0DATA", text="hello")

    async def unread() -> int:
        return next(int(c["unread"]) for c in (await ada.boot())["channels"] if c["id"] == "C0DATA")

    assert await unread() == 1
    await ada.messages("C0DATA")
    assert await unread() == 0


async def test_traffic_shows_both_ways_without_secrets(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async with http_app(slack) as app:
        ada = slack.person("U0ADA")
        await ada.command("C0DATA", "/dataset", "form")
        view = await ada.wait_view("form")
        await ada.suggest(view, "store", "la")
        await ada.open_home()
        await app.wait("app_home_opened")
        await ada.wait_home()
    async with session.get(f"{slack.url}/client/traffic", params={"limit": "50"}) as response:
        text = await response.text()
    kinds = {(e["direction"], e["kind"]) for e in json.loads(text)["entries"]}
    assert {("slack→app", k) for k in ("command", "options", "event")} | {("app→slack", "web_api")} <= kinds
    assert [entry.name for entry in slack.traffic.entries() if entry.kind == "options"] == ["block_suggestion store"]
    for secret in (slack.bot_token, slack.app_token, slack.signing_secret, "local-verification-token"):
        assert secret not in text


async def test_files_are_shown_to_people_and_never_as_pages(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    ada = slack.person("U0ADA")
    await ada.upload("evil.html", b"<script>1</script>", "C0DATA")
    file = (await ada.messages("C0DATA"))[-1].raw["files"][0]
    async with session.get(slack.url + file["url"], params={"user": "U0BEN"}) as response:
        assert response.status == 200
        assert response.content_type == "application/octet-stream"
    async with session.get(slack.url + file["url"]) as response:
        assert response.status == 403


async def test_only_this_machine_by_its_own_name(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{slack.url}/client/boot?user=U0ADA", headers={"Host": "evil.example"}) as response:
        assert response.status == 421
    body = {"user": "U0ADA", "channel": "C0DATA", "text": "forged"}
    origin = {"Origin": "http://evil.example"}
    async with session.post(f"{slack.url}/client/message", json=body, headers=origin) as response:
        assert response.status == 403
    async with session.get(f"{slack.url}/page/..%2f..%2fserver.py") as response:
        assert response.status == 404


async def test_reset_brings_the_fixtures_back(slack: LocalSlack, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0DATA", text="hello")
    slack.faults = Faults(revoked=True)
    ada = slack.person("U0ADA")
    assert (await ada.call("reset"))["ok"]
    assert await ada.messages("C0DATA") == []
    assert (await client.auth_test())["ok"]


async def test_people_talk_to_each_other(slack: LocalSlack) -> None:
    ada, ben = slack.person("U0ADA"), slack.person("U0BEN")
    channel = await ada.dm("U0BEN")
    await ada.say(channel, "hi")
    assert [m.text for m in await ben.messages(channel)] == ["hi"]
    answer = await slack.person("U0CHIARA").read("history", channel=channel)
    assert answer["error"] == "channel_not_found"


async def test_refusals_of_the_page_routes(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async def post(name: str, body: Json) -> Json:
        async with session.post(f"{slack.url}/client/{name}", json=body) as response:
            answer: Json = await response.json()
            return answer

    assert (await post("message", {"user": "U0NONE"}))["error"] == "user_not_found"
    assert (await post("message", {"user": "U0ADA", "channel": "C0DATA"}))["error"] == "no_text"
    assert (await post("message", {"user": "U0BOT", "channel": "C0DATA", "text": "x"}))["error"] == "user_cannot_act"
    assert (await post("submit", {"user": "U0ADA", "view_id": "V0NONE"}))["error"] == "not_found"
    assert (await post("nothing", {}))["error"] == "not_found"
