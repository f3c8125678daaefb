"""Does a ticket look as the policy says?"""

from __future__ import annotations

import re
from functools import lru_cache

from services.access.policy_fields import LONGEST_TICKET


def matches_ticket(pattern: str | None, ticket: str) -> bool:
    """All of the ticket must match; without a pattern everything does. Longer ones than LONGEST_TICKET never do."""
    return len(ticket) <= LONGEST_TICKET and (pattern is None or _compiled(pattern).fullmatch(ticket) is not None)


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
