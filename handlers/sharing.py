"""Sharing an answer with everybody in a channel: the button, who shared it, and where it must not go.

A channel that is shared with another organisation shows its messages to that organisation, so details of datasets
are never posted there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.blockkit import ACTION_ELEMENTS, BUTTON_VALUE, MESSAGE_BLOCKS, actions, button, context
from handlers.message import Json, Message
from handlers.provide import Provide
from handlers.text import md, mention
from services.errors import NotAllowed, Unavailable

CACHE_SECONDS = 60.0
SHARED_SECONDS = 30.0
CHANNEL_SHARED = "channel_shared"
"""Code of the refusal to post in a channel that is shared."""
_UNSEEN = frozenset({"channel_not_found", "not_in_channel", "missing_scope", "invalid_arguments"})


class SharedChannels:
    """Which channels are shared with other organisations: `conversations.info`, remembered for a minute."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._known: dict[str, tuple[float, bool]] = {}

    async def require_internal(self, client: AsyncWebClient, channel_id: str) -> None:
        """Raises NotAllowed for a shared channel and for one I cannot see, Unavailable when Slack does not tell."""
        known = self._known.get(channel_id)
        if known is None or known[0] <= self._now():
            shared = await self._look_up(client, channel_id)
            self._known = {key: value for key, value in self._known.items() if value[0] > self._now()}
            known = self._known[channel_id] = (self._now() + CACHE_SECONDS, shared)
        if known[1]:
            raise NotAllowed(
                "This channel is shared with another organisation, so I do not post details of datasets here. "
                "Share it in a channel of your own workspace.",
                code=CHANNEL_SHARED,
            )

    async def _look_up(self, client: AsyncWebClient, channel_id: str) -> bool:
        try:
            channel: Json = (await client.conversations_info(channel=channel_id))["channel"]
        except SlackApiError as error:
            if error.response["error"] in _UNSEEN:
                raise NotAllowed(
                    "I cannot see this conversation, so I cannot tell whether it is shared with another "
                    "organisation. Invite me with /invite and share again.",
                    code="channel_unseen",
                ) from error
            raise Unavailable("Slack did not tell me about this channel. Please try again.") from error
        return bool(channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"))


class RecentShares:
    """Which answers were shared a moment ago, so that a second click on an impatient finger posts nothing twice."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._shared: dict[tuple[str, str, str], float] = {}

    def is_new(self, user_id: str, channel_id: str, message_ts: str) -> bool:
        """True for the first click on a message's button within half a minute."""
        now = self._now()
        self._shared = {key: until for key, until in self._shared.items() if until > now}
        key = (user_id, channel_id, message_ts)
        if key in self._shared:
            return False
        self._shared[key] = now + SHARED_SECONDS
        return True


def attach(app: AsyncApp) -> None:
    """Give every listener the same memory of channels."""
    app.use(Provide(shared_channels=SharedChannels(), recent_shares=RecentShares()))


def with_share_button(message: Message, command: str) -> Message:
    """The answer with "Share in channel", which posts the same command's answer for everybody."""
    if not command or len(command) > BUTTON_VALUE:
        return message
    share = button("Share in channel", "share:answer", command)
    return replace(
        message,
        blocks=_with_element(message.blocks, share),
        fallback=_with_element(message.fallback, share) if message.fallback else (),
    )


def for_everybody(message: Message, shared_by: str) -> Message:
    """The answer as all see it: it says who shared it, and its paging buttons answer below instead of replacing it."""
    note = context(md("Shared by {}", mention(shared_by)))
    return replace(
        message,
        blocks=(*(_below(block) for block in message.blocks[: MESSAGE_BLOCKS - 1]), note),
        fallback=(*(_below(block) for block in message.fallback[: MESSAGE_BLOCKS - 1]), note)
        if message.fallback
        else (),
    )


def _with_element(blocks: tuple[Json, ...], element: Json) -> tuple[Json, ...]:
    """Into the last row of actions when the message ends with one that has room, else as a new row."""
    last = blocks[-1] if blocks else None
    if last and last["type"] == "actions" and len(last["elements"]) < ACTION_ELEMENTS:
        return (*blocks[:-1], {**last, "elements": [*last["elements"], element]})
    return (*blocks[: MESSAGE_BLOCKS - 1], actions([element]))


def _below(block: Json) -> Json:
    if block["type"] != "actions":
        return block
    return {**block, "elements": [_run_instead(element) for element in block["elements"]]}


def _run_instead(element: Json) -> Json:
    verb, colon, rest = str(element.get("action_id", "")).partition(":")
    return {**element, "action_id": f"run:{colon and 'go:'}{rest}"} if verb == "go" else element
