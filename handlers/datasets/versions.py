"""`/dataset versions NAME`: every version and what it changed."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.call import Call, Run
from handlers.datasets import versions_view
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import Token, number


def bind_versions(tokens: Sequence[Token]) -> Run:
    """`NAME [page:N]`; asked for in a modal when missing. A version in the name is ignored: all are shown."""
    page, words = 1, []
    for token in tokens:
        key, colon, value = token.text.partition(":")
        if colon and key.lower() == "page" and not token.quoted:
            page = number("page", value)
        else:
            words.append(token)
    ref = single_ref(words)
    if ref is None:
        return ask_for_dataset("versions")
    name = ref.name

    async def run(call: Call) -> None:
        await versions(call, name, page)

    return run


async def versions(call: Call, name: str, page: int) -> None:
    """Answer with a page of versions, newest first."""
    size = versions_view.PAGE
    found = await call.services.datasets.versions(name, (page - 1) * size, size)
    if not found.items and found.total:
        page = -(-found.total // size)
        found = await call.services.datasets.versions(name, (page - 1) * size, size)
    await call.answer(versions_view.build(found, page), share=versions_view.page_command(name, page))
