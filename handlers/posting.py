"""Posting and changing messages with blocks that the workspace can draw.

New kinds of block are rolled out to workspaces in phases. A refused block (`invalid_blocks`) is answered at once
with the classic blocks of the same message, and remembered, so that the next message does not try again.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.message import Json, Message

log = structlog.get_logger(__name__)
T = TypeVar("T")

REFUSED_FOR_SECONDS = 24 * 3600.0
_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "invalid_attachments"})


class BlockSupport:
    """Which new block types the workspace refused lately."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._refused: dict[str, float] = {}
        self._now = monotonic

    def blocks(self, message: Message) -> tuple[Json, ...]:
        """The blocks to try: first choice, unless one of its types was refused within a day."""
        if not message.fallback:
            return message.blocks
        now = self._now()
        refused = any(self._refused.get(kind, 0.0) > now for kind in message.new_blocks)
        return message.fallback if refused else message.blocks

    def refuse(self, message: Message) -> None:
        """Remember that one of the message's new types was refused."""
        until = self._now() + REFUSED_FOR_SECONDS
        for kind in message.new_blocks:
            self._refused[kind] = until
        log.info("blocks_refused", types=sorted(message.new_blocks))

    async def deliver(self, message: Message, send: Callable[[tuple[Json, ...]], Awaitable[T]]) -> T:
        """What `send` returns for the blocks to try, or for the classic ones where Slack refuses those.

        Raises what `send` raises: SlackApiError for every other refusal, that of an uploaded file among them.
        """
        blocks = self.blocks(message)
        try:
            return await send(blocks)
        except SlackApiError as error:
            if error_code(error) not in _REFUSED or blocks is message.fallback or not message.fallback:
                raise
            if is_about_a_file(error):
                raise
            self.refuse(message)
            return await send(message.fallback)


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands. channel: the conversation's own id, also where a person's was given."""

    channel: str
    ts: str


async def post(
    client: AsyncWebClient,
    support: BlockSupport,
    message: Message,
    *,
    channel: str,
    thread_ts: str | None = None,
    metadata: Json | None = None,
) -> Posted:
    """A new message in a channel, in a thread of it, or for a person (by their id).

    metadata: instead of the message's own; a message has one. Raises SlackApiError when Slack refuses it.
    """

    async def send(blocks: tuple[Json, ...]) -> Posted:
        return _posted(
            await client.chat_postMessage(
                channel=channel,
                text=message.notification,
                blocks=list(blocks) or None,
                thread_ts=thread_ts,
                metadata=metadata or message.metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
        )

    return await support.deliver(message, send)


async def update(client: AsyncWebClient, support: BlockSupport, message: Message, *, at: Posted) -> Posted:
    """Replace a message's content. Its metadata stays as it was posted. Raises SlackApiError when Slack refuses it."""

    async def send(blocks: tuple[Json, ...]) -> Posted:
        return _posted(
            await client.chat_update(
                channel=at.channel,
                ts=at.ts,
                text=message.notification,
                blocks=list(blocks),  # an absent list would leave the blocks of before
            )
        )

    return await support.deliver(message, send)


def error_code(error: SlackApiError) -> str:
    """Slack's name for a refusal; `http_502` and the like where the answer is not Slack's."""
    code = None
    if hasattr(error.response, "get"):
        try:
            code = error.response.get("error")
        except (AttributeError, ValueError):  # a body that is no JSON object: slack_sdk keeps it as text or bytes
            code = None
    if code:
        return str(code)
    return f"http_{getattr(error.response, 'status_code', getattr(error.response, 'status', 'unknown'))}"


def is_about_a_file(error: SlackApiError) -> bool:
    """Did Slack refuse blocks because a file shown in them is not one that it can show (yet)?

    Files are made ready in the background after their upload; until then blocks with them are refused.
    """
    if error_code(error) not in _REFUSED or not hasattr(error.response, "get"):
        return False
    told = [
        *(error.response.get("errors") or []),
        *((error.response.get("response_metadata") or {}).get("messages") or []),
    ]
    return any("slack_file" in str(line) or "slack file" in str(line) for line in told)


def _posted(answer: AsyncSlackResponse) -> Posted:
    return Posted(str(answer["channel"]), str(answer["ts"]))
