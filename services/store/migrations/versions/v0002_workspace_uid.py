"""Workspaces have an id of their own, watchers are found by person, and findings wait to be told."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("workspace", sa.Column("uid", NAME, server_default="", nullable=False))
    workspace = sa.table("workspace", sa.column("id"), sa.column("uid"))
    connection = op.get_bind()
    for (number,) in connection.execute(sa.select(workspace.c.id)).all():
        connection.execute(sa.update(workspace).where(workspace.c.id == number).values(uid=uuid4().hex))
    op.create_index(
        op.f("ix_watcher_workspace_id_user_id_name"), "watcher", ["workspace_id", "user_id", "name"], unique=False
    )
    op.add_column("version_record", sa.Column("untold", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "ix_version_record_untold",
        "version_record",
        ["workspace_id"],
        unique=False,
        sqlite_where=sa.text("untold"),
        postgresql_where=sa.text("untold"),
    )


def downgrade() -> None:
    op.drop_index("ix_version_record_untold", "version_record")
    op.drop_column("version_record", "untold")
    op.drop_index(op.f("ix_watcher_workspace_id_user_id_name"), "watcher")
    op.drop_column("workspace", "uid")
