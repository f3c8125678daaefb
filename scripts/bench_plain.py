"""The yardstick: what the Bolt documentation shows, AsyncApp behind its Starlette adapter on uvicorn, and one echo.

Prints its port and serves until it is ended. Run: python -m scripts.bench_plain
"""

from __future__ import annotations

import asyncio
import socket

import uvicorn
import uvloop
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from handlers import command_table
from handlers.listeners import ack_body
from scripts.bench_requests import SECRET, TEAM


async def serve() -> None:
    """Acknowledge `/dataset help` with our help as it is, everything else with two letters."""
    same = ack_body(command_table.TABLE.help("/dataset"))

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None, team_id=TEAM, bot_id="B0BOT", bot_user_id="U0BOT", bot_token="xoxb-x"
        )

    async def echo(ack: AsyncAck, body: dict[str, str]) -> None:
        if body["text"] == "help":
            await ack(**same)
        else:
            await ack(text="ok")

    app = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)
    app.command("/dataset")(echo)
    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    routes = [Route("/slack/events", endpoint, methods=["POST"])]
    config = uvicorn.Config(
        Starlette(routes=routes), loop="none", http="httptools", log_level="warning", access_log=False
    )
    print(listener.getsockname()[1], flush=True)
    await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
