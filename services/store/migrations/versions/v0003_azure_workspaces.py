"""A local copy of an Azure workspace's datasets, and what is known of registrations under way."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _workspace(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("workspace_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f(f"fk_{table}_workspace_id_workspace"), ondelete="CASCADE"
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "azure_dataset",
        *_workspace("azure_dataset"),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False),
        sa.Column("azure_id", NAME, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("datastore", NAME, nullable=False),
        sa.Column("identity", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False),
        sa.Column("sweep", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_azure_dataset")),
        sa.UniqueConstraint("workspace_id", "change_seq", name=op.f("uq_azure_dataset_workspace_id_change_seq")),
    )
    for column in ("folded", "datastore", "identity", "sweep"):
        op.create_index(op.f(f"ix_azure_dataset_workspace_id_{column}"), "azure_dataset", ["workspace_id", column])
    op.create_table(
        "azure_version",
        *_workspace("azure_version"),
        sa.Column("azure_id", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("saved_id", NAME, nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("identity", NAME, nullable=False),
        sa.Column("registration_id", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "azure_id", "version", name=op.f("pk_azure_version")),
    )
    for column in ("identity", "registration_id"):
        op.create_index(op.f(f"ix_azure_version_workspace_id_{column}"), "azure_version", ["workspace_id", column])
    op.create_table(
        "azure_intent",
        *_workspace("azure_intent"),
        sa.Column("registration_id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "registration_id", name=op.f("pk_azure_intent")),
    )
    op.create_table(
        "azure_sweep",
        *_workspace("azure_sweep"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("complete_at", sa.BigInteger(), nullable=True),
        sa.Column("complete_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_azure_sweep")),
    )


def downgrade() -> None:
    for table in ("azure_sweep", "azure_intent", "azure_version", "azure_dataset"):
        op.drop_table(table)
