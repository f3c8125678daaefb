"""The audit's hash chain: each entry's hash covers its content and the hash before it.

Whoever changes, removes or moves an entry breaks the chain there. Whoever can rewrite the whole chain and its head can
hide that only from those who never noted a head: keep one elsewhere (the verify command prints and logs it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from services.access.model import AuditEntry, AuditEvent

FIRST_PREVIOUS = "dataset-bot audit, format 1"
"""The hash before the first entry. Another way of hashing gets another name."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a chain: its number and hash. An empty chain has number 0."""

    seq: int = 0
    hash: str = FIRST_PREVIOUS


class Fault(StrEnum):
    """What is wrong at an entry. GAP: entries before it are missing. ORDER: it does not follow the one before it.

    CONTENT: its content is not what was hashed. HEAD: the chain does not end where its head says.
    """

    GAP = "gap"
    ORDER = "order"
    CONTENT = "content"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Broken:
    """The first fault of a chain: where, what, and one sentence of explanation."""

    seq: int
    fault: Fault
    sentence: str


def rfc3339(moment: datetime) -> str:
    """UTC with exactly six digits of a second, as it is hashed and exported: 2026-03-01T12:00:00.123456Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def content(entry: AuditEntry) -> dict[str, object]:
    """What an entry's hash covers, by name: everything but the hash itself."""
    return {
        "action": entry.action,
        "actor": entry.actor,
        "at": rfc3339(entry.at),
        "dataset": entry.dataset,
        "details": [list(pair) for pair in entry.details],
        "grant_id": entry.grant_id,
        "previous": entry.previous,
        "request_id": entry.request_id,
        "seq": entry.seq,
        "subject": entry.subject,
    }


def entry_hash(entry: AuditEntry) -> str:
    """Hex sha256 of the entry's `content` as JSON: ASCII, keys sorted, no spaces. entry.hash does not matter."""
    canonical = json.dumps(content(entry), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def linked(head: Head, event: AuditEvent, at: datetime) -> AuditEntry:
    """The event as the next entry after a chain's head. at: with zone, microseconds count."""
    entry = AuditEntry(
        seq=head.seq + 1,
        at=at,
        actor=event.actor,
        action=event.action,
        dataset=event.dataset,
        subject=event.subject,
        request_id=event.request_id,
        grant_id=event.grant_id,
        details=event.details,
        previous=head.hash,
        hash="",
    )
    return replace(entry, hash=entry_hash(entry))


def follow(head: Head, entries: Iterable[AuditEntry]) -> Head | Broken:
    """Walk entries, by number, that come after a head: the head they lead to, or the first fault."""
    for entry in entries:
        fault = _fault(head, entry)
        if fault is not None:
            return fault
        head = Head(entry.seq, entry.hash)
    return head


def first_broken(entries: Iterable[AuditEntry]) -> int | None:
    """Number of the first entry of a whole chain that is wrong or after a gap; None when there is none."""
    reached = follow(Head(), entries)
    return reached.seq if isinstance(reached, Broken) else None


def compare_heads(reached: Head, kept: Head) -> Broken | None:
    """Does a chain that was followed to its end, without a fault, end at the head that was kept beside it?"""
    if reached == kept:
        return None
    if reached.seq < kept.seq:
        missing = kept.seq - reached.seq
        sentence = (
            f"The newest {missing} entries are missing: the chain ends at {reached.seq}, its head says {kept.seq}."
        )
        return Broken(reached.seq + 1, Fault.HEAD, sentence)
    if reached.seq > kept.seq:
        sentence = f"There are entries after the head, which says that {kept.seq} is the last."
        return Broken(kept.seq + 1, Fault.HEAD, sentence)
    return Broken(reached.seq, Fault.HEAD, f"Entry {reached.seq} has another hash than the head that was kept of it.")


def _fault(head: Head, entry: AuditEntry) -> Broken | None:
    if entry.seq > head.seq + 1:
        sentence = f"There is a gap: entries {head.seq + 1} to {entry.seq - 1} are missing."
        return Broken(entry.seq, Fault.GAP, sentence)
    if entry.seq != head.seq + 1 or entry.previous != head.hash:
        sentence = f"The order is broken: entry {entry.seq} does not follow entry {head.seq} as it is now."
        return Broken(entry.seq, Fault.ORDER, sentence)
    if entry.hash != entry_hash(entry):
        return Broken(entry.seq, Fault.CONTENT, f"The content of entry {entry.seq} is not what was written then.")
    return None
