"""What all listeners share, given to them by name in Bolt's context.

A middleware of Bolt's own kind, since for functions Bolt puts together all arguments that they might name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse


class Provide(AsyncMiddleware):
    """Puts the same objects into every request's context."""

    def __init__(self, **shared: object) -> None:
        self._shared = shared

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # Bolt's name
    ) -> BoltResponse:
        """Go on with them."""
        req.context.update(self._shared)
        return await next()
