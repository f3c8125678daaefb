"""What a typed word was meant to be: words that begin so, else the nearest ones."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.search.words import Chunk

_CHOSEN = 3  # nearest words searched for at once
_SHORTEST_BEGINNING = 4  # letters from which an unfinished word is compared with the beginnings of words


@dataclass(frozen=True, slots=True)
class Reading:
    """How one typed stretch is read.

    any_of: alternatives, each a set of words that must all be there; prefix: they may go on. read_as: the
    words it was corrected to, empty when it was taken as typed.
    """

    any_of: tuple[tuple[str, ...], ...]
    prefix: bool = True
    read_as: tuple[str, ...] = ()


def edits_allowed(length: int) -> int:
    """Edits forgiven in a word: none up to 2 letters, 1 up to 5, 2 up to 10, then 3. A swapped pair is one
    edit.
    """
    return 0 if length < 3 else 1 if length <= 5 else 2 if length <= 10 else 3


def read_chunk(connection: sqlite3.Connection, chunk: Chunk, *, unfinished: bool = False) -> Reading | None:
    """The reading of a typed stretch, None when nothing known is near it.

    unfinished: it is still being typed, so an error in it is also looked for in the beginnings of longer
    words.
    """
    if _begins_a_word(connection, chunk.whole):
        return Reading(((chunk.whole,),))
    if len(chunk.parts) > 1 and all(_begins_a_word(connection, part) for part in chunk.parts):
        return Reading((chunk.parts,))
    found = nearest(connection, chunk.whole)
    if found:
        return Reading(tuple((word,) for word in found), prefix=False, read_as=found)
    if unfinished:
        begun = nearest_beginning(connection, chunk.whole)
        if begun:
            return Reading(tuple((word,) for word in begun), read_as=begun)
    return None


def _begins_a_word(connection: sqlite3.Connection, word: str) -> bool:
    row = connection.execute(
        "SELECT 1 FROM vocabulary WHERE word >= ? AND word < ? LIMIT 1", (word, word + "\U0010ffff")
    ).fetchone()
    return row is not None


def nearest(connection: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """Known words at the smallest distance (optimal string alignment), the commonest first; empty if none
    is near.

    Words of letters are compared with words of letters only: a number one digit off is another number.
    """
    allowed = edits_allowed(len(word))
    if allowed == 0 or word.isdigit():
        return ()
    rows = connection.execute(
        "SELECT word, uses FROM vocabulary WHERE letters = ? AND length BETWEEN ? AND ?",
        (int(word.isalpha()), len(word) - allowed, len(word) + allowed),
    ).fetchall()
    return _best(word, [(str(known), int(uses)) for known, uses in rows], allowed)


def nearest_beginning(connection: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """Beginnings of known words, as long as the typed one, at the smallest distance."""
    allowed = edits_allowed(len(word))
    if len(word) < _SHORTEST_BEGINNING or not word.isalpha():
        return ()
    rows = connection.execute(
        "SELECT substr(word, 1, ?) AS begun, sum(uses) FROM vocabulary WHERE letters = 1 AND length > ? GROUP BY begun",
        (len(word), len(word)),
    ).fetchall()
    return _best(word, [(str(known), int(uses)) for known, uses in rows], allowed)


def _best(word: str, known: list[tuple[str, int]], allowed: int) -> tuple[str, ...]:
    uses = dict(known)
    found = process.extract(word, list(uses), scorer=OSA.distance, score_cutoff=allowed, limit=50)
    if not found:
        return ()
    least = min(distance for _, distance, _ in found)
    near = [each for each, distance, _ in found if distance == least]
    near.sort(key=lambda each: (each[0] != word[0], -uses[each], each))
    return tuple(near[:_CHOSEN])
