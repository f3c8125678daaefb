"""What time alone brings: reminders, escalation, lapse, the end that comes near, reviews that wait."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from services.access.decide import Decision, Outcome, ReasonCode, Terms
from services.access.endings import over
from services.access.facts import AccessPorts, FactFinder, Found
from services.access.gate import BOT, about_grant, about_request, event
from services.access.granting import Granting
from services.access.model import AccessRequest, Grant, RequestStatus
from services.access.notices import cards, destinations, holder_of, keeper_of, redrawn, told_of_grant, told_of_request
from services.access.ports import Change
from services.errors import Unavailable, UserError
from services.outbox import Notice

log = structlog.get_logger(__name__)
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
        self._granting = Granting(ports, self._facts)
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

    async def _apart(self, work: Awaitable[bool], **about: str) -> int:
        """1 when the work changed something; what it raises is logged and tried again with the next run."""
        try:
            return int(await work)
        except Unavailable as error:
            log.info("access_calendar_waits", reason=error.sentence, **about)
        except Exception as error:  # one bad row must not keep the others
            log.error("access_calendar_failed", exc_info=error, **about)
        return 0

    # Requests that wait

    async def _request(self, request: AccessRequest) -> bool:
        """What is due of one request: its lapse, what the policy settles by itself, a reminder, the escalation."""
        now = self._ports.clock.now()
        if request.expires_at <= now:
            return await self._ports.apply(_lapsed(request, now))
        try:
            found = await self._facts.find_for(request)
        except Unavailable:
            return await self._ports.apply(_looked_at_later(request, now))
        decision = self._facts.decide(request, found)
        escalates = False
        if decision.code is ReasonCode.NOBODY_CAN_DECIDE and request.escalated_at is None:
            # All who were asked have left: those come in now who would after a while.
            others = self._facts.decide(*_escalated(request, found, now))
            escalates = others.outcome is Outcome.ASK
        elif decision.outcome is Outcome.ASK and decision.terms is not None:
            due = escalation_at(decision.terms, request.created_at, request.escalated_at)
            escalates = due is not None and due <= now
        if escalates:
            request, found = _escalated(request, found, now)
            decision = self._facts.decide(request, found)
        if decision.outcome is not Outcome.ASK:
            return await self._settle(request, found, decision, now)
        terms = decision.terms
        assert terms is not None
        count = reminders_by(terms, request, now)
        new = tuple(each for each in destinations(decision, request.votes) if each not in request.asked)
        reminded = replace(
            request,
            stage=decision.stage,
            reminders=count,
            asked=(*request.asked, *new),
            revision=request.revision + 1,
        )
        reminded = replace(reminded, next_reminder_at=next_look(terms, reminded))
        return await self._ports.apply(_reminder(reminded, request, decision, new, escalates=escalates))

    async def _settle(self, request: AccessRequest, found: Found, decision: Decision, now: datetime) -> bool:
        """The policy, or the people it names, changed while the request waited: nobody needs to decide any more.

        Nothing moves while it is doubtful, or while there is only nobody who could decide: that may be put right.
        """
        if found.is_doubtful or decision.code is ReasonCode.NOBODY_CAN_DECIDE:
            return await self._ports.apply(_looked_at_later(request, now))
        if decision.outcome is Outcome.REFUSE:
            return await self._ports.apply(refused(request, decision, now, self._ports.policy().digest))
        try:
            change = await self._approved(request, found, decision, now)
        except UserError as error:
            log.info("access_request_cannot_be_given", request_id=request.id, code=error.code)
            return await self._ports.apply(_looked_at_later(request, now))
        return await self._ports.apply(change)

    async def _approved(self, request: AccessRequest, found: Found, decision: Decision, now: datetime) -> Change:
        extended = await self._granting.extended(request)
        opening = None if extended is not None else await self._granting.plan(request, found.sources)
        begun = self._granting.begin(request, extended, opening)
        approved = replace(
            over(request, RequestStatus.APPROVED, now, code=decision.code.value),
            stage=decision.stage,
            grant_id=begun.grant.id,
        )
        entry = event(
            BOT,
            "request.approved",
            about_request(approved),
            code=decision.code.value,
            explanation=decision.explanation,
            policy=self._ports.policy().digest,
        )
        return Change(
            request=approved,
            request_was=RequestStatus.PENDING,
            grant=begun.grant,
            grant_was=begun.was,
            audit=(entry,),
            notices=redrawn(approved, had=request.asked),
        )

    # Grants whose end comes near, and reviews that wait

    async def _remind_holder(self, grant: Grant) -> bool:
        reminded = replace(grant, reminded_at=self._ports.clock.now(), revision=grant.revision + 1)
        request = await self._ports.store.request(grant.request_id)
        told = told_of_grant("ends_soon", grant, [keeper_of(grant)], request, nth=_minutes(grant.ends_at))
        change = Change(
            grant=reminded,
            grant_was=grant.status,
            audit=(event(BOT, "grant.reminded", about_grant(grant)),),
            notices=told,
        )
        return await self._ports.apply(change)

    async def _remind_reviewers(self, grant: Grant) -> bool:
        """Once a day for as long as nobody looked at an emergency."""
        day = (self._ports.clock.now() - grant.created_at) // _REVIEW_EVERY
        if day < 1 or (grant.id, day) in self._reviews_told:
            return False
        request = await self._ports.store.request(grant.request_id)
        to = set(self._ports.admins)
        if request is not None:
            found = await self._facts.find_for(request)
            terms = self._facts.decide(request, found).terms
            to |= (terms.reviewers if terms is not None else frozenset()) | {found.facts.dataset.owner}
        to -= {grant.requested_by, grant.subject.id}
        told = told_of_grant("review", grant, sorted(to), request, nth=day)
        await self._ports.apply(Change(notices=told))
        self._reviews_told.add((grant.id, day))
        return True


def refused(request: AccessRequest, decision: Decision, at: datetime, digest: str) -> Change:
    """The policy says no to a request that waited: over, and told to who asked and who would have held it."""
    gone = over(request, RequestStatus.REFUSED, at, reason=decision.explanation, code=decision.code.value)
    entry = event(
        BOT,
        "request.refused",
        about_request(gone),
        code=decision.code.value,
        explanation=decision.explanation,
        policy=digest,
    )
    return Change(
        request=gone,
        request_was=request.status,
        audit=(entry,),
        notices=(
            *redrawn(gone, had=request.asked),
            *told_of_request("refused", gone, [gone.requester, holder_of(gone)]),
        ),
    )


def _escalated(request: AccessRequest, found: Found, now: datetime) -> tuple[AccessRequest, Found]:
    """As they are once those of the policy's `escalate` may decide too."""
    return replace(request, escalated_at=now), replace(found, facts=replace(found.facts, escalated=True))


