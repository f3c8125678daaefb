"""Signing requests to storage with the account's key: Azure Storage's "Shared Key" scheme, version 2015-02-21 on."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate

from tests.contract.wire import Request

__all__ = ["authorization", "is_signed", "signed_headers"]

_STANDARD = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def authorization(
    account: str, key: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The `Authorization` header of a request; `path` as it is sent (percent-encoded), `query` decoded.

    Source: "Authorize with Shared Key", Azure Storage REST reference.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    lines = [method]
    for name in _STANDARD:
        value = lower.get(name, "")
        lines.append("" if name == "content-length" and value == "0" else value)
    lines += [f"{name}:{lower[name].strip()}" for name in sorted(lower) if name.startswith("x-ms-")]
    lines.append(f"/{account}{path}")
    lines += [f"{name.lower()}:{query[name]}" for name in sorted(query, key=str.lower)]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"


def signed_headers(
    account: str,
    key: str,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    length: int = 0,
) -> dict[str, str]:
    """All headers of a signed request, those given included."""
    complete = {
        "x-ms-date": formatdate(usegmt=True),
        "x-ms-version": "2021-12-02",
        **(headers or {}),
        "Content-Length": str(length),
    }
    return {**complete, "Authorization": authorization(account, key, method, path, query, complete)}


def is_signed(request: Request, account: str, key: str) -> bool:
    """Whether a request carries the right signature of this account."""
    path = request.target.partition("?")[0]
    wanted = authorization(account, key, request.method, path, request.query, dict(request.headers.items()))
    return hmac.compare_digest(request.headers.get("Authorization"), wanted)
