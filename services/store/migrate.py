"""Bring a database's tables to what this version of the bot needs.

The usual start finds them up to date by one query and does not load Alembic at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from services.store.database import create_store_engine, exclusive

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
"""The newest migration under `migrations/versions`; a test keeps it so."""

_MIGRATING = 0x6D696772617465  # "migrate": what `exclusive` is told


class SchemaTooNewError(RuntimeError):
    """The database was migrated by a newer version of the bot than this one."""


def head() -> str:
    """The revision this version of the bot needs."""
    return HEAD


def current(url: str) -> str | None:
    """The revision the database is at, None before its first migration. Creates SQLite's file if there is none."""
    engine = create_store_engine(url, connections=1)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    finally:
        engine.dispose()


def upgrade(url: str) -> bool:
    """Create or migrate the tables; True if anything had to be done. Blocks: call it before serving.

    Several replicas may call it at once: one migrates, the others wait and find it done. All or nothing: it runs
    in one transaction. Raises SchemaTooNewError, and the driver's OperationalError when the database is out of reach.
    """
    engine = create_store_engine(url, connections=1)
    try:
        with engine.connect() as connection:
            if _revision(connection) == HEAD:
                return False
        with engine.execution_options(writes=True).begin() as connection:
            exclusive(connection, _MIGRATING)
            found = _revision(connection)
            if found == HEAD:  # another replica was first
                return False
            _run_migrations(connection, found)
            return True
    finally:
        engine.dispose()


def alembic_config() -> Config:
    """Alembic's configuration for this package's migrations, without any file."""
    from alembic.config import Config  # noqa: PLC0415 - only when there is something to migrate

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _run_migrations(connection: Connection, found: str | None) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = alembic_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise SchemaTooNewError(
            f"The database is at revision {found}, which a newer version of the bot made; this one knows {HEAD}. "
            "Start the newer version, or point DATABASE_URL at another database."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
