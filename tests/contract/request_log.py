"""Every request that reached the contract server, and every host that was asked for and is not Azure's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.contract.wire import Headers, Request

__all__ = ["LoggedRequest", "RequestLog"]


@dataclass
class LoggedRequest:
    """A request with what was answered; `status` is 0 while no answer was sent, or for good when it was cut off."""

    number: int
    method: str
    scheme: str
    host: str
    path: str
    query: str
    headers: Headers
    body: bytes
    started: float
    status: int = 0
    seconds: float | None = None
    fault: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}" + (f"?{self.query}" if self.query else "")

    @property
    def text(self) -> str:
        """The body as text, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.number}: {self.method} {self.url} -> {self.status}" + (f" ({self.fault})" if self.fault else "")


class RequestLog:
    """Filled by the server's thread, read by the test's. Patterns are those of fnmatch; `*` also crosses slashes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[LoggedRequest] = []
        self._unexpected: list[str] = []
        self._telemetry: list[str] = []
        self._started = time.monotonic()
        self._count = 0

    def begin(self, request: Request, body_limit: int = 1 << 20) -> LoggedRequest:
        """Note a request that came in; bodies are kept up to `body_limit` bytes."""
        with self._changed:
            self._count += 1
            entry = LoggedRequest(
                self._count,
                request.method,
                request.scheme,
                request.host,
                request.path,
                request.query_string,
                request.headers,
                request.body[:body_limit],
                time.monotonic() - self._started,
            )
            self._requests.append(entry)
            self._changed.notify_all()
            return entry

    def answered(self, entry: LoggedRequest, status: int) -> None:
        """Note the answer that is about to be sent, so that whoever has got it finds it here."""
        with self._changed:
            entry.status = status
            entry.seconds = time.monotonic() - self._started - entry.started
            self._changed.notify_all()

    def refused(self, host: str, *, telemetry: bool) -> None:
        """Note a host that was asked for and refused."""
        with self._changed:
            (self._telemetry if telemetry else self._unexpected).append(host)
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._changed:
            return iter(list(self._requests))

    def find(self, method: str = "*", path: str = "*", host: str = "*") -> list[LoggedRequest]:
        """The requests that match, oldest first; host and path without case, as Azure takes them."""
        return [
            entry
            for entry in self
            if fnmatchcase(entry.method, method)
            and fnmatchcase(entry.host, host.lower())
            and fnmatchcase(entry.path.lower(), path.lower())
        ]

    def posts(self, path_end: str, host: str = "*") -> list[LoggedRequest]:
        """The POST requests whose path ends so: `posts("/datasets")` are the registrations."""
        return self.find("POST", f"*{path_end}", host)

    def unexpected_hosts(self) -> list[str]:
        """`host:port` of everything asked for that is no known Azure host, in order, repeated as often as asked."""
        with self._changed:
            return list(self._unexpected)

    def forgive_hosts(self) -> list[str]:
        """The unexpected hosts, which no longer count as a failure: for tests that want a host refused."""
        with self._changed:
            forgiven = list(self._unexpected)
            self._unexpected.clear()
            return forgiven

    def telemetry(self) -> list[str]:
        """The refused attempts to reach the SDK's telemetry host."""
        with self._changed:
            return list(self._telemetry)

    def sign_ins(self) -> list[LoggedRequest]:
        """Attempts to sign a person in: device codes and authorization pages. The bot must cause none."""
        return [
            entry
            for entry in self.find(host="login.microsoftonline.com")
            if entry.path.lower().endswith(("/devicecode", "/authorize"))
            # Sign-ins are for any organization; apps name their tenant.
            or entry.path.lower().startswith(("/organizations/", "/common/oauth2/", "/common/v2.0/"))
        ]

    def places_of(self, secret: str, *, allowed: Callable[[LoggedRequest], bool] | None = None) -> list[str]:
        """Where a secret was sent: "3: POST https://... body". `allowed` excuses the requests that must carry it."""
        places: list[str] = []
        for entry in self:
            if allowed is not None and allowed(entry):
                continue
            if secret in entry.query or secret in entry.path:
                places.append(f"{entry} address")
            if secret.encode() in entry.body:
                places.append(f"{entry} body")
            places.extend(f"{entry} header {name}" for name, value in entry.headers.items() if secret in value)
        return places

    def wait_for(self, count: int, method: str = "*", path: str = "*", host: str = "*", *, seconds: float = 10) -> None:
        """Wait until that many matching requests have come. Raises TimeoutError with what came instead."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self.find(method, path, host)) < count:
                if not self._changed.wait(deadline - time.monotonic()):
                    came = "\n".join(str(entry) for entry in self._requests[-20:])
                    raise TimeoutError(
                        f"no {count} requests {method} {host}{path} in {seconds} s; the last were\n{came}"
                    )

    def clear(self) -> None:
        """Forget the requests, the refused hosts too."""
        with self._changed:
            self._requests.clear()
            self._unexpected.clear()
            self._telemetry.clear()
