"""Tokens for the SDK's data engine, over the loopback address, in the manner of Azure's own compute (OBO endpoint).

Without it the engine would open a browser or a device code and wait for a person.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Token = Callable[[str], tuple[str, int]]
"""A token for a scope, and when it expires in seconds since 1970."""


class TokenBroker:
    """Answers `GET /token?resource=…` with `{"access_token", "expires_on"}` for who knows the secret.

    Listens on a free port of 127.0.0.1 in a thread of its own, as long as the process lives.
    """

    def __init__(self, token: Token) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._token = token
        self._address = ""

    def start(self) -> str:
        """Listen; returns the address for OBO_ENDPOINT."""
        if not self._address:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, name="token-broker", daemon=True).start()
            self._address = f"http://127.0.0.1:{server.server_address[1]}/token"
        return self._address

    def answer(self, target: str, secret: str) -> tuple[HTTPStatus, dict[str, object]]:
        """What a request gets."""
        expected = os.environ.get("MSI_SECRET") or self.secret
        if not hmac.compare_digest(secret.encode(), expected.encode()):
            return HTTPStatus.FORBIDDEN, {"error": "forbidden"}
        resource = parse_qs(urlsplit(target).query).get("resource", [""])[0]
        if not resource.startswith("https://"):
            return HTTPStatus.BAD_REQUEST, {"error": "a resource is needed"}
        try:
            token, expires_on = self._token(resource.rstrip("/") + "/.default")
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine must hear that there is no token
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": type(error).__name__}
        return HTTPStatus.OK, {"access_token": token, "expires_on": expires_on}


def _handler(broker: TokenBroker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = broker.answer(self.path, self.headers.get("secret", ""))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the address of a token is no news."""

    return Handler
