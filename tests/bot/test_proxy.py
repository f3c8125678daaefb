"""The proxy of each host, decided as the standard library does, tested with a real one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from bot.http import listen
from bot.metrics import Metrics
from bot.slack_client import SlackClient, open_session, proxy_for
from tests.bot.conftest import value

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@dataclass
class Proxy:
    """An HTTP proxy that answers every plain request itself and writes down what it was asked for."""

    asked: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    port: int = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(str(request.url))
        self.authorizations.append(request.headers.get("Proxy-Authorization"))
        return web.json_response({"ok": True, "user": "bot"})

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        runner = web.ServerRunner(web.Server(self.handle), shutdown_timeout=0.2)
        await runner.setup()
        listener = listen("127.0.0.1", 0)
        self.port = int(listener.getsockname()[1])
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{self.port}"
        await runner.cleanup()


async def test_calls_go_through_the_proxy_unless_no_proxy_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, metrics = Proxy(), Metrics()
    async with proxy.serve() as address, open_session() as session:
        monkeypatch.setenv("HTTP_PROXY", address.replace("//", "//bot:word@"))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        client = SlackClient(session=session, base_url="http://slack.internal.example/api/", metrics=metrics)
        client.token = "xoxb-test-token"
        assert (await client.auth_test())["user"] == "bot"
        webhook = AsyncWebhookClient("http://hooks.internal.example/x", session=session)
        assert (await webhook.send(text="hello")).status_code == 200
        assert proxy.asked == [
            "http://slack.internal.example/api/auth.test",
            "http://hooks.internal.example/x",
        ]
        assert proxy.authorizations[0] == "Basic " + b64encode(b"bot:word").decode()
        monkeypatch.setenv("NO_PROXY", "internal.example")
        with pytest.raises((aiohttp.ClientError, OSError)):
            await client.auth_test()
        assert len(proxy.asked) == 2, "a host of NO_PROXY is asked directly"
    assert value(metrics, "dataset_bot_slack_calls_total", method="auth.test", result="ok") == 1
    assert value(metrics, "dataset_bot_slack_calls_total", method="auth.test", result="unreachable") == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://slack.com/api/", "http://secure.example:3128"),
        ("wss://wss-primary.slack.com/link", "http://secure.example:3128"),
        ("http://plain.example/", "http://plain-proxy.example:3128"),
        ("https://inside.corp.example/", None),
        ("https://inside.corp.example:8443/", None),
        ("http://127.0.0.1:3000/api/", None),
        ("ws://localhost:3000/socket", None),
    ],
)
def test_the_proxy_of_an_address(monkeypatch: pytest.MonkeyPatch, url: str, expected: str | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secure.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "plain-proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", ".corp.example,other.example")
    found = proxy_for(URL(url))
    assert (None if found is None else str(found).rstrip("/")) == expected


def test_without_a_proxy_everything_is_direct() -> None:
    assert proxy_for(URL("https://slack.com/api/")) is None
