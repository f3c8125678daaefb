"""What can go wrong at Azure, by host, path and method: arranged by a test, applied by the server before it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from tests.contract.wire import Json, Request, Response

__all__ = ["Effect", "Fault", "FaultPlan", "azure_error"]


class Effect(StrEnum):
    """What a fault does to a request that matches."""

    DELAY = "delay"  # answered as usual, later
    HANG = "hang"  # never answered; closed when the time is over or the faults are cleared
    ANSWER = "answer"  # answered with the fault's own answer, the request changes nothing
    RESET = "reset"  # the connection is reset before any answer
    LOSE = "lose"  # carried out, and then the connection is reset: the client cannot know
    TRUNCATE = "truncate"  # the true answer, cut off in its body
    REPLACE = "replace"  # carried out, and answered with another body
    RUN = "run"  # a function of the test runs first: somebody else changes the same thing


@dataclass
class Fault:
    """One arranged fault; `hits` counts how often it struck."""

    effect: Effect
    host: str = "*"
    path: str = "*"
    method: str = "*"
    times: int | None = None
    skip: int = 0
    seconds: float = 0.0
    answer: Response | None = None
    cut_after: int = 0
    run: Callable[[Request], None] | None = None
    hits: int = 0
    _seen: int = field(default=0, repr=False)

    def matches(self, request: Request) -> bool:
        return (
            fnmatchcase(request.method, self.method)
            and fnmatchcase(request.host, self.host.lower())
            and fnmatchcase(request.path.lower(), self.path.lower())
        )

    def __str__(self) -> str:
        status = f" {self.answer.status}" if self.answer is not None else ""
        return f"{self.effect}{status}"


def azure_error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as Azure's services write it: `{"error": {"code", "message"}}`."""
    return Response.json({"error": {"code": code, "message": message}}, status, headers)


class FaultPlan:
    """The faults in force. Each method adds one and returns it; the filters are fnmatch patterns without case.

    times: how many requests it strikes, None for all; skip: how many matching requests pass before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._unreachable: list[str] = []
        self.on_clear: Callable[[], object] | None = None

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def latency(
        self, seconds: float, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None
    ) -> Fault:
        """Answer as usual, that much later."""
        return self.add(Fault(Effect.DELAY, host, path, method, times, seconds=seconds))

    def hang(
        self, seconds: float = 600, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None
    ) -> Fault:
        """Take the request and never answer; close after `seconds`, or when the faults are cleared."""
        return self.add(Fault(Effect.HANG, host, path, method, times, seconds=seconds))

    def reset(
        self, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None, skip: int = 0
    ) -> Fault:
        """Reset the connection before the request changes anything."""
        return self.add(Fault(Effect.RESET, host, path, method, times, skip))

    def lose_answer(
        self, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None, skip: int = 0
    ) -> Fault:
        """Carry the request out and reset the connection: a retry meets its own first try."""
        return self.add(Fault(Effect.LOSE, host, path, method, times, skip))

    def truncate(
        self, after: int, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None
    ) -> Fault:
        """Promise the whole body, send `after` bytes of it and close."""
        return self.add(Fault(Effect.TRUNCATE, host, path, method, times, cut_after=after))

    def wrong_shape(
        self,
        body: Json | str,
        *,
        status: int = 200,
        host: str = "*",
        path: str = "*",
        method: str = "*",
        times: int | None = None,
    ) -> Fault:
        """Carry the request out and answer something else: any JSON, or a text such as a gateway's HTML page."""
        html = isinstance(body, str)
        answer = Response.text(str(body), status, "text/html") if html else Response.json(body, status)
        return self.add(Fault(Effect.REPLACE, host, path, method, times, answer=answer))

    def status(
        self,
        status: int,
        code: str = "ServiceError",
        message: str = "The service could not answer.",
        *,
        host: str = "*",
        path: str = "*",
        method: str = "*",
        times: int | None = None,
        skip: int = 0,
        headers: Mapping[str, str] | None = None,
        reason: str = "",
    ) -> Fault:
        """Answer with this status and Azure's error body; the request changes nothing.

        reason: another reason phrase than the standard's; the SDK looks for some texts only there.
        """
        answer = replace(azure_error(status, code, message, headers), reason=reason)
        return self.add(Fault(Effect.ANSWER, host, path, method, times, skip, answer=answer))

    def throttled(
        self, retry_after: int, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None
    ) -> Fault:
        """429 with `Retry-After` in whole seconds; the SDK fails on a fraction."""
        return self.status(
            429,
            "TooManyRequests",
            "The request rate is too high. Retry later.",
            host=host,
            path=path,
            method=method,
            times=times,
            headers={"Retry-After": str(retry_after)},
        )

    def forbidden(
        self,
        action: str,
        *,
        scope: str = "/subscriptions/0",
        host: str = "*",
        path: str = "*",
        method: str = "*",
        times: int | None = None,
    ) -> Fault:
        """403 AuthorizationFailed that names the action which the caller lacks, in Azure's words."""
        message = (
            "The client '00000000-0000-0000-0000-0000000000b0' with object id '00000000-0000-0000-0000-0000000000b0' "
            f"does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. "
            "If access was recently granted, please refresh your credentials."
        )
        return self.status(403, "AuthorizationFailed", message, host=host, path=path, method=method, times=times)

    def unauthorized(self, *, host: str = "*", path: str = "*", method: str = "*", times: int | None = None) -> Fault:
        """401 as for a token that has expired."""
        return self.status(
            401,
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.",
            host=host,
            path=path,
            method=method,
            times=times,
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    def before(
        self,
        run: Callable[[Request], None],
        *,
        host: str = "*",
        path: str = "*",
        method: str = "*",
        times: int | None = 1,
    ) -> Fault:
        """Run a function of the test just before a matching request is carried out, then go on as usual."""
        return self.add(Fault(Effect.RUN, host, path, method, times, run=run))

    def unreachable(self, host: str) -> None:
        """Hosts that match cannot be connected to at all: a closed network, a private endpoint, a deleted region."""
        with self._lock:
            self._unreachable.append(host.lower())

    def is_unreachable(self, host: str) -> bool:
        with self._lock:
            return any(fnmatchcase(host, pattern) for pattern in self._unreachable)

    def strike(self, request: Request) -> list[Fault]:
        """The faults that strike this request now, counted; at most one of each effect, the earliest arranged."""
        struck: dict[Effect, Fault] = {}
        with self._lock:
            for fault in self._faults:
                if fault.effect in struck or not fault.matches(request):
                    continue
                if fault.times is not None and fault.hits >= fault.times:
                    continue
                fault._seen += 1
                if fault._seen <= fault.skip:
                    continue
                fault.hits += 1
                struck[fault.effect] = fault
        return list(struck.values())

    def clear(self) -> None:
        """Take all faults away; requests that hang are let go."""
        with self._lock:
            self._faults.clear()
            self._unreachable.clear()
        if self.on_clear is not None:
            self.on_clear()

    def __repr__(self) -> str:
        return json.dumps([str(fault) for fault in self._faults])
