"""`/dataset grants` and `/dataset revoke`: who has access, and taking it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from slack_sdk.errors import SlackApiError

from handlers.access import grants_view
from handlers.access.holding import REVOKE, about_text
from handlers.call import Call, Run
from handlers.datasets.curate_view import loading_view
from handlers.datasets.refs import ask_for_dataset, single_ref
from handlers.errors import error_view
from handlers.grammar import Token, dataset_ref, number, user_ref
from handlers.reason_form import reason_view
from handlers.working import GONE
from services.errors import InvalidInput, NotFound, UserError


def bind_grants(tokens: Sequence[Token]) -> Run:
    """`NAME [page:N]`; asked for in a modal when missing."""
    page, words = 1, []
    for token in tokens:
        key, colon, value = token.text.partition(":")
        if colon and key.lower() == "page" and not token.quoted:
            page = number("page", value)
        else:
            words.append(token)
    ref = single_ref(words)
    if ref is None:
        return ask_for_dataset("grants")
    return partial(list_grants, name=ref.name, page=page)


async def list_grants(call: Call, name: str, page: int = 1) -> None:
    """Answer with a page of the list. Who has what is for the one who asked, never for a channel."""
    found = await call.services.access.grants(call.caller.actor, name)
    page = max(1, min(page, -(-len(found.live) // grants_view.PAGE)))
    await replace(call, in_channel=False).answer(grants_view.build(found, call.caller.user_id, page))


def bind_revoke(tokens: Sequence[Token]) -> Run:
    """`NAME @who`: the form that asks why; without a person the list with its buttons."""
    if len(tokens) <= 1:
        ref = single_ref(tokens)
        return ask_for_dataset("revoke") if ref is None else partial(list_grants, name=ref.name)
    if len(tokens) > 2:
        raise InvalidInput("I expected one dataset and one person. A name with spaces belongs in quotes.")
    return partial(open_revoke, name=dataset_ref(tokens[0]).name, person=user_ref(tokens[1]))


async def open_revoke(call: Call, name: str, person: str) -> None:
    """Open at once, then ask why, or which of several; or say that there is nothing to revoke."""
    view_id = await call.open_view(loading_view(REVOKE.title))
    try:
        found = await call.services.access.grants(call.caller.actor, name)
        held = grants_view.held_by(found.live, person)
        if not found.may_manage and held:
            # Their own access: listed with "I'm done" where they typed it, since nobody revokes their own.
            raise NotFound(
                "Only the owner and admins revoke access. Give your own back with I'm done, under /dataset grants."
            )
        if not held:
            raise NotFound(f"This person has no access to “{name}” through me, or it is not yours to see.")
        if len(held) == 1:
            view = reason_view(REVOKE, held[0].id, about_text(held[0]))
        else:
            view = grants_view.revoke_view(found, person)
    except UserError as error:
        view = error_view(error, call.origin.request_id, title=REVOKE.title)
    try:
        await call.client.views_update(view_id=view_id, view=view)
    except SlackApiError as error:
        if error.response["error"] not in GONE:
            raise
