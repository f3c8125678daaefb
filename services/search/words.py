"""How names and texts become words, the same way for what is indexed and for what is typed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

WORD_LIMIT = 64  # characters; longer words (hashes, base64) are found by their beginning

_CHUNK = re.compile(r"[^\W_]+")
_ASCII_PART = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


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
    return [_chunk(raw) for raw in _CHUNK.findall(without_accents(text))]


@lru_cache(maxsize=8192)  # the words of descriptions come again and again
def _chunk(raw: str) -> Chunk:
    parts = _ASCII_PART.findall(raw) if raw.isascii() else _parts(raw)
    return Chunk(raw.casefold()[:WORD_LIMIT], tuple(part.casefold()[:WORD_LIMIT] for part in parts))


def _parts(raw: str) -> list[str]:
    """Cut where digits begin or end and where a capital follows a small letter, in any script."""
    cuts = [
        place
        for place, (before, after) in enumerate(pairwise(raw), start=1)
        if before.isdigit() != after.isdigit() or (before.islower() and after.isupper())
    ]
    return [raw[start:end] for start, end in pairwise([0, *cuts, len(raw)])]


def words(text: str) -> dict[str, None]:
    """All distinct words to index for a text: whole stretches and their parts, in order of appearance."""
    found: dict[str, None] = {}
    for chunk in chunks(text):
        found[chunk.whole] = None
        if len(chunk.parts) > 1:
            found.update(dict.fromkeys(chunk.parts))
    return found
