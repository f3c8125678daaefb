"""A stand-in for Slack's Web API that costs next to nothing, and a web server that hangs."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import NamedTuple, Self

from aiohttp import web

from scripts.bench_requests import TEAM


class Arrival(NamedTuple):
    """One message at a response_url. at: perf_counter; content: the JSON as it came."""

    at: float
    content: str


class StandIn:
    """Answers the Web API methods that the bot calls and notes when an answer arrives at a response_url.

    Also serves `/hang/NAME`: a web file that does not come for `hang_seconds`.
    """

    def __init__(self, hang_seconds: float = 30.0) -> None:
        self.url = ""
        self.hanging = 0
        """Requests that hang now."""
        self.answered: dict[str, bytes] = {}
        """The last answer to what began with this word, to look at when figures seem odd."""
        self._hang_seconds = hang_seconds
        self._waiting: dict[str, asyncio.Future[float]] = {}
        self._followed: dict[str, asyncio.Queue[Arrival]] = {}
        self._tokens = itertools.count(1)
        self._runner: web.AppRunner | None = None

    def response_url(self) -> tuple[str, asyncio.Future[float]]:
        """A fresh response_url, and when an answer arrives there."""
        token = str(next(self._tokens))
        self._waiting[token] = asyncio.get_running_loop().create_future()
        return f"{self.url}/respond/{token}", self._waiting[token]

    def follow(self) -> tuple[str, asyncio.Queue[Arrival]]:
        """A fresh response_url, and all messages that arrive there."""
        token = str(next(self._tokens))
        self._followed[token] = asyncio.Queue()
        return f"{self.url}/respond/{token}", self._followed[token]

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=2**22)
        application.router.add_route("*", "/api/{method}", self._call)
        application.router.add_post("/respond/{token}", self._respond)
        application.router.add_get("/hang/{name}", self._hang)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        answer: dict[str, object] = {"ok": True}
        match request.match_info["method"]:
            case "auth.test":
                answer |= {"team_id": TEAM, "team": "Northwind", "user_id": "U0BOT", "user": "bot", "bot_id": "B0BOT"}
                answer |= {"url": "https://northwind.slack.com/"}
            case "users.info":
                user = request.query.get("user") or (await request.post())["user"]
                answer["user"] = {
                    "id": user, "team_id": TEAM, "name": "ada", "real_name": "Ada", "tz": "Europe/Stockholm",
                    "deleted": False, "is_bot": False, "is_restricted": False, "is_ultra_restricted": False,
                    "profile": {"display_name": "ada"},
                }  # fmt: skip
            case "views.open" | "views.push" | "views.update":
                answer["view"] = {"id": "V0BENCH", "hash": "1.a"}
            case _:
                answer |= {"ts": "1.1", "channel": "C0DATA"}
        return web.json_response(answer)

    async def _respond(self, request: web.Request) -> web.Response:
        content = await request.read()
        arrived = time.perf_counter()
        followed = self._followed.get(request.match_info["token"])
        if followed is not None:
            followed.put_nowait(Arrival(arrived, content.decode()))
        waiting = self._waiting.pop(request.match_info["token"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(arrived)
        self.answered[str(json.loads(content).get("text", ""))[-20:]] = content
        while len(self.answered) > 50:
            del self.answered[next(iter(self.answered))]
        return web.Response(text="ok")

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        self.hanging += 1
        try:
            await asyncio.sleep(self._hang_seconds)
        finally:
            self.hanging -= 1
        return web.Response(status=504)
