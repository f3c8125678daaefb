"""Writing datasets into the index and reading them back as summaries."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from services.datasets.model import DRIFTING, DatasetMark, DatasetSummary, DatasetType, FingerprintState
from services.datasets.names import DEPRECATED_TAG
from services.search.words import WORD_LIMIT, chunks, fold, words

SUMMARY_COLUMNS = "name, type, description, tags, owner, latest_version, modified, deprecated, state"
_Row = tuple[str, str, str, str, str, int, str, int, str]

IS_DEPRECATED = "xdeprecated"
IS_DRIFTING = "xdrifting"


def name_facet(name: str) -> str:
    """The token that the dataset of this very name has alone."""
    return "xn" + _short_hash(name)


def type_facet(kind: DatasetType) -> str:
    """The token that all datasets of a type have."""
    return f"xtype{kind.value}"


def owner_facet(owner: str) -> str:
    """The token that all datasets of an owner have."""
    return "xo" + _short_hash(owner)


def tag_facet(key: str, value: str | None) -> str:
    """The token that all datasets with this tag have, or with any value of it; case and accents do not
    count.
    """
    return "xk" + _short_hash(fold(key)) if value is None else "xt" + _short_hash(fold(key) + "\0" + fold(value))


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def summary(row: _Row) -> DatasetSummary:
    """A row of SUMMARY_COLUMNS as a value."""
    name, kind, description, tags, owner, latest_version, modified, deprecated, state = row
    return DatasetSummary(
        name=name,
        type=DatasetType(kind),
        description=description,
        tags=tuple((key, value) for key, value in json.loads(tags)),
        owner=owner,
        latest_version=latest_version,
        modified_at=datetime.fromisoformat(modified),
        deprecated=bool(deprecated),
        state=FingerprintState(state),
    )


def write_datasets(connection: sqlite3.Connection, entries: Sequence[DatasetSummary]) -> None:
    """Add or replace datasets inside the caller's transaction; one with latest_version 0 is taken out.

    Owner and state come from the records' marks, never from the entries.
    """
    uses: Counter[str] = Counter()
    for entry in {each.name: each for each in entries}.values():
        owner, state = _take_known(connection, entry.name, uses)
        if entry.latest_version > 0:
            _insert(connection, entry, owner, state, uses)
    _count_words(connection, uses)


def _take_known(connection: sqlite3.Connection, name: str, uses: Counter[str]) -> tuple[str, str]:
    """Remove what the index has of a dataset; its owner and state."""
    row = connection.execute("SELECT id, owner, state FROM dataset WHERE name = ?", (name,)).fetchone()
    if row is None:
        mark = connection.execute("SELECT owner, state FROM mark WHERE name = ?", (name,)).fetchone()
        if mark is None:
            return "", FingerprintState.UNCHECKED.value
        connection.execute("DELETE FROM mark WHERE name = ?", (name,))
        return str(mark[0]), str(mark[1])
    uses.subtract(_words_of(connection, row[0]))
    connection.execute("DELETE FROM words WHERE rowid = ?", (row[0],))
    connection.execute("DELETE FROM dataset WHERE id = ?", (row[0],))
    return str(row[1]), str(row[2])


def _words_of(connection: sqlite3.Connection, identifier: int) -> set[str]:
    name, rest = connection.execute("SELECT name, rest FROM words WHERE rowid = ?", (identifier,)).fetchone()
    return set(name.split()) | set(rest.split())


def _insert(connection: sqlite3.Connection, entry: DatasetSummary, owner: str, state: str, uses: Counter[str]) -> None:
    deprecated = entry.deprecated or DEPRECATED_TAG in entry.tags
    modified = entry.modified_at.astimezone(UTC).isoformat()
    cursor = connection.execute(
        "INSERT INTO dataset (id, name, folded, type, description, tags, owner, latest_version, modified,"
        " deprecated, state) VALUES ((SELECT coalesce(max(id), 0) + 1 FROM dataset), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.name,
            fold(entry.name),
            entry.type.value,
            entry.description,
            json.dumps(entry.tags, ensure_ascii=False),
            owner,
            entry.latest_version,
            modified,
            int(deprecated),
            state,
        ),
    )
    name, rest = name_words(entry.name), _rest_words(entry.tags, entry.description, owner)
    facet = _facets(entry.name, entry.type, entry.tags, owner, deprecated=deprecated, state=state)
    connection.execute(
        "INSERT INTO words (rowid, first, name, rest, facet) VALUES (?, ?, ?, ?, ?)",
        (cursor.lastrowid, first_words(entry.name), " ".join(name), " ".join(rest), facet),
    )
    uses.update({**name, **rest}.keys())


def name_words(name: str) -> dict[str, None]:
    """The words of a name, and all of it written together: "salesq3" for "sales-q3"."""
    found = words(name)
    found["".join(chunk.whole for chunk in chunks(name))[:WORD_LIMIT]] = None
    found.pop("", None)
    return found


def first_words(name: str) -> str:
    """The words that a name begins with: its first stretch, whole and by its first part."""
    found = chunks(name)
    return " ".join(dict.fromkeys((found[0].whole, *found[0].parts[:1]))) if found else ""


def _rest_words(tags: Iterable[tuple[str, str]], description: str, owner: str) -> dict[str, None]:
    labels = " ".join(f"{key} {value}" for key, value in tags)
    return words(f"{labels} {description} {owner}")


def _facets(
    name: str, kind: DatasetType, tags: Iterable[tuple[str, str]], owner: str, *, deprecated: bool, state: str
) -> str:
    found = [name_facet(name), type_facet(kind), owner_facet(owner)]
    for key, value in tags:
        found += [tag_facet(key, None), tag_facet(key, value)]
    if deprecated:
        found.append(IS_DEPRECATED)
    if FingerprintState(state) in DRIFTING:
        found.append(IS_DRIFTING)
    return " ".join(found)


def write_marks(connection: sqlite3.Connection, marks: Sequence[DatasetMark]) -> int:
    """Set owners and states inside the caller's transaction; returns how many entries became different."""
    uses: Counter[str] = Counter()
    different = 0
    for mark in {each.name: each for each in marks}.values():
        row = connection.execute(
            "SELECT id, type, description, tags, deprecated, owner, state FROM dataset WHERE name = ?",
            (mark.name,),
        ).fetchone()
        if row is None:
            connection.execute(
                "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", (mark.name, mark.owner, mark.state.value)
            )
            continue
        identifier, kind, description, tags, deprecated, owner, state = row
        if (owner, state) == (mark.owner, mark.state.value):
            continue
        different += 1
        uses.subtract(_words_of(connection, identifier))
        pairs = [(key, value) for key, value in json.loads(tags)]
        rest = _rest_words(pairs, description, mark.owner)
        facet = _facets(
            mark.name, DatasetType(kind), pairs, mark.owner, deprecated=bool(deprecated), state=mark.state.value
        )
        connection.execute("UPDATE words SET rest = ?, facet = ? WHERE rowid = ?", (" ".join(rest), facet, identifier))
        connection.execute(
            "UPDATE dataset SET owner = ?, state = ? WHERE id = ?", (mark.owner, mark.state.value, identifier)
        )
        uses.update(_words_of(connection, identifier))
    _count_words(connection, uses)
    return different


def _count_words(connection: sqlite3.Connection, uses: Counter[str]) -> None:
    changed = {word: number for word, number in uses.items() if number}
    connection.executemany(
        "INSERT INTO vocabulary VALUES (?, ?, ?, ?) ON CONFLICT (word) DO UPDATE SET uses = uses + excluded.uses",
        ((word, int(word.isalpha()), len(word), number) for word, number in changed.items()),
    )
    gone = ((word,) for word, number in changed.items() if number < 0)
    connection.executemany("DELETE FROM vocabulary WHERE word = ? AND uses <= 0", gone)
