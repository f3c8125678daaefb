"""The index's own SQLite file: derived, so whatever is wrong with it, it is thrown away and filled again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

FORMAT = 2
"""Raised with every change of the tables or of what is written to them: an older file is thrown away."""

_APPLICATION = 0x44534958  # "DSIX" in SQLite's header marks the file as ours
_PAGE_CACHE_KIB = 4096
_log = structlog.get_logger(__name__)

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- id grows with every change in the catalogue, so a higher id is a more recent change.
CREATE TABLE dataset (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    folded TEXT NOT NULL,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    owner TEXT NOT NULL,
    latest_version INTEGER NOT NULL,
    modified TEXT NOT NULL,
    deprecated INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX dataset_by_name ON dataset (deprecated, folded, name);
CREATE INDEX dataset_by_modified ON dataset (deprecated, modified DESC, id DESC);

-- What the records told of datasets that the catalogue has not told of yet.
CREATE TABLE mark (name TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;

-- first: first word of the name; rest: tags, description, owner; facet: one token for each thing to filter by.
CREATE VIRTUAL TABLE words USING fts5(
    first, name, rest, facet, tokenize = "unicode61 remove_diacritics 0", detail = column, prefix = '1 2 3'
);

-- Distinct words with the number of datasets that have them, for typing errors.
CREATE TABLE vocabulary (
    word TEXT PRIMARY KEY, letters INTEGER NOT NULL, length INTEGER NOT NULL, uses INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX vocabulary_by_length ON vocabulary (letters, length, word, uses);
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time, with a page cache of 4 MiB. Transactions are begun explicitly."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def prepare(path: Path, belongs_to: str) -> bool:
    """Make sure that a usable index file of this format and catalogue is there; True when an old one was
    kept.
    """
    if path.exists():
        reason = _unusable(path, belongs_to)
        if reason is None:
            return True
        _log.warning("index_thrown_away", reason=reason)
        discard(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {_TABLES}")
        connection.execute("INSERT INTO meta VALUES ('belongs_to', ?)", (belongs_to,))
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    return False


def _unusable(path: Path, belongs_to: str) -> str | None:
    """Why the file cannot be used; only its header and one row are read, so that opening takes no time."""
    try:
        with closing(connect(path)) as connection:
            if connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
                return "not an index file"
            if connection.execute("PRAGMA user_version").fetchone() != (FORMAT,):
                return "another format"
            if connection.execute("SELECT value FROM meta WHERE key = 'belongs_to'").fetchone() != (belongs_to,):
                return "another catalogue"
            connection.execute("SELECT rowid FROM words LIMIT 1").fetchone()
            connection.execute("SELECT id FROM dataset LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        return f"unreadable: {error}"
    return None


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Does the error say that the file itself is broken (and not that a disk is full or a file is locked)?"""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary result code
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def discard(path: Path) -> None:
    """Remove the index file and its companions."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def read_meta(connection: sqlite3.Connection, key: str) -> str:
    """A value kept beside the index, "" when there is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def write_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a value beside the index."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
