"""Answering where the person is looking, with blocks that their Slack can draw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.message import Json, Message
from handlers.posting import BlockSupport

__all__ = ["BlockSupport", "Reply", "slack_error"]

log = structlog.get_logger(__name__)

_URL_GONE = frozenset({"expired_url", "used_url", "no_active_hooks", "invalid_token"})


@dataclass(slots=True)
class Reply:
    """One conversation with the person who asked: ephemeral by default, in the channel when it is meant for all.

    response_url works in every channel, also where the bot is no member, for 30 minutes and five uses. When it is
    gone (or never was: work resumed after a restart) the answer goes to the person directly.
    """

    client: AsyncWebClient
    support: BlockSupport
    user_id: str
    channel_id: str
    response_url: str | None = field(default=None, repr=False)
    thread_ts: str | None = None

    async def send(self, message: Message, *, in_channel: bool = False, replace: bool = False) -> None:
        """Deliver the message; falls back to classic blocks, then to another way of reaching the person.

        replace: the message that carried the clicked button is replaced.
        Raises SlackApiError when Slack refuses every way.
        """

        async def send(blocks: tuple[Json, ...]) -> None:
            await self._deliver(message, blocks, in_channel, replace)

        await self.support.deliver(message, send)

    async def direct(self, message: Message) -> None:
        """A direct message to the person."""
        await self._direct(message, self.support.blocks(message))

    async def _deliver(self, message: Message, blocks: tuple[Json, ...], in_channel: bool, replace: bool) -> None:
        if self.response_url and await self._respond(message, blocks, in_channel, replace):
            return
        if self.channel_id:
            try:
                await self._post(message, blocks, in_channel)
                return
            except SlackApiError as error:
                if error.response["error"] not in {
                    "not_in_channel",
                    "channel_not_found",
                    "user_not_in_channel",
                }:
                    raise
        await self._direct(message, blocks)

    async def _respond(self, message: Message, blocks: tuple[Json, ...], in_channel: bool, replace: bool) -> bool:
        """Through the response_url. False when it is used up or expired."""
        assert self.response_url is not None
        webhook = AsyncWebhookClient(
            self.response_url,
            session=self.client.session,
            timeout=self.client.timeout,
            proxy=self.client.proxy,
            ssl=self.client.ssl,
        )
        body: Json = {
            "text": message.notification,
            "response_type": "in_channel" if in_channel else "ephemeral",
            "replace_original": replace,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if blocks:
            body["blocks"] = list(blocks)
        if self.thread_ts:
            body["thread_ts"] = self.thread_ts
        try:
            answer = await webhook.send_dict(body)
        except (ClientError, TimeoutError, OSError) as fault:
            log.warning("response_url_unreachable", error=repr(fault))
            self.response_url = None
            return False
        error = _webhook_error(answer.status_code, answer.body)
        if error is None:
            return True
        if error in _URL_GONE or answer.status_code == 404:
            self.response_url = None
            return False
        raise slack_error("response_url", error)

    async def _post(self, message: Message, blocks: tuple[Json, ...], in_channel: bool) -> None:
        if in_channel:
            await self.client.chat_postMessage(
                channel=self.channel_id,
                text=message.notification,
                blocks=list(blocks) or None,
                thread_ts=self.thread_ts,
                metadata=message.metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
        else:
            await self.client.chat_postEphemeral(
                channel=self.channel_id,
                user=self.user_id,
                text=message.notification,
                blocks=list(blocks) or None,
                thread_ts=self.thread_ts,
            )

    async def _direct(self, message: Message, blocks: tuple[Json, ...]) -> None:
        await self.client.chat_postMessage(
            channel=self.user_id,
            text=message.notification,
            blocks=list(blocks) or None,
            metadata=message.metadata,
            unfurl_links=False,
            unfurl_media=False,
        )


def _webhook_error(status: int, body: str) -> str | None:
    """Slack answers a response_url with "ok", with an error's name, or with JSON that holds it."""
    text = body.strip()
    if status == 200 and text in {"ok", ""}:
        return None
    if text.startswith("{"):
        parsed = json.loads(text)
        if status == 200 and parsed.get("ok"):
            return None
        return str(parsed.get("error", f"http_{status}"))
    return text[:80] or f"http_{status}"


def slack_error(method: str, error: str) -> SlackApiError:
    """Slack's refusal in the form that slack_sdk raises for Web API methods."""
    make: Callable[[str, Json], SlackApiError] = SlackApiError
    return make(f"{method}: {error}", {"ok": False, "error": error})
