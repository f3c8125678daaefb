"""`/dataset lineage NAME[:VERSION]`: where it comes from, what came after, who is known to use it."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.call import Call, Run
from handlers.datasets import lineage_view
from handlers.datasets.naming import dataset_command
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import DatasetRef, Token


def bind_lineage(tokens: Sequence[Token]) -> Run:
    """`NAME[:VERSION]`; asked for in a modal when missing."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("lineage")

    async def run(call: Call) -> None:
        await lineage(call, ref)

    return run


async def lineage(call: Call, ref: DatasetRef) -> None:
    """Answer with what is known of a version's origin and use."""
    found = await call.services.datasets.lineage(ref.name, ref.version)
    shown = lineage_view.build(found, shared=call.in_channel)
    await call.answer(shown, share=dataset_command("lineage", ref.name, ref.version))
