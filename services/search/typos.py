"""What a typed word was meant to be: words that begin so, else the nearest ones."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.search.words import Chunk

_LAST = "\U0010ffff"
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
        "SELECT 1 FROM vocabulary WHERE word >= ? AND word < ? LIMIT 1", (word, word + _LAST)
    ).fetchone()
    return row is not None


def nearest(connection: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """Known words at the smallest distance (optimal string alignment), the commonest first; empty if none is near.

    Words of letters are compared with words of letters only, and what is mostly digits is not corrected: an
    identifier one digit off is another identifier.
    """
    allowed = edits_allowed(len(word))
    if allowed == 0 or 2 * sum(each.isalpha() for each in word) < len(word):
        return ()
    rows = connection.execute(
        "SELECT word FROM vocabulary WHERE letters = ? AND length BETWEEN ? AND ?",
        (int(word.isalpha()), len(word) - allowed, len(word) + allowed),
    )
    near = _at_least_distance(word, [row[0] for row in rows], allowed)
    uses = {each: _uses(connection, "SELECT uses FROM vocabulary WHERE word = ?", (each,)) for each in near}
    return _commonest(word, uses)


def nearest_beginning(connection: sqlite3.Connection, word: str) -> tuple[str, ...]:
    """Beginnings of known words, as long as the typed one, at the smallest distance."""
    allowed = edits_allowed(len(word))
    if len(word) < _SHORTEST_BEGINNING or not word.isalpha():
        return ()
    rows = connection.execute(
        "SELECT DISTINCT substr(word, 1, ?) FROM vocabulary WHERE letters = 1 AND length > ?", (len(word), len(word))
    )
    near = _at_least_distance(word, [row[0] for row in rows], allowed)
    total = "SELECT sum(uses) FROM vocabulary WHERE word >= ? AND word < ?"
    return _commonest(word, {each: _uses(connection, total, (each, each + _LAST)) for each in near})


def _uses(connection: sqlite3.Connection, question: str, parameters: tuple[str, ...]) -> int:
    row = connection.execute(question, parameters).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0


def _at_least_distance(word: str, known: list[str], allowed: int) -> list[str]:
    found = process.extract(word, known, scorer=OSA.distance, score_cutoff=allowed, limit=50)
    least = min((distance for _, distance, _ in found), default=0)
    return [each for each, distance, _ in found if distance == least]


def _commonest(word: str, uses: dict[str, int]) -> tuple[str, ...]:
    """Those with the typed first letter first, since that is the letter least often wrong."""
    ranked = sorted(uses, key=lambda each: (each[0] != word[0], -uses[each], each))
    return tuple(ranked[:_CHOSEN])
