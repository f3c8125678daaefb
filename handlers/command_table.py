"""The bot's commands, one line each, and the subjects whose forms and buttons they use."""

from __future__ import annotations

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from handlers.commands import Command, CommandTable

TABLE = CommandTable(())

SUBJECTS: tuple[Callable[[AsyncApp], None], ...] = ()
"""Each attaches the forms, type-aheads and buttons of one subject."""

_ = Command
