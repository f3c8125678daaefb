"""Telling a person that their request was cut off by a restart."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from handlers.text import code, md
from services.jobs import Origin


async def tell_interrupted(client: AsyncWebClient, origin: Origin) -> None:
    """A direct message with what they asked, in their own words. Nothing where nobody asked (an event, a timer)."""
    if not origin.user_id or origin.summary.startswith("the event "):
        return
    what = code(origin.summary) if origin.summary.startswith("/") else md("{}", origin.summary)
    text = md(
        ":warning: I was restarted while working on {}, and it may not be done. Please send it again.",
        what,
    )
    await client.chat_postMessage(channel=origin.user_id, text=text, unfurl_links=False, unfurl_media=False)
