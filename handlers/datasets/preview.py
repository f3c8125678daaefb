"""`/dataset preview NAME[:VERSION]`: first rows and a profile of the columns, for the person who asks alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handlers.call import Call, Run
from handlers.datasets import preview_view
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.errors import error_message
from handlers.grammar import DatasetRef, Token
from services.datasets.rules import NO_ACCESS
from services.errors import NotAllowed


def bind_preview(tokens: Sequence[Token]) -> Run:
    """`NAME[:VERSION]`; asked for in a modal when missing."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("preview")

    async def run(call: Call) -> None:
        await preview(call, ref)

    return run


async def preview(call: Call, ref: DatasetRef) -> None:
    """Answer with the preview. It holds data, so it never goes to a channel, whatever a button asked for."""
    alone = replace(call, in_channel=False)
    try:
        found = await call.services.datasets.preview(call.caller.actor, ref.name, ref.version)
    except NotAllowed as error:
        if error.code != NO_ACCESS:
            raise
        await alone.answer(preview_view.refused(ref.name, error_message(error, call.origin.request_id)))
        return
    await alone.answer(preview_view.build(ref.name, ref.version, found))
