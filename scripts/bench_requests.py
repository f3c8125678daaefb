"""Slack's deliveries as signed HTTP requests, and people who send them and time the acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import itertools
import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self
from urllib.parse import urlencode

SECRET = "0123456789abcdef0123456789abcdef"
TEAM = "T0BENCH"

Make = Callable[[str, str], bytes]
"""(user id, response_url) -> body of a delivery."""

_numbers = itertools.count(1)


@dataclass(slots=True)
class Times:
    """Seconds that things of one kind took. failed: descriptions of those that went wrong."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    duration: float = 0.0

    def quantile(self, share: float) -> float:
        """In milliseconds; not a number when nothing was measured."""
        if not self.seconds:
            return float("nan")
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.duration if self.duration else 0.0

    def add(self, other: Times) -> None:
        """Take another round's figures along."""
        self.seconds += other.seconds
        self.failed += other.failed
        self.duration += other.duration


# Bodies as Slack sends them


def trigger() -> str:
    """A trigger id that no other delivery has, so that each counts as new."""
    return f"{next(_numbers)}.{time.time_ns()}.bench"


def command(text: str | Callable[[], str], name: str = "/dataset") -> Make:
    """A slash command; text may be made anew for each."""

    def make(user: str, response_url: str) -> bytes:
        fields = {
            "token": "x", "team_id": TEAM, "team_domain": "northwind", "channel_id": "C0DATA", "channel_name": "data",
            "user_id": user, "user_name": "ada", "command": name, "text": text if isinstance(text, str) else text(),
            "api_app_id": "A0BENCH", "is_enterprise_install": "false", "response_url": response_url,
            "trigger_id": trigger(),
        }  # fmt: skip
        return urlencode(fields).encode()

    return make


def _interaction(kind: str, user: str, **more: object) -> bytes:
    body = {
        "type": kind,
        "team": {"id": TEAM, "domain": "northwind"},
        "user": {"id": user, "username": "ada", "name": "ada", "team_id": TEAM},
        "api_app_id": "A0BENCH",
        "token": "x",
        "is_enterprise_install": False,
        "enterprise": None,
        **more,
    }
    return urlencode({"payload": json.dumps(body)}).encode()


def click(action_id: str, value: str) -> Make:
    """A click on a button under an ephemeral answer."""

    def make(user: str, response_url: str) -> bytes:
        return _interaction(
            "block_actions",
            user,
            container={"type": "message", "message_ts": "1.1", "channel_id": "C0DATA", "is_ephemeral": True},
            channel={"id": "C0DATA", "name": "data"},
            trigger_id=trigger(),
            response_url=response_url,
            actions=[{"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": "1.2"}],
        )

    return make


def typing(text: Callable[[], str]) -> Make:
    """One keystroke in the menu of datasets of `/dataset show`."""

    def make(user: str, _response_url: str) -> bytes:
        view = {"id": "V0BENCH", "type": "modal", "callback_id": "which_dataset", "hash": "1.a", "blocks": []}
        return _interaction(
            "block_suggestion", user, action_id="dataset_choice", block_id="dataset", value=text(), view=view
        )

    return make


def refused_form(name: Callable[[], str]) -> Make:
    """The register form submitted with a path that leads out of its datastore: refused beside the field."""

    def make(user: str, _response_url: str) -> bytes:
        def chosen(value: str) -> dict[str, Any]:
            return {"selected_option": {"text": {"type": "plain_text", "text": value}, "value": value}}

        typed = {
            "name": {"value": name()},
            "new_version": {"selected_options": [{"value": "yes"}]},
            "type": chosen("tabular"),
            "source": chosen("datastore"),
            "datastore": chosen("workspaceblobstore"),
            "paths": {"value": "../secret/*.csv"},
            "format": chosen("guess"),
            "timestamp_column": {"value": None},
            "partition_format": {"value": None},
            "description": {"value": "Sales by day"},
            "tags": {"value": "team=growth"},
            "owner": {"selected_user": user},
        }
        view = {
            "id": f"V{next(_numbers)}",
            "type": "modal",
            "callback_id": "register",
            "hash": f"{time.time_ns()}.a",
            "title": {"type": "plain_text", "text": "Register a dataset"},
            "private_metadata": "",
            "state": {"values": {block: {f"register:{block}": element} for block, element in typed.items()}},
            "blocks": [],
        }
        return _interaction("view_submission", user, trigger_id=trigger(), view=view, response_urls=[])

    return make


def signed(body: bytes, port: int) -> bytes:
    """The whole HTTP request."""
    stamp = str(int(time.time())).encode()
    mac = hmac.new(SECRET.encode(), b"v0:" + stamp + b":" + body, sha256).hexdigest().encode()
    return (
        b"POST /slack/events HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: Slackbot 1.0\r\naccept: */*\r\n"
        b"content-type: application/x-www-form-urlencoded\r\nx-slack-request-timestamp: %s\r\n"
        b"x-slack-signature: v0=%s\r\ncontent-length: %d\r\n\r\n%s"
    ) % (port, stamp, mac, len(body), body)


# People


class Connection:
    """A kept-alive connection to the bot."""

    def __init__(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._port = port
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect."""
        return cls(port, *await asyncio.open_connection("127.0.0.1", port))

    async def send(self, body: bytes) -> tuple[int, bytes]:
        """Deliver; (status, body) of the acknowledgement."""
        self._writer.write(signed(body, self._port))
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        place = lowered.index(b"content-length:") + 15
        answer = await self._reader.readexactly(int(lowered[place : lowered.index(b"\r", place)]))
        return int(head[9:12]), answer

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


@dataclass(frozen=True, slots=True)
class Habit:
    """What people do over and over. expect: what each acknowledgement must hold. pause: seconds between two, on
    average. answers: an answer at the response_url is waited for before the next is asked, and timed."""

    make: Make
    expect: bytes = b""
    pause: float = 0.0
    answers: bool = False


ResponseUrl = Callable[[], tuple[str, "asyncio.Future[float]"]]
"""A fresh response_url, and when (perf_counter) an answer arrived there."""

ANSWER_SECONDS = 20.0


async def people(
    port: int, habit: Habit, *, clients: int, seconds: float, response_url: ResponseUrl
) -> tuple[Times, Times]:
    """So many people with one habit for so long: (acknowledgements, answers)."""
    acks, answers = Times(), Times()
    started = time.perf_counter()
    until = started + seconds

    async def person(number: int) -> None:
        connection = await Connection.open(port)
        user, chance = f"U{number:04d}BENCH", random.Random(number)
        try:
            await asyncio.sleep(chance.random() * habit.pause)
            while time.perf_counter() < until:
                await once(connection, user)
                if habit.pause:
                    await asyncio.sleep(habit.pause * (0.5 + chance.random()))
        finally:
            await connection.close()

    async def once(connection: Connection, user: str) -> None:
        url, answered = response_url()
        body = habit.make(user, url)
        sent = time.perf_counter()
        status, answer = await connection.send(body)
        acks.seconds.append(time.perf_counter() - sent)
        if status != 200 or habit.expect not in answer:
            acks.failed.append(f"{status} {answer[:200]!r}")
        elif habit.answers:
            try:
                answers.seconds.append(await asyncio.wait_for(answered, ANSWER_SECONDS) - sent)
            except TimeoutError:
                answers.failed.append("no answer came")

    await asyncio.gather(*map(person, range(clients)))
    acks.duration = answers.duration = time.perf_counter() - started
    return acks, answers


def median_of(rounds: list[Times], share: float) -> float:
    """The median over rounds of a quantile, in milliseconds."""
    return statistics.median(each.quantile(share) for each in rounds)
