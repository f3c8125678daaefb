"""Telling a person, once, that what they wait for is slow to answer.

Whoever waits on behalf of a person sets a hook; whoever talks to a slow thing waits through `told_when_slow`. They need
not know each other, and tasks started on the way inherit the hook.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import structlog

T = TypeVar("T")

SLOW_SECONDS = 2.0
"""After so long without an answer the person is told: within three seconds of asking, with time to deliver it."""

Hook = Callable[[str], Awaitable[None]]
"""Tells the person a sentence."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Listener:
    """A hook and whether it has been used: one word is enough however many calls are slow."""

    hook: Hook
    told: bool = False


_listener: ContextVar[_Listener | None] = ContextVar("slowness_listener", default=None)


@contextlib.contextmanager
def when_slow(hook: Hook) -> Iterator[None]:
    """Within, the first slow call is told by `hook`. What the hook raises is logged and stops nothing."""
    token = _listener.set(_Listener(hook))
    try:
        yield
    finally:
        _listener.reset(token)


async def told_when_slow(awaitable: Awaitable[T], sentence: str, *, after: float = SLOW_SECONDS) -> T:
    """What the awaitable gives; if that takes longer than `after` seconds, the person hears the sentence meanwhile."""
    listener = _listener.get()
    if listener is None or listener.told:
        return await awaitable
    telling = asyncio.create_task(_tell_later(listener, sentence, after))
    try:
        return await awaitable
    finally:
        telling.cancel()


async def _tell_later(listener: _Listener, sentence: str, after: float) -> None:
    await asyncio.sleep(after)
    if listener.told:
        return
    listener.told = True
    try:
        # Not undone when the answer comes meanwhile: half a message is worse than one.
        await asyncio.shield(asyncio.ensure_future(listener.hook(sentence)))
    except asyncio.CancelledError:
        raise
    except Exception:
        log.warning("slowness_not_told", exc_info=True)
