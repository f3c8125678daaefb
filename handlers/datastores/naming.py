"""How a datastore is named in commands that buttons carry."""

from __future__ import annotations

from handlers.datasets.naming import is_plain_word
from handlers.text import escape


def datastore_command(verb: str, name: str) -> str:
    """`/datastore verb name`, the name quoted where it is more than a plain word."""
    word = name if is_plain_word(name) else '"' + escape(name.replace('"', "'")) + '"'
    return f"/datastore {verb} {word}"
