"""A running local Slack, and a small real Bolt app on either transport."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, http_app, socket_app


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack(ack_seconds=0.5, retry_delays=(0.0, 0.05, 0.05)) as running:
        yield running


@pytest.fixture(params=["http", "socket"])
async def bolt(request: pytest.FixtureRequest, slack: LocalSlack) -> AsyncIterator[BoltApp]:
    start = http_app if request.param == "http" else socket_app
    async with start(slack) as app:
        yield app
