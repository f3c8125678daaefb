"""One HTTP request and one answer as plain values, and the HTTP/1.1 connection that carries them (h11, asyncio)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

import h11
import orjson

__all__ = ["Connection", "Cut", "Headers", "Json", "Request", "Response"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_READ_BYTES = 256 * 1024


class Cut(Exception):
    """The connection is to be reset now, without an answer."""


class Headers:
    """Header names without case, in the order in which they came; `raw` keeps the bytes for forwarding."""

    def __init__(self, raw: list[tuple[bytes, bytes]] | None = None) -> None:
        self.raw = list(raw or [])

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Headers:
        return cls([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()])

    def get(self, name: str, default: str = "") -> str:
        """The first value of this header, `default` when it is not there."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.raw if key.lower() == wanted), default)

    def __contains__(self, name: str) -> bool:
        wanted = name.lower().encode("latin-1")
        return any(key.lower() == wanted for key, _ in self.raw)

    def items(self) -> list[tuple[str, str]]:
        return [(key.decode("latin-1"), value.decode("latin-1")) for key, value in self.raw]

    def without(self, *names: str) -> Headers:
        """A copy that lacks these headers."""
        unwanted = {name.lower().encode("latin-1") for name in names}
        return Headers([(key, value) for key, value in self.raw if key.lower() not in unwanted])

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"


@dataclass(frozen=True)
class Request:
    """What a client asked of a host, after TLS: `target` is the undecoded path and query, `path` is decoded."""

    method: str
    scheme: str
    host: str
    target: str
    headers: Headers
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query_string(self) -> str:
        return self.target.partition("?")[2]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; the last of equal names."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of an `application/x-www-form-urlencoded` body."""
        return dict(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True))

    def json(self) -> dict[str, Json]:
        """The body as a JSON object. Raises ValueError when it is anything else."""
        value: Json = orjson.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("the body is no JSON object")
        return value

    @property
    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer`, None when there is none."""
        scheme, _, token = self.headers.get("Authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None


@dataclass(frozen=True)
class Response:
    """An answer: `stream` replaces `body` when it is long; its length must then be told in the headers."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    raw_headers: Headers | None = None
    reason: str = ""

    @property
    def phrase(self) -> str:
        """The reason phrase of the status line; the standard's when no other is given."""
        try:
            return self.reason or HTTPStatus(self.status).phrase
        except ValueError:
            return "Unknown"

    @classmethod
    def json(cls, value: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        body = orjson.dumps(value)
        return cls(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, body)

    @classmethod
    def text(cls, value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
        return cls(status, {"Content-Type": content_type}, value.encode())

    def header_list(self, request: Request) -> list[tuple[bytes, bytes]]:
        """The headers to send, with a Content-Length when the body is at hand."""
        headers = self.raw_headers or Headers.of(self.headers)
        if self.stream is None and "Content-Length" not in headers and self.status not in (204, 304):
            if request.method == "HEAD" and not self.body:
                return [*headers.raw, (b"Content-Length", b"0")]
            return [*headers.raw, (b"Content-Length", str(len(self.body)).encode())]
        return headers.raw


class Connection:
    """The server's side of one HTTP/1.1 connection: requests are read one after the other, each answered in turn."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=128 * 1024)

    async def next_request(self) -> tuple[h11.Request, bytes] | None:
        """The next request and its whole body, None when the client has closed.

        Raises h11.RemoteProtocolError when what comes is no HTTP.
        """
        if self._http.our_state is h11.MUST_CLOSE or self._http.their_state is h11.MUST_CLOSE:
            return None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        if event.method == b"CONNECT":
            return event, b""
        if self._http.they_are_waiting_for_100_continue:
            await self._send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
        parts: list[bytes] = []
        while True:
            part = await self._next_event()
            if isinstance(part, h11.Data):
                parts.append(bytes(part.data))
            elif isinstance(part, h11.EndOfMessage):
                return event, b"".join(parts)
            else:
                return None

    async def answer(self, request: Request, response: Response, *, cut_after: int | None = None) -> bool:
        """Send an answer; whether the connection can carry another request.

        cut_after: send that many bytes of the body and close, whatever length was promised.
        """
        head = h11.Response(
            status_code=response.status, headers=response.header_list(request), reason=response.phrase.encode("latin-1")
        )
        sent = 0
        await self._send(self._http.send(head))
        async for chunk in _chunks(request, response):
            if cut_after is not None and sent + len(chunk) >= cut_after:
                await self._send(self._http.send(h11.Data(data=chunk[: cut_after - sent])))
                return False
            sent += len(chunk)
            await self._send(self._http.send(h11.Data(data=chunk)))
        if cut_after is not None:
            return False
        await self._send(self._http.send(h11.EndOfMessage()))
        return self._http.our_state is h11.DONE

    async def accept_tunnel(self) -> None:
        """Say yes to a CONNECT; what follows on this connection is the tunnel's."""
        await self._send(self._http.send(h11.Response(status_code=200, headers=[], reason=b"Connection established")))

    async def _next_event(self) -> h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._http.receive_data(await self._reader.read(_READ_BYTES))

    async def _send(self, data: bytes | None) -> None:
        if data:
            self.writer.write(data)
            await self.writer.drain()


async def _chunks(request: Request, response: Response) -> AsyncIterator[bytes]:
    if response.stream is not None:
        async for chunk in response.stream:
            yield chunk
    elif response.body and request.method != "HEAD":
        yield response.body
