"""Words that a person writes to the bot directly: a command without its slash, or a hint at what it understands."""

from __future__ import annotations

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from handlers import commands
from handlers.blockkit import actions, button, context, section
from handlers.call import Call, OpensForm, call_from
from handlers.commands import Bound, CommandTable
from handlers.datasets.naming import command_button
from handlers.message import Json, Message
from handlers.text import code, md, truncate, unescape
from services.errors import UserError
from services.jobs import Pool

ANSWERED_AT_ONCE = frozenset({"list", "show", "versions", "diff", "use", "preview", "grants", "audit"})
"""Commands of /dataset that only look. A form needs the trigger of a command or click, which words do not bring."""

SLASH = "/dataset"


class DirectMessages:
    """Answers what is written in the conversation with the bot."""

    def __init__(self, table: CommandTable) -> None:
        self._table = table

    def attach(self, app: AsyncApp) -> None:
        """Listen to direct messages."""
        app.event("message")(self.on_message)

    async def on_message(
        self, ack: AsyncAck, event: Json, body: Json, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """`show sales` is read as `/dataset show sales`; anything else is met with what can be typed."""
        await ack()
        if event.get("channel_type") != "im" or event.get("subtype") or event.get("bot_id") or "caller" not in context:
            return
        call = call_from(body, context, client)
        text = str(event.get("text") or "").strip().removeprefix(SLASH).strip()
        try:
            await self._answer(call, text)
        except UserError as error:
            await call.tell_soon(error)

    async def _answer(self, call: Call, text: str) -> None:
        bound = self._table.read(SLASH, text)
        if bound.command is None:
            message = bound.message if not text or text.startswith("help") else hint(text)
        elif bound.run is None:
            message = bound.message
        elif bound.command.name in ANSWERED_AT_ONCE and not isinstance(bound.run, OpensForm):
            commands.start(call, bound)
            return
        else:
            message = offer(bound, text)
        assert message is not None
        told = message

        async def send(to: Call) -> None:
            await to.answer(told)

        call.start(Pool.SLACK, "direct message", send)


def offer(bound: Bound, text: str) -> Message:
    """A click that does what was written."""
    assert bound.command is not None
    typed = f"{SLASH} {text}"
    return Message(
        text=f"Shall I run {unescape(typed)}?",
        blocks=(
            section(md("{} needs one click from you.", code(unescape(typed)))),
            actions([command_button(bound.command.summary, "run:written", typed, style="primary")]),
        ),
    )


def hint(text: str) -> Message:
    """What the bot understands, for words it does not."""
    words = truncate(unescape(text), 60)
    return Message(
        text="I answer to commands: type /dataset to see what I can do.",
        blocks=(
            section(md("I answer to commands, such as {} or {}.", code("/dataset list sales"), code("show sales"))),
            actions(
                [
                    command_button(f"Search for “{words}”", "run:search", f"{SLASH} list {text}"),
                    button("What can you do?", "run:help", f"{SLASH} help"),
                    button("Register a dataset", "run:register", f"{SLASH} register"),
                ]
            ),
            context("Here you may leave out the slash: “list”, “show sales”, “versions sales”."),
        ),
    )
