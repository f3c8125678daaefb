"""In front of everything that claims to be Slack: size, age and signature of the raw body, before it is parsed."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from hashlib import sha256

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1 << 20
MAX_AGE_SECONDS = 300
READ_SECONDS = 10.0
"""How long a body may take to arrive; Slack itself gives up after three seconds."""

_PLAIN = b"text/plain; charset=utf-8"


class SignatureGuard:
    """ASGI middleware that lets only requests signed with the signing secret through, their body already read.

    Refusals are 405 (not POST), 413 (too large), 401 (age, signature) and 408 (body too slow), each without a word
    on why and without the body in any log. Headers that Bolt reads as its own (`x-slack-bolt-*`) are not covered by
    the signature and are removed.
    """

    def __init__(
        self,
        app: ASGIApp,
        signing_secret: str,
        *,
        refused: Callable[[int], None] = lambda _status: None,
        now: Callable[[], float] = time.time,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._app = app
        self._mac = hmac.new(signing_secret.encode(), digestmod=sha256)
        self._refused = refused
        self._now = now
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request; see the class."""
        if scope["method"] != "POST":
            await self._refuse(send, 405)
            return
        timestamp = signature = length = b""
        headers: list[tuple[bytes, bytes]] = []
        for name, value in scope["headers"]:
            if name.startswith(b"x-slack-bolt-"):
                continue
            headers.append((name, value))
            if name == b"x-slack-request-timestamp":
                timestamp = value
            elif name == b"x-slack-signature":
                signature = value
            elif name == b"content-length":
                length = value
        if length.isdigit() and int(length) > self._max_bytes:
            await self._refuse(send, 413)
        elif not self._is_recent(timestamp) or not signature:
            await self._refuse(send, 401)
        else:
            await self._check_body({**scope, "headers": headers}, receive, send, timestamp, signature)

    async def _check_body(self, scope: Scope, receive: Receive, send: Send, timestamp: bytes, signature: bytes) -> None:
        try:
            body = await self._read(receive)
        except TimeoutError:
            await self._refuse(send, 408)
            return
        if body is None:
            await self._refuse(send, 413)
            return
        mac = self._mac.copy()
        mac.update(b"v0:" + timestamp + b":" + body)
        if not hmac.compare_digest(b"v0=" + mac.hexdigest().encode(), signature):
            await self._refuse(send, 401)
            return
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    def _is_recent(self, timestamp: bytes) -> bool:
        """Digits alone, of a length that a time has, at most five minutes off."""
        return timestamp.isdigit() and len(timestamp) <= 12 and abs(self._now() - int(timestamp)) <= MAX_AGE_SECONDS

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body, or None when it grows too large. Raises TimeoutError when it does not come."""
        parts: list[bytes] = []
        size, more = 0, True
        async with asyncio.timeout(READ_SECONDS):
            while more and size <= self._max_bytes:
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
        return b"".join(parts) if size <= self._max_bytes else None

    async def _refuse(self, send: Send, status: int) -> None:
        self._refused(status)
        headers = [(b"content-type", _PLAIN), (b"content-length", b"0"), (b"connection", b"close")]
        if status == 405:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
