"""Bolt's listeners without what ours never ask for.

For every matcher and every listener Bolt puts together all thirty arguments that a function might name, among them
objects for `say`, `respond` and the like, and then drops most. That was the largest single part of an
acknowledgement's time. Here a matcher gets the body it reads, and a listener the arguments it names.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from slack_bolt.listener.async_listener import AsyncCustomListener, AsyncListener
from slack_bolt.listener_matcher.async_builtins import AsyncBuiltinListenerMatcher
from slack_bolt.listener_matcher.async_listener_matcher import AsyncListenerMatcher
from slack_bolt.request import payload_utils
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

Read = Callable[[AsyncBoltRequest], object]

ARGUMENTS: Final[Mapping[str, Read]] = {
    "ack": lambda request: request.context.ack,
    "action": lambda request: payload_utils.to_action(request.body),
    "body": lambda request: request.body,
    "client": lambda request: request.context.client,
    "context": lambda request: request.context,
    "event": lambda request: payload_utils.to_event(request.body),
    "view": lambda request: payload_utils.to_view(request.body),
}
"""What a listener may name, as Bolt defines it."""


class BodyMatcher(AsyncListenerMatcher):
    """One of Bolt's own matchers, which all read nothing but the body."""

    def __init__(self, matcher: AsyncBuiltinListenerMatcher) -> None:
        self._matches = cast(Callable[..., Awaitable[bool]], matcher.func)

    async def async_matches(self, req: AsyncBoltRequest, resp: BoltResponse) -> bool:
        """Whether the listener is meant."""
        return await self._matches(body=req.body)


class NamedArguments(AsyncCustomListener):
    """A listener that is given the arguments it names. Raises TypeError when it is attached and names another."""

    def __init__(self, listener: AsyncCustomListener) -> None:
        self.__dict__.update(listener.__dict__)
        self.matchers = [_lean(matcher) for matcher in listener.matchers]
        names = list(inspect.signature(listener.ack_function).parameters)
        if unknown := [name for name in names if name not in ARGUMENTS]:
            raise TypeError(f"{listener.ack_function} names {unknown}; listeners are given {sorted(ARGUMENTS)}")
        self._reads = tuple((name, ARGUMENTS[name]) for name in names)

    async def run_ack_function(self, *, request: AsyncBoltRequest, response: BoltResponse) -> BoltResponse | None:
        """Call the listener."""
        arguments: dict[str, Any] = {name: read(request) for name, read in self._reads}
        return await self.ack_function(**arguments)


def lean(listener: AsyncListener) -> AsyncListener:
    """The same listener, faster, if it is of the kind that Bolt makes of functions."""
    return NamedArguments(listener) if type(listener) is AsyncCustomListener else listener


def _lean(matcher: AsyncListenerMatcher) -> AsyncListenerMatcher:
    is_of_body = isinstance(matcher, AsyncBuiltinListenerMatcher) and list(matcher.arg_names) == ["body"]
    return BodyMatcher(cast(AsyncBuiltinListenerMatcher, matcher)) if is_of_body else matcher
