"""Runs the migrations on the connection, and in the transaction, that `services.store.migrate` opened."""

from alembic import context
from sqlalchemy import Connection

from services.store.tables import metadata

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
context.configure(connection=connection, target_metadata=metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
