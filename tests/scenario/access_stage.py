"""The running bot with a dataset that Chiara owns, and what people do with access to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.sandbox.person import Message, Person, View
from services.access.model import AuditEntry
from services.actor import Actor
from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, Format, RegisterRequest
from tests.scenario.bot_on_local_slack import Stage, stage

CHANNEL = "C0DATA"
ADA = Actor("U0ADA", is_admin=True)


@dataclass(frozen=True)
class AccessStage:
    """Ada is the bot's admin, Chiara owns `sales`, Ben wants it."""

    on: Stage

    @property
    def ada(self) -> Person:
        return self.on.ada

    @property
    def ben(self) -> Person:
        return self.on.ben

    @property
    def chiara(self) -> Person:
        return self.on.slack.person("U0CHIARA")

    async def register(self, name: str, owner: str = "U0CHIARA", tags: tuple[tuple[str, str], ...] = ()) -> None:
        """A dataset with one file of its own."""
        path = f"{name}/orders.csv"
        file = self.on.data / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"day,{name}_sold\n2024-01-01,3\n2024-01-02,5\n")
        definition = Definition(
            DatasetType.TABULAR, DatastoreSource("workspaceblobstore", (path,)), Format(FileFormat.DELIMITED)
        )
        request = RegisterRequest(name, definition, owner, owner=owner, tags=tags)
        await self.on.bot.services.datasets.register(request, registration_id=name, progress=_silent)

    async def form(self, person: Person, text: str = "sales", *, verb: str = "access", channel: str = CHANNEL) -> View:
        """The request form, once it shows what follows."""
        assert await person.command(channel, "/dataset", f"{verb} {text}") == {"ok": True}
        return await person.wait_view("access_request", "Who decides", timeout=15)

    async def ask(self, person: Person, text: str = "sales", reason: str = "March report", **values: object) -> None:
        """Ask for access and close what says that it was asked for."""
        view = await self.form(person, text)
        answer = await person.submit(view, {"reason": reason, **values})
        assert answer["ok"], answer
        assert answer.get("response_action") != "errors", answer
        await person.close(await person.wait_view("done", timeout=15), is_cleared=True)
        await person.wait_no_view()

    async def card(self, person: Person, contains: str = "Access request", channel: str = "") -> Message:
        """The newest card in a person's direct messages, or in a channel."""
        return await person.wait_message(channel or await person.dm(), contains, timeout=15)

    async def told(self, person: Person, contains: str, *, under: Message | None = None) -> Message:
        """What a person reads in the conversation with the bot, or in the thread of a message."""
        thread = under.ts if under is not None else ""
        where = under.channel if under is not None else await person.dm()
        return await person.wait_message(where, contains, thread_ts=thread, timeout=15)

    async def reads(self, person: Person, name: str = "sales") -> bool:
        """Does a preview show them rows?"""
        seen = await person.messages(CHANNEL)
        last = max((message.ts for message in seen), default="")
        await person.command(CHANNEL, "/dataset", f"preview {name}")
        answer = await person.wait_message(CHANNEL, name, after=last, timeout=15)
        return "Only you see this" in answer.shown

    def as_it_was(self, message: Message) -> None:
        """Slack shows a message as it was when it was read: somebody's client that did not hear of the change yet."""
        stored = next(each for each in self.on.slack.world.messages[message.channel] if each.ts == message.ts)
        stored.blocks = message.raw["blocks"]

    async def audit(self, **which: str) -> list[AuditEntry]:
        """The audit as Ada reads it, oldest first."""
        return list(reversed(await self.on.bot.services.access.audit(ADA, limit=100, **which)))  # type: ignore[arg-type]


@asynccontextmanager
async def access_stage(directory: Path, *, policy: str = "", transport: str = "socket") -> AsyncIterator[AccessStage]:
    """A bot with `sales`. policy: the text of its policy file, the built-in policy without."""
    extra: dict[str, Any] = {}
    if policy:
        (directory / "policy.yml").write_text(policy)
        extra["policy_file"] = str(directory / "policy.yml")
    async with stage(directory, transport=transport, **extra) as on:
        made = AccessStage(on)
        await made.register("sales")
        yield made


async def _silent(_: str) -> None:
    return None