def _lapsed(request: AccessRequest, now: datetime) -> Change:
    gone = over(request, RequestStatus.EXPIRED, now)
    return Change(
        request=gone,
        request_was=RequestStatus.PENDING,
        audit=(event(BOT, "request.expired", about_request(gone)),),
        notices=(
            *redrawn(gone, had=request.asked),
            *told_of_request("lapsed", gone, [gone.requester, holder_of(gone)]),
        ),
    )


def _looked_at_later(request: AccessRequest, now: datetime) -> Change:
    later = replace(request, next_reminder_at=now + _LATER, revision=request.revision + 1)
    return Change(request=later, request_was=RequestStatus.PENDING)


def _reminder(
    now: AccessRequest, before: AccessRequest, decision: Decision, new: tuple[str, ...], *, escalates: bool
) -> Change:
    """What one look at a waiting request writes: cards for who may decide too now, and a reminder for the others."""
    told: tuple[Notice, ...] = ()
    entries = []
    if escalates:
        told += told_of_request("escalated", now, [now.requester, *before.asked])
        entries.append(event(BOT, "request.escalated", about_request(now), asked=" ".join(new)))
    elif now.reminders > before.reminders:
        waiting = [each for each in destinations(decision, now.votes) if each in before.asked]
        told += told_of_request("reminder", now, waiting, nth=now.reminders)
        entries.append(event(BOT, "request.reminded", about_request(now), reminder=str(now.reminders)))
    redraw = redrawn(now, had=before.asked) if escalates or new else ()
    return Change(
        request=now,
        request_was=RequestStatus.PENDING,
        audit=tuple(entries),
        notices=(*redraw, *cards(now, new), *told),
    )


def _minutes(moment: datetime | None) -> int:
    """A number for a moment, so that a grant which was prolonged is told of its new end too."""
    return 0 if moment is None else int(moment.timestamp() // 60)
