"""One thing a person asked of the bot, by command, button, shortcut or form, with the way to answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import ClientError
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers import blockkit
from handlers.context import Caller, Services
from handlers.errors import error_message
from handlers.message import Json, Message
from handlers.reply import Reply
from handlers.sharing import SharedChannels, for_everybody, with_share_button
from handlers.text import truncate
from services.errors import Busy
from services.jobs import Origin, Pool

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 2.0
"""After how long without an answer the person is told what is being waited for."""


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, of what, and how to answer. in_channel: the answer is meant for everybody in the channel.

    replaces: the answer takes the place of the message whose button was clicked (paging).
    trigger_id opens a modal for three seconds, once; "" where there is none. over_modal: a button in a modal was
    pressed, so that a view opens over that one.
    """

    caller: Caller
    services: Services
    client: AsyncWebClient
    reply: Reply
    origin: Origin
    trigger_id: str = ""
    over_modal: bool = False
    in_channel: bool = False
    replaces: bool = False
    shared_channels: SharedChannels = field(default_factory=SharedChannels)

    async def answer(self, message: Message, *, share: str = "") -> None:
        """Send the answer where the person is looking.

        share: the command whose answer this is; "Share in channel" posts it for everybody. Without it there is no
        such button. Raises NotAllowed when the answer is meant for a channel that others can read.
        """
        if self.in_channel:
            await self.shared_channels.require_internal(self.client, self.reply.channel_id)
            message = for_everybody(message, self.caller.user_id)
        elif share:
            message = with_share_button(message, share)
        await self.reply.send(message, in_channel=self.in_channel, replace=self.replaces)

    async def open_view(self, view: Json) -> str:
        """Open a modal; returns its id. Raises SlackApiError, e.g. expired_trigger_id."""
        return str((await self.opened_view(view))["id"])

    async def opened_view(self, view: Json) -> Json:
        """As `open_view`; returns the view as Slack has it, with its hash."""
        opening = self.client.views_push if self.over_modal else self.client.views_open
        opened: Json = (await opening(trigger_id=self.trigger_id, view=view))["view"]
        return opened

    def start(self, pool: Pool, name: str, run: Run, *, seconds: float = 60.0) -> None:
        """Run in the background, bounded; whatever it raises is told to the person. Raises Busy when full."""

        async def work() -> None:
            await run(self)

        self.services.jobs.start(pool, name, work, origin=self.origin, on_error=self.tell_error, seconds=seconds)

    def start_answer(self, pool: Pool, name: str, run: Run, *, seconds: float = 60.0) -> None:
        """As `start`, for work whose answer the person waits for: they are told when it takes more than a moment."""

        async def patiently(call: Call) -> None:
            notice = asyncio.create_task(call._say_that_it_takes_longer())  # cancelled below, so never left alone
            try:
                await run(call)
            finally:
                notice.cancel()

        self.start(pool, name, patiently, seconds=seconds)

    async def _say_that_it_takes_longer(self) -> None:
        await asyncio.sleep(PATIENCE_SECONDS)
        waits_for = self.services.waits_for
        slow = f"{waits_for} is slow to answer; I go on waiting." if waits_for else "This takes a little longer."
        sentence = f"{slow} The answer comes here."
        try:
            await self.reply.send(Message(text=sentence, blocks=(blockkit.context(sentence),)))
        except (SlackApiError, ClientError, TimeoutError, OSError) as error:
            log.warning("slowness_not_told", error=repr(error))

    async def tell_error(self, error: BaseException) -> None:
        """The error's sentence, or a reference, to the person alone."""
        await self.reply.send(error_message(error, self.origin.request_id))

    async def answer_soon(self, message: Message) -> None:
        """As `answer`, in the background: what a listener awaits after its `ack` still delays it."""
        await self._soon("answer", lambda call: call.answer(message))

    async def tell_soon(self, error: BaseException) -> None:
        """As `tell_error`, in the background."""
        await self._soon("tell an error", lambda call: call.tell_error(error))

    async def _soon(self, name: str, run: Run) -> None:
        try:
            self.start(Pool.SLACK, name, run)
        except Busy:
            await run(self)  # better a late acknowledgement than a person without a word

    def for_channel(self) -> Call:
        """The same call with its answer in the channel."""
        return replace(self, in_channel=True)


Run = Callable[[Call], Awaitable[None]]
"""A command whose arguments are bound: does the work and answers."""


@dataclass(frozen=True, slots=True)
class OpensForm:
    """A run that does nothing but open a form, in the pool that is never slow: a trigger lives three seconds."""

    form: Callable[[Call], Json]

    async def __call__(self, call: Call) -> None:
        """Open it."""
        await call.open_view(self.form(call))


def call_from(body: Json, context: AsyncBoltContext, client: AsyncWebClient) -> Call:
    """The call behind a command, click, shortcut or submission, with the surest way to answer."""
    caller: Caller = context["caller"]
    container = body.get("container") or {}
    channel = body.get("channel_id") or (body.get("channel") or {}).get("id") or container.get("channel_id") or ""
    thread_ts = body.get("thread_ts") or (body.get("message") or {}).get("thread_ts") or container.get("thread_ts")
    return Call(
        caller=caller,
        services=context["services"],
        client=client,
        reply=Reply(
            client=client,
            support=context["block_support"],
            user_id=caller.user_id,
            channel_id=channel,
            response_url=body.get("response_url"),
            thread_ts=thread_ts,
        ),
        origin=Origin(
            user_id=caller.user_id,
            channel_id=channel,
            summary=summary_of(body),
            request_id=context["request_id"],
            delivery=context.get("delivery_key", ""),
        ),
        trigger_id=body.get("trigger_id", ""),
        over_modal=body.get("type") == "block_actions" and (body.get("view") or {}).get("type") == "modal",
        shared_channels=context["shared_channels"],
    )


def summary_of(body: Json) -> str:
    """What the person did, in few words, for the log and for telling them if it was interrupted."""
    if "command" in body:
        return truncate(f"{body['command']} {body.get('text', '')}".strip(), 150)
    if body.get("type") == "view_submission":
        return "the form “" + str(body["view"].get("title", {}).get("text", "")) + "”"
    if body.get("actions"):
        text = (body["actions"][0].get("text") or {}).get("text") or body["actions"][0].get("action_id", "")
        return f"the button “{truncate(str(text), 75)}”"
    if body.get("type") in {"shortcut", "message_action"}:
        return f"the shortcut “{body.get('callback_id', '')}”"
    return str((body.get("event") or {}).get("type") or body.get("type") or "a request")
