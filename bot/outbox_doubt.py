"""Was a message posted whose posting was cut off? Its conversation's history knows: every notice carries its key.

Only messages of this very bot count, so that nobody else can make a notice look delivered. Where the history must not
be read (a scope is missing, the bot is no member any more), it stays unknown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.outbox_errors import NO_THREAD, Meaning, trouble
from bot.outbox_pacing import HISTORY, OPEN
from handlers.message import Json
from handlers.posting import Posted, error_code

EVENT_TYPE = "dataset_bot_notice"
CLOCKS_DIFFER_SECONDS = 300.0
PAGE = 200
PAGES = 10


class Finding(StrEnum):
    """POSTED; ABSENT: surely not posted; UNKNOWN: it cannot be found out."""

    POSTED = "posted"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into the history found. at: where it was posted. reason: why it is UNKNOWN, Slack's name for it."""

    finding: Finding
    at: Posted | None = None
    reason: str = ""


def metadata_of(key: str) -> Json:
    """The metadata of a notice's message. Every app and member can read it, so it holds the key alone."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


class History:
    """Looks notices up in the conversations they were meant for.

    take_turn: waits until the method may be called (a name of `outbox_pacing`).
    """

    def __init__(self, client: Callable[[], AsyncWebClient], take_turn: Callable[[str], Awaitable[None]]) -> None:
        self._client = client
        self._take_turn = take_turn
        self._bot_id = ""

    async def find(self, key: str, *, to: str, thread_ts: str, since: datetime) -> Look:
        """Is there a message of this bot with this key? to: a conversation or a person. thread_ts: "" for no thread.

        Raises SlackApiError and connection errors that may pass: then it should be asked again later.
        """
        try:
            channel = await self._conversation(to)
            return await self._search(key, channel, thread_ts, since.timestamp() - CLOCKS_DIFFER_SECONDS)
        except SlackApiError as error:
            code = error_code(error)
            if thread_ts and code in NO_THREAD:
                return Look(Finding.ABSENT)
            if code != "missing_scope" and trouble(error).meaning not in {Meaning.HOPELESS, Meaning.REFUSED}:
                raise
            return Look(Finding.UNKNOWN, reason=code)

    async def _conversation(self, to: str) -> str:
        if not to.startswith(("U", "W")):
            return to
        await self._take_turn(OPEN)
        answer = await self._client().conversations_open(users=to)
        return str(answer["channel"]["id"])

    async def _search(self, key: str, channel: str, thread_ts: str, oldest: float) -> Look:
        """Page by page; a conversation with too many messages since then stays UNKNOWN."""
        own = await self._own_bot_id()
        cursor = ""
        for _ in range(PAGES):
            await self._take_turn(HISTORY)
            arguments: Json = {
                "channel": channel,
                "oldest": f"{oldest:.6f}",
                "limit": PAGE,
                "include_all_metadata": True,
            }
            if cursor:
                arguments["cursor"] = cursor
            if thread_ts:
                answer = await self._client().conversations_replies(ts=thread_ts, **arguments)
            else:
                answer = await self._client().conversations_history(**arguments)
            for message in answer["messages"]:
                if message.get("bot_id") == own and _key(message) == key:
                    return Look(Finding.POSTED, Posted(channel, str(message["ts"])))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return Look(Finding.ABSENT)
        return Look(Finding.UNKNOWN, reason="history_too_long")

    async def _own_bot_id(self) -> str:
        if not self._bot_id:
            self._bot_id = str((await self._client().auth_test())["bot_id"])
        return self._bot_id


def _key(message: Mapping[str, object]) -> str:
    """The key that a message carries, "" for none. Other apps' metadata may have any shape."""
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != EVENT_TYPE:
        return ""
    payload = metadata.get("event_payload")
    key = payload.get("key") if isinstance(payload, Mapping) else None
    return key if isinstance(key, str) else ""
