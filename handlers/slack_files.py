"""Files that people shared in Slack: which of them can be copied, and their bytes.

The bot's token is sent to Slack's own hosts alone, whatever address a file's description names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from handlers.message import Json
from services.errors import SourceProblem

CHUNK = 1 << 18
COPY_SECONDS = 300.0
SILENT_SECONDS = 30.0

_HOSTED = frozenset({"hosted", "snippet"})
_UNSEEN = frozenset({"file_not_found", "file_deleted", "not_in_channel", "channel_not_found", "access_denied"})
_SLACK_HOSTS = (".slack.com", ".slack-gov.com")


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file that Slack holds. size: bytes as Slack says. url: where its bytes are."""

    id: str
    name: str
    size: int
    url: str


async def look_up(client: AsyncWebClient, file_id: str) -> SlackFile:
    """What Slack says of a file now. Raises SourceProblem when it cannot be copied."""
    try:
        found: Json = (await client.files_info(file=file_id))["file"]
    except SlackApiError as error:
        if error.response["error"] in _UNSEEN:
            raise _unseen() from error
        if error.response["error"] == "missing_scope":
            raise SourceProblem(
                "I may not read files yet. Ask whoever runs the bot to install it anew with the scope files:read.",
                code="missing_scope",
            ) from error
        raise
    name = str(found.get("name") or file_id)
    if found.get("is_external") or found.get("mode") not in _HOSTED:
        raise SourceProblem(
            f"“{name}” is not kept by Slack itself, so I cannot copy it. Register it by its web address, or put it "
            "into a datastore.",
            code="file_elsewhere",
        )
    url = str(found.get("url_private_download") or found.get("url_private") or "")
    if not is_slacks(url, client.base_url):
        raise SourceProblem(f"Slack names no address of its own for “{name}”.", code="file_elsewhere")
    return SlackFile(file_id, name, int(found.get("size") or 0), url)


def is_slacks(url: str, api: str) -> bool:
    """May the bot's token be sent to this address? api: the Web API's, on a local Slack not Slack's own."""
    try:
        asked, own = URL(url), URL(api)
        if asked.origin() == own.origin():
            return True
    except ValueError:
        return False
    return asked.scheme == "https" and asked.port == 443 and (asked.host or "").endswith(_SLACK_HOSTS)


async def content(client: AsyncWebClient, file: SlackFile) -> AsyncIterator[bytes]:
    """The file's bytes, piece by piece. Raises SourceProblem when Slack does not give them."""
    session = client.session
    assert session is not None
    limits = aiohttp.ClientTimeout(total=COPY_SECONDS, sock_read=SILENT_SECONDS)
    headers = {"Authorization": f"Bearer {client.token}"}
    try:
        # A redirect leads to a page where people sign in, and would take the token along.
        async with session.get(file.url, headers=headers, timeout=limits, allow_redirects=False) as answer:
            if answer.status != 200:
                raise _unseen()
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SourceProblem(
            f"Slack broke off while I copied “{file.name}”. Please try again.", code="copy_broken"
        ) from error


def _unseen() -> SourceProblem:
    return SourceProblem(
        "I cannot see this file. Invite me to the conversation it is in with /invite, and try again.",
        code="file_unseen",
    )
