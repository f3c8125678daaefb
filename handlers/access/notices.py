"""The notices of access, drawn when they are delivered from what is known then."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.access import card_view, own_view
from handlers.access.notices_view import grant_told, request_told, stray_told
from handlers.context import Services
from handlers.drawing import Draw, Drawings
from handlers.message import Message
from handlers.sharing import CHANNEL_SHARED, SharedChannels
from services.access.notices import ASKER, HOLDER, REQUEST, TOLD
from services.errors import NotAllowed, NotFound
from services.outbox import Action, StoredNotice

log = structlog.get_logger(__name__)


async def draw_request(services: Services, stored: StoredNotice) -> Message | None:
    """The approver's card."""
    return card_view.build(await services.access.card(_arg(stored, "request_id")))


async def draw_asker(services: Services, stored: StoredNotice) -> Message | None:
    """The requester's copy."""
    return own_view.asker_message(await services.access.card(_arg(stored, "request_id")))


async def draw_holder(services: Services, stored: StoredNotice) -> Message | None:
    """The copy of a person for whom somebody else asked."""
    return own_view.holder_message(await services.access.card(_arg(stored, "request_id")))


async def draw_told(services: Services, stored: StoredNotice) -> Message | None:
    """An event beside the cards. None when what it is about is over, or gone with a restored database."""
    args = stored.notice.args
    event = _arg(stored, "event")
    if event == "stray":
        return stray_told(args)
    try:
        if grant_id := _arg(stored, "grant_id"):
            return grant_told(event, await services.access.grant(grant_id), args)
        return request_told(event, await services.access.card(_arg(stored, "request_id")), args)
    except NotFound:
        log.warning("notice_about_nothing", key=stored.notice.key)
        return None


class InternalOnly:
    """Draws notices, but posts nothing of access in a channel that is shared with another organisation.

    The policy's channels are looked at when it is checked; they can be shared later. Then it is as if the channel were
    gone: whoever may decide is asked directly.
    """

    def __init__(self, drawings: Drawings, client: AsyncWebClient, shared: SharedChannels) -> None:
        self._drawings = drawings
        self._client = client
        self._shared = shared

    async def draw(self, services: Services, stored: StoredNotice) -> Message | None:
        """As `Drawings.draw`. Raises Unavailable when Slack does not tell about the channel."""
        notice = stored.notice
        is_post = notice.kind.startswith("access.") and notice.action is Action.POST
        if is_post and notice.to.startswith(("C", "G")):
            try:
                await self._shared.require_internal(self._client, notice.to)
            except NotAllowed as error:
                if error.code == CHANNEL_SHARED:
                    log.warning("notice_not_for_a_shared_channel", key=notice.key, channel=notice.to)
                    await services.access.undelivered(stored, error.code)
                    return None
                # A channel that I cannot see: posting there tells why.
        return await self._drawings.draw(services, stored)


def _arg(stored: StoredNotice, key: str) -> str:
    value = stored.notice.args.get(key)
    return value if isinstance(value, str) else ""


DRAWINGS: Mapping[str, Draw] = {
    REQUEST: draw_request,
    ASKER: draw_asker,
    HOLDER: draw_holder,
    TOLD: draw_told,
}
"""For `handlers.drawing.Drawings.add`."""
