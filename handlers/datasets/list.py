"""`/dataset list`: search and browse, from the local index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handlers.call import Call, Run
from handlers.datasets import list_view
from handlers.datasets.list_request import ME, ListRequest, parse_list
from handlers.grammar import Token


def bind_list(tokens: Sequence[Token]) -> Run:
    """`[words] [tag:k=v] [type:file|tabular] [owner:@who|me|nobody] [mine] [drifting] [deprecated] [sort:] [page:]`."""
    request = parse_list(tokens)

    async def run(call: Call) -> None:
        await list_datasets(call, request)

    return run


async def list_datasets(call: Call, request: ListRequest) -> None:
    """Answer with a page of the list."""
    caller = call.caller.user_id
    if call.in_channel and request.owner == ME:
        request = replace(request, owner=caller)  # for everybody who reads it, "me" is who shared it
    drifting = await call.services.incidents.drifting() if request.drifting else ()
    page = await call.services.datasets.search(request.query(caller, drifting))
    if not page.items and page.total and request.page > 1:
        # The list became shorter since the button was made: show its last page.
        request = replace(request, page=-(-page.total // request.size))
        page = await call.services.datasets.search(request.query(caller, drifting))
    message = list_view.build(page, request, shared=call.in_channel, drifting=frozenset(drifting))
    await call.answer(message, share=request.command())
