"""How notices of monitors look when they are delivered."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from handlers.context import Services
from handlers.drawing import Draw
from handlers.drift.incident_view import brief_message, digest_message, incident_message, summary_message
from handlers.drift.news_view import news_message, undelivered_message
from handlers.message import Message
from services.actor import Actor
from services.errors import NotFound
from services.monitors import notices
from services.outbox import StoredNotice


async def _incident(services: Services, stored: StoredNotice) -> Message | None:
    view = await services.incidents.incident(_text(stored, "incident"))
    draw = partial(services.incidents.picture, view.incident.run_id)
    return incident_message(view, draw, mentioned=_text(stored, "mention"))


async def _brief(services: Services, stored: StoredNotice) -> Message | None:
    return brief_message(await services.incidents.incident(_text(stored, "incident")))


async def _reply(services: Services, stored: StoredNotice) -> Message | None:
    return news_message(await services.incidents.incident(_text(stored, "incident")), stored.notice.args)


async def _summary(services: Services, stored: StoredNotice) -> Message | None:
    return summary_message(await services.incidents.summary(_text(stored, "thread")))


async def _digest(services: Services, stored: StoredNotice) -> Message | None:
    since = datetime.fromisoformat(_text(stored, "since"))
    return digest_message(await services.incidents.digest(_text(stored, "channel"), since))


async def _told(services: Services, stored: StoredNotice) -> Message | None:
    try:
        card = await services.monitors.monitor(Actor(""), _text(stored, "monitor"))
    except NotFound:
        return None  # deleted meanwhile: nobody misses its messages
    return undelivered_message(card.monitor, _text(stored, "place"), _text(stored, "error"))


def _text(stored: StoredNotice, name: str) -> str:
    return str(stored.notice.args.get(name, ""))


DRAWINGS: dict[str, Draw] = {
    notices.INCIDENT: _incident,
    notices.BRIEF: _brief,
    notices.REPLY: _reply,
    notices.SUMMARY: _summary,
    notices.DIGEST: _digest,
    notices.TOLD: _told,
}
"""By kind of notice; see docs/monitors.md."""
