"""Socket Mode: tickets, connections, envelopes and their acknowledgements."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMessage, WSMsgType, web

from bot.sandbox.limits import MAX_CONNECTIONS
from bot.sandbox.wire import JsonObject

CLOSES_AFTER_SECONDS = 10.0
"""How long after it has asked a connection to go Slack closes it: https://docs.slack.dev/apis/events-api/using-socket-mode"""


@dataclass(eq=False)
class Connection:
    """One open WebSocket of the app."""

    ws: web.WebSocketResponse
    request: web.Request
    # Set when Slack has asked this connection to go: it gets no new envelopes.
    leaving: bool = False


@dataclass
class SocketHub:
    """The app's open sockets. Envelopes go round robin; an acknowledgement may come on any of them."""

    app_id: str
    on_change: Callable[[], None]
    on_message: Callable[[JsonObject], None]
    tickets: set[str] = field(default_factory=set)
    connections: list[Connection] = field(default_factory=list)
    refusing: bool = False
    _waiting: dict[str, asyncio.Future[JsonObject]] = field(default_factory=dict)
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    def ticket(self) -> str:
        """A one-use ticket for a WebSocket URL."""
        ticket = secrets.token_urlsafe(24)
        self.tickets.add(ticket)
        return ticket

    @property
    def ready(self) -> list[Connection]:
        """Connections that take envelopes."""
        return [c for c in self.connections if not c.leaving and not c.ws.closed]

    async def serve(self, request: web.Request, ticket: str) -> web.StreamResponse:
        """Handle one WebSocket from handshake to close."""
        if self.refusing:
            return web.Response(status=503, text="sockets are dropped")
        if ticket not in self.tickets:
            return web.Response(status=404, text="unknown ticket")
        self.tickets.discard(ticket)
        # A peer that was killed does not answer the closing handshake: one second is enough to wait.
        ws = web.WebSocketResponse(heartbeat=30, timeout=1.0)
        await ws.prepare(request)
        if len(self.connections) >= MAX_CONNECTIONS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}})
            await ws.close()
            return ws
        connection = Connection(ws, request)
        self.connections.append(connection)
        self.on_change()
        try:
            await ws.send_json(self._hello())
            async for message in ws:
                self._receive(message)
        finally:
            self.connections.remove(connection)
            self.on_change()
        return ws

    async def send(self, envelope: JsonObject) -> "asyncio.Future[JsonObject] | None":
        """Send an envelope on the next connection; the future yields the acknowledgement's payload.

        None when no connection took it.
        """
        envelope_id = str(envelope["envelope_id"])
        future = self._waiting.get(envelope_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[envelope_id] = future
        for _ in range(len(self.ready)):
            ready = self.ready
            if not ready:
                break
            connection = ready[next(self._turn) % len(ready)]
            try:
                await connection.ws.send_str(json.dumps(envelope))
            except (ConnectionError, RuntimeError):
                connection.leaving = True
                continue
            return future
        self.forget(envelope_id)
        return None

    def forget(self, envelope_id: str) -> None:
        """No longer wait for this acknowledgement."""
        future = self._waiting.pop(envelope_id, None)
        if future is not None and not future.done():
            future.cancel()

    async def disconnect(self, reason: str) -> None:
        """Ask every connection to reconnect, as Slack does: `warning` or `refresh_requested`."""
        asked = list(self.connections)
        for connection in asked:
            connection.leaving = reason != "warning"
            await connection.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}})
        self.on_change()
        closing = asyncio.create_task(self._close_soon(asked))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close_soon(self, asked: list[Connection]) -> None:
        await asyncio.sleep(CLOSES_AFTER_SECONDS)
        for connection in asked:
            connection.leaving = True
            await connection.ws.close()

    def drop(self) -> None:
        """Cut every connection without a closing handshake, as a lost network does."""
        for connection in list(self.connections):
            connection.leaving = True
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def close(self) -> None:
        """Close all sockets properly."""
        for closing in self._closing:
            closing.cancel()
        await asyncio.gather(*(connection.ws.close() for connection in list(self.connections)))

    def _hello(self) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "local", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.app_id},
        }

    def _receive(self, message: WSMessage) -> None:
        if message.type is not WSMsgType.TEXT:
            return
        try:
            answer = json.loads(message.data)
        except ValueError:
            self.on_message({"unreadable": str(message.data)[:200]})
            return
        if not isinstance(answer, dict):
            return
        future = self._waiting.get(str(answer.get("envelope_id")))
        if future is None:
            self.on_message({"unexpected": answer})
        elif not future.done():
            payload = answer.get("payload")
            future.set_result(payload if isinstance(payload, dict) else {"text": payload} if payload else {})
