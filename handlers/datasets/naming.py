"""How a dataset is named where Slack carries the name back to us: in command words, option values and buttons.

What comes back is never trusted: it is read like typed text and authorised like it.
"""

from __future__ import annotations

import hashlib
import re

from handlers.blockkit import BUTTON_VALUE, button, option
from handlers.message import Json
from handlers.text import Mrkdwn, escape
from services.datasets.service import DatasetService
from services.errors import UserError

KEY_LENGTH = 110
"""Room that is left for a verb and a version number in the 150 characters of an option's value."""

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RESERVED = frozenset(
    ("help", "latest", "mine", "me", "nobody", "drifting", "deprecated", "values", "choose", "off", "on")
)
"""Words that mean something to a command, so that a dataset of this name is written in quotes."""
_PICKED = re.compile(r"(?P<verb>[a-z]+)(?:\+(?P<rest>[a-z]+))? (?P<key>.+):(?P<version>[0-9]{0,10})", re.DOTALL)
_DIGEST = re.compile(r"(?P<prefix>.*)~(?P<digest>[0-9a-f]{16})", re.DOTALL)


def is_plain_word(text: str) -> bool:
    """May this stand in a command without quotes and be nothing but itself?"""
    return bool(_PLAIN_WORD.fullmatch(text)) and text.lower() not in _RESERVED


def dataset_word(name: str, version: int | None = None) -> Mrkdwn:
    """`name` or `name:version` as one word of a command, escaped as Slack escapes typed text."""
    plain = is_plain_word(name) and not name.isdecimal()
    word = name if plain else '"' + escape(name.replace('"', "'")) + '"'
    if version is None:
        # A colon in the name would be read as the start of a version.
        return Mrkdwn(f"{word}:latest" if ":" in name else word)
    return Mrkdwn(f"{word}:{version}")


def dataset_command(verb: str, name: str, version: int | None = None, *rest: str) -> str:
    """`/dataset verb name:version rest…`."""
    return " ".join(("/dataset", verb, dataset_word(name, version), *rest))


def command_button(text: str, action_id: str, command: str, *, style: str | None = None, label: str = "") -> Json:
    """A button that runs a command. action_id: `run:…` answers below, `go:…` replaces the message.

    A command too long for a button (two long names full of escapes) is cut to its verb, which asks for the rest.
    """
    if len(command) > BUTTON_VALUE:
        command = " ".join(command.split()[:2])
    return button(text, action_id, command, style=style, label=label or None)


def pick_option(text: str, verb: str, name: str, version: int | None = None, *, rest: str = "") -> Json:
    """A menu entry that runs `/dataset verb name[:version] [rest]`.

    Its value is `VERB[+REST] KEY:[VERSION]`, at most 150 characters. rest: one word of small letters.
    """
    return option(text, f"{verb}{'+' * bool(rest)}{rest} {dataset_key(name)}:{version or ''}")


def picked_command(value: str) -> tuple[str, str, int | None, str] | None:
    """(verb, key, version, rest) of a menu entry's value; None for anything else."""
    found = _PICKED.fullmatch(value)
    if found is None:
        return None
    return found["verb"], found["key"], int(found["version"]) if found["version"] else None, found["rest"] or ""


def dataset_key(name: str) -> str:
    """The name where it fits an option's value; else its beginning and a digest of all of it."""
    if len(name) <= KEY_LENGTH and not _DIGEST.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name[: KEY_LENGTH - 17]}~{digest}"


async def name_of_key(key: str, datasets: DatasetService) -> str:
    """The name behind a key. Raises UserError when the dataset is gone."""
    shortened = _DIGEST.fullmatch(key)
    if shortened is None:
        return key
    for found in await datasets.suggest(shortened["prefix"], 100):
        if dataset_key(found.name) == key:
            return found.name
    raise UserError("This dataset is not in the list any more. Please choose again.", code="key_gone")
