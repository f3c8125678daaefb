"""`/dataset tag`, `describe`, `deprecate`, `reinstate`, `owner`, `watch`: typed whole, or finished in a form."""

from __future__ import annotations

import re
from collections.abc import Sequence

from handlers.call import Call, Run
from handlers.datasets.curate_forms import open_deprecate, open_describe, open_owner, open_tags
from handlers.datasets.curate_view import (
    deprecated_text,
    described_text,
    outcome_message,
    owner_text,
    reinstated_text,
    tags_changed_text,
    watching_text,
)
from handlers.datasets.owners import require_member
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.grammar import Token, dataset_ref, user_ref
from services.datasets.names import tags_problem
from services.errors import InvalidInput

_MENTION_NAME = re.compile(r"^<@[UW][A-Z0-9]+\|([^>]+)>$")


def bind_tag(tokens: Sequence[Token]) -> Run:
    """`NAME k=v … -k …`; without tags a form with the present ones."""
    if not tokens:
        return ask_for_dataset("tag")
    name = dataset_ref(tokens[0]).name
    put, remove = read_tag_changes(tokens[1:])

    async def run(call: Call) -> None:
        dataset = await call.services.datasets.change_tags(call.caller.actor, name, put, remove)
        await call.answer(outcome_message(tags_changed_text(dataset, put, remove), dataset))

    async def form(call: Call) -> None:
        await open_tags(call, name)

    return run if put or remove else form


def read_tag_changes(tokens: Sequence[Token]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Tags to set and keys to remove. Raises InvalidInput for a word that is neither."""
    put: dict[str, str] = {}
    remove: list[str] = []
    for token in tokens:
        key, equals, value = (part.strip() for part in token.text.partition("="))
        if equals and key and value:
            if put.get(key, value) != value:
                raise InvalidInput(f"The tag “{key}” is there twice with different values. Keep one of them.")
            put[key] = value
        elif not equals and len(key) > 1 and key[0] in "-–—":
            remove.append(key[1:])
        else:
            raise InvalidInput(
                f"“{token.text}” is not a change of a tag. Write key=value to set one, -key to remove one."
            )
    if problem := tags_problem(tuple(put.items())):
        raise InvalidInput(problem)
    return tuple(put.items()), tuple(dict.fromkeys(remove))


def bind_describe(tokens: Sequence[Token]) -> Run:
    """`NAME text`; without a text a form with the present one."""
    if not tokens:
        return ask_for_dataset("describe")
    name, text = dataset_ref(tokens[0]).name, free_text(tokens[1:])

    async def run(call: Call) -> None:
        dataset = await call.services.datasets.describe(call.caller.actor, name, text)
        await call.answer(outcome_message(described_text(dataset), dataset))

    async def form(call: Call) -> None:
        await open_describe(call, name)

    return run if text else form


def bind_deprecate(tokens: Sequence[Token]) -> Run:
    """`NAME replaced-by OTHER reason …`; with the name alone a form."""
    if not tokens:
        return ask_for_dataset("deprecate")
    name = dataset_ref(tokens[0]).name
    replaced_by, reason = read_deprecation(tokens[1:])

    async def run(call: Call) -> None:
        actor = call.caller.actor
        dataset = await call.services.datasets.deprecate(actor, name, replaced_by, reason)
        await call.answer(outcome_message(deprecated_text(dataset), dataset))

    async def form(call: Call) -> None:
        await open_deprecate(call, name)

    return run if replaced_by or reason else form


def read_deprecation(tokens: Sequence[Token]) -> tuple[str, str]:
    """(replacement, reason). The reason is all that follows the word "reason", or all that is left."""
    rest = list(tokens)
    replaced_by = ""
    if rest and not rest[0].quoted and rest[0].text.lower().rstrip(":=") in {"replaced-by", "replaced_by", "by"}:
        if len(rest) == 1:
            raise InvalidInput("Which dataset replaces it? Write its name after replaced-by.")
        ref = dataset_ref(rest[1])
        replaced_by = ref.name if ref.version is None else f"{ref.name}:{ref.version}"
        rest = rest[2:]
    if rest and not rest[0].quoted and rest[0].text.lower().rstrip(":=") in {"reason", "because"}:
        rest = rest[1:]
    return replaced_by, free_text(rest)


def bind_reinstate(tokens: Sequence[Token]) -> Run:
    """`NAME`: takes a deprecation back."""
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("reinstate")

    async def run(call: Call) -> None:
        dataset = await call.services.datasets.reinstate(call.caller.actor, ref.name)
        await call.answer(outcome_message(reinstated_text(dataset), dataset))

    return run


def bind_owner(tokens: Sequence[Token]) -> Run:
    """`NAME @who`, `NAME me`, `NAME nobody`; without a person a form."""
    if not tokens:
        return ask_for_dataset("owner")
    name = dataset_ref(tokens[0]).name
    if len(tokens) > 2:
        raise InvalidInput("I expected one dataset and one person. A name with spaces belongs in quotes.")
    if len(tokens) == 1:

        async def form(call: Call) -> None:
            await open_owner(call, name)

        return form
    word = "" if tokens[1].quoted else tokens[1].text.lower()
    typed = "" if word in {"me", "nobody", "none"} else user_ref(tokens[1])

    async def run(call: Call) -> None:
        owner = call.caller.user_id if word == "me" else typed
        if owner and owner != call.caller.user_id:
            await require_member(call.client, owner)
        dataset = await call.services.datasets.set_owner(call.caller.actor, name, owner)
        await call.answer(outcome_message(owner_text(dataset), dataset))

    return run


def bind_watch(tokens: Sequence[Token]) -> Run:
    """`NAME [off]`."""
    if len(tokens) == 2 and not tokens[1].quoted and tokens[1].text.lower() in {"on", "off", "stop"}:
        return _watch(tokens[:1], tokens[1].text.lower() == "on")
    return _watch(tokens, True)


def bind_unwatch(tokens: Sequence[Token]) -> Run:
    """`NAME`."""
    return _watch(tokens, False)


def _watch(tokens: Sequence[Token], watching: bool) -> Run:
    ref = single_ref(tokens)
    if ref is None:
        return ask_for_dataset("watch" if watching else "unwatch")

    async def run(call: Call) -> None:
        dataset = await call.services.datasets.watch(call.caller.actor, ref.name, watching)
        await call.answer(outcome_message(watching_text(dataset, watching), dataset))

    return run


def free_text(tokens: Sequence[Token]) -> str:
    """Words as a sentence again: people by their names, quotes around what was quoted within a longer text."""
    words = []
    for token in tokens:
        named = _MENTION_NAME.match(token.text)
        word = f"@{named.group(1)}" if named else token.text
        words.append(f"“{word}”" if token.quoted and len(tokens) > 1 else word)
    return " ".join(words)
