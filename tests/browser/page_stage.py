"""The page of the local Slack on a bare stage: canned answers, recorded calls, one Chromium tab.

The real local Slack refuses what Slack refuses; here a test may show the page anything, malformed blocks too.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Locator, Page, Request, async_playwright

PAGE = Path(__file__).parents[2] / "bot" / "sandbox" / "page"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Json = dict[str, Any]  # what the page gets and sends is JSON of many shapes

ADA: Json = {"id": "U0ADA", "name": "ada", "real_name": "Ada Okafor", "title": "Data owner", "color": "2f6f6b"}
BEN: Json = {"id": "U0BEN", "name": "ben", "real_name": "Ben Lindqvist", "title": "", "color": "7a4b9d"}
GUS: Json = {"id": "U0GUS", "name": "gus", "real_name": "Gus Hale", "color": "8a6d1f", "is_ultra_restricted": True}
BOT: Json = {"id": "U0BOT", "name": "bot", "real_name": "Dataset Bot", "color": "1f7a5c", "is_bot": True}
BOOT: Json = {
    "team": {"id": "T0LOCAL", "name": "Northwind Data", "domain": "northwind"},
    "me": ADA,
    "users": [ADA, BEN, GUS, BOT],
    "app": {"id": "A0LOCAL", "name": "Dataset Bot", "bot_user_id": "U0BOT", "bot_id": "B0BOT"},
    "channels": [
        {"id": "C0DATA", "name": "data", "kind": "channel", "topic": "Datasets", "is_member": True, "unread": 0},
        {"id": "C0DRIFT", "name": "drift", "kind": "channel", "topic": "", "is_member": True, "unread": 2},
        {"id": "C0OLD", "name": "old", "kind": "channel", "topic": "", "is_archived": True, "unread": 0},
        {"id": "D0BOT", "name": "Dataset Bot", "kind": "dm", "user": "U0BOT", "is_member": True, "unread": 0},
    ],
    "commands": [{"command": "/dataset", "description": "Datasets", "usage_hint": "register | list"}],
    "shortcuts": [
        {"type": "global", "callback_id": "register", "name": "Register dataset", "description": ""},
        {"type": "message", "callback_id": "register_file", "name": "Register this file", "description": ""},
    ],
    "connected": "socket",
}


@dataclass
class Call:
    """What the page posted: the last part of the path and the body."""

    name: str
    body: Json


@dataclass
class Stage:
    """A tab with the page, and the server behind it."""

    page: Page
    url: str
    calls: list[Call]
    answers: dict[str, Json]
    arrived: asyncio.Event
    queue: asyncio.Queue[Json]
    requests: list[str]
    console: list[str]
    stack: list[Json] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def tell(self, **event: Any) -> None:
        """Send the page one server-sent event."""
        await self.queue.put(event)

    async def show(self, *blocks: Json, text: str = "", channel: str = "C0DATA", **more: Any) -> Locator:
        """A message of the app in the open channel; its node in the page."""
        ts = f"{1_790_000_000 + next(self._numbers)}.000100"
        message = {"ts": ts, "channel": channel, "user": "U0BOT", "bot_id": "B0BOT", "text": text, **more}
        if blocks:
            message["blocks"] = [{"block_id": f"b{number}", **block} for number, block in enumerate(blocks)]
        kind = "ephemeral" if more.get("ephemeral") else "message"
        await self.tell(type=kind, channel=channel, message=message)
        node = self.page.locator(f"[data-ts='{ts}']")
        await node.wait_for()
        return node

    async def open(self, *blocks: Json, **more: Any) -> Locator:
        """A new modal with these blocks; its node in the page."""
        view = self.view(*blocks, **more)
        self.stack = [view]
        await self.tell(type="view_opened", view=view, stack=self.stack)
        modal = self.page.get_by_test_id("modal").and_(self.page.locator(f"[data-view-id='{view['id']}']"))
        await modal.wait_for()
        return modal

    async def update(self, *blocks: Json, **more: Any) -> None:
        """New blocks for the open modal, and the page has drawn them."""
        view = {**self.stack[-1], **self.view(*blocks, **more), "id": self.stack[-1]["id"]}
        self.stack[-1] = view
        await self.tell(type="view_updated", view=view, stack=self.stack)
        await self.settled()

    async def close(self) -> None:
        """No modal is open any more."""
        self.stack = []
        await self.tell(type="view_closed", stack=[])
        await self.page.get_by_test_id("modal").wait_for(state="hidden")

    async def settled(self) -> None:
        """All events sent so far have been drawn: a marker event comes after them."""
        marker = f"marker {next(self._numbers)}"
        await self.tell(type="message", channel="C0DATA", message={"ts": "1", "user": "U0BEN", "text": marker})
        await self.page.get_by_test_id("live").get_by_text(marker, exact=False).wait_for(state="attached")

    def view(self, *blocks: Json, **more: Any) -> Json:
        """A view object as the server keeps it."""
        return {
            "id": f"V{next(self._numbers)}",
            "type": "modal",
            "title": {"type": "plain_text", "text": "Form"},
            "submit": {"type": "plain_text", "text": "Save"},
            "close": {"type": "plain_text", "text": "Cancel"},
            "blocks": [{"block_id": f"b{number}", **block} for number, block in enumerate(blocks)],
            **more,
        }

    async def last(self, name: str) -> Json:
        """The newest call of this name; waits for the first."""
        async with asyncio.timeout(5):
            while not (found := [call.body for call in self.calls if call.name == name]):
                self.arrived.clear()
                await self.arrived.wait()
        return found[-1]

    def forget(self) -> None:
        """Drop the recorded calls and the canned answers."""
        self.calls.clear()
        self.answers.clear()


def _application(
    queue: asyncio.Queue[Json], calls: list[Call], answers: dict[str, Json], arrived: asyncio.Event
) -> web.Application:
    async def static(request: web.Request) -> web.StreamResponse:
        path = (PAGE / request.match_info.get("file", "index.html")).resolve()
        if not path.is_relative_to(PAGE) or not path.is_file():
            return web.Response(status=404)
        return web.FileResponse(path)

    async def boot(request: web.Request) -> web.Response:
        me = next(user for user in BOOT["users"] if user["id"] == request.query["user"])
        return web.json_response({**BOOT, "me": me})

    async def read(request: web.Request) -> web.Response:
        empty = {"history": {"messages": []}, "traffic": {"entries": []}, "views": {"stack": [], "home": None}}
        return web.json_response(answers.get(request.match_info["name"], empty[request.match_info["name"]]))

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            event = await queue.get()
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    async def act(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.json() if request.content_type == "application/json" else dict(request.query)
        calls.append(Call(name, body))
        arrived.set()
        answer = answers.get(name, {"ok": True})
        if answer.get("status"):
            return web.Response(status=answer["status"], text="broken")
        return web.json_response(answer)

    app = web.Application()
    app.add_routes(
        [
            web.get("/", static),
            web.get("/page/{file:.+}", static),
            web.get("/client/boot", boot),
            web.get("/client/events", events),
            web.get("/client/{name:history|traffic|views}", read),
            web.post("/client/{name}", act),
        ]
    )
    return app


def chromium() -> str | None:
    """The system's Chromium; None lets Playwright look for its own."""
    names: Sequence[str] = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_stage(timezone: str = "Asia/Tokyo") -> AsyncIterator[Stage]:
    """The page in one tab as Ada in #data, seen from `timezone`."""
    queue: asyncio.Queue[Json] = asyncio.Queue()
    calls: list[Call] = []
    answers: dict[str, Json] = {}
    arrived = asyncio.Event()
    runner = web.AppRunner(_application(queue, calls, answers, arrived), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        context = await browser.new_context(timezone_id=timezone, viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        page.set_default_timeout(4000)
        requests: list[str] = []
        console: list[str] = []

        def note(request: Request) -> None:
            requests.append(request.url)

        page.on("request", note)
        page.on("pageerror", lambda error: console.append(str(error)))
        await page.goto(f"{url}?user=U0ADA&channel=C0DATA")
        await page.wait_for_selector("[data-ready=true]")
        await page.get_by_text("Datasets").first.wait_for()
        yield Stage(page, url, calls, answers, arrived, queue, requests, console)
        await browser.close()
    await runner.cleanup()
