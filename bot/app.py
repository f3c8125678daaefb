"""The Bolt app: who it is, what surrounds its listeners, and an answer for everything that no listener knows."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.listening import lean
from bot.logs import get_logger
from bot.middleware import Deliveries
from handlers.caller import Installation

log = get_logger("bot.app")

ANYTHING = re.compile("")


class Workspace(AsyncAuthorize):
    """The one workspace that the bot token belongs to, asked of Slack once."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._result: AuthorizeResult | None = None

    @property
    def is_known(self) -> bool:
        """Whether Slack has accepted the token."""
        return self._result is not None

    async def refresh(self) -> AuthorizeResult:
        """Ask Slack whose token this is. Raises SlackApiError when it is refused."""
        answer = await self._client.auth_test()
        self._result = AuthorizeResult.from_auth_test_response(auth_test_response=answer, bot_token=self._client.token)
        return self._result

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult:
        """What Bolt needs to know for a request; from memory after the first time."""
        return self._result or await self.refresh()

    async def installation(self) -> Installation:
        """Whose bot this is."""
        known = self._result or await self.refresh()
        return Installation(team_id=known.team_id or "", enterprise_id=known.enterprise_id or "")


class _OwnClient(AsyncMiddleware):
    """Gives listeners the shared client, with its session and metrics, instead of Bolt's copy for each request."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # Bolt's name
    ) -> BoltResponse:
        req.context["client"] = self._client
        return await next()


@contextlib.contextmanager
def _without_bolts_advice() -> Iterator[None]:
    """Bolt looks into SLACK_BOT_TOKEN by itself, finds it beside a client, and warns of what is meant so."""
    logger = logging.getLogger("slack_bolt.AsyncApp")
    logger.addFilter(_no_record)
    try:
        yield
    finally:
        logger.removeFilter(_no_record)


def _no_record(_record: logging.LogRecord) -> bool:
    return False


class BotApp(AsyncApp):
    """Bolt's app with `Deliveries` around every request, whichever transport brought it."""

    def __init__(self, *, client: AsyncWebClient, token: str, workspace: Workspace, deliveries: Deliveries) -> None:
        """client: without a token yet, since Bolt would else set up an authorization of its own beside ours."""
        with _without_bolts_advice():
            super().__init__(
                name="dataset-bot",
                process_before_response=True,
                client=client,
                authorize=workspace,
                before_authorize=_OwnClient(client),
                # `guard.SignatureGuard` has verified the raw bytes before Bolt sees an HTTP request, and Slack's own
                # WebSocket needs no signature. Nothing else may call this app.
                request_verification_enabled=False,
                ssl_check_enabled=False,
                attaching_function_token_enabled=False,
            )
        client.token = token
        self._deliveries = deliveries

    def _init_context(self, req: AsyncBoltRequest) -> None:
        """Bolt's own makes a client for every request, which costs time and which `_OwnClient` replaces anyway.

        Should a later Bolt not call this any more, everything works as before, only slower.
        """
        req.context["logger"] = self.logger
        req.context["token"] = None
        req.context["client"] = self.client
        req.context["listener_runner"] = self.listener_runner

    def _register_listener(self, *args: Any, **kwargs: Any) -> Any:
        """As Bolt's own; the listener is then given only what it names (see `listening`)."""
        registered = super()._register_listener(*args, **kwargs)
        self._async_listeners[-1] = lean(self._async_listeners[-1])
        return registered

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Handle one request once and see that it is answered."""
        return await self._deliveries.observe(req, self._answer)

    async def _answer(self, req: AsyncBoltRequest) -> BoltResponse:
        response = await super().async_dispatch(req)
        if response.status < 400:
            return response
        request_id = str(req.context["request_id"])
        if response.status == 404:
            log.warning("nothing listens to this")
            return acknowledgement(req.body, unknown_sentence(request_id))
        # A listener or middleware failed in a way nobody foresaw: Bolt has logged the trace under this request id.
        sentence = failed_sentence(request_id)
        await _tell_where_the_ack_cannot(req.body, self.client, sentence)
        return acknowledgement(req.body, sentence)


def answer_the_unknown(app: AsyncApp) -> None:
    """Listeners for what no other listener took: nobody is left without a word. Attach them last."""

    async def say_unknown(body: Mapping[str, Any], context: AsyncBoltContext, client: AsyncWebClient) -> BoltResponse:
        sentence = unknown_sentence(str(context["request_id"]))
        log.warning("nothing listens to this")
        await _tell_where_the_ack_cannot(body, client, sentence)
        return acknowledgement(body, sentence)

    async def ignore(ack: AsyncAck) -> None:
        await ack()

    app.command(ANYTHING)(say_unknown)
    app.action(ANYTHING)(say_unknown)
    app.shortcut(ANYTHING)(say_unknown)
    app.options(ANYTHING)(say_unknown)
    app.view_submission(ANYTHING)(say_unknown)
    app.view_closed(ANYTHING)(ignore)
    app.event(ANYTHING)(ignore)


def acknowledgement(body: Mapping[str, Any], sentence: str) -> BoltResponse:
    """A sentence as the acknowledgement of a delivery, in the form its kind takes; plain where it carries none."""
    if "command" in body:
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": sentence})
    match body.get("type"):
        case "block_suggestion":
            return BoltResponse(status=200, body={"options": []})
        case "view_submission":
            view = {
                "type": "modal",
                "title": {"type": "plain_text", "text": "Dataset Bot"},
                "close": {"type": "plain_text", "text": "Back"},
                "blocks": [{"type": "section", "text": {"type": "plain_text", "text": sentence}}],
            }
            return BoltResponse(status=200, body={"response_action": "push", "view": view})
    return BoltResponse(status=200, body="")


def unknown_sentence(request_id: str) -> str:
    """What a person reads who used something that this version does not know."""
    return (
        "I do not know this command, button or form; it may belong to another version of me. "
        f"Type /dataset help for what I can do. Reference: {request_id}"
    )


def failed_sentence(request_id: str) -> str:
    """What a person reads when something went wrong that nobody foresaw."""
    return f"Something went wrong on my side. If it happens again, tell your platform team this reference: {request_id}"


async def _tell_where_the_ack_cannot(body: Mapping[str, Any], client: AsyncWebClient, sentence: str) -> None:
    """Clicks and shortcuts: an ephemeral message where there is a channel, else a direct one."""
    if body.get("type") not in {"block_actions", "interactive_message", "shortcut", "message_action"}:
        return
    user = (body.get("user") or {}).get("id")
    channel = (body.get("channel") or {}).get("id")
    if not user:
        return
    try:
        if channel:
            await client.chat_postEphemeral(channel=channel, user=user, text=sentence)
        else:
            await client.chat_postMessage(channel=user, text=sentence)
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        log.warning("a person could not be told", sentence=sentence, error=str(error))
