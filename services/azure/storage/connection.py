"""GET requests to Azure from worker processes: pooled, retried with `Retry-After`, bounded in time; thread-safe.

urllib3 honours what httpx and the SDK honour too: HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE. It reads bodies at several
times the speed of httpx, whose parser is written in Python; obstore's Rust client is faster still, but its listings
have no Content-MD5, and it does not wait as long as `Retry-After` asks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import urllib3

from services.errors import Unavailable

CONNECTIONS = 8
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_RETRIES = urllib3.Retry(
    total=4,
    connect=2,
    read=3,
    status_forcelist=_RETRIED,
    allowed_methods={"GET", "POST"},  # POST: asking for a token, which may be repeated
    backoff_factor=0.4,
    backoff_max=5,
    backoff_jitter=0.2,
    retry_after_max=20,
    raise_on_status=False,
    redirect=0,
    raise_on_redirect=False,
)
_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_patience: ContextVar[tuple[urllib3.Retry, urllib3.Timeout]] = ContextVar("patience", default=(_RETRIES, _TIMEOUT))
_lock = threading.Lock()


@contextmanager
def waiting(seconds: float, tries: int = 1) -> Iterator[None]:
    """Within it each request is waited for that long, and sent so often, instead of as long as data are worth."""
    before = _patience.set((_RETRIES.new(total=tries - 1), urllib3.Timeout(connect=seconds, read=seconds)))
    try:
        yield
    finally:
        _patience.reset(before)


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. headers: case does not matter."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(url: str, headers: Mapping[str, str], *, thing: str) -> Answer:
    """The answer after retries, whatever its status. thing: what is asked, for the sentence.

    Raises Unavailable when there is none.
    """
    return _send("GET", url, headers, thing)


def post_form(url: str, fields: Mapping[str, str], *, thing: str) -> Answer:
    """Like `get`, sending a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return _send("POST", url, headers, thing, urlencode(fields).encode("ascii"))


def _send(method: str, url: str, headers: Mapping[str, str], thing: str, body: bytes | None = None) -> Answer:
    retries, timeout = _patience.get()
    with _lock:
        pool = _pool(_proxy_for(url))
    try:
        response = pool.request(
            method,
            url,
            body=body,
            headers={"User-Agent": "dataset-bot", "Accept-Encoding": "identity", **headers},
            retries=retries,
            timeout=timeout,
        )
    except urllib3.exceptions.HTTPError as error:
        # No chaining: the address may carry a SAS token.
        raise Unavailable(_why(error, thing), code="storage_unreachable") from None
    return Answer(response.status, response.headers, response.data)


def _proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


@cache
def _pool(proxy: str | None) -> urllib3.PoolManager:
    """Connections kept between the tasks of a worker process; every request brings its own credential."""
    # Its warnings and debug lines repeat addresses with their queries.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    context = httpx.create_ssl_context()  # SSL_CERT_FILE or SSL_CERT_DIR, else the authorities that httpx brings
    if proxy is None:
        return urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=context)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = None
    if parts.username is not None:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = urllib3.make_headers(proxy_basic_auth=secret)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return urllib3.ProxyManager(address, maxsize=CONNECTIONS, ssl_context=context, proxy_headers=login)


def _why(error: urllib3.exceptions.HTTPError, thing: str) -> str:
    reason = error.reason if isinstance(error, urllib3.exceptions.MaxRetryError) else error
    match reason:
        case urllib3.exceptions.NameResolutionError():
            return f"{thing} was not found by its name. Check the spelling; a private one must be in the bot's DNS."
        case urllib3.exceptions.ProxyError():
            return f"{thing} cannot be reached through the proxy of the bot's network. Check its name first."
        case urllib3.exceptions.SSLError():
            return f"{thing} has no certificate that the bot trusts. Ask whoever runs the bot."
        case urllib3.exceptions.TimeoutError():
            return f"{thing} does not answer. If it has a firewall or a private endpoint, let the bot's network in."
        case urllib3.exceptions.ProtocolError(args=args) if any(
            isinstance(each, urllib3.exceptions.IncompleteRead) for each in args
        ):
            return f"{thing} broke off its answers several times. Try again in a minute."
    return f"{thing} cannot be reached. If it has a firewall or a private endpoint, let the bot's network in."
