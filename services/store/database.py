"""One SQLite or PostgreSQL database, used from the event loop through bounded threads of its own."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import Connection, Engine, Insert, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from services.errors import Unavailable

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS = 5
"""How long SQLite itself waits for another process's write before it says "locked"."""

WRITE_ATTEMPTS = 5
"""How often one write transaction is tried when the database asks to repeat it."""

_RETRYABLE_SQLSTATES = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_DOWN_SQLSTATES = {"57P01", "57P02", "57P03", "53300"}  # shutdown, crash, starting up, too many connections
_SQLITE_CONTENTION = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CONNECTION_DEFAULTS: dict[str, str] = {
    "connect_timeout": "5",
    "application_name": "dataset-bot",
    # A peer that vanished without a word is noticed in about 20 s instead of hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}


def parse_url(url: str) -> URL:
    """The SQLAlchemy URL behind a setting such as `sqlite:///bot.db` or `postgresql://user:pw@host/db`.

    Raises ValueError with a sentence (never the password) for anything else.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "The database URL is not one: use sqlite:///path/to/file.db or postgresql://user@host/name."
        ) from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
            raise ValueError("The SQLite URL must name a file, e.g. sqlite:///data/bot.db.")
        return parsed.set(drivername="sqlite+pysqlite")
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"The database {parsed.drivername!r} is not supported: use sqlite or postgresql.")


class NotAtOnceError(Exception):
    """`Database.write_at_once` cannot be used now: another transaction holds the lock, or the database is a server."""


def create_store_engine(url: str, *, connections: int, wait_seconds: float = BUSY_TIMEOUT_SECONDS) -> Engine:
    """An engine set up for this project: SQLite in WAL mode, PostgreSQL through psycopg 3. Does not connect yet.

    On SQLite, transactions opened with the execution option `writes=True` take the write lock at their beginning,
    so that none fails half-way because another writer was first; all others can only read.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        Path(parsed.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed.set(database=str(Path(parsed.database).expanduser())),
            connect_args={"check_same_thread": False, "timeout": wait_seconds},
            pool_size=connections,
            max_overflow=0,
        )
        event.listen(engine, "connect", _prepare_sqlite_connection)
        event.listen(engine, "begin", _begin_sqlite_transaction)
        return engine
    return create_engine(
        parsed,
        connect_args={key: value for key, value in _CONNECTION_DEFAULTS.items() if key not in parsed.query},
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
    )


def _prepare_sqlite_connection(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # we say BEGIN ourselves, see below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",  # survives a killed process; a power cut may lose the last moments, never consistency
        "foreign_keys=ON",
        "cache_size=-4096",  # KiB per connection
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _leave_checkpoints_to_others(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.execute("PRAGMA wal_autocheckpoint=0").close()


def _begin_sqlite_transaction(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Database:
    """Runs functions in transactions on threads of its own, so that nothing else can starve it or be starved by it.

    SQLite has one writer thread (it can only write one transaction at a time anyway, and queueing here is fair and
    cheap where its lock is not); PostgreSQL has as many as there are readers.
    """

    def __init__(self, url: str, *, threads: int) -> None:
        parsed = parse_url(url)
        self.dialect: Literal["sqlite", "postgresql"] = (
            "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql"
        )
        self.shown_url = parsed.render_as_string(hide_password=True)
        writers = 1 if self.dialect == "sqlite" else threads
        self._engine = create_store_engine(url, connections=threads + writers)
        self._reading = self._engine.execution_options(
            **({} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        )
        self._writing = self._engine.execution_options(writes=True)
        self._at_once: Connection | None = None
        self._closed = False
        self._url = url
        self._readers = ThreadPoolExecutor(threads, thread_name_prefix="database-read")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="database-write")

    @classmethod
    def open(cls, url: str, *, threads: int = 4) -> Database:
        """A database behind `sqlite:///path` (its folder is created) or `postgresql://…`. Connects on first use.

        Tables are made by `services.store.migrate.upgrade(url)`, once, before. threads: reads that may run at once.
        Raises ValueError for a URL that is neither.
        """
        return cls(url, threads=threads)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns from one read-only transaction: all its statements see the same state.

        Raises Unavailable when the database does not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns from one transaction, committed. An exception from it undoes everything.

        `work` may be called several times (deadlock, lock), so it must do nothing but talk to the connection.
        Raises Unavailable when the database does not answer or stays locked; whether the last attempt's commit
        reached a vanished database is then unknown.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writers, self._write, work)

    def write_at_once(self, work: Callable[[Connection], T]) -> T:
        """As `write`, on the calling thread: for a few rows on the way of an acknowledgement.

        Handing a transaction to another thread and back costs more than the transaction, which in WAL mode waits
        for no disk (checkpoints are left to the writer thread). Raises NotAtOnceError instead of waiting.
        """
        if self.dialect != "sqlite" or self._closed:
            raise NotAtOnceError
        if self._at_once is None:
            engine = create_store_engine(self._url, connections=1, wait_seconds=0)
            event.listen(engine, "connect", _leave_checkpoints_to_others)
            self._at_once = engine.execution_options(writes=True).connect()
        try:
            with self._at_once.begin():
                return work(self._at_once)
        except DBAPIError as error:
            if _worth_repeating(error):
                raise NotAtOnceError from error
            raise _told(error) from error

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable or the driver's error without one."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        """Let what is running end, then close all connections. Using the database afterwards raises RuntimeError."""
        self._closed = True
        closing = ThreadPoolExecutor(1, thread_name_prefix="database-close")
        await asyncio.get_running_loop().run_in_executor(closing, self._close)
        closing.shutdown(wait=False)

    def _close(self) -> None:
        if self._at_once is not None:
            self._at_once.close()
            self._at_once.engine.dispose()
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._engine.dispose()

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._reading.begin() as connection:
                return work(connection)
        except OperationalError as error:
            raise _told(error) from error

    def _write(self, work: Callable[[Connection], T]) -> T:
        attempt = 1
        while True:
            try:
                with self._writing.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not _worth_repeating(error):
                    raise _told(error) from error
                if attempt == WRITE_ATTEMPTS:
                    raise Unavailable(
                        "The database is busy with other changes. Try again in a minute.",
                        code="database_busy",
                    ) from error
            time.sleep(random.uniform(0.5, 1.5) * 0.01 * 2**attempt)  # noqa: S311 - jitter, not a secret
            attempt += 1


def exclusive(connection: Connection, purpose: int) -> None:
    """Let one transaction at a time, over all replicas, do `purpose` (any number that names it).

    SQLite's writers are alone already; on PostgreSQL the others wait here until this transaction ends.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:purpose)"), {"purpose": purpose})


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT for this connection's database that leaves rows alone whose key exists already."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _worth_repeating(error: DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)  # absent where the driver itself refuses, e.g. a misuse
        return code is not None and code & 0xFF in _SQLITE_CONTENTION
    return getattr(cause, "sqlstate", None) in _RETRYABLE_SQLSTATES


def _told(error: DBAPIError) -> Exception:
    """The error as it should leave: Unavailable where the database is out of reach, else the error itself."""
    state = getattr(error.orig, "sqlstate", None)
    unreachable = (
        isinstance(error, OperationalError)
        and not isinstance(error.orig, sqlite3.Error)
        and (error.connection_invalidated or state is None or state[:2] == "08" or state in _DOWN_SQLSTATES)
    )
    if unreachable or _worth_repeating(error):
        return Unavailable("The bot's database does not answer. Try again in a minute.", code="database_unavailable")
    return error
