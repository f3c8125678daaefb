"""Blob storage under its real host names, `<account>.blob.core.windows.net`: every call goes on to Azurite."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, urlencode

import httpcore

from tests.contract.azurite import ACCOUNTS, Azurite
from tests.contract.shared_key import signed_headers
from tests.contract.wire import Headers, Request, Response

__all__ = ["BlobClient", "Blobs"]

_SUFFIX = ".blob.core.windows.net"
_HOP_BY_HOP = ("Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Transfer-Encoding", "Expect")


class BlobClient:
    """The way from the contract server to Azurite; must be used in one event loop only."""

    def __init__(self, azurite: Azurite, context: ssl.SSLContext) -> None:
        self._port = azurite.port
        self._pool = httpcore.AsyncConnectionPool(ssl_context=context, max_connections=64, keepalive_expiry=4)

    async def forward(self, request: Request) -> Response:
        """Send a request on as it came, with the host name that its signature was made for; stream the answer."""
        headers = [*request.headers.without(*_HOP_BY_HOP, "Host", "Content-Length").raw]
        headers.append((b"Host", request.host.encode("ascii")))
        if request.body or request.method in ("PUT", "POST", "PATCH"):
            headers.append((b"Content-Length", str(len(request.body)).encode()))
        url = httpcore.URL(scheme="https", host="127.0.0.1", port=self._port, target=request.target)
        answer = await self._pool.handle_async_request(
            httpcore.Request(request.method, url, headers=headers, content=request.body)
        )
        kept = Headers(answer.headers).without("Connection", "Keep-Alive", "Transfer-Encoding")
        if request.method == "HEAD" or answer.status in (204, 304):
            await answer.aclose()
            return Response(answer.status, raw_headers=kept)
        if "Content-Length" not in kept:
            body = await answer.aread()
            await answer.aclose()
            return Response(answer.status, raw_headers=kept, body=body)
        return Response(answer.status, raw_headers=kept, stream=_body(answer))

    async def call(
        self,
        method: str,
        account: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        sas: Mapping[str, str] | None = None,
    ) -> Response:
        """Make a call with the account's own key, or with a SAS; `path` is not encoded. The answer is read whole."""
        sent_path, sent_query = quote(path), {**(query or {}), **(sas or {})}
        if sas:
            signed = {"x-ms-version": "2021-12-02", **(headers or {}), "Content-Length": str(len(body))}
        else:
            signed = signed_headers(account, ACCOUNTS[account], method, sent_path, sent_query, headers, len(body))
        target = sent_path + (f"?{urlencode(sent_query, quote_via=quote)}" if sent_query else "")
        request = Request(method, "https", f"{account}{_SUFFIX}", target, Headers.of(signed), body)
        response = await self.forward(request)
        if response.stream is None:
            return response
        whole = b"".join([chunk async for chunk in response.stream])
        return Response(response.status, raw_headers=response.raw_headers, body=whole)

    async def aclose(self) -> None:
        await self._pool.aclose()


class Blobs:
    """The blob hosts of the accounts that Azurite has."""

    def __init__(self, client: BlobClient) -> None:
        self._client = client

    def serves(self, host: str) -> bool:
        return host.endswith(_SUFFIX) and host.removesuffix(_SUFFIX) in ACCOUNTS

    async def answer(self, request: Request) -> Response:
        return await self._client.forward(request)


async def _body(answer: httpcore.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_stream():
            yield chunk
    finally:
        await answer.aclose()
