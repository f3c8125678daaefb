"""The command table: routing, help, usage errors and "did you mean" all come from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handlers.blockkit import actions, button, context, divider, header, section
from handlers.call import Call, OpensForm, Run
from handlers.datasets.naming import command_button
from handlers.grammar import Token, closest, tokenize
from handlers.message import Json, Message
from handlers.text import code, lines, md, unescape
from services.errors import InvalidInput
from services.jobs import Pool

Bind = Callable[[Sequence[Token]], Run]
"""Reads a command's arguments and returns what will run. Raises InvalidInput with what is wrong and what to type."""


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the table.

    slash: "/dataset" or "/datastore". arguments: usage after the name. bind: see `Bind`; it fills in what is missing
    by asking in a modal, so it refuses only what cannot be understood.
    """

    slash: str
    name: str
    arguments: str
    summary: str
    examples: tuple[str, ...]
    bind: Bind
    pool: Pool = Pool.CATALOG
    seconds: float = 240.0  # a slow workspace is waited for; the person is told so within moments
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """`/dataset show NAME[:VERSION]`."""
        return f"{self.slash} {self.name} {self.arguments}".strip()


@dataclass(frozen=True, slots=True)
class Bound:
    """A command with its arguments read. message: an answer that needs no work (help, a usage error)."""

    command: Command | None
    run: Run | None
    message: Message | None = None


class CommandTable:
    """All commands of the bot."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = tuple(commands)
        self._by_name: dict[tuple[str, str], Command] = {}
        for command in commands:
            for name in (command.name, *command.aliases):
                if (command.slash, name) in self._by_name:
                    raise ValueError(f"{command.slash} {name} is named twice")
                self._by_name[command.slash, name] = command
        self._overviews = {slash: self._overview(slash) for slash in self.slashes}

    @property
    def slashes(self) -> tuple[str, ...]:
        """The slash commands, in the order of the table."""
        return tuple(dict.fromkeys(command.slash for command in self.commands))

    def of(self, slash: str) -> tuple[Command, ...]:
        """The commands under one slash command."""
        return tuple(command for command in self.commands if command.slash == slash)

    def read(self, slash: str, text: str) -> Bound:
        """Understand what was typed: a bound command, or the answer that helps to type it right."""
        tokens = tokenize(text)
        if not tokens:
            return Bound(None, None, self.help(slash))
        word = tokens[0].text.lower()
        if word in {"help", "?", "-h", "--help"} and not tokens[0].quoted:
            return Bound(None, None, self.help(slash, tokens[1].text if len(tokens) > 1 else ""))
        command = self._by_name.get((slash, word)) if not tokens[0].quoted else None
        if command is None:
            return Bound(None, None, self._unknown(slash, tokens[0].text, text))
        if len(tokens) == 2 and tokens[1].text.lower() in {"help", "--help", "-h"} and not tokens[1].quoted:
            return Bound(command, None, self.help(slash, command.name))
        try:
            return Bound(command, command.bind(tokens[1:]))
        except InvalidInput as error:
            return Bound(command, None, usage_error(command, error.sentence))

    def help(self, slash: str, topic: str = "") -> Message:
        """What the bot can do, or one command with examples."""
        topic = topic.lower().removeprefix("/")
        command = self._by_name.get((slash, topic))
        if command is not None:
            return command_help(command)
        if not topic:
            return self._overviews[slash]
        near = closest(topic, tuple(c.name for c in self.of(slash)))
        hint = md("There is no command {}.", code(topic))
        if near:
            hint = md("{} Did you mean {}?", hint, code(f"{slash} {near[0]}"))
        return self._overview(slash, section(hint))

    def _overview(self, slash: str, *note: Json) -> Message:
        rows = [md("{} {}", code(command.usage), command.summary) for command in self.of(slash)]
        other = [s for s in self.slashes if s != slash]
        blocks: list[Json] = [header(TITLES.get(slash, slash)), *note]
        part = -(-len(rows) // -(-len(rows) // 8))  # at most eight to a paragraph, equally many in each
        blocks += [section(lines(rows[i : i + part])) for i in range(0, len(rows), part)]
        blocks.append(divider())
        if slash == "/dataset":
            blocks.append(
                actions(
                    [
                        button("Register a dataset", "run:register", "/dataset register", style="primary"),
                        button("Browse datasets", "run:list", "/dataset list"),
                        button("My datasets", "run:mine", "/dataset list mine"),
                    ]
                )
            )
        blocks.append(
            context(
                md("{} for one command with examples.", code(f"{slash} help COMMAND")),
                *(md("See also {}.", code(s)) for s in other),
            )
        )
        return Message(text=f"What {slash} can do", blocks=tuple(blocks))

    def _unknown(self, slash: str, typed: str, text: str) -> Message:
        """text: all that was typed, as Slack delivered it; what follows the first word is offered again as it is."""
        near = closest(typed.lower(), tuple(c.name for c in self.of(slash)))
        _, _, rest = text.strip().partition(" ")
        sentence = md("There is no command {}.", code(f"{slash} {typed}"))
        buttons = [
            command_button(
                f"{slash} {name} {unescape(rest)}".strip(), f"run:near:{i}", f"{slash} {name} {rest}".strip()
            )
            for i, name in enumerate(near)
        ]
        if near:
            sentence = md("{} Did you mean {}?", sentence, code(f"{slash} {near[0]}"))
        else:
            sentence = md("{} {} lists all that I can do.", sentence, code(f"{slash} help"))
            if slash == "/dataset":
                buttons = [command_button(f"Search for “{typed}”", "run:search", f"/dataset list {text.strip()}")]
        blocks = [section(sentence)] + ([actions(buttons)] if buttons else [])
        return Message(text=f"There is no command {slash} {typed}.", blocks=tuple(blocks))


TITLES = {"/dataset": "Datasets", "/datastore": "Datastores"}


def command_help(command: Command) -> Message:
    """One command: what it does, how it is typed, examples."""
    blocks = [
        header(f"{command.slash} {command.name}"),
        section(command.summary),
        section(md("*Usage*\n{}", code(command.usage))),
        section(lines([md("*Examples*"), *(code(example) for example in command.examples)])),
    ]
    return Message(text=command.usage, blocks=tuple(blocks))


def usage_error(command: Command, sentence: str) -> Message:
    """What could not be understood, and how the command is typed."""
    return Message(
        text=sentence,
        blocks=(
            section(sentence),
            context(md("Usage: {}", code(command.usage)), md("Example: {}", code(command.examples[0]))),
        ),
    )


def start(call: Call, bound: Bound) -> None:
    """Run a bound command in the background. Raises Busy."""
    assert bound.command is not None
    assert bound.run is not None
    name = f"{bound.command.slash} {bound.command.name}"
    if isinstance(bound.run, OpensForm):
        call.start(Pool.SLACK, name, bound.run)
    else:
        call.start_answer(bound.command.pool, name, bound.run, seconds=bound.command.seconds)
