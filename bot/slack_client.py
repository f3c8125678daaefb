"""The client of Slack's Web API: one shared session, bounded retries, counted calls, the right proxy for each host."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from bot.metrics import Metrics
from bot.settings import LOOPBACK_HOSTS

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey  # noqa: F401  # named in a docstring
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

CALL_SECONDS = 15
LONGEST_WAIT_SECONDS = 60


def proxy_for(url: URL) -> URL | None:
    """The proxy that the environment names for this address, None for a direct connection.

    `HTTPS_PROXY`/`HTTP_PROXY`/`ALL_PROXY` and `NO_PROXY` are read as the standard library reads them; loopback
    addresses are always direct.
    """
    return _proxy_for(url.scheme, url.host or "", url.port, tuple(map(os.environ.get, _PROXY_SETTINGS)))


_PROXY_SETTINGS = tuple(
    setting
    for kind in ("http", "https", "all", "no", "loopback")
    for setting in (f"{kind}_proxy", f"{kind.upper()}_PROXY")
)


@lru_cache(1000)
def _proxy_for(scheme: str, host: str, port: int | None, _settings: tuple[str | None, ...]) -> URL | None:
    """_settings: what the answer depends on. Reading the whole environment takes longer than all else of a call."""
    proxies = getproxies()
    if host in LOOPBACK_HOSTS and not proxies.get("loopback"):
        return None
    proxy = proxies.get({"ws": "http", "wss": "https"}.get(scheme, scheme)) or proxies.get("all")
    if not proxy or proxy_bypass(f"{host}:{port}" if port else host):
        return None
    return URL(proxy if "://" in proxy else f"http://{proxy}")


class ProxyDecidingConnector(aiohttp.TCPConnector):
    """Decides the proxy of every request by its host, whatever the caller of the session asked for.

    slack_sdk takes HTTPS_PROXY from the environment for every call and knows nothing of NO_PROXY; all its clients,
    those of response_url included, go through this connector instead.
    """

    def __init__(self, choose: Callable[[URL], URL | None] = proxy_for, *, limit: int = 100) -> None:
        super().__init__(limit=limit)
        self._choose = choose

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:  # noqa: ASYNC109  # aiohttp's signature
        """As the base class, after the proxy is decided."""
        proxy = self._choose(req.url)
        headers = None
        if proxy is not None and proxy.user:
            # aiohttp sends it to the proxy as Proxy-Authorization, for tunnels and plain requests alike.
            pair = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
            headers = {"Authorization": f"Basic {pair}"}
            proxy = proxy.with_user(None)
        req.update_proxy(proxy, None, headers)
        return await super().connect(req, traces, timeout)


def open_session(choose: Callable[[URL], URL | None] = proxy_for) -> aiohttp.ClientSession:
    """The one HTTP session of the process. Close it at the end."""
    return aiohttp.ClientSession(
        connector=ProxyDecidingConnector(choose),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS * 2, connect=5),
    )


class _RateLimitRetries(AsyncRateLimitErrorRetryHandler):
    """Waits as long as Slack asks, but not for more than a minute: then the caller is told instead."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429:
            return False
        waits = [value for name, value in response.headers.items() if name.lower() == "retry-after"]
        asked = waits[0] if waits else "1"
        text = asked[0] if isinstance(asked, list) else asked
        return text.isdigit() and int(text) <= LONGEST_WAIT_SECONDS


class SlackClient(AsyncWebClient):
    """slack_sdk's client on the shared session. Every call is counted by method and result."""

    def __init__(self, *, session: aiohttp.ClientSession, base_url: str, metrics: Metrics) -> None:
        """The token is set later (`client.token = …`), so that Bolt does not take it for its own kind of set-up."""
        super().__init__(
            base_url=base_url,
            timeout=CALL_SECONDS,
            session=session,
            user_agent_prefix="dataset-bot",
            retry_handlers=[
                AsyncConnectionErrorRetryHandler(max_retry_count=1),
                _RateLimitRetries(max_retry_count=2),
                AsyncServerErrorRetryHandler(max_retry_count=2),
            ],
        )
        self.proxy = None  # the connector decides
        self._metrics = metrics

    async def api_call(self, api_method: str, **options: object) -> AsyncSlackResponse:
        """As the base class, counted."""
        started = time.monotonic()
        result = "unreachable"
        try:
            response = await super().api_call(api_method, **options)  # type: ignore[arg-type]  # passed on unchanged
            result = "ok"
            return response
        except SlackApiError as error:
            result = _error_code(error)
            raise
        except AttributeError as error:
            # slack_sdk takes an answer that is no JSON (a gateway's error page) for Slack's own and trips over it.
            result = "no_json"
            make: Callable[[str, object], SlackApiError] = SlackApiError
            raise make(f"{api_method} was answered with no JSON", {"ok": False, "error": "no_json"}) from error
        finally:
            self._metrics.slack_call(api_method, result, time.monotonic() - started)


def _error_code(error: SlackApiError) -> str:
    """Slack's error code, which is one of a known set, or the HTTP status where the answer is not Slack's."""
    try:
        return str(error.response["error"])[:60]
    except (KeyError, TypeError, AttributeError):
        return f"http_{getattr(error.response, 'status_code', 'unknown')}"
