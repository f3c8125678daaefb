"""Who is asking: established once, at the door, for every entry point, and refused when it is nobody we serve.

Guests, people of other organisations in shared channels, deactivated people, bots and anybody whose account cannot
be read are refused. Identity comes from `users.info`, never from a display name or an e-mail address.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import ClientError
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.blockkit import home, modal, section
from handlers.context import Caller
from handlers.message import Json
from services.errors import NotAllowed, Unavailable, UserError

log = structlog.get_logger(__name__)

CACHE_SECONDS = 300.0
LOOKUP_SECONDS = 2.0
CACHE_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Installation:
    """Whose bot this is. enterprise_id is "" outside Enterprise Grid."""

    team_id: str
    enterprise_id: str = ""


def refusal(user: Mapping[str, Any], installation: Installation) -> str | None:
    """Why a person of `users.info` is not served, as a sentence; None for a full member. Missing facts refuse."""
    if user.get("deleted", True):
        return "This Slack account is deactivated, so Dataset Bot does not answer it."
    if user.get("is_bot", True) or user.get("id") == "USLACKBOT":
        return "Dataset Bot answers people, not other apps."
    if user.get("is_stranger") or not _same_organisation(user, installation):
        return "Dataset Bot serves members of its own workspace only. Ask your contact there for what you need."
    if user.get("is_restricted", True) or user.get("is_ultra_restricted", True):
        return "Dataset Bot serves full members only, and this is a guest account. Ask a full member for help."
    return None


def _same_organisation(user: Mapping[str, Any], installation: Installation) -> bool:
    if user.get("team_id") == installation.team_id:
        return True
    enterprise = (user.get("enterprise_user") or {}).get("enterprise_id", "")
    return bool(installation.enterprise_id) and enterprise == installation.enterprise_id


class CallerDirectory:
    """`users.info` behind a cache of five minutes; one look-up at a time for each person."""

    def __init__(
        self,
        installation: Callable[[], Awaitable[Installation]],
        admins: frozenset[str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._installation = installation
        self._admins = admins
        self._now = monotonic
        self._known: dict[str, tuple[float, Caller | NotAllowed]] = {}
        self._looking: dict[str, asyncio.Future[Caller]] = {}

    async def caller(self, client: AsyncWebClient, user_id: str) -> Caller:
        """The caller. Raises NotAllowed for people we do not serve, Unavailable when Slack does not tell."""
        known = self._known.get(user_id)
        if known and known[0] > self._now():
            if isinstance(known[1], NotAllowed):
                raise NotAllowed(known[1].sentence)
            return known[1]
        looking = self._looking.get(user_id)
        if looking is None:
            looking = asyncio.ensure_future(self._look_up(client, user_id))
            self._looking[user_id] = looking
            looking.add_done_callback(lambda _: self._looking.pop(user_id, None))
        return await asyncio.shield(looking)

    async def _look_up(self, client: AsyncWebClient, user_id: str) -> Caller:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                installation = await self._installation()
                user: Mapping[str, Any] = (await client.users_info(user=user_id))["user"]
        except SlackApiError as error:
            if error.response["error"] in {"user_not_found", "user_not_visible"}:
                return self._remember(user_id, NotAllowed("Slack does not know this account, so I cannot help it."))
            raise _unknown_identity() from error
        except (TimeoutError, ClientError, OSError) as error:
            raise _unknown_identity() from error
        if reason := refusal(user, installation):
            log.warning("caller_refused", user=user_id, reason=reason)
            return self._remember(user_id, NotAllowed(reason))
        name = user.get("profile", {}).get("display_name") or user.get("real_name") or user.get("name") or user_id
        return self._remember(
            user_id, Caller(user_id, str(name), str(user.get("tz") or "UTC"), user_id in self._admins)
        )

    def _remember(self, user_id: str, found: Caller | NotAllowed) -> Caller:
        if len(self._known) >= CACHE_ENTRIES:
            self._known.pop(next(iter(self._known)))
        self._known[user_id] = (self._now() + CACHE_SECONDS, found)
        if isinstance(found, NotAllowed):
            raise found
        return found


def _unknown_identity() -> Unavailable:
    return Unavailable("Slack did not tell me who you are in time, so I did nothing. Please try again.")


OnRefused = Callable[[Mapping[str, Any], str, UserError], Awaitable[None]]
"""Told of everybody who is refused: the delivery, the person's id, why."""


class EstablishCaller(AsyncMiddleware):
    """Puts `caller` into the context or answers the refusal in the form the entry point takes.

    A middleware of Bolt's own kind, since for functions Bolt puts together all arguments that they might name.
    """

    def __init__(self, directory: CallerDirectory, on_refused: OnRefused | None = None) -> None:
        self._directory = directory
        self._on_refused = on_refused

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # Bolt's name
    ) -> BoltResponse:
        """Pass on what a person whom we serve sent."""
        user_id = req.context.user_id
        if not user_id:
            # Events without a person (the bot joined a channel, a file was processed) carry no authority.
            return await next()
        client = req.context.client
        try:
            req.context["caller"] = await self._directory.caller(client, user_id)
        except UserError as error:
            if self._on_refused is not None:
                await self._on_refused(req.body, user_id, error)
            await tell_refusal(client, req.body, user_id, error.sentence)
            return refused(req.body, error.sentence)
        return await next()


def refused(body: Mapping[str, Any], sentence: str) -> BoltResponse:
    """The refusal as the acknowledgement of a command, submission, type-ahead or click."""
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": sentence})
    kind = body.get("type")
    if kind == "view_submission":
        return BoltResponse(status=200, body={"response_action": "push", "view": refusal_view(sentence)})
    if kind == "block_suggestion":
        return BoltResponse(status=200, body={"options": []})
    return BoltResponse(status=200, body="")


async def tell_refusal(client: AsyncWebClient, body: Mapping[str, Any], user_id: str, sentence: str) -> None:
    """Tell people whose entry point cannot carry an answer in its acknowledgement: clicks, shortcuts, words, Home."""
    kind, event = body.get("type"), body.get("event") or {}
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            if kind == "block_actions" and body.get("response_url"):
                webhook = AsyncWebhookClient(body["response_url"], session=client.session, proxy=client.proxy)
                await webhook.send(text=sentence, response_type="ephemeral", replace_original=False)
            elif kind in {"block_actions", "shortcut", "message_action"} and body.get("trigger_id"):
                opening = client.views_push if body.get("view", {}).get("type") == "modal" else client.views_open
                await opening(trigger_id=body["trigger_id"], view=refusal_view(sentence))
            elif event.get("type") == "app_home_opened":
                await client.views_publish(user_id=user_id, view=home([section(sentence)]))
            elif event.get("channel_type") == "im" and not event.get("bot_id") and not event.get("subtype"):
                await client.chat_postMessage(channel=event["channel"], text=sentence)
    except (SlackApiError, TimeoutError, ClientError, OSError) as error:
        log.warning("refusal_not_told", user=user_id, error=str(error))


def refusal_view(sentence: str) -> Json:
    """A small modal that says why nothing happened."""
    return modal("refusal", "Dataset Bot", [section(sentence)], close="Close")
