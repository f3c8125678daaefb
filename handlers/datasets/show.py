"""`/dataset show NAME[:VERSION]`: all that is known of one version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from handlers.call import Call, Run
from handlers.datasets import show_view
from handlers.datasets.naming import dataset_command
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import DatasetRef, Token
from handlers.message import Message
from services.datasets.model import DatasetCard, FingerprintCheck
from services.errors import Busy
from services.jobs import Pool

log = structlog.get_logger(__name__)

RECHECK_AFTER = timedelta(minutes=10)
"""How old the last look at the files may be before showing a version looks again."""


def bind_show(tokens: Sequence[Token]) -> Run:
    """`NAME[:VERSION]`; asked for in a modal when missing."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("show")

    async def run(call: Call) -> None:
        await show(call, ref)

    return run


async def show(call: Call, ref: DatasetRef) -> None:
    """Answer with the card, then look whether the files are still what they were."""
    card = await call.services.datasets.show(ref.name, ref.version)
    viewer = "" if call.in_channel else call.caller.user_id
    await call.answer(show_view.build(card, viewer), share=dataset_command("show", ref.name, ref.version))
    if _is_old(card.version.check):
        _recheck(call, card)


def _is_old(check: FingerprintCheck) -> bool:
    return check.checked_at is None or datetime.now(UTC) - check.checked_at > RECHECK_AFTER


def _recheck(call: Call, card: DatasetCard) -> None:
    """In the background, told only when it is news; skipped when the readers of files are busy."""
    shown = card.version

    async def work() -> None:
        _, now = await call.services.datasets.recheck(shown.name, shown.version)
        known = shown.check
        if (now.state, now.added, now.removed, now.changed) != (known.state, known.added, known.removed, known.changed):
            note: Message | None = show_view.recheck_note(shown, now)
            if note is not None:
                await call.reply.send(note)

    async def on_error(error: BaseException) -> None:
        log.warning("recheck_failed", dataset=shown.label, error=repr(error))

    try:
        call.services.jobs.start(Pool.DATA, "recheck on view", work, origin=call.origin, on_error=on_error)
    except Busy:
        log.info("recheck_skipped", dataset=shown.label)
