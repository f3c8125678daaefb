"""`/dataset labels NAME`: label counts, and how far its labelling project is."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.call import Call, Run
from handlers.datasets import labels_view
from handlers.datasets.naming import dataset_command
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import Token


def bind_labels(tokens: Sequence[Token]) -> Run:
    """`NAME`; asked for in a modal when missing. A version in the name is ignored: the latest is counted."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("labels")
    name = ref.name

    async def run(call: Call) -> None:
        await labels(call, name)

    return run


async def labels(call: Call, name: str) -> None:
    """Answer with the counts and the progress."""
    found = await call.services.datasets.labels(name)
    await call.answer(labels_view.build(name, found), share=dataset_command("labels", name))
