"""An HTTP proxy on 127.0.0.1 that ends TLS itself and answers for the hosts it knows; every other host is refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

import h11

from tests.contract.ca import CertificateAuthority
from tests.contract.faults import Effect, Fault, FaultPlan
from tests.contract.request_log import RequestLog
from tests.contract.wire import Connection, Cut, Headers, Request, Response

__all__ = ["ContractProxy", "Service"]

TELEMETRY_HOSTS = frozenset({"dc.services.visualstudio.com"})
"""Asked for by the SDK's data engine whatever is set; refused, and no failure."""


class Service(Protocol):
    """What answers for some hosts."""

    def serves(self, host: str) -> bool:
        """Whether this host name (lower case, no port) is this service's."""
        ...

    async def answer(self, request: Request) -> Response:
        """Answer one request; runs in the server's loop, so it must not block."""
        ...


class ContractProxy:
    """Takes CONNECT and absolute-form requests; the services answer, the faults strike, the log remembers."""

    def __init__(self, ca: CertificateAuthority, services: list[Service], log: RequestLog, faults: FaultPlan) -> None:
        self._ca = ca
        self._services = services
        self._log = log
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._let_go = asyncio.Event()

    async def start(self) -> int:
        """Listen on a free port of 127.0.0.1 and return it."""
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0, limit=1 << 20)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def let_go(self) -> None:
        """Close every connection that hangs; call it in the server's loop."""
        self._let_go.set()
        self._let_go = asyncio.Event()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except Cut:
            _reset(writer)
        except (ConnectionError, OSError, h11.RemoteProtocolError, h11.LocalProtocolError, asyncio.CancelledError):
            # The client has gone, or does not trust the certificate: nothing is left to be said to it.
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        while (received := await connection.next_request()) is not None:
            head, body = received
            target = head.target.decode("latin-1")
            if head.method == b"CONNECT":
                host, _, port = target.rpartition(":")
                host = host.lower()
                refusal = self._refusal(host, f"{host}:{port}")
                if refusal is not None:
                    await connection.answer(_request(head, "https", host, "/", b""), refusal)
                    return
                await connection.accept_tunnel()
                if port != "80":
                    await writer.start_tls(self._ca.server_context(host))
                await self._serve(Connection(reader, writer), "http" if port == "80" else "https", host)
                return
            address = urlsplit(target)
            host = (address.hostname or "").lower()
            request = _request(head, "http", host, target.partition("://")[2].partition("/")[2], body)
            refusal = self._refusal(host, f"{address.netloc or target}")
            if refusal is not None:
                await connection.answer(request, refusal)
                return
            if not await self._one(connection, request):
                return

    async def _serve(self, connection: Connection, scheme: str, host: str) -> None:
        while (received := await connection.next_request()) is not None:
            head, body = received
            target = head.target.decode("latin-1").removeprefix("/")
            if not await self._one(connection, _request(head, scheme, host, target, body)):
                return

    def _refusal(self, host: str, shown: str) -> Response | None:
        if host in TELEMETRY_HOSTS:
            self._log.refused(shown, telemetry=True)
            return Response.text("telemetry is refused", 502)
        if self._service(host) is None:
            self._log.refused(shown, telemetry=False)
            return Response.text(f"{host} is no host of the contract server", 502)
        if self._faults.is_unreachable(host):
            raise Cut
        return None

    def _service(self, host: str) -> Service | None:
        return next((service for service in self._services if service.serves(host)), None)

    async def _one(self, connection: Connection, request: Request) -> bool:
        """Answer one request as services and faults say; whether the connection stays open."""
        entry = self._log.begin(request)
        service = self._service(request.host)
        assert service is not None
        struck = {fault.effect: fault for fault in self._faults.strike(request)}
        entry.fault = ", ".join(str(fault) for fault in struck.values()) or None
        if Effect.DELAY in struck:
            await self._pause(struck[Effect.DELAY].seconds)
        if Effect.HANG in struck:
            await self._pause(struck[Effect.HANG].seconds)
            raise Cut
        if Effect.RESET in struck:
            raise Cut
        run = struck[Effect.RUN].run if Effect.RUN in struck else None
        if run is not None:
            # A test's function may wait for the server (a second client's call), so it must not hold the loop.
            await asyncio.to_thread(run, request)
        response = await _response(service.answer, request, struck)
        if Effect.LOSE in struck:
            raise Cut
        cut_after = struck[Effect.TRUNCATE].cut_after if Effect.TRUNCATE in struck else None
        if cut_after is None:
            self._log.answered(entry, response.status)
        return await connection.answer(request, response, cut_after=cut_after)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._let_go.wait()


async def _response(
    answer: Callable[[Request], Awaitable[Response]], request: Request, struck: dict[Effect, Fault]
) -> Response:
    arranged = struck[Effect.ANSWER].answer if Effect.ANSWER in struck else None
    if arranged is not None:
        return arranged
    response = await answer(request)
    replaced = struck[Effect.REPLACE].answer if Effect.REPLACE in struck else None
    return replaced or response


def _request(head: h11.Request, scheme: str, host: str, target: str, body: bytes) -> Request:
    raw = [(bytes(name), bytes(value)) for name, value in head.headers.raw_items()]
    return Request(head.method.decode("ascii"), scheme, host, f"/{target}", Headers(raw), body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, so that the client sees "connection reset by peer" and no polite end."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
