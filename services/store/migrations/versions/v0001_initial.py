"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("key", NAME, nullable=False),
        sa.Column("instance_id", NAME, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_expires_at"), "delivery", ["expires_at"], unique=False)
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["instance_id"],
        unique=False,
        sqlite_where=sa.text("NOT done"),
        postgresql_where=sa.text("NOT done"),
    )
    op.create_table(
        "instance",
        sa.Column("id", NAME, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )
    op.create_table(
        "job",
        sa.Column("id", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("instance_id", NAME, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_open",
        "job",
        ["instance_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("ix_job_updated_at"), "job", ["updated_at"], unique=False)
    op.create_table(
        "workspace",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("change_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("record_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("default_datastore", NAME, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
        sa.UniqueConstraint("key", name=op.f("uq_workspace_key")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("datastore", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_dataset_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("workspace_id", "change_seq", name=op.f("uq_dataset_workspace_id_change_seq")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_dataset_workspace_id_name")),
    )
    op.create_index(op.f("ix_dataset_workspace_id_datastore"), "dataset", ["workspace_id", "datastore"], unique=False)
    op.create_index(op.f("ix_dataset_workspace_id_folded"), "dataset", ["workspace_id", "folded"], unique=False)
    op.create_table(
        "dataset_record",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("owner", NAME, server_default="", nullable=False),
        sa.Column("deprecated_at", sa.BigInteger(), nullable=True),
        sa.Column("deprecated_by", sa.Text(), server_default="", nullable=False),
        sa.Column("replaced_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("record_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_dataset_record_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_dataset_record")),
        sa.UniqueConstraint("workspace_id", "record_seq", name=op.f("uq_dataset_record_workspace_id_record_seq")),
    )
    op.create_table(
        "datastore",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_datastore_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datastore")),
        sa.UniqueConstraint("workspace_id", "folded", name=op.f("uq_datastore_workspace_id_folded")),
    )
    op.create_table(
        "version_record",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_latest", sa.Boolean(), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("stats", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("file_count", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("check_state", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.Column("check_added", sa.Integer(), server_default="0", nullable=False),
        sa.Column("check_removed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("check_changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("check_detail", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_version_record_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", "version", name=op.f("pk_version_record")),
    )
    op.create_index(
        "ix_version_record_due",
        "version_record",
        ["workspace_id", "seen_at"],
        unique=False,
        sqlite_where=sa.text("is_latest"),
        postgresql_where=sa.text("is_latest"),
    )
    op.create_table(
        "watcher",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("user_id", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_watcher_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "name", "user_id", name=op.f("pk_watcher")),
    )
    op.create_table(
        "dataset_tag",
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_tag_dataset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "key", name=op.f("pk_dataset_tag")),
    )
    op.create_table(
        "dataset_version",
        sa.Column("workspace_id", ID, nullable=False),
        sa.Column("dataset_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("identity", NAME, nullable=False),
        sa.Column("registration_id", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_dataset_version_workspace_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "version", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint("workspace_id", "identity", name=op.f("uq_dataset_version_workspace_id_identity")),
        sa.UniqueConstraint(
            "workspace_id", "registration_id", name=op.f("uq_dataset_version_workspace_id_registration_id")
        ),
    )


def downgrade() -> None:
    op.drop_table("dataset_version")
    op.drop_table("dataset_tag")
    op.drop_table("watcher")
    op.drop_table("version_record")
    op.drop_table("datastore")
    op.drop_table("dataset_record")
    op.drop_table("dataset")
    op.drop_table("workspace")
    op.drop_table("job")
    op.drop_table("instance")
    op.drop_table("delivery")
