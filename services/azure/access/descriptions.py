"""What stands in the description of a role assignment of ours: enough to find it again and to rebuild lost records.

One line, fields separated by spaces, values percent-encoded:
`dataset-bot/1 MARK until=SECONDS more=N as=SEAL | GRANT REQUEST DATASET read SECONDS SLACK_ID | …`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from services.access.model import DescribedGrant, GrantWish, Level
from services.azure.access.conditions import spaced
from services.azure.access.roles import guid_of

PRODUCT = "dataset-bot/1"
LIMIT = 1024
"""Characters that a description may have."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a description says. until: the latest end of all grants, also of those that had no room.

    more: how many had none. seal: see `seal_of`; "" in one that somebody has edited.
    """

    grants: tuple[DescribedGrant, ...]
    until: datetime
    more: int = 0
    seal: str = ""


def mark_of(workspace_key: str) -> str:
    """Tells the bot of one workspace from others on the same storage, whose assignments it must leave alone."""
    return hashlib.sha256(workspace_key.encode()).hexdigest()[:12]


def seal_of(scope: str, role_id: str, principal_id: str, condition: str) -> str:
    """What an assignment was when the bot wrote it, in 12 hex digits: who narrows or widens it by hand, in the portal
    or by a script, leaves the description as it is, and so both differ.

    No secret is in it: whoever may write assignments can give what they like, without touching the bot's.
    """
    parts = (scope.lower().rstrip("/"), guid_of(role_id), principal_id.lower(), spaced(condition))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def describe(mark: str, seal: str, wishes: Iterable[GrantWish], limit: int = LIMIT) -> str:
    """The description for an assignment behind which these grants stand; those that end last come first."""
    ordered = sorted(wishes, key=lambda each: (-each.ends_at.timestamp(), each.grant_id))
    until = int(ordered[0].ends_at.timestamp())
    entries = [_entry(each) for each in ordered]
    for kept in range(len(entries), -1, -1):
        head = f"{PRODUCT} {mark} until={until} more={len(entries) - kept} as={seal}"
        text = " | ".join([head, *entries[:kept]])
        if len(text) <= limit:
            return text
    raise AssertionError("the head alone is shorter than any limit")


def read_description(text: str, mark: str) -> Description | None:
    """What a description says, None when it is not of the bot of this workspace.

    Entries that cannot be read are left out: somebody has edited them.
    """
    head, *entries = text.split(" | ")
    fields = head.split(" ")
    if fields[:2] != [PRODUCT, mark]:
        return None
    values = dict(each.partition("=")[::2] for each in fields[2:])
    grants = tuple(grant for grant in map(_grant, entries) if grant is not None)
    until = _moment(values.get("until", "")) or max((each.ends_at for each in grants), default=_LONG_AGO)
    more = values.get("more", "0")
    return Description(grants, until, int(more) if more.isdecimal() else 0, values.get("as", ""))


_LONG_AGO = datetime.fromtimestamp(0, UTC)
"""An edited head and no entries: an end in the past makes the reconcile sweep look at it."""


def _entry(wish: GrantWish) -> str:
    ends = str(int(wish.ends_at.timestamp()))
    values = (wish.grant_id, wish.request_id, wish.dataset, wish.level.value, ends, wish.slack_id)
    return " ".join(quote(value, safe="") or "-" for value in values)


def _grant(entry: str) -> DescribedGrant | None:
    values = [unquote(value) if value != "-" else "" for value in entry.split(" ")]
    if len(values) != 6 or not values[0] or values[3] not in set(Level):
        return None
    ends = _moment(values[4])
    if ends is None:
        return None
    return DescribedGrant(values[0], values[1], values[2], Level(values[3]), ends, values[5])


def _moment(text: str) -> datetime | None:
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC)
