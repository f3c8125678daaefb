"""`/dataset show NAME[:VERSION]`: all that is known of one version."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog

from handlers.access.grants_view import held_by
from handlers.call import Call, Run
from handlers.datasets import show_view
from handlers.datasets.naming import dataset_command
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import DatasetRef, Token
from handlers.message import Message
from services.access.model import Grant
from services.datasets.model import DatasetCard, FingerprintCheck
from services.errors import Busy, UserError
from services.jobs import Pool

log = structlog.get_logger(__name__)

RECHECK_AFTER = timedelta(minutes=10)
"""How old the last look at the files may be before showing a version looks again."""

LOOK_SECONDS = 1.0
"""How long the card waits for that look."""


def bind_show(tokens: Sequence[Token]) -> Run:
    """`NAME[:VERSION]`; asked for in a modal when missing."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("show")

    async def run(call: Call) -> None:
        await show(call, ref)

    return run


async def show(call: Call, ref: DatasetRef) -> None:
    """Look whether the files are still what they were, then answer with the card.

    A look that takes longer than a moment goes on behind the answer and speaks up only if it finds something.
    """
    card = await call.services.datasets.show(ref.name, ref.version)
    if _is_old(card.version.check):
        looked, answered = asyncio.Event(), asyncio.Event()
        _look_again(call, card, looked, answered)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await looked.wait()
                card = await call.services.datasets.show(ref.name, ref.version)
                answered.set()
    viewer = "" if call.in_channel else call.caller.user_id
    held = await _own_access(call, card.version.name) if viewer else None
    watching = await call.services.monitors.watching(card.version.name)
    message = show_view.build(card, viewer, held, watching)
    await call.answer(message, share=dataset_command("show", ref.name, ref.version))


async def _own_access(call: Call, name: str) -> tuple[Grant, ...] | None:
    """What the reader was given through the bot; None when it cannot be told now."""
    try:
        found = await call.services.access.grants(call.caller.actor, name)
    except UserError as error:
        log.info("own_access_not_shown", dataset=name, code=error.code)
        return None
    return held_by(found.live, call.caller.user_id)


def _is_old(check: FingerprintCheck) -> bool:
    return check.checked_at is None or datetime.now(UTC) - check.checked_at > RECHECK_AFTER


def _look_again(call: Call, card: DatasetCard, looked: asyncio.Event, answered: asyncio.Event) -> None:
    """In the background; skipped when the readers of files are busy.

    looked: set when the look is over, whatever came of it. answered: set by a card that shows what was found.
    """
    shown = card.version

    async def work() -> None:
        _, now = await call.services.datasets.recheck(shown.name, shown.version)
        looked.set()
        known = shown.check
        is_news = (now.state, now.added, now.removed, now.changed) != (
            known.state,
            known.added,
            known.removed,
            known.changed,
        )
        if is_news and not await _is_set(answered):
            note: Message | None = show_view.recheck_note(shown, now)
            if note is not None:
                await call.reply.send(note)

    async def on_error(error: BaseException) -> None:
        looked.set()
        log.warning("recheck_failed", dataset=shown.label, error=repr(error))

    try:
        call.services.jobs.start(Pool.DATA, "recheck on view", work, origin=call.origin, on_error=on_error)
    except Busy:
        looked.set()
        log.info("recheck_skipped", dataset=shown.label)


async def _is_set(event: asyncio.Event) -> bool:
    """Does it happen within the moment that a card may take to be drawn?"""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await event.wait()
    return event.is_set()
