"""The web server: health, readiness part by part, metrics, and Slack's path only where there is a secret."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from hashlib import sha256

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck

from bot.app import BotApp
from bot.health import Health, Part
from bot.http import PortTakenError, WebServer, build_web_app, listen
from bot.metrics import Metrics

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def base(app: BotApp, health: Health, metrics: Metrics) -> AsyncIterator[str]:
    web = build_web_app(health=health, metrics=metrics, slack=app, signing_secret=SECRET)
    server = WebServer(web, listen("127.0.0.1", 0))
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_health_needs_nothing_and_readiness_names_each_part(
    base: str, health: Health, session: aiohttp.ClientSession
) -> None:
    state = Part(True, "2 of 2 connections fresh")

    async def sockets() -> Part:
        return state

    async def hangs() -> Part:
        await asyncio.Event().wait()
        return Part(True)

    async def fails() -> Part:
        raise ConnectionError("password=hunter2")

    health.add("sockets", sockets)
    async with session.get(f"{base}/readyz") as answer:
        assert answer.status == 200
        assert (await answer.json())["parts"]["sockets"] == {"ok": True, "detail": "2 of 2 connections fresh"}
    health.draining = True
    async with session.get(f"{base}/readyz") as answer:
        assert answer.status == 503
        assert (await answer.json())["parts"]["taking_work"] == {"ok": False, "detail": "draining"}
    health.draining = False
    health.add("database", fails)
    health.add("index", hangs)
    async with session.get(f"{base}/readyz") as answer:
        assert answer.status == 503
        body = await answer.json()
        assert body["ready"] is False
        assert body["parts"]["database"] == {"ok": False, "detail": "ConnectionError"}
        assert body["parts"]["index"] == {"ok": False, "detail": "does not answer"}
    async with session.get(f"{base}/healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"alive": True})


async def test_a_signed_command_is_acknowledged_and_counted(
    base: str, app: BotApp, session: aiohttp.ClientSession
) -> None:
    async def listener(ack: AsyncAck) -> None:
        await ack(response_type="ephemeral", text="here")

    app.command("/dataset")(listener)
    body = b"command=%2Fdataset&text=list&user_id=U0ADA&team_id=T0LOCAL&channel_id=C0DATA&trigger_id=1.1.1"
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mac}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with session.post(f"{base}/slack/events", data=body, headers=headers) as answer:
        assert answer.status == 200
        assert await answer.json() == {"response_type": "ephemeral", "text": "here"}
    async with session.post(f"{base}/slack/events", data=body) as answer:
        assert answer.status == 401
    async with session.get(f"{base}/metrics") as answer:
        text = await answer.text()
    assert 'dataset_bot_acks_total{status="200",type="command"} 1.0' in text
    assert 'dataset_bot_requests_refused_total{status="401"} 1.0' in text
    assert 'dataset_bot_slack_calls_total{method="auth.test",result="ok"} 1.0' in text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{not json"),
        ("application/json", b"[1, 2]"),
        ("application/json", b"null"),
        ("application/json", b"[" * 50_000),
        ("application/x-www-form-urlencoded", b"payload={nope"),
        ("application/x-www-form-urlencoded", b"payload=[1]"),
        ("application/x-www-form-urlencoded", b"payload=null"),
        ("application/x-www-form-urlencoded", b"command=\xff\xfe"),
    ],
)
async def test_a_signed_body_that_is_no_delivery_is_a_bad_request(
    base: str, session: aiohttp.ClientSession, content_type: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    stamp = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mac}",
        "Content-Type": content_type,
    }
    async with session.post(f"{base}/slack/events", data=body, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (400, "")
    assert not [record for record in caplog.records if record.exc_info]


async def test_without_a_signing_secret_there_is_no_path_for_slack(
    health: Health, metrics: Metrics, session: aiohttp.ClientSession
) -> None:
    server = WebServer(build_web_app(health=health, metrics=metrics), listen("127.0.0.1", 0))
    await server.start()
    async with session.post(f"http://127.0.0.1:{server.port}/slack/events", data=b"x") as answer:
        assert answer.status == 404
    await server.stop()


def test_a_taken_port_is_one_sentence_that_names_the_settings() -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(PortTakenError, match=rf"Cannot listen on 127.0.0.1:{port} .* PORT or HOST"):
        listen("127.0.0.1", port)
    taken.close()
