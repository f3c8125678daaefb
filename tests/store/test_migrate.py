"""Migrations make exactly the tables that the code uses, once, on both databases."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from services.store.database import create_store_engine
from services.store.migrate import HEAD, SchemaTooNewError, alembic_config, current, head, upgrade
from services.store.tables import metadata


def test_the_constant_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [HEAD]
    assert head() == HEAD


def test_migrations_and_tables_agree(empty_url: str) -> None:
    assert current(empty_url) is None
    assert upgrade(empty_url) is True
    assert current(empty_url) == HEAD
    engine = create_store_engine(empty_url, connections=1)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_workspaces_of_an_older_database_get_an_id_each(empty_url: str) -> None:
    engine = create_store_engine(empty_url, connections=1)
    config = alembic_config()
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO workspace (key) VALUES ('a'), ('b')"))
    assert upgrade(empty_url) is True
    with engine.connect() as connection:
        found: list[str] = list(connection.execute(text("SELECT uid FROM workspace")).scalars())
    engine.dispose()
    assert len({*found}) == 2
    assert "" not in found


def test_replicas_that_start_together_migrate_once(empty_url: str) -> None:
    with ThreadPoolExecutor(6) as replicas:
        assert sorted(replicas.map(upgrade, [empty_url] * 6)) == [False] * 5 + [True]
    assert current(empty_url) == HEAD


def test_a_database_of_a_newer_bot_is_refused(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_store_engine(empty_url, connections=1)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaTooNewError, match=r"9999.*newer"):
        upgrade(empty_url)
    assert current(empty_url) == "9999"


def test_starting_on_an_up_to_date_database_does_not_load_alembic(database_url: str) -> None:
    program = (
        "import sys; from services.store.migrate import upgrade; "
        "assert upgrade(sys.argv[1]) is False; "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in {'alembic', 'mako'}))"
    )
    done = subprocess.run([sys.executable, "-c", program, database_url], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
