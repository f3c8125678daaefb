"""`/dataset use NAME[:VERSION]`: code that reads the dataset."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.call import Call, Run
from handlers.datasets import use_view
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import DatasetRef, Token


def bind_use(tokens: Sequence[Token]) -> Run:
    """`NAME[:VERSION] [v1|v2|cli|files]`; the dataset is asked for in a modal when missing."""
    words, way = list(tokens), ""
    if len(words) > 1 and not words[-1].quoted and words[-1].text.lower() in use_view.WAYS:
        way = words.pop().text.lower()
    ref = single_ref(words)
    if ref is None:
        return ask_for_dataset("use")

    async def run(call: Call) -> None:
        await use(call, ref, way)

    return run


async def use(call: Call, ref: DatasetRef, way: str) -> None:
    """Answer with the snippets of one way of reading it, and buttons for the others."""
    guide = await call.services.datasets.usage(ref.name, ref.version)
    shown = use_view.Shown(ref.name, ref.version, use_view.way_of(guide, way))
    await call.answer(use_view.build(guide, shown), share=shown.command(shown.way))
