"""Around every delivery, whatever brought it: a reference id, the log's context, once-only, and the time it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.deliveries import Delivery, identify
from bot.logs import get_logger, new_request_id, request_context
from bot.metrics import Metrics
from bot.open_deliveries import OpenDeliveries
from services.jobs import Origin
from services.store.inbox import Inbox

log = get_logger("bot.delivery")

CLAIM_SECONDS = 1.0
"""How long the acknowledgement waits for the database to say whether a delivery is new; Slack waits three seconds."""

REMEMBERED_ANSWERS = 500

Handle = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class Deliveries:
    """Passes each delivery on once. Puts `request_id` and `delivery_key` into Bolt's context."""

    def __init__(self, inbox: Inbox, open_deliveries: OpenDeliveries, metrics: Metrics) -> None:
        self._inbox = inbox
        self._open = open_deliveries
        self._metrics = metrics
        self._answers: dict[str, asyncio.Future[BoltResponse]] = {}  # latest deliveries, oldest first
        self._log = log.bind()  # an unbound logger is put together anew for every line

    async def observe(self, request: AsyncBoltRequest, handle: Handle) -> BoltResponse:
        """Handle a delivery, or only acknowledge it if it was handled before."""
        started = time.perf_counter()
        delivery = identify(request.body)
        request_id = new_request_id()
        request_context.set(
            {"request_id": request_id, "user": delivery.user_id, "type": delivery.kind, "name": delivery.name}
        )
        request.context["request_id"] = request_id
        request.context["delivery_key"] = delivery.key
        if delivery.key:
            response = await self._once(delivery, request_id, request, handle)
        else:
            response = await handle(request)
        seconds = time.perf_counter() - started
        self._metrics.ack(delivery.kind, response.status, seconds)
        self._log.info("acknowledged", status=response.status, ms=round(seconds * 1000, 1))
        return response

    async def _once(
        self, delivery: Delivery, request_id: str, request: AsyncBoltRequest, handle: Handle
    ) -> BoltResponse:
        """The answer to a delivery: from its listener the first time, the same one again when it is repeated here.

        Slack may act on whichever acknowledgement comes first, so a plain one would close a form that the first
        delivery is about to keep open. A repetition of what another process handled is acknowledged plainly.
        """
        earlier = self._answers.get(delivery.key)
        if earlier is not None:
            self._repeated(delivery)
            return await asyncio.shield(earlier)
        answer: asyncio.Future[BoltResponse] = asyncio.get_running_loop().create_future()
        self._answers[delivery.key] = answer
        if len(self._answers) > REMEMBERED_ANSWERS:
            del self._answers[next(iter(self._answers))]
        response = BoltResponse(status=200, body="")
        try:
            if await self._is_new(delivery, request_id):
                self._open.hold(delivery.key)
                try:
                    response = await handle(request)
                finally:
                    self._open.release(delivery.key)
            else:
                self._repeated(delivery)
        finally:
            answer.set_result(response)
        return response

    def _repeated(self, delivery: Delivery) -> None:
        self._metrics.duplicate(delivery.kind)
        log.info("duplicate delivery", key=delivery.key)

    async def _is_new(self, delivery: Delivery, request_id: str) -> bool:
        """Claim the delivery. A database that does not answer is no reason to refuse the person."""
        origin = Origin(delivery.user_id, delivery.channel_id, delivery.summary, request_id, delivery.key)
        try:
            async with asyncio.timeout(CLAIM_SECONDS):
                return await self._inbox.claim(delivery.key, origin)
        except Exception as error:  # whatever keeps the database from answering
            log.error("delivery could not be claimed; handled all the same", exc_info=error)
            return True
