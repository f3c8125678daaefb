"""The local Slack: its web application and life cycle."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import web

from bot.sandbox import client_api
from bot.sandbox.calls import handle_call
from bot.sandbox.faults import Faults
from bot.sandbox.limits import ACK_SECONDS
from bot.sandbox.messages import may_see_file
from bot.sandbox.person import Person
from bot.sandbox.respond import handle_response
from bot.sandbox.state import World
from bot.sandbox.traffic import Traffic
from bot.sandbox.wire import JsonObject, SlackError
from bot.sandbox.workspace import Workspace, new_settings

PAGE: Final = Path(__file__).parent / "page"
_MAX_UPLOAD: Final = 64 * 1024 * 1024
_NAMES: Final = frozenset({"127.0.0.1", "localhost"})
Route = Callable[[Workspace, web.Request], Awaitable[web.StreamResponse]]


class LocalSlack:
    """A Slack workspace in memory, served on 127.0.0.1 while the context is open.

    port 0 picks a free one. request_url makes the app reachable over signed HTTP when it holds no socket.
    clock gives seconds since the epoch for time stamps, trigger ids, response URLs and rate limits.
    ack_seconds and retry_delays (seconds before each retry of an event) may be shortened in tests;
    rate_limits=False is for benchmarks. Tokens and signing secret are fresh at each start unless given.
    """

    def __init__(
        self,
        port: int = 0,
        request_url: str | None = None,
        signing_secret: str | None = None,
        manifest: JsonObject | None = None,
        clock: Callable[[], float] = time.time,
        *,
        bot_token: str | None = None,
        app_token: str | None = None,
        rate_limits: bool = True,
        ack_seconds: float = ACK_SECONDS,
        retry_delays: tuple[float, ...] = (0.0, 60.0, 300.0),
    ) -> None:
        settings = new_settings(
            signing_secret=signing_secret,
            bot_token=bot_token,
            app_token=app_token,
            manifest=manifest,
            clock=clock,
            request_url=request_url,
            rate_limits=rate_limits,
            ack_seconds=ack_seconds,
            retry_delays=retry_delays,
        )
        self.workspace = Workspace(settings)
        self.bot_token = settings.bot_token
        self.app_token = settings.app_token
        self.signing_secret = settings.signing_secret
        self._port = port
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """Where it is served, without a slash at the end; `SLACK_API_URL` is this plus `/api/`."""
        return self.workspace.base_url

    @property
    def request_url(self) -> str | None:
        """The app's address for signed HTTP."""
        return self.workspace.delivery.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.workspace.delivery.request_url = url
        self.workspace.connection_changed()

    @property
    def world(self) -> World:
        """People, channels, messages and files as they are now."""
        return self.workspace.world

    @property
    def traffic(self) -> Traffic:
        """The record of all exchanges with the app."""
        return self.workspace.traffic

    @property
    def faults(self) -> Faults:
        """The fault plan in force."""
        return self.workspace.faults

    @faults.setter
    def faults(self, plan: Faults) -> None:
        self.workspace.set_faults(plan)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Send `disconnect` to every socket of the app: `warning` or `refresh_requested`."""
        await self.workspace.hub.disconnect(reason)

    def person(self, user_id: str) -> Person:
        """A client that acts as this person over HTTP, as the page does."""
        if self._session is None:
            raise RuntimeError("the local Slack is not running")
        self.workspace.world.user(user_id)
        return Person(self.url, user_id, self._session)

    async def start(self) -> None:
        """Bind the port and serve."""
        application = make_application(self.workspace)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.workspace.base_url = f"http://127.0.0.1:{port}"
        self._session = aiohttp.ClientSession(trust_env=False)
        await self.workspace.delivery.start()

    async def stop(self) -> None:
        """Close sockets and streams and give the port back."""
        self.workspace.feed.shut()
        await self.workspace.delivery.stop()
        await self.workspace.hub.close()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


def make_application(ws: Workspace) -> web.Application:
    """All routes of the local Slack."""

    def bind(handler: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def run(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(ws, request)
            except SlackError as error:
                return web.json_response(error.body())

        return run

    app = web.Application(client_max_size=_MAX_UPLOAD, middlewares=[_local_only])
    app.add_routes(
        [
            web.get("/api/{method}", bind(handle_call)),
            web.post("/api/{method}", bind(handle_call)),
            web.get("/socket/{ticket}", bind(_socket)),
            web.post("/upload/{id}", bind(_receive_upload)),
            web.get("/files/{id}/{name}", bind(_file_bytes)),
            web.post("/respond/{token}", bind(handle_response)),
            web.get("/", bind(_page)),
            web.get("/page/{file:.+}", bind(_page)),
            web.get("/client/boot", bind(client_api.handle_boot)),
            web.get("/client/history", bind(client_api.handle_history)),
            web.get("/client/views", bind(client_api.handle_views)),
            web.get("/client/events", bind(client_api.handle_events)),
            web.get("/client/traffic", bind(client_api.handle_traffic)),
            web.post("/client/upload", bind(client_api.handle_upload)),
            web.route("*", "/client/faults", bind(client_api.handle_faults)),
            web.post("/client/{name}", bind(client_api.handle_post)),
        ]
    )
    return app


@web.middleware
async def _local_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse other host names and origins: no web page elsewhere may reach in, not by rebinding its name either."""
    host = request.headers.get("Host", "").rpartition(":")[0] or request.headers.get("Host", "")
    if host not in _NAMES:
        return web.Response(status=421, text="The local Slack answers on 127.0.0.1 only.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers.get('Host', '')}":
        return web.Response(status=403, text="Requests from other pages are refused.")
    return await handler(request)


async def _socket(ws: Workspace, request: web.Request) -> web.StreamResponse:
    return await ws.hub.serve(request, request.match_info["ticket"])


async def _receive_upload(ws: Workspace, request: web.Request) -> web.Response:
    file = ws.world.files.get(request.match_info["id"])
    if file is None or file.received:
        return web.Response(status=404, text="unknown upload")
    if request.content_type == "multipart/form-data":
        parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
        content = parts[0].file.read() if parts else b""
    else:
        content = await request.read()
    if len(content) != file.expected_size:
        return web.Response(status=400, text=f"expected {file.expected_size} bytes, got {len(content)}")
    file.content, file.received = content, True
    return web.Response(text=f"OK - {len(content)}")


async def _file_bytes(ws: Workspace, request: web.Request) -> web.Response:
    """Bytes for the app (bearer token with files:read) or for somebody who may see the file (`?user=`)."""
    file = ws.world.files.get(request.match_info["id"])
    if file is None or not file.received:
        return web.Response(status=404, text="no such file")
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    by_app = token == ws.settings.bot_token and "files:read" in ws.manifest.bot_scopes and not ws.faults.revoked
    if not by_app and not may_see_file(ws, request.query.get("user", ""), file):
        return web.Response(status=403, text="sign in to see this file")
    safe = file.mimetype if file.mimetype.startswith(("image/", "text/")) else "application/octet-stream"
    if safe in {"text/html", "image/svg+xml"}:
        safe = "application/octet-stream"
    return web.Response(body=file.content, content_type=safe, headers={"X-Content-Type-Options": "nosniff"})


async def _page(ws: Workspace, request: web.Request) -> web.StreamResponse:
    name = request.match_info.get("file", "index.html")
    path = (PAGE / name).resolve()
    if not path.is_relative_to(PAGE.resolve()) or not path.is_file():
        return web.Response(status=404, text=f"no page file {name}")
    return web.FileResponse(path, headers={"Cache-Control": "no-store"})
