"""Nothing that the outbox tells is posted in a channel that another organisation reads.

Channels are looked at when they are chosen; they can be shared later. Then it is as if the channel were gone: whoever
wrote the notice has somebody told directly.
"""

from __future__ import annotations

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.context import Services
from handlers.drawing import Drawings
from handlers.message import Message
from handlers.sharing import CHANNEL_SHARED, SharedChannels
from services.errors import NotAllowed
from services.monitors.notices import place_of
from services.outbox import Notice, StoredNotice

log = structlog.get_logger(__name__)


class InternalOnly:
    """Draws notices, but none for a shared channel."""

    def __init__(self, drawings: Drawings, client: AsyncWebClient, shared: SharedChannels) -> None:
        self._drawings = drawings
        self._client = client
        self._shared = shared

    async def draw(self, services: Services, stored: StoredNotice) -> Message | None:
        """As `Drawings.draw`. Raises Unavailable when Slack does not tell about the channel."""
        place = _place(stored.notice)
        if place.startswith(("C", "G")):
            try:
                await self._shared.require_internal(self._client, place)
            except NotAllowed as error:
                if error.code == CHANNEL_SHARED:
                    log.warning("notice_not_for_a_shared_channel", key=stored.notice.key, channel=place)
                    await _undelivered(services, stored, error.code)
                    return None
                # A channel that I cannot see: posting there tells why.
        return await self._drawings.draw(services, stored)


def _place(notice: Notice) -> str:
    """Where it would stand. What changes in an incident's message is news; a card of access only says what became."""
    return place_of(notice) if notice.kind.startswith("monitor.") else notice.to


async def _undelivered(services: Services, stored: StoredNotice, error: str) -> None:
    if stored.notice.kind.startswith("access."):
        await services.access.undelivered(stored, error)
    else:
        await services.incidents.undelivered(stored, error)
