"""A file on the web that comes when a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

CSV = b"day,amount\n2026-01-01,10\n2026-01-02,12.5\n"


class SlowFile:
    """A web server whose file does not come before `release` is set. asked_at_once: requests until then."""

    def __init__(self, body: bytes = CSV) -> None:
        self.body = body
        self.release = asyncio.Event()
        self.asked = asyncio.Event()
        self.asked_at_once = 0
        self.url = ""

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        async def answer(_: web.Request) -> web.Response:
            self.asked.set()
            if not self.release.is_set():
                self.asked_at_once += 1
            await self.release.wait()
            return web.Response(body=self.body, content_type="text/csv", headers={"ETag": '"1"'})

        app = web.Application()
        app.router.add_get("/slow.csv", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slow.csv"
        try:
            yield
        finally:
            self.release.set()
            await runner.cleanup()
