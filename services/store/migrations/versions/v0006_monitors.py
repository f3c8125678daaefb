"""Monitors, their runs and incidents, digests, and how far the catalogue's changes were looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _workspace_id(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_workspace_id")
    column = sa.Column("workspace_id", ID, nullable=False)
    return column, sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=name, ondelete="CASCADE")


def _monitor_id(table: str) -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_monitor_id")
    column = sa.Column("monitor_id", NAME, nullable=False)
    return column, sa.ForeignKeyConstraint(["monitor_id"], ["monitor.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "monitor",
        sa.Column("id", NAME, nullable=False),
        *_workspace_id("monitor"),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("on_new_version", sa.Boolean(), nullable=False),
        sa.Column("next_slot", sa.BigInteger(), nullable=True),
        sa.Column("next_run_at", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor")),
    )
    op.create_index(op.f("ix_monitor_workspace_id_dataset"), "monitor", ["workspace_id", "dataset"])
    _partial("ix_monitor_due", "monitor", ["workspace_id", "next_run_at", "id"], "next_run_at IS NOT NULL")
    op.create_table(
        "monitor_run",
        sa.Column("id", NAME, nullable=False),
        *_workspace_id("monitor_run"),
        *_monitor_id("monitor_run"),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("cause", NAME, nullable=False),
        sa.Column("slot", NAME, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("instance_id", NAME, nullable=False),
        sa.Column("asked_by", NAME, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("comparison", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_run")),
        sa.UniqueConstraint("monitor_id", "slot", name=op.f("uq_monitor_run_monitor_id_slot")),
    )
    _partial("ix_monitor_run_waiting", "monitor_run", ["workspace_id", "due_at", "id"], "state = 'waiting'")
    _partial("ix_monitor_run_running", "monitor_run", ["workspace_id", "dataset"], "state = 'running'")
    _partial("ix_monitor_run_unfinished", "monitor_run", ["monitor_id", "due_at"], "ended_at IS NULL")
    _partial("ix_monitor_run_ended", "monitor_run", ["monitor_id", "ended_at"], "ended_at IS NOT NULL")
    op.create_table(
        "incident",
        sa.Column("id", NAME, nullable=False),
        *_workspace_id("incident"),
        *_monitor_id("incident"),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("place", NAME, nullable=False),
        sa.Column("thread", NAME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    for columns in (
        ["monitor_id", "subject", "opened_at"],
        ["workspace_id", "thread"],
        ["workspace_id", "place", "opened_at"],
        ["workspace_id", "place", "resolved_at"],
    ):
        op.create_index(op.f(f"ix_incident_{'_'.join(columns)}"), "incident", columns)
    is_open = "status <> 'resolved'"
    _partial("ix_incident_open", "incident", ["workspace_id", "opened_at"], is_open)
    _partial("ix_incident_snoozed", "incident", ["workspace_id", "snoozed_until"], "snoozed_until IS NOT NULL")
    _partial("uq_incident_open", "incident", ["monitor_id", "subject"], is_open, unique=True)
    op.create_table(
        "monitor_digest",
        *_workspace_id("monitor_digest"),
        sa.Column("channel", NAME, nullable=False),
        sa.Column("period", NAME, nullable=False),
        sa.Column("timezone", NAME, nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "channel", name=op.f("pk_monitor_digest")),
    )
    op.create_index(op.f("ix_monitor_digest_workspace_id_next_at"), "monitor_digest", ["workspace_id", "next_at"])
    op.create_table(
        "monitor_feed",
        *_workspace_id("monitor_feed"),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_monitor_feed")),
    )


def downgrade() -> None:
    for table in ("monitor_feed", "monitor_digest", "incident", "monitor_run", "monitor"):
        op.drop_table(table)
