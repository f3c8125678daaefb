"""The notices of monitors, drawn when they are delivered from what is known then."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from handlers.context import Services
from handlers.drawing import Draw
from handlers.message import Message
from handlers.monitors import incident_view
from handlers.monitors.buttons import monitor_buttons
from services.errors import NotFound
from services.monitors.incident_service import trouble
from services.monitors.incidents import News
from services.monitors.notices import BRIEF, DIGEST, INCIDENT, REPLY, SUMMARY, TOLD
from services.monitors.views import IncidentView
from services.outbox import StoredNotice

log = structlog.get_logger(__name__)


async def draw_incident(services: Services, stored: StoredNotice) -> Message | None:
    """The incident's own message, with its picture."""
    view = await _view(services, stored)
    if view is None:
        return None
    run_id = view.run.id if view.run is not None else ""

    async def draw() -> bytes:
        return await services.incidents.picture(run_id)

    return incident_view.incident_message(view, draw, _arg(stored, "mention"))


async def draw_brief(services: Services, stored: StoredNotice) -> Message | None:
    """Its line in another place."""
    view = await _view(services, stored)
    return None if view is None else incident_view.brief_message(view)


async def draw_reply(services: Services, stored: StoredNotice) -> Message | None:
    """News in its thread."""
    view = await _view(services, stored)
    return None if view is None else incident_view.reply_message(view, News(_arg(stored, "news")), stored.notice.args)


async def draw_summary(services: Services, stored: StoredNotice) -> Message | None:
    """Many incidents at once."""
    found = await services.incidents.summary(_arg(stored, "thread"))
    return incident_view.summary_message(found) if found.incidents else None


async def draw_digest(services: Services, stored: StoredNotice) -> Message | None:
    """A channel's digest."""
    since = datetime.fromisoformat(_arg(stored, "since"))
    return incident_view.digest_message(await services.incidents.digest(_arg(stored, "channel"), since.astimezone(UTC)))


async def draw_told(services: Services, stored: StoredNotice) -> Message | None:
    """A monitor's messages cannot arrive."""
    try:
        monitor = (await services.monitors.history(_arg(stored, "monitor"), limit=1)).monitor
    except NotFound:
        return None
    why = trouble(_arg(stored, "error"))
    return incident_view.undelivered_message(monitor.label, _arg(stored, "place"), why, monitor_buttons(monitor)[2:4])


async def _view(services: Services, stored: StoredNotice) -> IncidentView | None:
    try:
        return await services.incidents.incident(_arg(stored, "incident"))
    except NotFound:
        log.warning("notice_about_nothing", key=stored.notice.key)
        return None


def _arg(stored: StoredNotice, key: str) -> str:
    value = stored.notice.args.get(key)
    return value if isinstance(value, str) else ""


DRAWINGS: Mapping[str, Draw] = {
    INCIDENT: draw_incident,
    BRIEF: draw_brief,
    REPLY: draw_reply,
    SUMMARY: draw_summary,
    DIGEST: draw_digest,
    TOLD: draw_told,
}
"""For `handlers.drawing.Drawings.add`."""
