"""Links to a dataset's page in the studio are unfurled: what it is stands below the message.

Everybody in the conversation sees that, so it is only drawn where no other organisation reads along, for members whom
the bot serves, and shows what a shared card shows.
"""

from __future__ import annotations

import structlog
from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.call import Call, call_from
from handlers.datasets.unfurl_view import unfurl_blocks
from handlers.message import Json
from services.errors import NotFound, UserError
from services.jobs import Pool

log = structlog.get_logger(__name__)

MOST = 5
"""Links of one message that are unfurled."""


def attach(app: AsyncApp) -> None:
    """Listen to links."""
    app.event("link_shared")(on_links)


async def on_links(ack: AsyncAck, event: Json, body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> None:
    """Somebody posted links. What is still being typed is left alone: nobody knows yet who will read it."""
    await ack()
    if event.get("source") == "composer" or "caller" not in context:
        return
    urls = [str(link.get("url") or "") for link in event.get("links") or ()][:MOST]
    call = call_from(body, context, client)

    async def work(call: Call) -> None:
        await _unfurl(call, urls, str(event["channel"]), str(event["message_ts"]))

    try:
        call.services.jobs.start(
            Pool.CATALOG, "unfurl", lambda: work(call), origin=call.origin, on_error=_not_unfurled, seconds=30
        )
    except UserError as error:
        log.info("not_unfurled", reason=error.code)


async def _unfurl(call: Call, urls: list[str], channel: str, ts: str) -> None:
    datasets = call.services.datasets
    shown: dict[str, Json] = {}
    for url in urls:
        meant = datasets.linked(url)
        if meant is None:
            continue
        try:
            shown[url] = {"blocks": unfurl_blocks(await datasets.show(*meant))}
        except NotFound:
            log.info("link_to_nothing", dataset=meant[0])
    if shown:
        await call.shared_channels.require_internal(call.client, channel)
        await call.client.chat_unfurl(channel=channel, ts=ts, unfurls=shown)


async def _not_unfurled(error: BaseException) -> None:
    """Nobody asked for anything, so nobody is told."""
    if isinstance(error, UserError | SlackApiError | ClientError | TimeoutError | OSError):
        log.info("not_unfurled", reason=repr(error))
    else:
        log.error("unfurling_failed", exc_info=error)
