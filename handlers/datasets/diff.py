"""`/dataset diff`: what differs between two versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handlers.call import Call, Run
from handlers.datasets import diff_view
from handlers.datasets.compare_form import ask_for_versions
from handlers.datasets.refs import ask_for_dataset
from handlers.grammar import DatasetRef, Token, dataset_ref
from services.datasets.model import VersionDiff
from services.errors import InvalidInput

VALUES_SECONDS = 8.0
"""How long an answer waits for the comparison of values before it is given without."""

_BETWEEN = frozenset({"vs", "vs.", "and", "with", "against", "to", "→", "->"})
_EXAMPLE = "Write for example diff sales:1 sales:2, diff sales 1 2, or diff sales for the latest two."


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """before None: the version before `after`. values: compare the values however long it takes."""

    after: DatasetRef
    before: DatasetRef | None = None
    values: bool = False


def bind_diff(tokens: Sequence[Token]) -> Run:
    """`NAME`, `NAME:A`, `NAME A`, `NAME A B`, `NAME:A NAME:B`; asked for in modals when missing."""
    if not tokens:
        return ask_for_dataset("diff", "choose")
    words = list(tokens)
    if len(words) == 2 and _is_word(words[1], "choose"):
        return ask_for_versions(dataset_ref(words[0]).name)
    request = parse_diff(words)

    async def run(call: Call) -> None:
        await diff(call, request)

    return run


def parse_diff(tokens: Sequence[Token]) -> DiffRequest:
    """The two versions meant. Raises InvalidInput for more than two."""
    words = list(tokens)
    values = len(words) > 1 and _is_word(words[-1], "values")
    if values:
        words.pop()
    if len(words) > 2 and words[-2].text.lower() in _BETWEEN and not words[-2].quoted:
        words.pop(-2)
    first = dataset_ref(words[0])
    others = [_ref_or_version(first.name, word) for word in words[1:]]
    match others:
        case []:
            found = DiffRequest(first) if first.version is None else DiffRequest(DatasetRef(first.name), first)
        case [other] if other.name == first.name and first.version is None and _is_version(words[1]):
            found = DiffRequest(first, other)
        case [other]:
            found = DiffRequest(other, first)
        case [before, after] if first.version is None and _is_version(words[1]):
            found = DiffRequest(after, before)
        case _:
            raise InvalidInput(f"I compare two versions and read {len(words)} words. {_EXAMPLE}", code="too_many_words")
    return replace(found, values=values)


def _is_word(token: Token, word: str) -> bool:
    return not token.quoted and token.text.lower() == word


def _is_version(token: Token) -> bool:
    return not token.quoted and (token.text.isdecimal() or token.text.lower() == "latest")


def _ref_or_version(name: str, token: Token) -> DatasetRef:
    return dataset_ref(Token(f"{name}:{token.text}")) if _is_version(token) else dataset_ref(token)


async def diff(call: Call, request: DiffRequest) -> None:
    """Answer with what differs; the values are compared too when that is quick or was asked for."""
    before, after = request.before, request.after
    if before is None:
        card = await call.services.datasets.show(after.name)
        if card.dataset.latest_version == 1:
            await call.answer(diff_view.only_version(card.version))
            return
        before = DatasetRef(after.name, card.dataset.latest_version - 1)
        after = DatasetRef(after.name, card.dataset.latest_version)
    if request.values:
        await call.reply.send(diff_view.working(before.name, after.name))
        found, complete = await _compare(call, before, after, values=True), True
    else:
        found, complete = await _compare_quickly(call, before, after)
    await call.answer(diff_view.build(found, values_missing=not complete), share=diff_view.command(found))


async def _compare(call: Call, before: DatasetRef, after: DatasetRef, *, values: bool) -> VersionDiff:
    actor = call.caller.actor if values else None
    return await call.services.datasets.diff(before.name, before.version, after.name, after.version, values_for=actor)


async def _compare_quickly(call: Call, before: DatasetRef, after: DatasetRef) -> tuple[VersionDiff, bool]:
    """The difference, and whether it holds a comparison of the values."""
    try:
        async with asyncio.timeout(VALUES_SECONDS):
            return await _compare(call, before, after, values=True), True
    except TimeoutError:
        return await _compare(call, before, after, values=False), False
