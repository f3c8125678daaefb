"""The client of Slack's Web API against answers that are not Slack's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError

from bot.metrics import Metrics
from bot.slack_client import SlackClient, open_session
from handlers.caller import CallerDirectory, Installation
from services.errors import Unavailable


async def _gateway_error(_: web.Request) -> web.Response:
    return web.Response(status=200, text="<html>Bad gateway</html>", content_type="text/html")


@pytest.fixture
async def gateway() -> AsyncIterator[str]:
    """An address whose every answer is a gateway's error page."""
    app = web.Application()
    app.router.add_route("*", "/api/{method}", _gateway_error)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    await runner.cleanup()


async def test_an_answer_that_is_no_json_is_an_error_of_slacks(gateway: str) -> None:
    metrics = Metrics()
    async with open_session() as session:
        client = SlackClient(session=session, base_url=gateway, metrics=metrics)
        client.token = "xoxb-000000000000"
        with pytest.raises(SlackApiError):
            await client.auth_test()

        async def installation() -> Installation:
            return Installation("T0LOCAL")

        with pytest.raises(Unavailable, match="did not tell me who you are"):
            await CallerDirectory(installation, frozenset()).caller(client, "U0ADA")
