"""The App Home: drawn when it is opened, refreshed or searched; from the local index and the database alone."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.call import Call, call_from
from handlers.datasets.curate_forms import open_with_card
from handlers.home_view import (
    CHANGED,
    FIND,
    FIND_ACTION,
    MINE,
    RECENT,
    REFRESH_ACTION,
    SHOW_ACTION,
    TITLE,
    WATCHED,
    HomeContent,
    home_view,
    show_view,
)
from handlers.message import Json
from handlers.view_state import ViewState
from services.datasets.model import DatasetQuery
from services.errors import UserError
from services.jobs import Pool

log = structlog.get_logger(__name__)


def attach(app: AsyncApp) -> None:
    """Listen to the tab and what is in it."""
    app.event("app_home_opened")(on_opened)
    app.action(REFRESH_ACTION)(on_redraw)
    app.action(FIND_ACTION)(on_redraw)
    app.action(re.compile(f"^{SHOW_ACTION}:"))(on_show)


async def on_opened(ack: AsyncAck, event: Json, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Somebody opened the app: draw the Home tab. The Messages tab needs nothing."""
    await ack()
    if event.get("tab") != "home":
        return
    await _draw(call_from(body, context, client), event.get("view") or {})


async def on_redraw(ack: AsyncAck, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Refresh, or words to find."""
    await ack()
    await _draw(call_from(body, context, client), body["view"])


async def on_show(ack: AsyncAck, body: Json, action: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """ "Show" beside a dataset: all about it in a modal, since an answer elsewhere would not be seen from here."""
    await ack()
    call = call_from(body, context, client)
    name = str(action.get("value") or "")
    try:
        call.start(Pool.CATALOG, "home show", partial(open_with_card, name=name, title=TITLE, build=show_view))
    except UserError as error:
        await call.tell_soon(error)


async def redraw(call: Call, shown: Json) -> None:
    """Publish the tab again, in the background, after something that it shows has changed. shown: see `_draw`."""
    await _draw(call, shown)


async def _draw(call: Call, shown: Json) -> None:
    """Publish the tab in the background. shown: the tab as the person sees it, empty the first time."""
    words = ViewState.of(shown).text(FIND).strip()

    async def publish(call: Call) -> None:
        view = home_view(await content_of(call, words))
        try:
            await call.client.views_publish(user_id=call.caller.user_id, view=view, hash=shown.get("hash") or None)
        except SlackApiError as error:
            if error.response["error"] != "hash_conflict":
                raise
            # Another drawing was faster, and it is at least as new as this one.
            log.info("home_hash_conflict", user=call.caller.user_id)

    try:
        call.start(Pool.SLACK, "app home", publish)
    except UserError as error:
        await call.tell_soon(error)


async def content_of(call: Call, words: str = "") -> HomeContent:
    """What the tab shows, from the local index and the database."""
    datasets = call.services.datasets
    me = call.caller
    newest = DatasetQuery(sort="modified", limit=RECENT)
    mine, watched, changed, found, access = await asyncio.gather(
        datasets.search(DatasetQuery(owner=me.user_id, sort="modified", limit=MINE)),
        datasets.watched_by(me.actor, WATCHED),
        datasets.changed_for(me.actor, CHANGED),
        datasets.search(replace(newest, words=words, sort="relevance") if words else newest),
        call.services.access.mine(me.actor),
    )
    concerned = {each.name for each in (*mine.items, *watched.items)}
    incidents = await call.services.incidents.concerning(me.actor, concerned)
    return HomeContent(mine, watched, changed, found, datetime.now(UTC), words, access, incidents)
