"""Rate limits: which tier a method is in and whether one more call fits.

Tiers: docs.slack.dev/apis/web-api/rate-limits. Slack allows bursts without saying how large;
here a minute's allowance may be spent at once and refills evenly.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

# Calls per minute of Slack's tiers.
TIER_PER_MINUTE: Final = {1: 1, 2: 20, 3: 50, 4: 100}

TIER_BY_METHOD: Final[dict[str, int]] = {
    # Older copies of the page say Tier 1; the newer Tier 3 lets an app reopen its sockets.
    "apps.connections.open": 3,
    "bots.info": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.scheduleMessage": 3,
    "chat.unfurl": 3,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.join": 3,
    "conversations.list": 2,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "entity.presentDetails": 3,
    "files.completeUploadExternal": 4,
    "files.delete": 3,
    "files.getUploadURLExternal": 4,
    "files.info": 4,
    "functions.completeError": 3,
    "functions.completeSuccess": 3,
    "oauth.v2.access": 4,
    "reactions.add": 3,
    "team.info": 3,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "users.list": 2,
    "users.lookupByEmail": 3,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}

# "Special" limits: chat.postMessage about one a second per channel, short bursts allowed.
# auth.test "hundreds of requests per minute"; api.test and chat.getPermalink are not limited in practice.
POST_PER_SECOND: Final = 1.0
POST_BURST: Final = 5
AUTH_TEST_PER_MINUTE: Final = 600


@dataclass
class _Bucket:
    level: float
    at: float


@dataclass
class RateLimiter:
    """Token buckets per method, and per channel for chat.postMessage."""

    clock: Callable[[], float]
    enforced: bool = True
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def retry_after(self, method: str, channel: str = "") -> int | None:
        """Whole seconds to wait before this call would fit; None when it fits (and is counted)."""
        if not self.enforced:
            return None
        if method == "chat.postMessage":
            return self._take(f"{method} {channel}", POST_BURST, POST_PER_SECOND)
        if method == "auth.test":
            return self._take(method, AUTH_TEST_PER_MINUTE, AUTH_TEST_PER_MINUTE / 60)
        tier = TIER_BY_METHOD.get(method)
        if tier is None:
            return None
        return self._take(method, TIER_PER_MINUTE[tier], TIER_PER_MINUTE[tier] / 60)

    def reset(self) -> None:
        """Forget all counts."""
        self._buckets.clear()

    def _take(self, key: str, capacity: float, per_second: float) -> int | None:
        now = self.clock()
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        bucket.level = min(capacity, bucket.level + (now - bucket.at) * per_second)
        bucket.at = now
        if bucket.level >= 1:
            bucket.level -= 1
            return None
        return max(1, math.ceil((1 - bucket.level) / per_second))
