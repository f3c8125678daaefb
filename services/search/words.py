"""How names and texts become words, the same way for what is indexed and for what is typed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

WORD_LIMIT = 64  # characters; longer words (hashes, base64) are found by their beginning

_CHUNK = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|(?:(?![A-Za-z])[^\W\d_])+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of letters and digits: "salesQ3" as whole "salesq3" with parts "sales", "q" and "3"."""

    whole: str
    parts: tuple[str, ...]


def without_accents(text: str) -> str:
    """Compatibility forms replaced and accents dropped, case kept."""
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def fold(text: str) -> str:
    """One form for all spellings of a text that a reader would call the same: no accents, no case."""
    return without_accents(text).casefold()


def chunks(text: str) -> list[Chunk]:
    """Stretches of letters and digits, in order; their parts are cut at camelCase and at digits."""
    found = []
    for match in _CHUNK.finditer(without_accents(text)):
        raw = match.group()
        parts = [part.casefold()[:WORD_LIMIT] for part in _PART.findall(raw)]
        found.append(Chunk(raw.casefold()[:WORD_LIMIT], tuple(parts)))
    return found


def words(text: str) -> dict[str, None]:
    """All distinct words to index for a text: whole stretches and their parts, in order of appearance."""
    found: dict[str, None] = {}
    for chunk in chunks(text):
        found[chunk.whole] = None
        if len(chunk.parts) > 1:
            found.update(dict.fromkeys(chunk.parts))
    return found
