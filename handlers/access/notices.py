"""The notices of access, drawn when they are delivered from what is known then."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from handlers.access import card_view, own_view
from handlers.access.notices_view import grant_told, request_told, stray_told
from handlers.context import Services
from handlers.drawing import Draw
from handlers.message import Message
from services.access.notices import ASKER, HOLDER, REQUEST, TOLD
from services.errors import NotFound
from services.outbox import StoredNotice

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
