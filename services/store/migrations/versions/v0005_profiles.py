"""Profiles of data, kept so that comparing them reads no data."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "drift_profile",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", NAME, nullable=False),
        sa.Column("plan", NAME, nullable=False),
        sa.Column("part", NAME, nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_drift_profile_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "name", "version", "fingerprint", "plan", "part", name=op.f("pk_drift_profile")
        ),
    )
    op.create_index(op.f("ix_drift_profile_used_at"), "drift_profile", ["used_at"])


def downgrade() -> None:
    op.drop_table("drift_profile")
