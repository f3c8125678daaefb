"""The tables of access and of the outbox, on the same metadata as `services.store.tables`.

`access_request`, `access_vote`, `access_asked` and `access_grant` hold the present; `access_audit` what happened, a
chain for each workspace whose newest link `access_audit_head` repeats. `outbox` holds what people are to be told.
Columns `due_at` and `remind_at` follow from the others (see `services.store.access_rows`), for one index to find
whatever the clock has made due.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from services.store.columns import AnyText, Id, Json, Moment, Name, partial_index, workspace_id
from services.store.tables import metadata


def _request_id() -> Column[str]:
    return Column("request_id", Name, ForeignKey("access_request.id", ondelete="CASCADE"), nullable=False)


access_request = Table(
    "access_request",
    metadata,
    Column("id", Name, primary_key=True),
    workspace_id(),
    Column("dataset", Name, nullable=False),
    Column("level", Text, nullable=False),
    Column("subject_kind", Name, nullable=False),
    Column("subject_id", Name, nullable=False),
    Column("subject_name", AnyText, nullable=False),
    Column("requester", Name, nullable=False),
    Column("duration", BigInteger, nullable=False),  # microseconds
    Column("reason", AnyText, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ticket", AnyText, nullable=False),
    Column("initiative", Text, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("extends", Name, nullable=False),
    Column("channel", Name, nullable=False),
    Column("opens", Json, nullable=False),
    Column("rule", AnyText, nullable=False),
    Column("status", Name, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("reminders", Integer, nullable=False),
    Column("next_reminder_at", Moment, nullable=True),
    Column("escalated_at", Moment, nullable=True),
    Column("decided_at", Moment, nullable=True),
    Column("decided_by", Name, nullable=False),
    Column("decision_reason", AnyText, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("grant_id", Name, nullable=False),
    Column("failure", AnyText, nullable=False),
    Column("due_at", Moment, nullable=True),  # null: time alone changes nothing
    Index("ix_access_request_subject", "workspace_id", "dataset", "subject_kind", "subject_id", "created_at"),
    Index(None, "workspace_id", "requester", "created_at"),
)
_request = access_request.c
partial_index("ix_access_request_due", "due_at IS NOT NULL", _request.workspace_id, _request.due_at)
partial_index("ix_access_request_pending", "status = 'pending'", _request.workspace_id, _request.requester)

access_vote = Table(
    "access_vote",
    metadata,
    _request_id(),
    Column("stage", Integer, nullable=False),
    Column("approver", Name, nullable=False),
    Column("position", Integer, nullable=False),  # in the order of voting
    Column("verdict", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("reason", AnyText, nullable=False),
    PrimaryKeyConstraint("request_id", "stage", "approver"),
)

access_asked = Table(
    "access_asked",
    metadata,
    _request_id(),
    Column("asked", Name, nullable=False),  # Slack id of a person or a channel
    Column("position", Integer, nullable=False),
    PrimaryKeyConstraint("request_id", "asked"),
    Index(None, "asked", "request_id"),
)

access_grant = Table(
    "access_grant",
    metadata,
    Column("id", Name, primary_key=True),
    workspace_id(),
    Column("request_id", Name, nullable=False),  # of a rebuilt grant, there may be no such request any more
    Column("dataset", Name, nullable=False),
    Column("level", Text, nullable=False),
    Column("subject_kind", Name, nullable=False),
    Column("subject_id", Name, nullable=False),
    Column("subject_name", AnyText, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("principal_id", Name, nullable=False),
    Column("principal_name", AnyText, nullable=False),
    Column("principal_login", AnyText, nullable=False),
    Column("requested_by", Name, nullable=False),
    Column("approved_by", Json, nullable=False),
    Column("duration", BigInteger, nullable=False),  # microseconds
    Column("created_at", Moment, nullable=False),
    Column("places", Json, nullable=False),  # [[datastore, [prefix, …]], …]
    Column("opens", Json, nullable=False),
    Column("status", Name, nullable=False),
    Column("granted_at", Moment, nullable=True),
    Column("ends_at", Moment, nullable=True),
    Column("ended_at", Moment, nullable=True),
    Column("end_reason", Text, nullable=False),  # "" while it has not ended
    Column("ended_by", Name, nullable=False),
    Column("end_note", AnyText, nullable=False),
    Column("assignments", Json, nullable=False),  # [[field, …], …] in the order of Assignment's fields
    Column("emergency", Boolean, nullable=False),
    Column("review", Name, nullable=False),
    Column("reviewed_by", Name, nullable=False),
    Column("review_note", AnyText, nullable=False),
    Column("reminded_at", Moment, nullable=True),
    Column("verified_at", Moment, nullable=True),
    Column("failure", AnyText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Moment, nullable=True),
    Column("revision", Integer, nullable=False),
    Column("due_at", Moment, nullable=True),  # when there is something to execute; null: never
    Column("remind_at", Moment, nullable=True),  # when its holder is reminded of the end; null: never
    # The lease of whoever executes it, outside the revision: null when nobody does, or has not said so in time.
    Column("claimed_by", Name, nullable=False, server_default=""),
    Column("claimed_until", Moment, nullable=True),
)
_grant = access_grant.c
LIVE = "status <> 'ended'"
partial_index("ix_access_grant_due", "due_at IS NOT NULL", _grant.workspace_id, _grant.due_at, _grant.id)
partial_index("ix_access_grant_remind", "remind_at IS NOT NULL", _grant.workspace_id, _grant.remind_at)
partial_index("ix_access_grant_live", LIVE, _grant.workspace_id, _grant.id)
partial_index("ix_access_grant_live_dataset", LIVE, _grant.workspace_id, _grant.dataset, _grant.created_at)
partial_index("ix_access_grant_live_subject", LIVE, _grant.workspace_id, _grant.subject_kind, _grant.subject_id)
partial_index("ix_access_grant_live_principal", LIVE, _grant.workspace_id, _grant.principal_id)
partial_index("ix_access_grant_ended", "status = 'ended'", _grant.workspace_id, _grant.dataset, _grant.ended_at)
partial_index("ix_access_grant_review", "review = 'open'", _grant.workspace_id, _grant.created_at)
# The database itself keeps two grants of one principal from being executed at once.
partial_index(
    "uq_access_grant_claimed", "claimed_until IS NOT NULL", _grant.workspace_id, _grant.principal_id, unique=True
)

access_audit = Table(
    "access_audit",
    metadata,
    workspace_id(ondelete=None),  # no audit is lost with anything else
    Column("seq", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("dataset", Name, nullable=False),
    Column("subject", Name, nullable=False),
    Column("request_id", Name, nullable=False),
    Column("grant_id", Name, nullable=False),
    Column("details", Json, nullable=False),  # [[key, value], …]
    Column("previous", Name, nullable=False),
    Column("hash", Name, nullable=False),
    PrimaryKeyConstraint("workspace_id", "seq"),
    Index(None, "workspace_id", "at"),
    Index(None, "workspace_id", "dataset", "seq"),
    Index(None, "workspace_id", "actor", "seq"),
    Index(None, "workspace_id", "subject", "seq"),
    Index(None, "workspace_id", "request_id", "seq"),
)

access_audit_head = Table(
    "access_audit_head",
    metadata,
    workspace_id(ondelete=None),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Name, nullable=False),
    PrimaryKeyConstraint("workspace_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", Name, nullable=False, unique=True),
    Column("lane", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("recipient", Name, nullable=False),  # Notice.to
    Column("action", Name, nullable=False),
    Column("about", Name, nullable=False),  # Notice.of
    Column("args", Json, nullable=False),
    Column("not_before", Moment, nullable=True),
    Column("state", Name, nullable=False),
    Column("instance_id", Name, nullable=False),  # who delivers it, "" before
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("channel", Name, nullable=False),
    Column("ts", Name, nullable=False),
    Column("error", AnyText, nullable=False),
    Index(None, "updated_at"),
)
_outbox = outbox.c
partial_index("ix_outbox_open", "state IN ('waiting', 'sending')", _outbox.lane, _outbox.id)
partial_index("ix_outbox_waiting", "state = 'waiting'", _outbox.id)
partial_index("ix_outbox_update", "state = 'waiting' AND action = 'update'", _outbox.about, _outbox.id)
partial_index("ix_outbox_sending", "state = 'sending'", _outbox.instance_id)
