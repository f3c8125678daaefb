"""A running local Slack with a clock that tests may move, and a small real Bolt app on either transport."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import LocalSlack
from tests.sandbox.bolt_app import BoltApp, http_app, socket_app


@dataclass
class Clock:
    """Real time plus what a test has skipped, in seconds."""

    skipped: float = 0

    def __call__(self) -> float:
        return time.time() + self.skipped


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[LocalSlack]:
    async with LocalSlack(clock=clock, ack_seconds=0.5, retry_delays=(0.0, 0.05, 0.05)) as running:
        yield running


@pytest.fixture(params=["http", "socket"])
async def bolt(request: pytest.FixtureRequest, slack: LocalSlack) -> AsyncIterator[BoltApp]:
    start = http_app if request.param == "http" else socket_app
    async with start(slack) as app:
        yield app


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as open_session:
        yield open_session


@pytest.fixture
def client(slack: LocalSlack, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The real Slack client with the bot token."""
    return AsyncWebClient(token=slack.bot_token, base_url=f"{slack.url}/api/", session=session)
