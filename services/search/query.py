"""Questions to the index as SQL: pages, type-ahead, nearest names. Every function runs in a reader thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from services.datasets.model import DatasetQuery, DatasetSummary
from services.search.entries import (
    IS_DEPRECATED,
    IS_DRIFTING,
    SUMMARY_COLUMNS,
    name_facet,
    owner_facet,
    summary,
    tag_facet,
    type_facet,
)
from services.search.typos import Reading, read_chunk
from services.search.words import chunks, fold

_CANDIDATES = 200  # names looked at for "did you mean"
_LEAST_LIKENESS = 0.6
_LAST = "\U0010ffff"
_BY_NAME = f"SELECT {SUMMARY_COLUMNS} FROM dataset WHERE name = ?"  # noqa: S608 - constant text
_BY_NAMES = (
    f"SELECT {SUMMARY_COLUMNS} FROM dataset WHERE name IN (SELECT value FROM json_each(?))"  # noqa: S608 - constant text
    " ORDER BY modified DESC, id DESC"
)
_BY_ID = f"SELECT {SUMMARY_COLUMNS} FROM dataset WHERE id = ?"  # noqa: S608 - constant text


@dataclass(frozen=True, slots=True)
class Found:
    """A page: entries, number of all matches, and what was read otherwise than typed."""

    items: tuple[DatasetSummary, ...]
    total: int
    corrected: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Words:
    """What was typed, read against the vocabulary. impossible: a word that nothing is near to."""

    readings: tuple[Reading, ...]
    corrected: tuple[tuple[str, str], ...]
    impossible: bool

    def match(self, columns: str) -> str:
        """The FTS5 expression asking for all words in these columns."""
        return " AND ".join(f"({_any_of(columns, reading)})" for reading in self.readings)


def _any_of(columns: str, reading: Reading) -> str:
    star = " *" if reading.prefix else ""
    alternatives = (" AND ".join(f'{{{columns}}} : "{word}"{star}' for word in together) for together in reading.any_of)
    return " OR ".join(f"({each})" for each in alternatives)


def _read(connection: sqlite3.Connection, text: str, *, unfinished: bool = False, partly: bool = False) -> _Words:
    """unfinished: the last word is still being typed. partly: leave out words that nothing is near to."""
    readings, corrected = [], []
    typed = chunks(text)
    for place, chunk in enumerate(typed):
        reading = read_chunk(connection, chunk, unfinished=unfinished and place == len(typed) - 1)
        if reading is None and partly:
            continue
        if reading is None:
            return _Words((), (), impossible=True)
        readings.append(reading)
        corrected += [(chunk.whole, word) for word in reading.read_as]
    return _Words(tuple(readings), tuple(corrected), impossible=False)


def search(connection: sqlite3.Connection, query: DatasetQuery) -> Found:
    """A page of `/dataset list …`; see `DatasetIndex.search`."""
    words = _read(connection, query.words)
    if words.impossible or (query.words.strip() and not words.readings):
        return Found((), 0)
    facets = _facets(query)
    if words.readings and query.sort == "relevance":
        return _by_relevance(connection, query, words, facets)
    conditions, parameters = [], []
    match = " AND ".join(part for part in (words.match("name rest"), facets) if part)
    if match:
        # The unary plus keeps SQLite on the index that gives the order.
        conditions.append("+id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        parameters.append(match)
    if query.deprecated is not None:
        conditions.append("deprecated = ?")
        parameters.append(str(int(query.deprecated)))
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    order = "deprecated, folded, name" if query.sort == "name" else "deprecated, modified DESC, id DESC"
    select = f"SELECT {SUMMARY_COLUMNS} FROM dataset{where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
    rows = connection.execute(select, (*parameters, query.limit, query.offset)).fetchall()
    if match:
        total = _count(connection, _with_deprecated(match, query.deprecated))
    else:
        count = f"SELECT count(*) FROM dataset{where}"  # noqa: S608 - constant text
        total = connection.execute(count, parameters).fetchone()[0]
    return Found(tuple(summary(row) for row in rows), int(total), words.corrected)


def _facets(query: DatasetQuery) -> str:
    tokens = [tag_facet(key, value) for key, value in query.tags]
    if query.type is not None:
        tokens.append(type_facet(query.type))
    if query.owner is not None:
        tokens.append(owner_facet(query.owner))
    wanted = [f'facet : "{token}"' for token in tokens]
    if query.drifting:
        any_of = (IS_DRIFTING, *map(name_facet, query.with_incidents))
        wanted.append("({})".format(" OR ".join(f'facet : "{token}"' for token in any_of)))
    return " AND ".join(wanted)


def _with_deprecated(match: str, wanted: bool | None) -> str:
    if wanted is None:
        return match
    operator = "AND" if wanted else "NOT"
    return f'({match}) {operator} facet : "{IS_DEPRECATED}"'


def _by_relevance(connection: sqlite3.Connection, query: DatasetQuery, words: _Words, facets: str) -> Found:
    """The exact name, then names that begin so, names with the words, anything with them; deprecated ones
    last.

    Each rank is one FTS5 expression read in the order of recent changes, so a page costs what it shows:
    nothing is sorted, and ranks before the page are only counted.
    """

    def within(match: str) -> str:
        return f"({match}) AND {facets}" if facets else f"({match})"

    everywhere, in_name = words.match("name rest"), words.match("name")
    at_start = f"({in_name}) AND ({_any_of('first', words.readings[0])})"
    ranks = [
        within(at_start),
        f"{within(in_name)} NOT ({at_start})",
        f"{within(everywhere)} NOT ({in_name})",
    ]
    wanted = [False, True] if query.deprecated is None else [query.deprecated]
    matching = _with_deprecated(within(everywhere), query.deprecated)
    exact = _named(connection, query.words, matching)
    page = _Page(connection, query.offset, query.limit, exact)
    for deprecated in wanted:
        for rank in ranks:
            page.take(_with_deprecated(rank, deprecated))
    total = page.counted if page.counted is not None else _count(connection, matching)
    return Found(_summaries(connection, page.identifiers), total, words.corrected)


class _Page:
    """Fills a page from expressions in order of rank. exact: the entry that comes before all of them."""

    def __init__(self, connection: sqlite3.Connection, offset: int, limit: int, exact: int | None) -> None:
        self._connection = connection
        self._exact = exact
        self._skip = offset
        self._wanted = limit
        self._seen: int | None = 0
        self.identifiers: list[int] = []
        if exact is not None:
            self._seen = 1
            if offset == 0 and limit > 0:
                self.identifiers.append(exact)
            else:
                self._skip -= 1

    @property
    def counted(self) -> int | None:
        """The number of all matches, when the page was not full before the last rank had been read."""
        return self._seen

    def take(self, match: str) -> None:
        """Add what the page still needs from one rank."""
        missing = self._wanted - len(self.identifiers)
        if missing <= 0:
            self._seen = None
            return
        rows = self._connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? AND rowid IS NOT ? ORDER BY rowid DESC LIMIT ? OFFSET ?",
            (match, self._exact if self._exact is not None else -1, missing, self._skip),
        ).fetchall()
        self.identifiers += [row[0] for row in rows]
        if len(rows) == missing:
            self._seen = None
            self._skip = 0
            self._wanted = len(self.identifiers)
            return
        if rows or self._skip == 0:
            in_rank = self._skip + len(rows)
        else:
            in_rank = _count(self._connection, match) - self._counts_exact(match)
        self._skip = max(0, self._skip - in_rank)
        if self._seen is not None:
            self._seen += in_rank

    def _counts_exact(self, match: str) -> int:
        if self._exact is None:
            return 0
        row = self._connection.execute(
            "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?", (match, self._exact)
        ).fetchone()
        return int(row is not None)


def _count(connection: sqlite3.Connection, match: str) -> int:
    return int(connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (match,)).fetchone()[0])


def _named(connection: sqlite3.Connection, text: str, matching: str) -> int | None:
    """The id of the entry that is called exactly this and matches; of several spellings, the one typed."""
    typed = text.strip()
    row = connection.execute(
        "SELECT id FROM dataset WHERE deprecated IN (0, 1) AND folded = ?"
        " AND +id IN (SELECT rowid FROM words WHERE words MATCH ?) ORDER BY name <> ?, name LIMIT 1",
        (fold(typed), matching, typed),
    ).fetchone()
    return None if row is None else int(row[0])


def _summaries(connection: sqlite3.Connection, identifiers: Sequence[int]) -> tuple[DatasetSummary, ...]:
    return tuple(summary(connection.execute(_BY_ID, (identifier,)).fetchone()) for identifier in identifiers)


def suggest(connection: sqlite3.Connection, text: str, limit: int) -> tuple[DatasetSummary, ...]:
    """Names for a type-ahead; see `DatasetIndex.suggest`."""
    typed = fold(text.strip())
    if not typed:
        return search(connection, DatasetQuery(sort="modified", limit=limit)).items
    found: dict[int, None] = {}
    words: _Words | None = None
    for deprecated in (False, True):
        if len(found) >= limit:
            break
        rows = connection.execute(
            "SELECT id FROM dataset WHERE deprecated = ? AND folded >= ? AND folded < ? ORDER BY folded, name LIMIT ?",
            (int(deprecated), typed, typed + _LAST, limit - len(found)),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
        if len(found) < limit:
            words = words or _read(connection, text, unfinished=True)
            _add_by_words(connection, words, limit, found, deprecated=deprecated)
    return _summaries(connection, list(found)[:limit])


def _add_by_words(
    connection: sqlite3.Connection, words: _Words, limit: int, found: dict[int, None], *, deprecated: bool
) -> None:
    """Names that have the words, recent changes first; where there are none, entries that have them elsewhere."""
    if words.impossible or not words.readings:
        return
    in_name = words.match("name")
    for match in (in_name, words.match("name rest")):
        if len(found) >= limit or (found and match != in_name):
            return
        rows = connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?",
            (_with_deprecated(match, deprecated), limit),
        )
        found.update(dict.fromkeys(row[0] for row in rows))


def get(connection: sqlite3.Connection, name: str) -> DatasetSummary | None:
    """The entry of this very name."""
    row = connection.execute(_BY_NAME, (name,)).fetchone()
    return None if row is None else summary(row)


def get_many(connection: sqlite3.Connection, names: Sequence[str]) -> tuple[DatasetSummary, ...]:
    """The entries of these names, last changed first; unknown names are left out."""
    rows = connection.execute(_BY_NAMES, (json.dumps(list(names)),))
    return tuple(summary(row) for row in rows)


def closest(connection: sqlite3.Connection, name: str, limit: int) -> tuple[str, ...]:
    """Existing names nearest to a mistyped one, best first; see `DatasetIndex.closest`."""
    typed = fold(name.strip())
    if not typed:
        return ()
    candidates: dict[str, None] = {}
    for beginning in dict.fromkeys((typed, typed[: max(3, len(typed) - 2)], typed[: max(3, len(typed) // 2)])):
        for deprecated in (0, 1):
            rows = connection.execute(
                "SELECT name FROM dataset WHERE deprecated = ? AND folded >= ? AND folded < ? ORDER BY folded LIMIT ?",
                (deprecated, beginning, beginning + _LAST, _CANDIDATES),
            )
            candidates.update(dict.fromkeys(row[0] for row in rows))
    words = _read(connection, name, partly=True)
    if words.readings:
        rows = connection.execute(
            "SELECT d.name FROM words JOIN dataset d ON d.id = words.rowid WHERE words MATCH ?"
            " ORDER BY words.rowid DESC LIMIT ?",
            (words.match("name"), _CANDIDATES),
        )
        candidates.update(dict.fromkeys(row[0] for row in rows))
    scored = sorted((-likeness(typed, fold(each)), len(each), each) for each in candidates)
    return tuple(each for score, _, each in scored if -score >= _LEAST_LIKENESS)[:limit]


def likeness(typed: str, name: str) -> float:
    """How near a folded name is to the folded typed one, 0 to 1; one that only goes on counts as near."""
    whole = OSA.normalized_similarity(typed, name)
    begun = OSA.normalized_similarity(typed, name[: len(typed)])
    return max(whole, 0.9 * begun if len(typed) >= 3 else 0.0)
