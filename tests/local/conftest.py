"""Fixtures of the embedded workspace tests."""

from tests.databases import clock as clock
from tests.databases import database_url as database_url
from tests.databases import db as db
from tests.databases import empty_url as empty_url
from tests.databases import migrated_postgres as migrated_postgres
from tests.databases import migrated_sqlite as migrated_sqlite
from tests.databases import postgres_server as postgres_server
