"""The tables of monitors, on the same metadata as `services.store.tables`.

`monitor` is what people set and when it is due next; `monitor_run` comparisons made and to be made, one for each slot;
`incident` what stays open, its whole in `state` and beside it what is looked up; `monitor_digest` the channels that get
a digest; `monitor_feed` up to where the catalogue's changes were looked at.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, UniqueConstraint

from services.store.columns import AnyText, Json, Moment, Name, partial_index, workspace_id
from services.store.tables import metadata


def _monitor_id() -> Column[str]:
    return Column("monitor_id", Name, ForeignKey("monitor.id", ondelete="CASCADE"), nullable=False)


monitor = Table(
    "monitor",
    metadata,
    Column("id", Name, primary_key=True),
    workspace_id(),
    Column("dataset", Name, nullable=False),
    Column("draft", Json, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("on_new_version", Boolean, nullable=False),
    Column("next_slot", Moment, nullable=True),
    Column("next_run_at", Moment, nullable=True),
    Column("trouble", AnyText, nullable=False),
    Column("accepted", Integer, nullable=False),
    Index(None, "workspace_id", "dataset"),
)
partial_index("ix_monitor_due", "next_run_at IS NOT NULL", monitor.c.workspace_id, monitor.c.next_run_at, monitor.c.id)

monitor_run = Table(
    "monitor_run",
    metadata,
    Column("id", Name, primary_key=True),
    workspace_id(),
    _monitor_id(),
    Column("dataset", Name, nullable=False),
    Column("cause", Name, nullable=False),
    Column("slot", Name, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Name, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("instance_id", Name, nullable=False),  # who makes it, "" before
    Column("asked_by", Name, nullable=False),
    Column("started_at", Moment, nullable=True),
    Column("ended_at", Moment, nullable=True),
    Column("result", Json, nullable=True),  # without the comparison
    Column("comparison", Json, nullable=True),
    UniqueConstraint("monitor_id", "slot"),
)
_run = monitor_run.c
partial_index("ix_monitor_run_waiting", "state = 'waiting'", _run.workspace_id, _run.due_at, _run.id)
partial_index("ix_monitor_run_running", "state = 'running'", _run.workspace_id, _run.dataset)
partial_index("ix_monitor_run_unfinished", "ended_at IS NULL", _run.monitor_id, _run.due_at)
partial_index("ix_monitor_run_ended", "ended_at IS NOT NULL", _run.monitor_id, _run.ended_at)

incident = Table(
    "incident",
    metadata,
    Column("id", Name, primary_key=True),
    workspace_id(),
    _monitor_id(),
    Column("dataset", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("status", Name, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("resolved_at", Moment, nullable=True),
    Column("snoozed_until", Moment, nullable=True),
    Column("revision", Integer, nullable=False),
    Column("place", Name, nullable=False),  # the first of its places, "" before it is told
    Column("thread", Name, nullable=False),
    Column("state", Json, nullable=False),
    Index(None, "monitor_id", "subject", "opened_at"),
    Index(None, "workspace_id", "thread"),
    Index(None, "workspace_id", "place", "opened_at"),
    Index(None, "workspace_id", "place", "resolved_at"),
)
_incident = incident.c
OPEN = "status <> 'resolved'"
partial_index("ix_incident_open", OPEN, _incident.workspace_id, _incident.opened_at)
partial_index("ix_incident_snoozed", "snoozed_until IS NOT NULL", _incident.workspace_id, _incident.snoozed_until)
# The database itself keeps two replicas from opening the same incident twice.
partial_index("uq_incident_open", OPEN, _incident.monitor_id, _incident.subject, unique=True)

monitor_digest = Table(
    "monitor_digest",
    metadata,
    workspace_id(),
    Column("channel", Name, nullable=False),
    Column("period", Name, nullable=False),
    Column("timezone", Name, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("since", Moment, nullable=False),
    PrimaryKeyConstraint("workspace_id", "channel"),
    Index(None, "workspace_id", "next_at"),
)

monitor_feed = Table(
    "monitor_feed",
    metadata,
    workspace_id(),
    Column("cursor", AnyText, nullable=False),
    PrimaryKeyConstraint("workspace_id"),
)
