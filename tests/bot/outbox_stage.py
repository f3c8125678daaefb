"""An outbox on a real database with its pump on the local Slack, and notices drawn from their own arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.metrics import Metrics
from bot.outbox import OutboxPump
from bot.sandbox import state
from bot.sandbox.server import LocalSlack
from bot.slack_client import SlackClient
from handlers.message import Message
from handlers.picture import Picture, picture_block
from handlers.posting import BlockSupport
from services.outbox import Action, Notice, NoticeState, StoredNotice
from services.store.outbox import Outbox

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
ENDED = {NoticeState.SENT, NoticeState.FAILED, NoticeState.DROPPED}


class AheadClock:
    """The real time, moved on by what a test does not want to wait for."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@dataclass
class Drawer:
    """Draws a notice's `text`; with `picture`, a picture of that key; `broken` and `nothing` do what they say.

    troubles: what the next drawings of pictures raise, one each; word_troubles: what those of messages do.
    """

    pictures_made: list[str] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    word_troubles: list[Exception] = field(default_factory=list)

    async def draw(self, stored: StoredNotice) -> Message | None:
        args = stored.notice.args
        if self.word_troubles:
            raise self.word_troubles.pop(0)
        if args.get("broken"):
            raise RuntimeError("this drawing is broken")
        if args.get("nothing"):
            return None
        text = str(args["text"])
        if not (key := str(args.get("picture", ""))):
            return Message(text, (section(text),))

        async def make() -> bytes:
            self.pictures_made.append(key)
            if self.troubles:
                raise self.troubles.pop(0)
            if args.get("unpaintable"):
                raise RuntimeError("this picture is broken")
            return PNG

        return Message(
            text, (section(text), picture_block("A chart")), picture=Picture(key, f"{key}.png", "A chart", make)
        )


def post(key: str, to: str = "C0DRIFT", **more: object) -> Notice:
    """A message of its own lane, saying its key."""
    args = {"text": key, **{name: value for name, value in more.items() if name not in {"lane", "of"}}}
    return Notice(key, str(more.get("lane", key)), "test", to=to, of=str(more.get("of", "")), args=args)  # type: ignore[arg-type]  # JSON


def edit(of: str, text: str, **more: object) -> Notice:
    """A change of the message that `of` posted."""
    return Notice(f"{of}>{text}", of, "test", action=Action.UPDATE, of=of, args={"text": text, **more})  # type: ignore[dict-item]  # JSON


class Stage:
    """The pieces together. Its instance is not registered: what it leaves open is doubtful at once."""

    def __init__(
        self, slack: LocalSlack, client: SlackClient, outbox: Outbox, metrics: Metrics, clock: AheadClock
    ) -> None:
        client.token = slack.bot_token
        self.slack, self.outbox, self.clock, self.metrics = slack, outbox, clock, metrics
        self.drawer = Drawer()
        self.undelivered: list[tuple[str, str]] = []
        self.pump = OutboxPump(
            outbox,
            client,
            self.drawer.draw,
            support=BlockSupport(),
            metrics=metrics,
            clock=clock,
            doubt_settles=0.05,
            call_seconds=0.5,
        )
        self.pump.on_undelivered("te", self._tell)

    async def _tell(self, notice: StoredNotice, error: str) -> None:
        self.undelivered.append((notice.notice.key, error))

    async def put(self, *notices: Notice) -> None:
        """Write and wake."""
        await self.outbox.add(notices)
        self.pump.wake()

    async def ended(self, *keys: str, hurry: bool = False, seconds: float = 15) -> list[str]:
        """Wait until all came to an end; returns their states. hurry: time passes faster than it does."""
        async with asyncio.timeout(seconds):
            while True:
                found = [await self.outbox.get(key) for key in keys]
                if all(each is not None and each.state in ENDED for each in found):
                    return [each.state.value for each in found if each is not None]
                if hurry:
                    self.clock.ahead += timedelta(seconds=1)
                    self.pump.wake()
                await asyncio.sleep(0.02)

    async def begun(self, key: str, *, seconds: float = 5) -> None:
        """Wait until the pump took a notice on for the first time, or dropped it."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.outbox.get(key)
                if found is not None and (found.attempts or found.state in ENDED):
                    return
                await asyncio.sleep(0.002)

    async def until(self, seen: Callable[[], bool], *, seconds: float = 5) -> None:
        """Wait until something has happened at Slack."""
        async with asyncio.timeout(seconds):
            while True:
                if seen():
                    return
                await asyncio.sleep(0.005)

    def told(self, channel: str = "C0DRIFT", thread_ts: str = "") -> list[str]:
        """Texts of the channel's messages, or of a thread's replies, in order."""
        return [message.text for message in self.messages(channel) if message.thread_ts == thread_ts]

    def messages(self, channel: str = "C0DRIFT") -> list[state.Message]:
        """All messages of a channel, those of threads too."""
        return self.slack.world.messages[channel]
