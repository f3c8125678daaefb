"""Getting a payload to the app: over Socket Mode when connected, else by signed HTTP, within three seconds."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.faults import Faults
from bot.sandbox.socket import SocketHub
from bot.sandbox.traffic import Kind, Traffic
from bot.sandbox.wire import JsonObject

Failure = Literal["dispatch_failed", "operation_timeout", "invalid_response"]
Channel = Literal["slash_commands", "interactive", "events_api"]

_KIND_OF: Mapping[str, Kind] = {
    "slash_commands": "command",
    "interactive": "interactivity",
    "events_api": "event",
}


@dataclass(frozen=True)
class Parcel:
    """One payload on its way: `kind` and `name` are for the record, `retry` counts an event's retries."""

    channel: Channel
    payload: JsonObject
    kind: Kind
    name: str
    user: str
    retry: int = 0
    reason: str = ""
    envelope_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def body(self) -> bytes:
        """The body of its HTTP request, always the same bytes."""
        return _http_body(self.channel, self.payload)


@dataclass(frozen=True)
class Answer:
    """The app's acknowledgement: its JSON body (or plain text under `text`), or why there is none."""

    body: JsonObject = field(default_factory=dict)
    error: Failure | None = None
    reason: str = ""
    no_retry: bool = False


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's request signature, version 0."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass
class Delivery:
    """Sends payloads to the app and waits for the acknowledgement.

    ack_seconds is Slack's limit of 3; retry_delays are the pauses in seconds before an event's retries
    (Slack: at once, 1 minute, 5 minutes); tests shorten both.
    """

    hub: SocketHub
    faults: Callable[[], Faults]
    traffic: Traffic
    signing_secret: str
    request_url: str | None
    ack_seconds: float
    retry_delays: tuple[float, ...]
    _session: aiohttp.ClientSession | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def connected(self) -> Literal["socket", "http", "none"]:
        """How the app is reachable now."""
        if self.hub.ready:
            return "socket"
        return "http" if self.request_url else "none"

    async def start(self) -> None:
        """Open the HTTP client; call inside the running loop."""
        self._session = aiohttp.ClientSession(trust_env=False)

    async def stop(self) -> None:
        """Cancel retries and close the HTTP client."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def background(self, work: Awaitable[None]) -> None:
        """Run something whose end nobody waits for, holding on to it until it is done."""
        task = asyncio.ensure_future(_finish(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def deliver(
        self, channel: Channel, payload: JsonObject, *, kind: Kind | None = None, name: str = "", user: str = ""
    ) -> Answer:
        """Send once (with the copies that a duplicate fault asks for) and wait for the acknowledgement."""
        faults = self.faults()
        if faults.late_delivery_ms:
            await asyncio.sleep(faults.late_delivery_ms / 1000)
        parcel = Parcel(channel, payload, kind or _KIND_OF[channel], name or channel, user)
        for _ in range(faults.duplicate_delivery):
            self.background(self._copy(parcel))
        return await self._attempt(parcel)

    def event(self, payload: JsonObject, name: str, user: str) -> None:
        """Send an event in the background, with Slack's retries when it is not acknowledged."""
        self.background(self._event(payload, name, user))

    async def _event(self, payload: JsonObject, name: str, user: str) -> None:
        answer = await self.deliver("events_api", payload, name=name, user=user)
        for number, delay in enumerate(self.retry_delays, start=1):
            if answer.error is None or answer.no_retry:
                return
            await asyncio.sleep(delay)
            parcel = Parcel("events_api", payload, "event", name, user, number, answer.reason)
            answer = await self._attempt(parcel)

    async def _copy(self, parcel: Parcel) -> None:
        """The same envelope once more; what the app answers to it changes nothing."""
        await self._attempt(parcel)

    async def _attempt(self, parcel: Parcel) -> Answer:
        loop = asyncio.get_running_loop()
        started = loop.time()
        if self.hub.ready:
            answer = await self._by_socket(parcel)
        elif self.request_url:
            answer = await self._by_http(self.request_url, parcel)
        else:
            answer = Answer(error="dispatch_failed", reason="connection_failed")
        retry = {"retry_num": parcel.retry, "retry_reason": parcel.reason} if parcel.retry else {}
        self.traffic.add(
            "slack→app",
            parcel.kind,
            parcel.name,
            {**parcel.payload, **retry},
            answer.body,
            status=answer.error or "ok",
            ms=(loop.time() - started) * 1000,
            user=parcel.user,
        )
        return answer

    async def _by_socket(self, parcel: Parcel) -> Answer:
        with_answer = parcel.payload.get("type") in {"view_submission", "block_suggestion"}
        envelope: JsonObject = {
            "envelope_id": parcel.envelope_id,
            "payload": parcel.payload,
            "type": parcel.channel,
            "accepts_response_payload": parcel.channel == "slash_commands" or with_answer,
        }
        if parcel.channel == "events_api":
            envelope |= {"retry_attempt": parcel.retry, "retry_reason": parcel.reason}
        future = await self.hub.send(envelope)
        if future is None:
            return Answer(error="dispatch_failed", reason="connection_failed")
        done, _ = await asyncio.wait({future}, timeout=self.ack_seconds)
        self.hub.forget(parcel.envelope_id)
        if not done or future.cancelled():
            return Answer(error="operation_timeout", reason="timeout")
        return Answer(body=future.result())

    async def _by_http(self, url: str, parcel: Parcel) -> Answer:
        if self._session is None:
            raise RuntimeError("delivery has not been started")
        # Real time, not the clock that tests may move: the app checks it against its own.
        timestamp = str(int(time.time()))
        body = parcel.body
        is_json = parcel.channel == "events_api"
        headers = {
            "Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self.signing_secret, timestamp, body),
        }
        if parcel.retry:
            headers |= {"X-Slack-Retry-Num": str(parcel.retry), "X-Slack-Retry-Reason": parcel.reason}
        limit = aiohttp.ClientTimeout(total=self.ack_seconds)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                text = await response.text()
                no_retry = response.headers.get("X-Slack-No-Retry") == "1"
                if response.status != 200:
                    return Answer(error="dispatch_failed", reason="http_error", no_retry=no_retry)
                return Answer(body=_read_answer(text), no_retry=no_retry)
        except TimeoutError:
            return Answer(error="operation_timeout", reason="http_timeout")
        except aiohttp.ClientError:
            return Answer(error="dispatch_failed", reason="connection_failed")


async def _finish(work: Awaitable[None]) -> None:
    await work


def _http_body(channel: Channel, payload: JsonObject) -> bytes:
    if channel == "events_api":
        return json.dumps(payload).encode()
    if channel == "slash_commands":
        return urlencode({key: _form_value(value) for key, value in payload.items()}).encode()
    return urlencode({"payload": json.dumps(payload)}).encode()


def _form_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_answer(text: str) -> JsonObject:
    stripped = text.strip()
    if not stripped:
        return {}
    try:
        value = json.loads(stripped)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}
