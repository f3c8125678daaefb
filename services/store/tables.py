"""All tables. The migrations make them; a test proves that both agree.

`workspace` numbers the workspaces. `dataset`, `dataset_version`, `dataset_tag` and `datastore` are the embedded
workspace's registry. `dataset_record`, `watcher` and `version_record` are the bot's own notes on datasets of any
workspace, by name. `azure_dataset` and `azure_version` are the local copy of an Azure workspace, `azure_intent` the
registrations whose outcome is not known yet, `azure_sweep` how far the copying is. `drift_profile` keeps what was
counted of data. `instance`, `delivery` and `job` keep the process honest over restarts and replicas. The tables of
access are in `access_tables`, those of monitors in `monitor_tables`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from services.store.columns import AnyText, Id, Json, Moment, Name, partial_index, workspace_id

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

workspace = Table(
    "workspace",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Name, nullable=False, unique=True),
    Column("uid", Name, nullable=False, server_default=""),  # random: two databases never have the same
    # Both counters are raised inside the transaction that makes the change; their row lock makes the order of the
    # numbers the order of the commits, so a reader that remembers the last number misses nothing.
    Column("change_seq", BigInteger, nullable=False, server_default="0"),
    Column("record_seq", BigInteger, nullable=False, server_default="0"),
    Column("default_datastore", Name, nullable=False, server_default=""),  # folded name
)


dataset = Table(
    "dataset",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("folded", Name, nullable=False),  # name.casefold(), for "did you mean"
    Column("type", Text, nullable=False),
    Column("description", AnyText, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("datastore", Name, nullable=False),  # folded name of the latest version's datastore, "" for URLs
    Column("created_at", Moment, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("change_seq", BigInteger, nullable=False),
    UniqueConstraint("workspace_id", "name"),
    UniqueConstraint("workspace_id", "change_seq"),
    Index(None, "workspace_id", "folded"),
    Index(None, "workspace_id", "datastore"),
)

dataset_version = Table(
    "dataset_version",
    metadata,
    workspace_id(),
    Column("dataset_id", Id, ForeignKey("dataset.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("definition", Json, nullable=False),
    Column("description", AnyText, nullable=False),
    Column("tags", Json, nullable=False),  # [[key, value], …] as registered
    Column("identity", Name, nullable=False),  # hex sha256 of definition and data
    Column("registration_id", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("dataset_id", "version"),
    UniqueConstraint("workspace_id", "identity"),
    UniqueConstraint("workspace_id", "registration_id"),
)

dataset_tag = Table(
    "dataset_tag",
    metadata,
    Column("dataset_id", Id, ForeignKey("dataset.id", ondelete="CASCADE"), nullable=False),
    Column("key", Name, nullable=False),
    Column("value", AnyText, nullable=False),
    PrimaryKeyConstraint("dataset_id", "key"),
)

datastore = Table(
    "datastore",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("folded", Name, nullable=False),  # names differ in more than case
    Column("kind", Text, nullable=False),
    Column("folder", AnyText, nullable=False),  # relative to the workspace's directory, or absolute under an extra root
    Column("description", AnyText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", AnyText, nullable=False),
    UniqueConstraint("workspace_id", "folded"),
)

dataset_record = Table(
    "dataset_record",
    metadata,
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("owner", Name, nullable=False, server_default=""),
    Column("deprecated_at", Moment, nullable=True),  # null: not deprecated, and the next three are ""
    Column("deprecated_by", AnyText, nullable=False, server_default=""),
    Column("replaced_by", AnyText, nullable=False, server_default=""),
    Column("reason", AnyText, nullable=False, server_default=""),
    Column("record_seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace_id", "name"),
    UniqueConstraint("workspace_id", "record_seq"),
)

watcher = Table(
    "watcher",
    metadata,
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("user_id", Name, nullable=False),
    PrimaryKeyConstraint("workspace_id", "name", "user_id"),
    Index(None, "workspace_id", "user_id", "name"),
)

version_record = Table(
    "version_record",
    metadata,
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("is_latest", Boolean, nullable=False),
    Column("registered_by", AnyText, nullable=False),
    Column("stats", Json, nullable=False),
    Column("digest", Text, nullable=False),
    Column("file_count", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Column("files", LargeBinary, nullable=False),  # zlib of JSON, see services.store.fingerprints
    Column("check_state", Text, nullable=False),
    Column("checked_at", Moment, nullable=True),
    Column("check_added", Integer, nullable=False, server_default="0"),
    Column("check_removed", Integer, nullable=False, server_default="0"),
    Column("check_changed", Integer, nullable=False, server_default="0"),
    Column("check_detail", AnyText, nullable=False, server_default=""),
    Column("seen_at", Moment, nullable=False),  # last check, before the first one: when the fingerprint was taken
    Column("untold", Boolean, nullable=False, server_default=false()),  # the last check is news nobody was told of
    PrimaryKeyConstraint("workspace_id", "name", "version"),
)
partial_index("ix_version_record_due", "is_latest", version_record.c.workspace_id, version_record.c.seen_at)
partial_index("ix_version_record_untold", "untold", version_record.c.workspace_id)

drift_profile = Table(
    "drift_profile",
    metadata,
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("fingerprint", Name, nullable=False),  # digest of the files that were counted
    Column("plan", Name, nullable=False),  # id of the plan they were counted with
    Column("part", Name, nullable=False),  # "" for all rows; column of times/2026-01-31 for those of that day
    Column("is_own", Boolean, nullable=False),  # the plan was made for these data: a baseline
    Column("data", LargeBinary, nullable=False),  # see services.drift.encode
    Column("made_at", Moment, nullable=False),
    Column("used_at", Moment, nullable=False, index=True),
    PrimaryKeyConstraint("workspace_id", "name", "version", "fingerprint", "plan", "part"),
)

azure_dataset = Table(
    "azure_dataset",
    metadata,
    workspace_id(),
    Column("name", Name, nullable=False),
    Column("folded", Name, nullable=False),
    Column("azure_id", Name, nullable=False),  # another one means: unregistered, and the name used again
    Column("type", Text, nullable=False),
    Column("description", AnyText, nullable=False),
    Column("tags", Json, nullable=False),  # [[key, value], …] in the order of keys
    Column("latest_version", Integer, nullable=False),  # 0: not registered any more
    Column("datastore", Name, nullable=False),  # folded name of the latest version's datastore, "" for URLs
    Column("identity", Name, nullable=False),  # the bot's mark of the latest version's definition and data, or ""
    Column("created_at", Moment, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("change_seq", BigInteger, nullable=False),
    Column("sweep", BigInteger, nullable=False),  # the last sweep that saw it
    PrimaryKeyConstraint("workspace_id", "name"),
    UniqueConstraint("workspace_id", "change_seq"),
    Index(None, "workspace_id", "folded"),
    Index(None, "workspace_id", "datastore"),
    Index(None, "workspace_id", "identity"),
    Index(None, "workspace_id", "sweep"),
)

azure_version = Table(
    "azure_version",
    metadata,
    workspace_id(),
    Column("azure_id", Name, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Name, nullable=False),
    Column("saved_id", Name, nullable=False),
    Column("definition", Json, nullable=False),
    Column("identity", Name, nullable=False),
    Column("registration_id", Name, nullable=False),  # "" for what others registered
    Column("description", AnyText, nullable=True),  # null: not known, Azure keeps it for the dataset alone
    Column("tags", Json, nullable=False),  # null as JSON: not known
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("workspace_id", "azure_id", "version"),
    Index(None, "workspace_id", "identity"),
    Index(None, "workspace_id", "registration_id"),
)

azure_intent = Table(
    "azure_intent",
    metadata,
    workspace_id(),
    Column("registration_id", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("sent_at", Moment, nullable=False),  # when the one request was about to be sent
    PrimaryKeyConstraint("workspace_id", "registration_id"),
)

azure_sweep = Table(
    "azure_sweep",
    metadata,
    workspace_id(),
    Column("number", BigInteger, nullable=False),
    Column("token", AnyText, nullable=False),  # where the sweep goes on, "" when it has not begun
    Column("seen", BigInteger, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=True),  # null: under way, or interrupted
    Column("complete_at", Moment, nullable=True),  # when the last whole sweep had begun
    Column("complete_seconds", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("workspace_id"),
)

instance = Table(
    "instance",
    metadata,
    Column("id", Name, primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("heartbeat_at", Moment, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("key", Name, primary_key=True),
    Column("instance_id", Name, nullable=False),
    Column("origin", Json, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("done", Boolean, nullable=False),
)
partial_index("ix_delivery_open", "NOT done", delivery.c.instance_id)

job = Table(
    "job",
    metadata,
    Column("id", Name, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Json, nullable=False),
    Column("origin", Json, nullable=False),
    Column("instance_id", Name, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("error_code", Text, nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False, index=True),
)
partial_index("ix_job_open", "state = 'open'", job.c.instance_id)


from services.store import access_tables, monitor_tables  # noqa: E402, F401 - they need the metadata above
