"""A bot that is killed between its acknowledgement and the work: nothing is lost, and the person is told."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox.server import LocalSlack
from tests.ports import free_port
from tests.scenario.bot_on_local_slack import MANIFEST, ROOT
from tests.scenario.slow_file import SlowFile

pytestmark = pytest.mark.slow


class BotProcess:
    """`dataset-bot serve` as a process of its own."""

    def __init__(self, slack: LocalSlack, directory: Path) -> None:
        self._env = {
            "PATH": os.environ["PATH"],
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": f"{slack.url}/api/",
            "DATABASE_URL": f"sqlite:///{directory / 'bot.sqlite'}",
            "WORKSPACE": f"local:{directory / 'workspace'}",
            "ALLOW_PRIVATE_URLS": "true",
            "PORT": str(free_port()),
        }
        self._slack = slack
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait until it holds its sockets."""
        with (self._directory / "bot.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "serve", env=self._env, stdout=log, stderr=log, cwd=ROOT
            )
        for _ in range(300):
            if (await self._slack.person("U0ADA").boot())["connected"] == "socket":
                return
            await asyncio.sleep(0.1)
        raise AssertionError((self._directory / "bot.log").read_text()[-2000:])

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return await self._process.wait()


@asynccontextmanager
async def _scene(directory: Path) -> AsyncIterator[tuple[LocalSlack, BotProcess, SlowFile]]:
    slow = SlowFile()
    async with LocalSlack(manifest=MANIFEST, rate_limits=False) as slack, slow.served():
        bot = BotProcess(slack, directory)
        await bot.start()
        try:
            yield slack, bot, slow
        finally:
            await bot.end(signal.SIGTERM)


async def test_a_registration_survives_kill_9(tmp_path: Path) -> None:
    async with _scene(tmp_path) as (slack, bot, slow):
        ada = slack.person("U0ADA")
        await ada.command("C0DATA", "/dataset", "register letters")
        form = await ada.wait_view("register")
        await ada.click(form, "register:source", "web")
        form = await ada.wait_view("register", contains="example.com")
        answer = await ada.submit(form, {"name": "letters", "urls": slow.url})
        assert answer.get("response_action") != "errors", answer
        await asyncio.wait_for(slow.asked.wait(), 20)

        assert await bot.end(signal.SIGKILL) == -signal.SIGKILL
        slow.release.set()
        await bot.start()

        direct = await ada.dm()
        told = await ada.wait_message(direct, "letters:1", timeout=60)
        assert "2 rows" in told.shown
        await ada.command("C0DATA", "/dataset", "versions letters")
        assert "1 version of letters" in (await ada.wait_message("C0DATA", "1 version of letters", timeout=10)).shown


async def test_a_question_cut_off_by_kill_9_is_told(tmp_path: Path) -> None:
    async with _scene(tmp_path) as (slack, bot, slow):
        slow.release.set()
        ada = slack.person("U0ADA")
        await ada.command("C0DATA", "/dataset", "register letters")
        form = await ada.wait_view("register")
        await ada.click(form, "register:source", "web")
        form = await ada.wait_view("register", contains="example.com")
        await ada.submit(form, {"name": "letters", "urls": slow.url})
        await ada.wait_view(contains="is registered", timeout=30)

        slow.release.clear()
        slow.asked.clear()
        await ada.command("C0DATA", "/dataset", "preview letters")
        await asyncio.wait_for(slow.asked.wait(), 20)
        await bot.end(signal.SIGKILL)
        slow.release.set()
        await bot.start()

        told = await ada.wait_message(await ada.dm(), "/dataset preview letters", timeout=60)
        assert "restarted" in told.shown


async def test_sigterm_finishes_what_runs(tmp_path: Path) -> None:
    async with _scene(tmp_path) as (slack, bot, slow):
        ada = slack.person("U0ADA")
        await ada.command("C0DATA", "/dataset", "register letters")
        form = await ada.wait_view("register")
        await ada.click(form, "register:source", "web")
        form = await ada.wait_view("register", contains="example.com")
        await ada.submit(form, {"name": "letters", "urls": slow.url})
        await asyncio.wait_for(slow.asked.wait(), 20)
        ending = asyncio.create_task(bot.end(signal.SIGTERM))
        await asyncio.sleep(0.5)
        assert not ending.done()
        slow.release.set()
        assert await asyncio.wait_for(ending, 30) == 0
        await ada.wait_message("C0DATA", "*letters:1*")
        await bot.start()
