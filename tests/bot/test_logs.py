"""Logs: JSON lines with the request's context from our code and the libraries', without secrets."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.logs import configure_logs, get_logger, new_request_id, redact, request_context

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    writer = configure_logs("INFO", "json", fd=descriptor)

    def written() -> list[dict[str, Any]]:
        writer.flush()
        return [json.loads(line) for line in path.read_text().splitlines()]

    yield written
    writer.close()
    configure_logs("WARNING", "json")
    os.close(descriptor)


def test_every_line_carries_the_request_whoever_wrote_it(lines: Lines) -> None:
    request_context.set({"request_id": "r1", "user": "U0ADA", "type": "command", "name": "/dataset"})
    get_logger("bot.test").info("ours", count=2)
    logging.getLogger("services.test").warning("theirs %s", "formatted")
    logging.getLogger("slack_bolt.AsyncApp").info("chatter that repeats the body")
    ours, theirs = lines()
    assert (ours["event"], ours["count"], ours["logger"], ours["level"]) == ("ours", 2, "bot.test", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs formatted", "services.test", "warning")
    for line in (ours, theirs):
        assert (line["request_id"], line["user"], line["name"]) == ("r1", "U0ADA", "/dataset")
        assert line["timestamp"].endswith("Z")


def test_traces_are_logged_and_secrets_are_not(lines: Lines) -> None:
    try:
        raise RuntimeError("called with xoxb-123-abc and Bearer abc.def-ghi")
    except RuntimeError as error:
        get_logger("bot.test").error("failed", exc_info=error, url="https://hooks.slack.com/actions/T1/2/secret")
        logging.getLogger("aiohttp.client").error("sig=Zm9v%3D&sv=1 AccountKey=abc123==;", exc_info=True)
    text = json.dumps(lines())
    assert "Traceback" in text
    assert text.count("[redacted]") >= 5
    assert not any(secret in text for secret in ("123-abc", "abc.def-ghi", "T1/2/secret", "Zm9v", "abc123"))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("token xoxb-1-2-three!", "1-2-three"),
        ("xoxe.xoxp-1-Mi0y rotated", "Mi0y"),
        ("xapp-1-A0-xyz", "A0-xyz"),
        ("authorization: Bearer eyJhbGciOi.x.y", "eyJhbGciOi"),
        ("http://127.0.0.1:3000/respond/abcdef done", "abcdef"),
        ("wss://wss.slack.com/link/?ticket=12-34&app_id=x", "12-34"),
        ("https://account.blob.core.windows.net/c/f?sv=2024&sig=abc%2Bdef&se=1", "abc%2Bdef"),
    ],
)
def test_secrets_are_recognised(text: str, hidden: str) -> None:
    assert hidden not in redact(text)
    assert "[redacted]" in redact(text)


def test_ordinary_text_is_left_alone() -> None:
    text = "signal=3 bearing=north /dataset show sig_values relaxed-xoxo"
    assert redact(text) == text


def test_request_ids_can_be_read_out_and_differ() -> None:
    made = {new_request_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(each) == 10 and not set(each) & set("aeioul01") for each in made)
