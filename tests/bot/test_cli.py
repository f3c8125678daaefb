"""The command line: light where it can be, one sentence and a non-zero exit where it fails."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import yaml

from bot import __version__
from bot.http import listen
from bot.sandbox.person import Person
from bot.sandbox.server import LocalSlack
from bot.settings import environment_names
from tests.ports import free_port

HEAVY = ("slack_bolt", "slack_sdk", "sqlalchemy", "aiohttp", "pydantic", "pyarrow", "uvicorn", "structlog")


def environment(**values: str) -> dict[str, str]:
    """This process's environment without the bot's settings, plus these."""
    kept = {name: text for name, text in os.environ.items() if name not in environment_names()}
    return {**kept, **values}


def bot(*arguments: str, directory: Path, **values: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=directory,
        env=environment(PYTHONPATH=str(Path.cwd()), **values),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_told_without_loading_anything_heavy(tmp_path: Path) -> None:
    script = f"""
import sys
from bot.cli import main
try:
    main(["--version"])
except SystemExit as exit:
    assert exit.code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [f"dataset-bot {__version__}", "[]"]


def test_serving_without_settings_names_each_in_a_sentence(tmp_path: Path) -> None:
    result = bot("serve", directory=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == ["dataset-bot", "dataset-bot"]
    assert "SLACK_BOT_TOKEN" in result.stderr
    assert "SLACK_APP_TOKEN" in result.stderr


def test_a_taken_port_ends_serving_in_one_sentence(tmp_path: Path) -> None:
    taken = listen("127.0.0.1", 0)
    result = bot(
        "serve", directory=tmp_path, SLACK_BOT_TOKEN="xoxb-12345678", SLACK_SIGNING_SECRET="0123456789abcdef",
        PORT=str(taken.getsockname()[1]),
    )  # fmt: skip
    taken.close()
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "Cannot listen on" in result.stderr


async def test_a_refused_token_ends_serving_in_one_sentence(tmp_path: Path) -> None:
    async with LocalSlack() as slack:
        values = {
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": "xoxb-of-another",
            "SLACK_APP_TOKEN": "xapp-123",
        }
        result = await asyncio.to_thread(bot, "serve", directory=tmp_path, PORT=str(free_port()), **values)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "dataset-bot: Slack refused the bot token (invalid_auth); run dataset-bot check to see what to fix."
    )
    assert "Traceback" not in result.stderr


def test_an_unforeseen_error_is_a_reference_whose_trace_is_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a directory should be")
    result = bot("serve", directory=tmp_path, SLACK_BOT_TOKEN="xoxb-12345678", SLACK_APP_TOKEN="xapp-12345678",
                 PORT=str(free_port()))  # fmt: skip
    assert result.returncode == 1
    *log, sentence = result.stderr.splitlines()
    reference = sentence.removesuffix(".").rsplit(" ", 1)[1]
    entry = json.loads(log[-1])
    assert entry["request_id"] == reference
    assert "FileExistsError" in entry["exception"]


def test_a_place_where_nothing_can_be_kept_ends_serving_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    result = bot("serve", directory=tmp_path, SLACK_BOT_TOKEN="xoxb-12345678", SLACK_APP_TOKEN="xapp-12345678",
                 PORT=str(free_port()), DATABASE_URL=f"sqlite:///{tmp_path}/file/below/bot.sqlite")  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr
    assert "(Not a directory)" in result.stderr
    assert "DATABASE_URL" in result.stderr


@pytest.mark.slow
async def test_the_demo_serves_a_page_with_sample_data_and_a_taken_port_is_told(tmp_path: Path) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "demo", "--directory", str(tmp_path / "demo"),
        env=environment(PORT=str(port)), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(50):
            said = await process.stdout.readuntil(f"http://127.0.0.1:{port}\n".encode())
        assert b"Dataset Bot is ready" in said
        second = await asyncio.to_thread(
            bot, "demo", "--directory", str(tmp_path / "demo"), directory=tmp_path, PORT=str(port)
        )
        assert (second.returncode, second.stderr.count("\n")) == (1, 1)
        assert f"Port {port} is in use" in second.stderr
        async with aiohttp.ClientSession() as session:
            ada = Person(f"http://127.0.0.1:{port}", "U0ADA", session)
            await ada.command("C0DATA", "/dataset", "versions flights")
            assert "2 versions of flights" in (await ada.wait_message("C0DATA", contains="2 versions")).text
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 15) == 0
    files = sorted(path.name for path in (tmp_path / "demo" / "data" / "flights" / "parquet").iterdir())
    assert files == [f"2013-{month:02}.parquet" for month in range(1, 13)]


@pytest.mark.parametrize("arguments", [("--socket",), (), ("--url", "https://bot.example")])
def test_the_manifest_fits_its_transport(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = bot("manifest", *arguments, directory=tmp_path)
    manifest = yaml.safe_load(result.stdout)
    over_http = "--url" in arguments
    assert manifest["settings"]["socket_mode_enabled"] is not over_http
    urls = [command.get("url") for command in manifest["features"]["slash_commands"]]
    urls.append(manifest["settings"]["interactivity"].get("request_url"))
    assert set(urls) == {"https://bot.example/slack/events" if over_http else None}


async def test_check_finds_what_is_wrong_and_says_what_to_fix(tmp_path: Path) -> None:
    async with LocalSlack() as slack:
        values = {
            "SLACK_API_URL": f"{slack.url}/api/",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "ADMINS": "U0ADA",
        }
        good = await asyncio.to_thread(bot, "check", directory=tmp_path, **values)
        assert good.returncode == 0, good.stdout + good.stderr
        assert slack.bot_token not in good.stdout
        for name in environment_names():
            assert name in good.stdout
        assert "Everything is in order." in good.stdout
        bad = await asyncio.to_thread(
            bot,
            "check",
            directory=tmp_path,
            **{**values, "SLACK_APP_TOKEN": "xapp-unknown", "ADMINS": "U0GUS,U0NOBODY"},
        )
    assert bad.returncode == 1
    failed = [line.split("FAIL  ")[1].split(":")[0] for line in bad.stdout.splitlines() if "FAIL" in line]
    assert failed == ["app token", "admin U0GUS", "admin U0NOBODY"]
    assert bad.stdout.rstrip().endswith("3 to fix.")


async def test_the_whole_process_serves_by_socket_reports_ready_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    async with LocalSlack() as slack, aiohttp.ClientSession() as session:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve",
            cwd=tmp_path,
            env=environment(
                PYTHONPATH=str(Path.cwd()), SLACK_API_URL=f"{slack.url}/api/", SLACK_BOT_TOKEN=slack.bot_token,
                SLACK_APP_TOKEN=slack.app_token, PORT=str(port),
            ),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(25):
                while not await is_ready(session, f"http://127.0.0.1:{port}/readyz"):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            answer = await slack.person("U0ADA").command("C0DATA", "/dataset", "help")
            assert answer["ok"]
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0, log.decode()
    events = [json.loads(line) for line in log.decode().splitlines()]
    assert [event["event"] for event in events][-1] == "stopped"
    assert any(event["event"] == "acknowledged" and event["user"] == "U0ADA" for event in events)
    assert slack.bot_token not in log.decode()


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
