"""Messages that must reach people exactly once, whatever is killed: written with the change they tell of.

A notice names what to tell, not how it looks: handlers draw it when it is delivered, from what is known then. Notices
of one lane are delivered in order. What cannot be known after a kill (was it posted?) is looked up by the key, which
every posted message carries as metadata, before it is posted again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue


class Action(StrEnum):
    """POST a new message; UPDATE the message that an earlier notice posted."""

    POST = "post"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell one place.

    key: unique for all time; a second notice with the same key is not told. lane: its order's name, e.g. the key of
    the message that is changed. to: Slack id of a person (a direct message) or a channel; "" for UPDATE. of: for
    UPDATE, the key of the POST whose message is redrawn; for POST, the key of the POST in whose thread it goes, ""
    for none. kind: names the drawing function in handlers. args: plain ids and facts it draws from, never a secret.
    not_before: deliver then or later. UPDATEs of one message that wait together are told as one, the newest.
    """

    key: str
    lane: str
    kind: str
    to: str = ""
    action: Action = Action.POST
    of: str = ""
    args: Mapping[str, JsonValue] = field(default_factory=dict)
    not_before: datetime | None = None


class NoticeState(StrEnum):
    """WAITING, SENDING (its outcome is not known until then), SENT, DROPPED (superseded or nothing to draw), FAILED."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DROPPED = "dropped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice with what became of it. channel, ts: the posted message. attempts: deliveries begun."""

    id: int
    notice: Notice
    state: NoticeState
    instance_id: str
    attempts: int
    created_at: datetime
    channel: str = ""
    ts: str = ""
    error: str = ""


class Wakes(Protocol):
    """Told after a transaction that wrote notices, so that they are delivered at once."""

    def wake(self) -> None:
        """Look for waiting notices now. Never blocks."""
        ...


class Undelivered(Protocol):
    """What is done when a notice can never arrive (channel archived, bot removed, person gone)."""

    def __call__(self, notice: StoredNotice, error: str) -> Awaitable[None]:
        """error: Slack's name for it."""
        ...
