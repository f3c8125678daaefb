"""Alembic's environment and the migrations; run by `services.store.migrate`."""
