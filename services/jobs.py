"""Background work as the handlers see it: start it, and it is run, bounded, and never forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue


class Pool(StrEnum):
    """One bound for each thing that can be slow, so that a hanging one starves only itself."""

    SLACK = "slack"  # opening views, posting answers
    CATALOG = "catalog"  # the workspace's registry
    DATA = "data"  # reading files
    FOLLOW = "follow"  # waiting for what is done elsewhere, to tell a person of it


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece of work came from, enough to tell the person if it cannot be finished.

    summary: what they asked in their own words ("/dataset list sales"). delivery: key of the Slack delivery.
    """

    user_id: str
    channel_id: str
    summary: str
    request_id: str
    delivery: str = ""


Work = Callable[[], Awaitable[None]]
DurableWork = Callable[["DurableJob"], Awaitable[None]]
OnError = Callable[[BaseException], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DurableJob:
    """Work that survives a kill: kind and payload are stored before the acknowledgement.

    id is an idempotency key: resumed work carries the same one. attempt counts from 1; above 1 it was resumed.
    """

    id: str
    kind: str
    payload: Mapping[str, JsonValue]
    origin: Origin
    attempt: int = 1


class Jobs(Protocol):
    """The job runner. Raises services.errors.Busy at once when the pool and its queue are full."""

    def start(
        self, pool: Pool, name: str, work: Work, *, origin: Origin, on_error: OnError, seconds: float = 60.0
    ) -> None:
        """Run work soon. on_error is given what it raised, TimedOut at the limit. After a crash the person is told."""
        ...

    async def start_durable(
        self,
        pool: Pool,
        kind: str,
        payload: Mapping[str, JsonValue],
        *,
        origin: Origin,
        seconds: float = 900.0,
    ) -> str:
        """Store, then run with the function registered for kind; returns the job's id once it is stored."""
        ...

    def register(
        self, kind: str, work: DurableWork, on_error: Callable[[DurableJob, BaseException], Awaitable[None]]
    ) -> None:
        """Name the function that runs a kind of durable work. Called while wiring."""
        ...
