"""The web server: requests of Slack behind the guard, health, readiness and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import orjson
import uvicorn
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.bodies import read_body
from bot.guard import SignatureGuard
from bot.health import Health
from bot.http_paths import EVENTS_PATH, HEALTH_PATH, METRICS_PATH, READY_PATH
from bot.logs import get_logger
from bot.metrics import CONTENT_TYPE, Metrics

log = get_logger("bot.http")


class PortTakenError(Exception):
    """The address cannot be listened on. Its text is a sentence that names the settings to change."""


class SlackEndpoint:
    """ASGI application that hands a verified request to Bolt and sends Bolt's answer, with nothing in between."""

    def __init__(self, app: AsyncApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose body arrives in one message (see `SignatureGuard`)."""
        body: bytes = (await receive())["body"]
        try:
            delivery = read_body(body, _content_type(scope))
            # Without headers and parsed, as from a socket: Bolt would read the body once more, and nothing else of
            # the request is asked for.
            request = AsyncBoltRequest(body=delivery, mode="socket_mode")
        except (ValueError, TypeError, AttributeError, RecursionError):
            # Signed and yet no JSON object where one belongs: Bolt looks into the body in its constructor.
            await _send(send, 400, b"", {})
            return
        answer: BoltResponse = await self._app.async_dispatch(request)
        await _send(send, answer.status, answer.body.encode(), answer.first_headers_without_set_cookie())


def _content_type(scope: Scope) -> str:
    return next((str(value, "latin-1") for name, value in scope["headers"] if name == b"content-type"), "")


async def _send(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def build_web_app(
    *, health: Health, metrics: Metrics, slack: AsyncApp | None = None, signing_secret: str | None = None
) -> ASGIApp:
    """The web application. `/slack/events` exists only when both slack and signing_secret are given."""

    async def healthz(_request: Request) -> Response:
        """The process runs and its event loop turns."""
        return Response(b'{"alive":true}', media_type="application/json")

    async def readyz(_request: Request) -> Response:
        """Whether Slack's deliveries can be taken now, part by part."""
        parts = await health.check()
        ready = all(part.ok for part in parts.values())
        content = {
            "ready": ready,
            "parts": {name: {"ok": part.ok, "detail": part.detail} for name, part in parts.items()},
        }
        return Response(orjson.dumps(content), 200 if ready else 503, media_type="application/json")

    async def exposition(_request: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    routes = [
        Route(HEALTH_PATH, healthz),
        Route(READY_PATH, readyz),
        Route(METRICS_PATH, exposition),
    ]
    pages = Starlette(routes=routes)
    if slack is None or not signing_secret:
        return pages

    def refused(status: int) -> None:
        log.warning("request refused at the door", status=status)
        metrics.refused(status)

    guard = SignatureGuard(SlackEndpoint(slack), signing_secret, refused=refused)

    async def door(scope: Scope, receive: Receive, send: Send) -> None:
        """Slack's requests go straight to the guard; the pages have Starlette's routing around them."""
        if scope["type"] == "http" and scope["path"] == EVENTS_PATH:
            await guard(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return door


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. port 0: any free one. Raises PortTakenError with a sentence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise PortTakenError(
            f"Cannot listen on {host}:{port} ({reason}); stop what uses it or set PORT or HOST to another."
        ) from None
    listener.setblocking(False)
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """A running web server on an open socket."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=5,
                limit_concurrency=2_000,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._listener.getsockname()[1])

    async def start(self) -> None:
        """Serve; returns once requests are taken."""
        self._task = asyncio.create_task(self._server.serve([self._listener]), name="web-server")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise RuntimeError("the web server ended before it started")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more connections, answer what was asked, end."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
