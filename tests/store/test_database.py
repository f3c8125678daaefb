"""Transactions from the event loop: all or nothing, repeated when asked to, and off the loop's thread."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from services.errors import Unavailable
from services.store import tables
from services.store.database import Database, NotAtOnceError, parse_url
from services.store.migrate import upgrade


def _add(connection: Connection, key: str) -> None:
    connection.execute(insert(tables.workspace).values(key=key))


def _keys(connection: Connection) -> list[str]:
    return list(connection.execute(select(tables.workspace.c.key).order_by("key")).scalars())


async def test_a_write_is_all_or_nothing(db: Database) -> None:
    def fails(connection: Connection) -> None:
        _add(connection, "lost")
        raise LookupError("after the insert")

    await db.write(lambda connection: _add(connection, "kept"))
    with pytest.raises(LookupError):
        await db.write(fails)
    assert await db.read(_keys) == ["kept"]


async def test_work_runs_on_threads_of_the_database(db: Database) -> None:
    assert (await db.read(lambda _: threading.current_thread().name)).startswith("database-read")
    assert (await db.write(lambda _: threading.current_thread().name)).startswith("database-write")
    await db.ping()


async def test_reads_do_not_wait_for_a_write_and_see_one_state(db: Database) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow_write(connection: Connection) -> None:
        _add(connection, "new")
        inside.set()
        if not go_on.wait(10):
            raise TimeoutError

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = _keys(connection)
        go_on.set()
        time.sleep(0.2)  # the write commits meanwhile
        return before, _keys(connection)

    writing = asyncio.create_task(db.write(slow_write))
    assert await asyncio.get_running_loop().run_in_executor(None, inside.wait, 10)
    assert await db.read(look_twice) == ([], [])
    await writing
    assert await db.read(_keys) == ["new"]


async def test_many_writers_lose_no_update(db: Database) -> None:
    await db.write(lambda connection: _add(connection, "counter"))

    def add_one(connection: Connection) -> None:
        seen = connection.execute(text("SELECT change_seq FROM workspace FOR UPDATE" if for_update else plain))
        connection.execute(text("UPDATE workspace SET change_seq = :n"), {"n": seen.scalar_one() + 1})

    plain = "SELECT change_seq FROM workspace"
    for_update = db.dialect == "postgresql"
    await asyncio.gather(*(db.write(add_one) for _ in range(40)))
    assert await db.read(lambda connection: connection.execute(text(plain)).scalar_one()) == 40


async def test_a_read_cannot_change_anything(db: Database) -> None:
    with pytest.raises(DBAPIError, match=r"read-?only"):
        await db.read(lambda connection: _add(connection, "sneaked in"))
    await db.write(lambda connection: _add(connection, "allowed"))
    assert await db.read(_keys) == ["allowed"]


async def test_a_deadlock_is_repeated(db: Database) -> None:
    if db.dialect == "sqlite":
        pytest.skip("one writer cannot deadlock")
    await db.write(lambda connection: _add(connection, "a"))
    await db.write(lambda connection: _add(connection, "b"))
    meeting = threading.Barrier(2)
    attempts: list[str] = []

    def update_both(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            attempts.append(first)
            raise_one = text("UPDATE workspace SET change_seq = change_seq + 1 WHERE key = :key")
            connection.execute(raise_one, {"key": first})
            if len(attempts) <= 2:
                meeting.wait(10)
            connection.execute(raise_one, {"key": second})

        tasks.append(asyncio.create_task(db.write(work)))

    tasks: list[asyncio.Task[None]] = []
    update_both("a", "b")
    update_both("b", "a")
    await asyncio.gather(*tasks)
    assert len(attempts) == 3
    total = text("SELECT sum(change_seq) FROM workspace")
    assert await db.read(lambda connection: int(connection.execute(total).scalar_one())) == 4


async def test_another_process_holding_sqlites_lock_for_a_moment_is_waited_for(
    migrated_sqlite: Path, tmp_path: Path
) -> None:
    path = shutil.copy(migrated_sqlite, tmp_path / "copy.db")
    database = Database.open(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ("COMMIT",))
    release.start()
    await database.write(lambda connection: _add(connection, "after"))
    assert await database.read(_keys) == ["after"]
    release.join()
    other.close()
    await database.close()


async def test_a_dropped_connection_is_replaced(db: Database, database_url: str) -> None:
    await asyncio.gather(db.ping(), db.ping())
    if db.dialect == "postgresql":
        with psycopg.connect(database_url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    await db.ping()
    await db.write(lambda connection: _add(connection, "again"))
    assert await db.read(_keys) == ["again"]


async def test_an_unreachable_server_is_unavailable() -> None:
    database = Database.open("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(Unavailable):
        await database.ping()
    with pytest.raises(Unavailable):
        await database.write(lambda connection: None)
    await database.close()


async def test_sqlite_is_set_up_for_many_readers(migrated_sqlite: Path, tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'new' / 'folder' / 'bot.db'}")

    def pragmas(connection: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}

    assert await database.read(pragmas) == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }
    await database.close()
    with pytest.raises(RuntimeError):
        await database.ping()


async def test_close_waits_for_work_under_way(database_url: str) -> None:
    database = Database.open(database_url)

    def slow(connection: Connection) -> None:
        time.sleep(0.2)
        _add(connection, "finished")

    writing = asyncio.create_task(database.write(slow))
    await asyncio.sleep(0.05)
    await database.close()
    await writing
    again = Database.open(database_url)
    assert await again.read(_keys) == ["finished"]
    await again.close()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///a.db", "sqlite+pysqlite"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
    ],
)
def test_urls_name_their_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver
    assert parse_url(url).database == make_url(url).database


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d", "postgresql+asyncpg://u:secret@h/d", "bot.db", ""],
)
def test_other_urls_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite") as refused:
        parse_url(url)
    assert "secret" not in str(refused.value)


async def test_a_write_at_once_waits_for_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'now.sqlite'}"
    upgrade(url)
    db = Database.open(url)
    holding, go_on = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        holding.set()
        go_on.wait(10)

    def count(connection: Connection) -> int:
        return int(connection.execute(text("SELECT count(*) FROM delivery")).scalar_one())

    holder = asyncio.create_task(db.write(hold))
    await asyncio.to_thread(holding.wait, 10)
    for _ in range(3):
        with pytest.raises(NotAtOnceError):
            db.write_at_once(count)
    go_on.set()
    await holder
    assert db.write_at_once(count) == 0
    await db.close()
    with pytest.raises(NotAtOnceError):
        db.write_at_once(count)
