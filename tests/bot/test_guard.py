"""The door for Slack's requests: what is refused, how little is said about it, and what is let through."""

from __future__ import annotations

import asyncio
import hmac
import io
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from starlette.types import Receive, Scope, Send

from bot.guard import MAX_BODY_BYTES, SignatureGuard
from bot.http import WebServer, listen
from bot.logs import configure_logs

SECRET = "0123456789abcdef0123456789abcdef"
BODY = b"command=%2Fdataset&text=list"


@dataclass
class Behind:
    """What stands behind the guard: keeps what it is given."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[bytes, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.headers.append(dict(scope["headers"]))
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"let through"})


@dataclass
class Door:
    """The guard on a real server."""

    url: str
    behind: Behind
    refused: list[int]
    session: aiohttp.ClientSession

    async def knock(self, headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> int:
        async with self.session.request(method, self.url, data=io.BytesIO(body), headers=headers) as answer:
            text = await answer.read()
            assert text in {b"", b"let through"}
            return answer.status


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    behind, refused = Behind(), list[int]()
    server = WebServer(SignatureGuard(behind, SECRET, refused=refused.append), listen("127.0.0.1", 0))
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Door(f"http://127.0.0.1:{server.port}/slack/events", behind, refused, session)
    await server.stop()


def signed(body: bytes = BODY, *, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}


async def test_a_signed_request_is_let_through_with_its_exact_bytes(door: Door) -> None:
    body = "text=ä%20&payload={}".encode() + b"\x00\xff"
    assert await door.knock(signed(body), body) == 200
    assert door.behind.bodies == [body]
    assert door.refused == []


async def test_a_body_that_comes_in_pieces_is_put_together(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in BODY:
            yield bytes([byte])
            await asyncio.sleep(0)

    async with door.session.post(door.url, data=pieces(), headers=signed()) as answer:
        assert answer.status == 200
    assert door.behind.bodies == [BODY]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "1"},
        {**signed(), "X-Slack-Signature": "v0=" + "0" * 64},
        {**signed(), "X-Slack-Signature": signed()["X-Slack-Signature"].upper()},
        {**signed(), "X-Slack-Signature": ""},
        signed(secret="f" * 32),
        signed(b"another body"),
        signed(at=time.time() - 400),
        signed(at=time.time() + 4000),
        {**signed(), "X-Slack-Request-Timestamp": "not-a-number"},
        {**signed(), "X-Slack-Request-Timestamp": "-5"},
        {**signed(), "X-Slack-Request-Timestamp": "1e9"},
        {**signed(), "X-Slack-Request-Timestamp": "9" * 400},
        {**signed(), "X-Slack-Request-Timestamp": "１７００００００００".encode().decode("latin-1")},
    ],
)
async def test_whatever_is_not_freshly_signed_is_refused_without_a_word(door: Door, headers: dict[str, str]) -> None:
    assert await door.knock(headers) == 401
    assert door.behind.bodies == []
    assert door.refused == [401]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_only_post_is_taken(door: Door, method: str) -> None:
    assert await door.knock(signed(), method=method) == 405
    assert door.behind.bodies == []


async def test_the_handshake_that_bolt_would_answer_unsigned_is_refused(door: Door) -> None:
    assert await door.knock({}, b"ssl_check=1&token=x") == 401


async def test_a_body_is_not_read_beyond_its_limit(door: Door) -> None:
    big = b"x" * (MAX_BODY_BYTES + 1)
    assert await door.knock(signed(big), big) == 413

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    # Without a length: the guard stops reading, and answers or closes on a client that goes on writing.
    try:
        async with door.session.post(door.url, data=endless(), headers=signed(b"x")) as answer:
            assert answer.status == 413
    except aiohttp.ClientError:
        pass
    assert door.refused == [413, 413]
    assert door.behind.bodies == []


async def test_headers_that_bolt_takes_for_its_own_are_removed(door: Door) -> None:
    own = {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "steal", "X-Other": "kept"}
    assert await door.knock({**signed(), **own}) == 200
    (seen,) = door.behind.headers
    assert not any(name.startswith(b"x-slack-bolt-") for name in seen)
    assert seen[b"x-other"] == b"kept"


async def test_a_refused_body_is_in_no_log(door: Door, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with logging_to(log):
        body = b"payload=the-secret-plan"
        assert await door.knock(signed(secret="f" * 32), body) == 401
        assert await door.knock({**signed(), "X-Slack-Request-Timestamp": "x"}, body) == 401
    assert "the-secret-plan" not in log.read_text()
    assert "Traceback" not in log.read_text()


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    writer = configure_logs("DEBUG", "json", fd=descriptor)
    yield
    writer.close()
    configure_logs("WARNING", "json")
    os.close(descriptor)
