"""The whole bot on the local Slack: real slack-bolt, real HTTP or WebSocket, real files and database."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.process import run
from bot.sandbox.person import Message, Person
from bot.sandbox.server import LocalSlack
from bot.settings import Settings, checked_settings
from bot.wiring import Bot

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())


@dataclass(frozen=True)
class Stage:
    """A running bot with its Slack and the folder of its default datastore."""

    slack: LocalSlack
    bot: Bot
    data: Path
    settings: Settings

    @property
    def ada(self) -> Person:
        """Data owner and admin."""
        return self.slack.person("U0ADA")

    @property
    def ben(self) -> Person:
        """Data scientist."""
        return self.slack.person("U0BEN")

    async def register(self, name: str, path: str, *, who: Person | None = None, channel: str = "C0DATA") -> Message:
        """Register a tabular dataset through the form with nothing but name and path; returns the card."""
        person = who or self.ada
        before = await person.messages(channel)
        await person.command(channel, "/dataset", f"register {name}")
        view = await person.wait_view("register")
        answer = await person.submit(view, {"paths": path})
        assert answer["ok"], answer
        assert answer.get("response_action") != "errors", answer
        await person.wait_view(contains="is registered", timeout=20)
        return await person.wait_message(channel, name, after=before[-1].ts if before else "", timeout=20)


def settings_for(slack: LocalSlack, directory: Path, *, http_port: int | None, **extra: object) -> Settings:
    """Settings that bring a bot to this local Slack, over Socket Mode or, with a port, over signed HTTP."""
    values: dict[str, object] = {
        "slack_bot_token": slack.bot_token,
        "slack_api_url": f"{slack.url}/api/",
        "database_url": f"sqlite:///{directory / 'bot.sqlite'}",
        "workspace": f"local:{directory / 'workspace'}",
        "admins": "U0ADA",
        "log_level": "WARNING",
        "drain_seconds": 5,
        "form_look_seconds": 1.5,  # the machine may be busy
    }
    if http_port is None:
        values["slack_app_token"] = slack.app_token
    else:
        values |= {"slack_signing_secret": slack.signing_secret, "port": http_port}
    return checked_settings(**(values | extra))


@asynccontextmanager
async def stage(
    directory: Path, *, transport: str = "socket", rate_limits: bool = False, **extra: object
) -> AsyncIterator[Stage]:
    """Start a local Slack and the bot on it; both end with the context, the bot by its own drain."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with LocalSlack(manifest=MANIFEST, rate_limits=rate_limits, retry_delays=(0.0, 0.2, 0.5)) as slack:
        if transport == "http":
            slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        settings = settings_for(slack, directory, http_port=port if transport == "http" else None, **extra)
        async with running(settings, listener) as bot:
            data = settings.workspace_directory / "data"
            data.mkdir(parents=True, exist_ok=True)
            yield Stage(slack, bot, data, settings)


@asynccontextmanager
async def running(settings: Settings, listener: socket.socket | None = None) -> AsyncIterator[Bot]:
    """The bot's own process function in this loop, from ready to drained."""
    ready: asyncio.Future[Bot] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(run(settings, listener, ready=ready.set_result, stop=stop))
    task.add_done_callback(lambda ended: ready.cancel() if not ready.done() else None)
    try:
        bot = await asyncio.wait_for(ready, 20)
    except asyncio.CancelledError:
        task.result()
        raise
    try:
        yield bot
    finally:
        stop.set()
        await task
