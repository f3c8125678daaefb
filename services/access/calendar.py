"""What time alone brings: reminders, escalation, lapse, the end that comes near, reviews that wait."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from services.access.decide import Terms
from services.access.facts import AccessPorts, FactFinder
from services.access.model import AccessRequest, RequestStatus

_log = structlog.get_logger(__name__)
_PAGE = 100
_REVIEWS = 1000
"""Open reviews that are reminded of; nobody does more."""
_REVIEW_EVERY = timedelta(days=1)
_LATER = timedelta(minutes=5)


def reminder_at(terms: Terms, created_at: datetime, reminders: int) -> datetime | None:
    """When the next reminder is due after so many: each wait is longer than the one before by the policy's factor."""
    if terms.remind_after is None or reminders >= terms.remind_most:
        return None
    waits = sum(terms.remind_factor**number for number in range(reminders + 1))
    return created_at + terms.remind_after * waits


def escalation_at(terms: Terms, created_at: datetime, escalated_at: datetime | None) -> datetime | None:
    """When the request is escalated, None when it never is or was already."""
    if terms.escalate_after is None or escalated_at is not None:
        return None
    return created_at + terms.escalate_after


def next_look(terms: Terms | None, request: AccessRequest) -> datetime | None:
    """When time will next ask for something, besides the lapse."""
    if terms is None:
        return None
    return min(
        filter(
            None,
            (
                reminder_at(terms, request.created_at, request.reminders),
                escalation_at(terms, request.created_at, request.escalated_at),
            ),
        ),
        default=None,
    )


def first_look(terms: Terms | None, created_at: datetime) -> datetime | None:
    """As `next_look`, for a request that is just made."""
    if terms is None:
        return None
    times = (reminder_at(terms, created_at, 0), escalation_at(terms, created_at, None))
    return min(filter(None, times), default=None)


def reminders_by(terms: Terms, request: AccessRequest, now: datetime) -> int:
    """How many reminders are behind us now, counting one that is due; those missed meanwhile are not made up for."""
    count = request.reminders
    while (due := reminder_at(terms, request.created_at, count)) is not None and due <= now:
        count += 1
    return count


class Calendar:
    """Does what is due. Every step is written with what is told of it, so repeating it tells nobody twice."""

    def __init__(self, ports: AccessPorts, facts: FactFinder | None = None) -> None:
        self._ports = ports
        self._facts = facts or FactFinder(ports)
        self._reviews_told: set[tuple[str, int]] = set()  # spares writing what the outbox would leave out

    async def run_due(self) -> int:
        """Everything due now; returns how many changes were made. One thing that fails does not keep the others."""
        done = 0
        while requests := await self._due_requests():
            moved = 0
            for request in requests:
                moved += await self._apart(self._request(request), request_id=request.id)
            done += moved
            if not moved:
                break
        while grants := await self._ports.store.holders_to_remind(self._ports.clock.now(), _PAGE):
            moved = 0
            for grant in grants:
                moved += await self._apart(self._remind_holder(grant), grant_id=grant.id)
            done += moved
            if not moved:
                break
        for grant in await self._ports.store.open_reviews(_REVIEWS):
            done += await self._apart(self._remind_reviewers(grant), grant_id=grant.id)
        return done

    async def _due_requests(self) -> tuple[AccessRequest, ...]:
        found = await self._ports.store.claim_requests(self._ports.clock.now(), _PAGE)
        return tuple(each for each in found if each.status is RequestStatus.PENDING)
