"""How payloads reach the app: signatures, time limits, retries, sockets, faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Faults
from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, http_app, socket_app
from tests.sandbox.conftest import Clock

Json = dict[str, Any]


@dataclass
class Listener:
    """A bare HTTP endpoint that answers as told and keeps what it got."""

    answer: Callable[[int], Awaitable[web.Response]]
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.text()))
        return await self.answer(len(self.requests))


@asynccontextmanager
async def listening(slack: LocalSlack, answer: Callable[[int], Awaitable[web.Response]]) -> AsyncIterator[Listener]:
    listener = Listener(answer)
    app = web.Application()
    app.router.add_post("/slack/events", listener.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield listener
    finally:
        slack.request_url = None
        await runner.cleanup()


async def ok(_: int) -> web.Response:
    return web.Response()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 3 s")


async def test_requests_carry_a_valid_signature(slack: LocalSlack) -> None:
    async with listening(slack, ok) as listener:
        await slack.person("U0ADA").command("C0DATA", "/dataset", "list")
        headers, body = listener.requests[0]
    assert SignatureVerifier(slack.signing_secret).is_valid_request(body, headers)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_nobody_there(slack: LocalSlack) -> None:
    ada = slack.person("U0ADA")
    assert await ada.command("C0DATA", "/dataset") == {"ok": False, "error": "dispatch_failed"}
    slack.request_url = "http://127.0.0.1:9/slack/events"
    assert await ada.command("C0DATA", "/dataset") == {"ok": False, "error": "dispatch_failed"}
    assert await ada.command("C0DATA", "/nosuch") == {"ok": False, "error": "unknown_command"}


async def test_late_and_failing_answers(slack: LocalSlack) -> None:
    async def slow(_: int) -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    async def failing(_: int) -> web.Response:
        return web.Response(status=500)

    async with listening(slack, slow):
        answer = await slack.person("U0ADA").command("C0DATA", "/dataset")
        assert answer == {"ok": False, "error": "operation_timeout"}
    async with listening(slack, failing):
        answer = await slack.person("U0ADA").command("C0DATA", "/dataset")
        assert answer == {"ok": False, "error": "dispatch_failed"}


async def test_slow_listener_times_out_on_both_transports(slack: LocalSlack, bolt: BoltApp) -> None:
    answer = await slack.person("U0ADA").command("C0DATA", "/dataset", "slow")
    assert answer == {"ok": False, "error": "operation_timeout"}


async def test_events_are_retried_three_times_with_headers(slack: LocalSlack) -> None:
    async def failing(_: int) -> web.Response:
        return web.Response(status=503)

    async with listening(slack, failing) as listener:
        await slack.person("U0ADA").open_home()
        await until(lambda: len(listener.requests) == 4)
        await asyncio.sleep(0.15)
    assert len(listener.requests) == 4
    assert [headers.get("X-Slack-Retry-Num") for headers, _ in listener.requests] == [None, "1", "2", "3"]
    assert listener.requests[1][0]["X-Slack-Retry-Reason"] == "http_error"
    assert len({json.loads(body)["event_id"] for _, body in listener.requests}) == 1


async def test_a_retry_that_succeeds_is_the_last(slack: LocalSlack) -> None:
    async def second_time(count: int) -> web.Response:
        return web.Response(status=200 if count == 2 else 500)

    async with listening(slack, second_time) as listener:
        await slack.person("U0ADA").open_home()
        await until(lambda: len(listener.requests) == 2)
        await asyncio.sleep(0.15)
    assert len(listener.requests) == 2


async def test_no_retry_header_stops_retries(slack: LocalSlack) -> None:
    async def refuse(_: int) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with listening(slack, refuse) as listener:
        await slack.person("U0ADA").open_home()
        await until(lambda: len(listener.requests) == 1)
        await asyncio.sleep(0.15)
    assert len(listener.requests) == 1


async def test_duplicate_delivery_sends_the_same_bytes(slack: LocalSlack) -> None:
    slack.faults = Faults(duplicate_delivery=1)
    async with listening(slack, ok) as listener:
        assert (await slack.person("U0ADA").command("C0DATA", "/dataset", "list"))["ok"]
        await until(lambda: len(listener.requests) == 2)
    assert listener.requests[0][1] == listener.requests[1][1]


async def test_duplicate_delivery_over_the_socket(slack: LocalSlack) -> None:
    async with socket_app(slack) as app:
        slack.faults = Faults(duplicate_delivery=1)
        assert (await slack.person("U0ADA").command("C0DATA", "/dataset", "list"))["ok"]
        second = await app.wait("command", 2)
        assert second["trigger_id"] == app.seen("command")[0]["trigger_id"]


async def test_late_delivery_lets_the_trigger_expire(slack: LocalSlack, clock: Clock, client: AsyncWebClient) -> None:
    async with http_app(slack) as app:
        slack.faults = Faults(late_delivery_ms=150)
        command = asyncio.create_task(slack.person("U0ADA").command("C0DATA", "/dataset", "form"))
        await asyncio.sleep(0.05)
        clock.skipped += 3.5
        await command
        assert len(app.seen("command")) == 1
        assert await slack.person("U0ADA").view() is None


@asynccontextmanager
async def raw_socket(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    client = AsyncWebClient(base_url=f"{slack.url}/api/", session=session)
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with session.ws_connect(url) as ws:
        hello = await ws.receive_json()
        assert hello["type"] == "hello"
        yield ws


async def test_envelopes_go_round_and_any_socket_may_answer(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async with raw_socket(slack, session) as one, raw_socket(slack, session) as two:
        ada = slack.person("U0ADA")
        for number, (taker, answerer) in enumerate([(one, two), (two, one)]):
            command = asyncio.create_task(ada.command("C0DATA", "/dataset", str(number)))
            envelope = await asyncio.wait_for(taker.receive_json(), 1)
            assert envelope["type"] == "slash_commands"
            assert envelope["accepts_response_payload"]
            await answerer.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": f"n{number}"}})
            assert (await command)["ok"]
            await ada.wait_message("C0DATA", f"n{number}")


async def test_an_unacknowledged_event_comes_again_on_the_socket(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    async with raw_socket(slack, session) as ws:
        await slack.person("U0ADA").open_home()
        first = await asyncio.wait_for(ws.receive_json(), 1)
        again = await asyncio.wait_for(ws.receive_json(), 1)
        await ws.send_json({"envelope_id": again["envelope_id"]})
        assert (first["retry_attempt"], again["retry_attempt"], again["retry_reason"]) == (0, 1, "timeout")
        assert first["payload"]["event_id"] == again["payload"]["event_id"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.receive_json(), 0.7)


async def test_ticket_works_once_and_ten_sockets_are_enough(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    ticket = slack.workspace.hub.ticket()
    async with session.ws_connect(f"{slack.url}/socket/{ticket}"):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{slack.url}/socket/{ticket}")
        kept = [await session.ws_connect(f"{slack.url}/socket/{slack.workspace.hub.ticket()}") for _ in range(9)]
        extra = await session.ws_connect(f"{slack.url}/socket/{slack.workspace.hub.ticket()}")
        assert (await extra.receive_json())["reason"] == "too_many_websockets"
        assert not any(ws.closed for ws in kept)


async def test_a_disconnect_request_makes_the_real_client_come_back(slack: LocalSlack) -> None:
    async with socket_app(slack) as app:
        ada = slack.person("U0ADA")
        assert (await ada.command("C0DATA", "/dataset", "one"))["ok"]
        before = slack.workspace.hub.ready
        await slack.disconnect_sockets()
        await until(lambda: bool(slack.workspace.hub.ready) and slack.workspace.hub.ready != before)
        assert (await ada.command("C0DATA", "/dataset", "two"))["ok"]
        assert len(app.seen("command")) == 2


async def test_dropped_sockets_leave_nobody_until_they_may_return(
    slack: LocalSlack, session: aiohttp.ClientSession
) -> None:
    async with raw_socket(slack, session) as ws:
        slack.faults = Faults(drop_sockets=True)
        message = await asyncio.wait_for(ws.receive(), 1)
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR}
    answer = await slack.person("U0ADA").command("C0DATA", "/dataset")
    assert answer == {"ok": False, "error": "dispatch_failed"}
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(f"{slack.url}/socket/{slack.workspace.hub.ticket()}")
    slack.faults = Faults()
    async with raw_socket(slack, session):
        assert slack.workspace.delivery.connected == "socket"


async def test_web_api_faults(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    async def call(method: str) -> tuple[int, Json, str | None]:
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        async with session.post(f"{slack.url}/api/{method}", headers=headers) as response:
            return response.status, await response.json(), response.headers.get("Retry-After")

    plan = {
        "rate_limited": {"auth.test": {"times": 1, "retry_after": 7}},
        "server_error": {"team.info": {"times": 1, "status": 503}},
        "latency_ms": {"users.list": 120},
    }
    async with session.post(f"{slack.url}/client/faults", json=plan) as response:
        assert (await response.json())["rate_limited"]["auth.test"]["retry_after"] == 7
    status, body, wait = await call("auth.test")
    assert (status, body["error"], wait) == (429, "ratelimited", "7")
    assert (await call("auth.test"))[0] == 200
    assert (await call("team.info"))[0] == 503
    assert (await call("team.info"))[0] == 200
    started = asyncio.get_running_loop().time()
    await call("users.list")
    assert asyncio.get_running_loop().time() - started >= 0.12
    async with session.post(f"{slack.url}/client/faults", json={"nonsense": 1}) as response:
        assert response.status == 400
    async with session.delete(f"{slack.url}/client/faults") as response:
        assert (await response.json())["latency_ms"] == {}


async def test_block_types_can_be_refused(slack: LocalSlack, session: aiohttp.ClientSession) -> None:
    slack.faults = Faults(invalid_blocks=["divider"])
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    body = {"channel": "C0DATA", "text": "x", "blocks": [{"type": "divider"}]}
    async with session.post(f"{slack.url}/api/chat.postMessage", json=body, headers=headers) as response:
        assert (await response.json())["error"] == "invalid_blocks"


async def test_rate_limits_by_tier_and_by_channel(
    slack: LocalSlack, clock: Clock, session: aiohttp.ClientSession
) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}"}

    async def post(channel: str) -> aiohttp.ClientResponse:
        url = f"{slack.url}/api/chat.postMessage"
        return await session.post(url, json={"channel": channel, "text": "x"}, headers=headers)

    while (answer := await post("C0DATA")).status == 200:
        pass
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await answer.json())["error"] == "ratelimited"
    assert (await post("C0DRIFT")).status == 200, "the limit is per channel"
    clock.skipped += 1.1
    assert (await post("C0DATA")).status == 200

    statuses = []
    for _ in range(21):
        async with session.get(f"{slack.url}/api/users.list", headers=headers) as response:
            statuses.append(response.status)
    assert statuses == [200] * 20 + [429]


async def test_rate_limits_can_be_off(session: aiohttp.ClientSession) -> None:
    async with LocalSlack(rate_limits=False) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/", session=session)
        for _ in range(30):
            await client.chat_postMessage(channel="C0DATA", text="x")
