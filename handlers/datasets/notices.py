"""The notices of datasets, drawn when they are delivered: a new version, files that changed, a deprecation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from handlers.context import Services
from handlers.datasets.notices_view import changed_notice, deprecated_notice, registered_notice
from handlers.drawing import Draw
from handlers.message import Message
from services.datasets.model import DatasetCard, FingerprintCheck, FingerprintState
from services.datasets.notices import DEPRECATED, FILES, NEW_VERSION
from services.errors import NotFound
from services.outbox import StoredNotice

log = structlog.get_logger(__name__)


async def draw_version(services: Services, stored: StoredNotice) -> Message | None:
    """A new version."""
    card = await _card(services, stored)
    changes = stored.notice.args.get("changes")
    said = tuple(str(each) for each in changes) if isinstance(changes, list) else ()
    return None if card is None else registered_notice(card.version, card.dataset.owner, said)


async def draw_files(services: Services, stored: StoredNotice) -> Message | None:
    """What was found of a version's files when this was told, whatever was found since: that is told after it."""
    card = await _card(services, stored)
    args = stored.notice.args
    at = str(args.get("at") or "")
    check = FingerprintCheck(
        FingerprintState(str(args.get("state"))),
        datetime.fromisoformat(at) if at else None,
        _number(args.get("added")),
        _number(args.get("removed")),
        _number(args.get("changed")),
        str(args.get("detail") or ""),
    )
    return None if card is None else changed_notice(card.version, check)


async def draw_deprecated(services: Services, stored: StoredNotice) -> Message | None:
    """A deprecation; None when it was taken back meanwhile."""
    card = await _card(services, stored)
    if card is None or card.dataset.deprecation is None:
        return None
    return deprecated_notice(card.dataset, card.dataset.deprecation)


async def _card(services: Services, stored: StoredNotice) -> DatasetCard | None:
    args = stored.notice.args
    try:
        return await services.datasets.show(str(args.get("name")), _number(args.get("version")) or None)
    except NotFound:
        log.info("notice_about_nothing", key=stored.notice.key)  # unregistered since
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


DRAWINGS: Mapping[str, Draw] = {NEW_VERSION: draw_version, FILES: draw_files, DEPRECATED: draw_deprecated}
