"""Socket Mode: several connections, each watched, each replaced before it is closed whenever that is possible.

slack_sdk's aiohttp client does the talking. Its own reconnecting is switched off: it waits for four missed pings,
may hang for minutes in a connection attempt, and on `disconnect` closes the old connection before it has a new one.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

import aiohttp
from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.health import Part
from bot.logs import get_logger
from bot.metrics import Metrics
from bot.slack_client import open_session

log = get_logger("bot.socket_mode")
_sdk_log = logging.getLogger("slack_sdk.socket_mode")

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
RETIRE_SECONDS = 20.0
"""How long a connection that Slack has asked to replace is still heard: Slack closes it about ten seconds after its
warning, and what it sends on it until then would be lost by closing it first."""
LONGEST_PAUSE_SECONDS = 30.0
OPEN_AT_ONCE_SECONDS = 5.0
"""How long the start waits for the connections before it goes on without them."""


class Ended(StrEnum):
    """Why a connection has to be replaced."""

    STALE = "stale"
    CLOSED = "closed"
    ASKED = "asked_by_slack"
    TOO_MANY = "too_many_websockets"


class _Connection(SocketModeClient):
    """One WebSocket for its whole life: it is never reconnected, only replaced."""

    def __init__(self, app: AsyncApp, app_token: str, web_client: AsyncWebClient, ping_seconds: float) -> None:
        super().__init__(
            app_token=app_token,
            logger=_sdk_log,
            web_client=web_client,
            auto_reconnect_enabled=False,
            ping_interval=ping_seconds,
            on_message_listeners=[self._heard],
            on_error_listeners=[self._lost],
            on_close_listeners=[self._lost],
        )
        self.proxy = None  # the session's connector decides
        self._app = app
        self._last_frame = time.time()
        self._handling: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.greeted = asyncio.Event()
        self.lost = asyncio.Event()

    async def open(self) -> None:
        """Connect once. Raises TimeoutError, SlackApiError or aiohttp.ClientError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            await self.aiohttp_client_session.close()
            self.aiohttp_client_session = open_session()
            url = await self.issue_new_wss_url()
            self.current_session = await self.aiohttp_client_session.ws_connect(
                url, autoping=False, heartbeat=None, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
            )
        self._last_frame = time.time()
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    @property
    def silence(self) -> float:
        """Seconds since the last frame, answers to pings included."""
        return max(0.0, time.time() - max(self._last_frame, self.last_ping_pong_time or 0.0))

    @property
    def is_closed(self) -> bool:
        """Whether the WebSocket is gone."""
        return self.current_session is None or self.current_session.closed

    def end(self, reason: Ended) -> None:
        """Ask for a replacement."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def finish(self, seconds: float) -> None:
        """Acknowledge what has arrived, then close; seconds at most for the former."""
        if self._handling:
            await asyncio.wait(set(self._handling), timeout=seconds)
        try:
            async with asyncio.timeout(CLOSE_SECONDS * 2):
                await self.close()  # type: ignore[no-untyped-call]  # slack_sdk declares no return type
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            log.info("a socket did not close properly", error=repr(error))
        finally:
            await self.aiohttp_client_session.close()

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """Called by the base class for every message, in a task of its own."""
        task = asyncio.current_task()
        if task is not None:
            self._handling.add(task)
            task.add_done_callback(self._handling.discard)
        match message.get("type"):
            case "hello":
                self.greeted.set()
            case "disconnect":
                too_many = message.get("reason") == "too_many_websockets"
                self.end(Ended.TOO_MANY if too_many else Ended.ASKED)
            case _:
                request = SocketModeRequest.from_dict(message)
                if request is not None:
                    await self._answer(request)

    async def _answer(self, request: SocketModeRequest) -> None:
        started = time.time()
        try:
            response = await run_async_bolt_app(self._app, request)
            await send_async_response(self, request, response, started)
        except Exception as error:  # one delivery must not end the connection; Slack sends it again
            log.error("a delivery could not be acknowledged", envelope=request.envelope_id, exc_info=error)

    async def _heard(self, _message: WSMessage) -> None:
        self._last_frame = time.time()

    async def _lost(self, _message: WSMessage) -> None:
        self.lost.set()
        self.end(Ended.CLOSED)


class SocketMode:
    """Keeps a number of Socket Mode connections alive for one app."""

    def __init__(
        self,
        app: AsyncApp,
        *,
        app_token: str,
        web_client: AsyncWebClient,
        metrics: Metrics,
        connections: int = 2,
        stale_seconds: float = 30.0,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._web_client = web_client
        self._metrics = metrics
        self._stale_seconds = stale_seconds
        self._current: list[_Connection | None] = [None] * connections
        self._keepers: list[asyncio.Task[None]] = []
        self._closers: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Begin to keep the connections; returns when all are open, or after a few seconds without them."""
        opened = [asyncio.Event() for _ in self._current]
        self._keepers = [
            asyncio.create_task(self._keep(number, event), name=f"socket-{number}")
            for number, event in enumerate(opened)
        ]
        waiting = [asyncio.create_task(event.wait()) for event in opened]
        _, pending = await asyncio.wait(waiting, timeout=OPEN_AT_ONCE_SECONDS)
        for task in pending:
            task.cancel()

    async def stop(self, seconds: float = 3.0) -> None:
        """Take nothing more: acknowledge what has arrived, close all connections."""
        self._stopping.set()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        open_now = [connection for connection in self._current if connection is not None]
        self._current = [None] * len(self._current)
        await asyncio.gather(*(connection.finish(seconds) for connection in open_now), *self._closers)
        for number in range(len(self._current)):
            self._metrics.socket(number, fresh=False)

    async def probe(self) -> Part:
        """Ready while every connection is fresh; says how many are."""
        fresh = sum(self._is_fresh(number) for number in range(len(self._current)))
        total = len(self._current)
        return Part(fresh == total, f"{fresh} of {total} connections fresh")

    def _is_fresh(self, number: int) -> bool:
        connection = self._current[number]
        return connection is not None and not connection.is_closed and connection.silence < self._stale_seconds

    async def _keep(self, number: int, opened: asyncio.Event) -> None:
        """Keep one connection alive until cancelled."""
        failures = 0
        while True:
            try:
                connection = await self._open(number)
            except Exception as error:  # noqa: BLE001  # whatever it is, the keeper has to try again
                failures += 1
                pause = min(LONGEST_PAUSE_SECONDS, 0.5 * 2 ** min(failures, 10)) * random.uniform(0.7, 1.3)  # noqa: S311  # jitter
                self._note(number)
                log.warning(
                    "socket could not be opened", connection=number, error=_reason(error), pause=round(pause, 1)
                )
                await asyncio.sleep(pause)
                continue
            failures = 0
            opened.set()
            log.info("socket open", connection=number)
            reason = await self._watch(number, connection)
            self._metrics.socket_replaced(reason)
            log.warning("socket is replaced", connection=number, reason=reason.value)
            if reason is not Ended.ASKED:
                # A dead connection takes nothing any more, and one too many must go before another is let in.
                self._current[number] = None
                self._note(number)
                self._later(connection.finish(3.0))

    async def _open(self, number: int) -> _Connection:
        """A new connection in the place of the old one, which is retired once the new one has been greeted."""
        ping = min(10.0, self._stale_seconds / 4)
        new = _Connection(self._app, self._app_token, self._web_client, ping)
        try:
            await new.open()
            async with asyncio.timeout(CONNECT_SECONDS):
                await new.greeted.wait()
        except BaseException:
            await new.finish(0)
            raise
        old, self._current[number] = self._current[number], new
        if old is not None:
            self._later(self._retire(old))
        self._note(number)
        return new

    async def _watch(self, number: int, connection: _Connection) -> Ended:
        """Wait until a connection has ended or gone silent."""
        step = max(0.1, min(1.0, self._stale_seconds / 10))
        while not connection.ended.done():
            await asyncio.wait([connection.ended], timeout=step)
            self._note(number)
            if connection.is_closed:
                connection.end(Ended.CLOSED)
            elif connection.silence >= self._stale_seconds:
                connection.end(Ended.STALE)
        return connection.ended.result()

    def _note(self, number: int) -> None:
        self._metrics.socket(number, fresh=self._is_fresh(number))

    async def _retire(self, connection: _Connection) -> None:
        """Hear a connection until Slack has closed it, or the process ends."""
        over = [asyncio.create_task(event.wait()) for event in (connection.lost, self._stopping)]
        try:
            await asyncio.wait(over, timeout=RETIRE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in over:
                task.cancel()
        await connection.finish(3.0)

    def _later(self, closing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(closing, name="socket-close")
        self._closers.add(task)
        task.add_done_callback(self._closers.discard)


def _reason(error: BaseException) -> str:
    if isinstance(error, SlackApiError):
        return str(error.response.get("error"))
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
