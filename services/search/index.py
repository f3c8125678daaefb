"""The local index of the workspace: lists, type-ahead and did-you-mean, without waiting for anything else."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import structlog

from services.datasets.model import DatasetMark, DatasetPage, DatasetQuery, DatasetSummary
from services.errors import Unavailable
from services.ports import Clock
from services.search import query as questions
from services.search.entries import write_datasets, write_marks
from services.search.storage import connect, discard, is_damage, prepare, read_meta, write_meta

T = TypeVar("T")

_READERS = 2
_PAGE = 1000  # entries of one transaction while catching up
_OPTIMISE_FROM = 5000  # entries in one refresh after which the words are merged into one segment
_log = structlog.get_logger(__name__)


class CatalogFeed(Protocol):
    """The part of `services.ports.Catalog` that the index follows.

    An entry with latest_version 0 says that the dataset is no longer registered.
    """

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetSummary, ...], str]: ...


class RecordsFeed(Protocol):
    """The part of `services.ports.Records` that the index follows."""

    async def changes(self, cursor: str, limit: int = 1000) -> tuple[tuple[DatasetMark, ...], str]: ...


class SqliteIndex:
    """A `DatasetIndex` in an SQLite file of its own, derived from the catalogue and the records.

    path: the file, or ":memory:" for one that goes away with the index. A file of another format or
    catalogue, or one that cannot be read, is thrown away and filled again. belongs_to: names the catalogue
    the file was made from; give every database its own, or entries of an old one would stay. Call `open`
    first and `close` last.
    """

    def __init__(
        self,
        path: Path | Literal[":memory:"],
        catalog: CatalogFeed,
        records: RecordsFeed,
        *,
        clock: Clock,
        belongs_to: str = "",
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="dataset-index-") if path == ":memory:" else None
        self._path = Path(self._temporary.name, "index.sqlite") if self._temporary is not None else Path(path)
        self._catalog = catalog
        self._records = records
        self._clock = clock
        self._belongs_to = belongs_to
        self._refreshing = asyncio.Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="index-writer")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="index-reader")
        self._local = threading.local()
        self._open_connections: list[sqlite3.Connection] = []
        self._generation = 0  # counts up when the file is replaced, so that readers open the new one
        self._broken = False
        self._agreed_at: datetime | None = None
        self._opened_at: datetime | None = None

    async def open(self) -> None:
        """Open the file, or begin a new one; takes milliseconds. `refresh` then fills it or catches up."""
        self._opened_at = self._clock.now()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._prepare)

    def _prepare(self) -> None:
        prepare(self._path, self._belongs_to)
        agreed = read_meta(self._connection(), "agreed_at")
        self._agreed_at = datetime.fromisoformat(agreed) if agreed else None

    async def close(self) -> None:
        """Let running questions end, then close the file."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        for connection in self._open_connections:
            connection.close()
        self._open_connections.clear()
        if self._temporary is not None:
            self._temporary.cleanup()

    # Asking

    async def search(self, query: DatasetQuery) -> DatasetPage:
        """A page of entries that meet all conditions, with the exact number of them all."""
        found = await self._ask(lambda connection: questions.search(connection, query))
        return DatasetPage(found.items, found.total, query.offset, found.corrected, self._age())

    async def suggest(self, text: str, *, limit: int = 100) -> tuple[DatasetSummary, ...]:
        """Names that begin with the text, then entries that have its words, then what it was meant to be."""
        return await self._ask(lambda connection: questions.suggest(connection, text, limit))

    async def get(self, name: str) -> DatasetSummary | None:
        """The entry of this very name."""
        return await self._ask(lambda connection: questions.get(connection, name))

    async def get_many(self, names: Sequence[str]) -> tuple[DatasetSummary, ...]:
        """The entries of these names, last changed first; unknown names are left out."""
        return await self._ask(lambda connection: questions.get_many(connection, names))

    async def closest(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Existing names nearest to a mistyped one, best first."""
        return await self._ask(lambda connection: questions.closest(connection, name, limit))

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """Raises Unavailable when the file turns out broken: the next refresh makes a new one."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._answer, question)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")  # one state of the index for all queries of a question
            try:
                return question(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._broken = True
            _log.exception("index_unreadable")
            raise Unavailable(
                "The list of datasets is being rebuilt. Try again in a minute.", code="index_rebuilding"
            ) from error

    def _age(self) -> float:
        since = self._agreed_at or self._opened_at
        return max(0.0, (self._clock.now() - since).total_seconds()) if since is not None else 0.0

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection to the present file."""
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is not None and held[0] == self._generation:
            return held[1]
        if held is not None:
            self._open_connections.remove(held[1])
            held[1].close()
        generation, connection = self._generation, connect(self._path)
        self._open_connections.append(connection)
        self._local.held = (generation, connection)
        return connection

    # Catching up

    async def refresh(self) -> int:
        """Bring the index up to date with catalogue and records; returns how many entries changed.

        Works page by page, each one transaction with its cursor: a stop in between goes on where it was.
        Calls at the same time wait for each other.
        """
        async with self._refreshing:
            try:
                return await self._catch_up()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                _log.exception("index_unreadable")
                return await self._catch_up()  # once more, on a new file

    async def _catch_up(self) -> int:
        began = self._clock.now()
        changed = await self._follow_records() + await self._follow_catalog()
        await self._write(lambda connection: write_meta(connection, "agreed_at", began.isoformat()))
        self._agreed_at = began
        if changed >= _OPTIMISE_FROM:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._optimise)
        return changed

    async def _follow_records(self) -> int:
        cursor, changed = await self._cursor("records_cursor"), 0
        while True:
            marks, cursor = await self._records.changes(cursor, _PAGE)
            if not marks:
                return changed
            changed += await self._write(partial(_put_marks, marks=marks, cursor=cursor))

    async def _follow_catalog(self) -> int:
        cursor, changed = await self._cursor("catalog_cursor"), 0
        while True:
            entries, cursor = await self._catalog.changes(cursor, _PAGE)
            if not entries:
                return changed
            changed += await self._write(partial(_put_entries, entries=entries, cursor=cursor))

    async def _cursor(self, name: str) -> str:
        return await self._write(lambda connection: read_meta(connection, name))

    async def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._transact, change)

    def _transact(self, change: Callable[[sqlite3.Connection], T]) -> T:
        if self._broken:
            self._start_over()
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = change(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if isinstance(error, sqlite3.DatabaseError) and is_damage(error):
                self._broken = True
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _start_over(self) -> None:
        _log.warning("index_thrown_away", reason="a question found it unreadable")
        discard(self._path)
        self._generation += 1
        self._broken = False
        self._prepare()

    def _optimise(self) -> None:
        self._connection().execute("INSERT INTO words (words) VALUES ('optimize')")


def _put_marks(connection: sqlite3.Connection, *, marks: Sequence[DatasetMark], cursor: str) -> int:
    write_meta(connection, "records_cursor", cursor)
    return write_marks(connection, marks)


def _put_entries(connection: sqlite3.Connection, *, entries: Sequence[DatasetSummary], cursor: str) -> int:
    write_meta(connection, "catalog_cursor", cursor)
    write_datasets(connection, entries)
    return len(entries)
