"""Socket Mode: connections are watched, replaced before they are closed, and readiness says the truth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web
from slack_bolt.async_app import AsyncAck

from bot.app import BotApp
from bot.http import listen
from bot.metrics import Metrics
from bot.sandbox.server import LocalSlack
from bot.slack_client import SlackClient
from bot.socket_mode import SocketMode
from tests.bot.conftest import value


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  # a metric or a peer changes it, nothing that tells
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected(
    app: BotApp, client: SlackClient, metrics: Metrics, *, stale: float = 30.0
) -> AsyncIterator[SocketMode]:
    sockets = SocketMode(
        app, app_token="xapp-local-test", web_client=client, metrics=metrics, connections=2, stale_seconds=stale
    )
    await sockets.start()
    yield sockets
    await sockets.stop(0.5)


async def answer_with_ok(ack: AsyncAck) -> None:
    await ack(text="ok")


async def test_commands_come_through_and_go_on_while_every_connection_is_replaced(
    app: BotApp, slack: LocalSlack, client: SlackClient, metrics: Metrics
) -> None:
    app.command("/dataset")(answer_with_ok)
    sockets = SocketMode(app, app_token=slack.app_token, web_client=client, metrics=metrics)
    await sockets.start()
    assert (await sockets.probe()).ok
    ada = slack.person("U0ADA")
    enough = asyncio.Event()
    answers = []

    async def ask() -> None:
        while not enough.is_set():
            answers.append(await ada.command("C0DATA", "/dataset", "list"))

    asker = asyncio.create_task(ask())
    await asyncio.sleep(0.05)
    await slack.disconnect_sockets("warning")

    async def replaced() -> bool:
        count = value(metrics, "dataset_bot_socket_replacements_total", reason="asked_by_slack")
        return count == 2 and (await sockets.probe()).ok

    await until(replaced)
    enough.set()
    await asker
    assert len(answers) >= 2
    assert all(answer["ok"] for answer in answers)
    await sockets.stop()
    assert not (await sockets.probe()).ok


@dataclass
class SilentSlack:
    """Opens WebSockets, says hello, answers pings for a while and then nothing at all: a half-open connection."""

    answer_pings: bool = True
    opened: int = 0
    acknowledged: list[str] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    port: int = 0

    async def open_connection(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{self.port}/link"})

    async def auth_test(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "team_id": "T1", "user_id": "U1", "bot_id": "B1"})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, timeout=0.2)
        await socket.prepare(request)
        self.opened += 1
        self.sockets.append(socket)
        await socket.send_json({"type": "hello", "num_connections": 1})
        async for message in socket:
            if message.type is WSMsgType.PING and self.answer_pings:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.acknowledged.append(json.loads(message.data)["envelope_id"])
        return socket

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        application = web.Application()
        application.add_routes(
            [
                web.post("/api/apps.connections.open", self.open_connection),
                web.post("/api/auth.test", self.auth_test),
                web.get("/link", self.link),
            ]
        )
        runner = web.AppRunner(application, shutdown_timeout=0.2)
        await runner.setup()
        listener = listen("127.0.0.1", 0)
        self.port = int(listener.getsockname()[1])
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{self.port}/api/"
        for socket in self.sockets:
            await socket.close()
        await runner.cleanup()


async def test_a_connection_that_falls_silent_makes_the_bot_unready_and_is_replaced(
    app: BotApp, client: SlackClient, metrics: Metrics
) -> None:
    peer = SilentSlack()
    async with peer.serve() as url:
        client.base_url = url
        async with connected(app, client, metrics, stale=1.0) as sockets:
            assert (await sockets.probe()).ok
            await asyncio.sleep(1.6)
            assert (await sockets.probe()).ok, "answered pings keep a quiet connection fresh"
            assert peer.opened == 2
            peer.answer_pings = False

            async def unready() -> bool:
                return not (await sockets.probe()).ok

            await until(unready, 3.0)

            async def replaced() -> bool:
                return peer.opened >= 4

            await until(replaced, 3.0)
            assert value(metrics, "dataset_bot_socket_replacements_total", reason="stale") >= 2
            peer.answer_pings = True

            async def ready() -> bool:
                return (await sockets.probe()).ok

            await until(ready, 5.0)


async def test_a_slack_that_goes_away_is_found_again_when_it_is_back(
    app: BotApp, client: SlackClient, metrics: Metrics
) -> None:
    peer = SilentSlack()
    async with peer.serve() as url:
        client.base_url = url
        async with connected(app, client, metrics) as sockets:
            for socket in list(peer.sockets):
                await socket.close()

            async def back() -> bool:
                return peer.opened >= 4 and (await sockets.probe()).ok

            await until(back)
            assert value(metrics, "dataset_bot_socket_replacements_total", reason="closed") == 2


async def test_what_has_arrived_is_acknowledged_before_the_socket_is_closed(
    app: BotApp, client: SlackClient, metrics: Metrics
) -> None:
    begun = asyncio.Event()

    async def slow(ack: AsyncAck) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        await ack()

    app.command("/dataset")(slow)
    peer = SilentSlack()
    async with peer.serve() as url:
        client.base_url = url
        async with connected(app, client, metrics) as sockets:
            payload = {"command": "/dataset", "text": "", "user_id": "U1", "team_id": "T1", "trigger_id": "5.5.5"}
            await peer.sockets[0].send_json({"type": "slash_commands", "envelope_id": "e1", "payload": payload})
            await asyncio.wait_for(begun.wait(), 2)
            await sockets.stop()
        assert peer.acknowledged == ["e1"]
