"""Access requests, their votes, grants, the audit's chain, and the outbox of what people are to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("lane", NAME, nullable=False),
        sa.Column("kind", NAME, nullable=False),
        sa.Column("recipient", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("about", NAME, nullable=False),
        sa.Column("args", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.Column("state", NAME, nullable=False),
        sa.Column("instance_id", NAME, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", NAME, nullable=False),
        sa.Column("ts", NAME, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    _partial("ix_outbox_open", "outbox", ["lane", "id"], "state IN ('waiting', 'sending')")
    _partial("ix_outbox_sending", "outbox", ["instance_id"], "state = 'sending'")
    _partial("ix_outbox_update", "outbox", ["about", "id"], "state = 'waiting' AND action = 'update'")
    op.create_index(op.f("ix_outbox_updated_at"), "outbox", ["updated_at"])
    _partial("ix_outbox_waiting", "outbox", ["id"], "state = 'waiting'")
    op.create_table(
        "access_audit",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("grant_id", NAME, nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", NAME, nullable=False),
        sa.Column("hash", NAME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_access_audit_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "seq", name=op.f("pk_access_audit")),
    )
    op.create_index(op.f("ix_access_audit_workspace_id_actor_seq"), "access_audit", ["workspace_id", "actor", "seq"])
    op.create_index(op.f("ix_access_audit_workspace_id_at"), "access_audit", ["workspace_id", "at"])
    op.create_index(
        op.f("ix_access_audit_workspace_id_dataset_seq"), "access_audit", ["workspace_id", "dataset", "seq"]
    )
    op.create_index(
        op.f("ix_access_audit_workspace_id_request_id_seq"), "access_audit", ["workspace_id", "request_id", "seq"]
    )
    op.create_index(
        op.f("ix_access_audit_workspace_id_subject_seq"), "access_audit", ["workspace_id", "subject", "seq"]
    )
    op.create_table(
        "access_audit_head",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", NAME, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], name=op.f("fk_access_audit_head_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_access_audit_head")),
    )
    op.create_table(
        "access_grant",
        sa.Column("id", NAME, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject_kind", NAME, nullable=False),
        sa.Column("subject_id", NAME, nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal_id", NAME, nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("principal_login", sa.Text(), nullable=False),
        sa.Column("requested_by", NAME, nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("opens", sa.Text(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("ended_by", NAME, nullable=False),
        sa.Column("end_note", sa.Text(), nullable=False),
        sa.Column("assignments", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("review", NAME, nullable=False),
        sa.Column("reviewed_by", NAME, nullable=False),
        sa.Column("review_note", sa.Text(), nullable=False),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("remind_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_by", NAME, server_default="", nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_access_grant_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
    )
    _partial("ix_access_grant_due", "access_grant", ["workspace_id", "due_at", "id"], "due_at IS NOT NULL")
    _partial("ix_access_grant_ended", "access_grant", ["workspace_id", "dataset", "ended_at"], "status = 'ended'")
    _partial("ix_access_grant_live", "access_grant", ["workspace_id", "id"], "status <> 'ended'")
    _partial(
        "ix_access_grant_live_dataset", "access_grant", ["workspace_id", "dataset", "created_at"], "status <> 'ended'"
    )
    _partial("ix_access_grant_live_principal", "access_grant", ["workspace_id", "principal_id"], "status <> 'ended'")
    _partial(
        "ix_access_grant_live_subject",
        "access_grant",
        ["workspace_id", "subject_kind", "subject_id"],
        "status <> 'ended'",
    )
    _partial("ix_access_grant_remind", "access_grant", ["workspace_id", "remind_at"], "remind_at IS NOT NULL")
    _partial("ix_access_grant_review", "access_grant", ["workspace_id", "created_at"], "review = 'open'")
    _partial(
        "uq_access_grant_claimed",
        "access_grant",
        ["workspace_id", "principal_id"],
        "claimed_until IS NOT NULL",
        unique=True,
    )
    op.create_table(
        "access_request",
        sa.Column("id", NAME, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("dataset", NAME, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject_kind", NAME, nullable=False),
        sa.Column("subject_id", NAME, nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("requester", NAME, nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("initiative", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("extends", NAME, nullable=False),
        sa.Column("channel", NAME, nullable=False),
        sa.Column("opens", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("next_reminder_at", sa.BigInteger(), nullable=True),
        sa.Column("escalated_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", NAME, nullable=False),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("grant_id", NAME, nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_access_request_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_request")),
    )
    _partial("ix_access_request_due", "access_request", ["workspace_id", "due_at"], "due_at IS NOT NULL")
    _partial("ix_access_request_pending", "access_request", ["workspace_id", "requester"], "status = 'pending'")
    op.create_index(
        "ix_access_request_subject",
        "access_request",
        ["workspace_id", "dataset", "subject_kind", "subject_id", "created_at"],
    )
    op.create_index(
        op.f("ix_access_request_workspace_id_requester_created_at"),
        "access_request",
        ["workspace_id", "requester", "created_at"],
    )
    op.create_table(
        "access_asked",
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("asked", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["access_request.id"], name=op.f("fk_access_asked_request_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", "asked", name=op.f("pk_access_asked")),
    )
    op.create_index(op.f("ix_access_asked_asked_request_id"), "access_asked", ["asked", "request_id"])
    op.create_table(
        "access_vote",
        sa.Column("request_id", NAME, nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("approver", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["access_request.id"], name=op.f("fk_access_vote_request_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", "stage", "approver", name=op.f("pk_access_vote")),
    )


def downgrade() -> None:
    for table in (
        "access_vote",
        "access_asked",
        "access_request",
        "access_grant",
        "access_audit_head",
        "access_audit",
        "outbox",
    ):
        op.drop_table(table)
