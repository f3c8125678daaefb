"""Makes grants true and ends them: execute, read back, record, tell.

Whatever is cut off is done again: adapters may be repeated, a record is written only over the state it was made from,
and what is told goes into the outbox with the record, under keys that exist once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from services.access.calendar import refused
from services.access.decide import Decision, Outcome
from services.access.endings import ending, over
from services.access.facts import AccessPorts, FactFinder, wish_of
from services.access.gate import BOT, about_grant, about_request, event
from services.access.granting import approvers_of
from services.access.late import LateGrants
from services.access.model import (
    AccessRequest,
    Assignment,
    EndReason,
    Grant,
    GrantStatus,
    GrantWish,
    RequestStatus,
)
from services.access.notices import (
    ended,
    holder_of,
    keeper_of,
    redrawn,
    redrawn_for,
    told_of_grant,
    told_of_request,
)
from services.access.policy import MissingAssignments
from services.access.ports import Change, NotYetError
from services.errors import Busy, TimedOut, Unavailable, UserError
from services.outbox import Notice

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
AT_ONCE = 8
"""Grants executed together; never two of one principal."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=30)
TRIES = 8
"""How often giving is tried, over three quarters of an hour. Ending is tried for ever."""
TELL_AFTER = 4
"""Failed attempts to end access before the owner and the admins are told."""
FAULT = "Something went wrong inside the bot; its log says what."
_PAGE = 40


class _NotSureError(Exception):
    """The decision could not be made for certain: look again."""


class Executor:
    """Does what is due. Several may run at once, in one process or many. instance: the id of this process."""

    def __init__(self, ports: AccessPorts, instance: str, facts: FactFinder | None = None) -> None:
        self._ports = ports
        self._instance = instance
        self._facts = facts or FactFinder(ports)
        self._late = LateGrants(ports, self._facts)
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run_due(self) -> int:
        """One batch of what is due now; returns how many changes were made. 0: nothing to do, or nothing to be done."""
        store = self._ports.store
        await store.release_dead()
        moved = await self._late.run_due()
        claimed = await store.claim_grants(self._ports.clock.now(), self._instance, LEASE, _PAGE)
        return moved + sum(await asyncio.gather(*(self._one(grant) for grant in claimed)))

    async def _one(self, grant: Grant) -> bool:
        """True when something changed. A fault of ours is logged and tried again when the wait is over."""
        async with self._room:
            try:
                return await self._ports.apply(await self._step(grant))
            except Exception as error:  # one grant must not keep the others
                log.error("access_not_executed", grant_id=grant.id, exc_info=error)
                return await self._put_off(grant)
            finally:
                await self._ports.store.release(grant.id, self._instance)

    async def _put_off(self, grant: Grant) -> bool:
        """After a fault of ours: not at once again. What the database does not take now stays due."""
        try:
            await self._ports.apply(
                await self._failed(grant, "Something went wrong inside the bot; its log says what.")
            )
        except Exception as error:  # the database is away: the next run may go well
            log.error("access_failure_not_recorded", grant_id=grant.id, exc_info=error)
        return False

    async def _step(self, grant: Grant) -> Change:
        """What there is to do for a grant, done; or what is to be recorded of its failure."""
        try:
            return await self._execute(grant)
        except NotYetError as error:
            return await self._later(grant, error.sentence, error.again_at)
        except (Unavailable, TimedOut, Busy) as error:
            return await self._failed(grant, error.sentence)
        except _NotSureError as error:
            return await self._failed(grant, str(error))
        except UserError as error:
            return await self._failed(grant, error.sentence, is_final=True)

    async def _execute(self, grant: Grant) -> Change:
        if grant.status is GrantStatus.GRANTING:
            return await self._give(grant)
        if grant.status is GrantStatus.ENDING:
            return await self._end(grant)
        if grant.status is not GrantStatus.ACTIVE:
            raise ValueError(f"grant {grant.id} is {grant.status} and was due")
        if extension := await self._extension(grant):
            return await self._extend(grant, extension)
        now = self._ports.clock.now()
        if grant.ends_at is not None and grant.ends_at <= now:
            return await self._end(ending(grant, EndReason.EXPIRED, now, by=""), was=grant)
        return await self._repair(grant)

    # Giving

    async def _give(self, grant: Grant) -> Change:
        request = await self._ports.store.request(grant.request_id)
        now = self._ports.clock.now()
        if request is None or request.status is not RequestStatus.APPROVED:
            log.warning("access_without_an_approved_request", grant_id=grant.id)
            return self._change(grant, ending(grant, EndReason.POLICY, now), "grant.stopped", notices=())
        decision = await self._decided(request)
        if decision.outcome is not Outcome.GRANT:
            return self._stopped(grant, request, decision, now)
        wish = _wish(grant, now + grant.duration)
        assignments = await self._ports.grants.grant(wish, await self._facts.others(grant))
        given = replace(
            _calm(grant),
            status=GrantStatus.ACTIVE,
            granted_at=now,
            ends_at=wish.ends_at,
            assignments=assignments,
            verified_at=now,
        )
        granted = replace(request, status=RequestStatus.GRANTED, failure="", revision=request.revision + 1)
        told = [keeper_of(given), request.requester, *(decision.terms.notify if decision.terms else ())]
        notices = (*redrawn(granted, had=request.asked), *told_of_grant("granted", given, told, request))
        if grant.emergency:
            notices += self._emergency(given, granted, decision)
        return replace(
            self._change(grant, given, "grant.given", notices, **_executed(assignments, wish)),
            request=granted,
            request_was=RequestStatus.APPROVED,
        )

    def _emergency(self, grant: Grant, request: AccessRequest, decision: Decision) -> tuple[Notice, ...]:
        """The task to review it, for those who may."""
        reviewers = decision.terms.reviewers if decision.terms is not None else frozenset()
        to = (reviewers | self._ports.admins) - {grant.requested_by}
        return told_of_grant("review", grant, sorted(to), request, nth=0)

    async def _decided(self, request: AccessRequest) -> Decision:
        """What the policy says now. Raises _NotSureError where another moment may say otherwise, Unavailable."""
        found = await self._facts.find_for(request, present=[request.requester], groups_anew=False)
        decision = self._facts.decide(request, found)
        if decision.outcome is not Outcome.GRANT and found.is_doubtful:
            assert found.owner_reach is not None
            raise _NotSureError(f"The owner's own access could not be found out. {found.owner_reach.why}")
        return decision

    def _stopped(self, grant: Grant, request: AccessRequest, decision: Decision, now: datetime) -> Change:
        """The policy or the people changed since the approval. What a cut attempt may have left is taken away."""
        verdict = decision
        if decision.outcome is Outcome.ASK:
            verdict = replace(
                decision,
                explanation=f"It was approved, but the access policy or the people it names changed before it was "
                f"given. {decision.explanation} Ask again.",
            )
        change = refused(request, verdict, now, self._ports.policy().digest)
        gone = ending(grant, EndReason.POLICY, now, note=verdict.explanation)
        stopped = self._change(grant, gone, "grant.stopped", change.notices)
        return replace(
            stopped,
            request=change.request,
            request_was=change.request_was,
            audit=(*change.audit, *stopped.audit),
        )

    # Prolonging

    async def _extension(self, grant: Grant) -> AccessRequest | None:
        """The approved request to prolong it that was made first."""
        waiting = await self._extensions(grant)
        return next((each for each in waiting if each.status is RequestStatus.APPROVED), None)

    async def _extensions(self, grant: Grant) -> tuple[AccessRequest, ...]:
        open_ones = await self._ports.store.pending(grant.dataset, grant.subject)
        return tuple(each for each in open_ones if each.extends == grant.id and each.grant_id == grant.id)

    async def _extend(self, grant: Grant, request: AccessRequest) -> Change:
        now = self._ports.clock.now()
        decision = await self._decided(request)
        if decision.outcome is not Outcome.GRANT:
            change = refused(request, decision, now, self._ports.policy().digest)
            return replace(change, grant=_calm(grant), grant_was=grant.status)
        ends_at = max(now + request.duration, grant.ends_at or now)
        wish = _wish(grant, ends_at)
        assignments = await self._ports.grants.grant(wish, await self._facts.others(grant))
        longer = replace(
            _calm(grant),
            ends_at=ends_at,
            duration=request.duration,
            approved_by=tuple(dict.fromkeys((*grant.approved_by, *approvers_of(request)))),
            reminded_at=None,
            verified_at=now,
            assignments=assignments,
        )
        granted = replace(request, status=RequestStatus.GRANTED, failure="", revision=request.revision + 1)
        first = await self._ports.store.request(grant.request_id)
        told = [keeper_of(longer), request.requester, *(decision.terms.notify if decision.terms else ())]
        notices = (
            *redrawn(granted, had=request.asked),
            *redrawn_for(longer, first),
            *told_of_grant("extended", longer, told, request, nth=longer.revision),
        )
        return replace(
            self._change(grant, longer, "grant.extended", notices, **_executed(assignments, wish)),
            request=granted,
            request_was=RequestStatus.APPROVED,
        )

    # Repairing

    async def _repair(self, grant: Grant) -> Change:
        """Somebody has doubts whether it is still there: look, and put right what is missing, as the policy says."""
        wish = wish_of(grant)
        now = self._ports.clock.now()
        is_reported = self._ports.policy().missing_assignments is MissingAssignments.REPORT
        missing = await self._ports.grants.missing(wish, grant.assignments, as_made=not is_reported)
        if not missing:
            return Change(grant=replace(_calm(grant), verified_at=now), grant_was=grant.status)
        names = ", ".join(f"{each.role_name} at {each.scope}" for each in missing)
        request = await self._ports.store.request(grant.request_id)
        to = (keeper_of(grant), await self._ports.owner(grant.dataset), *sorted(self._ports.admins))
        if is_reported:
            gone = ending(grant, EndReason.LOST, now, note=f"Missing: {names}")
            return self._change(grant, gone, "grant.lost", redrawn_for(gone, request), missing=names)
        assignments = await self._ports.grants.grant(wish, await self._facts.others(grant))
        there = replace(_calm(grant), assignments=assignments, verified_at=now)
        told = told_of_grant("restored", there, to, request, nth=there.revision)
        return self._change(grant, there, "grant.restored", told, missing=names)

    # Ending

    async def _end(self, grant: Grant, was: Grant | None = None) -> Change:
        """grant: ENDING, with why. was: as it is stored when that is something else."""
        stored = was or grant
        now = self._ports.clock.now()
        for waiting in await self._extensions(grant):
            await self._ports.apply(self._not_prolonged(waiting, grant.end_reason, now))
        wish = _wish(grant, grant.ends_at or now)
        await self._ports.grants.revoke(wish, grant.assignments, await self._facts.others(grant))
        gone = replace(
            _calm(grant),
            status=GrantStatus.ENDED,
            ended_at=now,
            end_reason=grant.end_reason or EndReason.EXPIRED,
            revision=stored.revision + 1,
        )
        request = await self._ports.store.request(grant.request_id)
        notices = ended(gone, request, await self._ports.owner(grant.dataset))
        return self._change(stored, gone, "grant.ended", notices, reason=str(gone.end_reason), note=gone.end_note)

    def _not_prolonged(self, request: AccessRequest, why: EndReason | None, now: datetime) -> Change:
        """An approved request to prolong what ends now: given anew when only time ran out, else over."""
        if why is EndReason.EXPIRED:
            anew = replace(request, grant_id="", revision=request.revision + 1)
            return Change(request=anew, request_was=request.status)
        gone = over(request, RequestStatus.CANCELLED, now, reason="The access that it would have prolonged has ended.")
        return Change(
            request=gone,
            request_was=request.status,
            audit=(event(BOT, "request.cancelled", about_request(gone), reason=gone.decision_reason),),
            notices=redrawn(gone, had=request.asked),
        )

    # What did not work

    async def _later(self, grant: Grant, sentence: str, again_at: datetime) -> Change:
        """The other side does it later; that is no failure."""
        base = self._ending_now(grant)
        later = replace(base, failure=sentence, next_try_at=again_at, revision=grant.revision + 1)
        return Change(grant=later, grant_was=grant.status)

    async def _failed(self, grant: Grant, sentence: str, *, is_final: bool = False) -> Change:
        """Tried in vain: again after a while, longer each time. Giving is given up some time, ending never."""
        now = self._ports.clock.now()
        base = self._ending_now(grant)
        attempts = grant.attempts + 1
        wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
        tried = replace(base, failure=sentence, attempts=attempts, next_try_at=now + wait, revision=grant.revision + 1)
        log.warning("access_execution_failed", grant_id=grant.id, status=grant.status.value, reason=sentence)
        if tried.status is GrantStatus.ENDING:
            return await self._not_ended(grant, tried)
        if not is_final and attempts < TRIES:
            return Change(grant=tried, grant_was=grant.status)
        extension = await self._extension(grant) if grant.status is GrantStatus.ACTIVE else None
        request = extension or await self._ports.store.request(grant.request_id)
        if grant.status is GrantStatus.ACTIVE:
            given_up = replace(tried, next_try_at=None, attempts=0)
            if extension is None:  # a repair
                to = (await self._ports.owner(grant.dataset), *sorted(self._ports.admins))
                told = told_of_grant("failed", given_up, to, request, nth=given_up.revision, sentence=sentence)
                return self._change(grant, given_up, "grant.repair_failed", told, sentence=sentence)
        else:
            await self._clean_up(grant)
            given_up = replace(tried, status=GrantStatus.FAILED, next_try_at=None)
        change = self._change(grant, given_up, "grant.failed", (), sentence=sentence)
        if request is None or request.status is not RequestStatus.APPROVED:
            return change
        failed = replace(request, status=RequestStatus.FAILED, failure=sentence, revision=request.revision + 1)
        to = (request.requester, holder_of(request), *approvers_of(request))
        told = told_of_request("failed", failed, to, nth=failed.revision, sentence=sentence)
        notices = (*redrawn(failed, had=request.asked), *told)
        return replace(change, request=failed, request_was=RequestStatus.APPROVED, notices=notices)

    async def _clean_up(self, grant: Grant) -> None:
        """Take away what the attempts may have left half done. What does not go away now, the sweep finds."""
        wish = _wish(grant, self._ports.clock.now())
        try:
            await self._ports.grants.revoke(wish, (), await self._facts.others(grant))
        except (UserError, NotYetError) as error:
            log.warning("access_may_be_left_behind", grant_id=grant.id, reason=error.sentence)

    async def _not_ended(self, grant: Grant, tried: Grant) -> Change:
        if tried.attempts < TELL_AFTER:
            return Change(grant=tried, grant_was=grant.status)
        request = await self._ports.store.request(grant.request_id)
        to = (await self._ports.owner(grant.dataset), *sorted(self._ports.admins))
        told = told_of_grant("failed", tried, to, request, sentence=tried.failure)
        if tried.attempts > TELL_AFTER:
            return Change(grant=tried, grant_was=grant.status, notices=told)
        return self._change(grant, tried, "grant.end_failed", told, sentence=tried.failure)

    def _ending_now(self, grant: Grant) -> Grant:
        """A grant past its end, whose end was tried and did not work, is being ended from then on."""
        now = self._ports.clock.now()
        if grant.status is GrantStatus.ACTIVE and grant.ends_at is not None and grant.ends_at <= now:
            return replace(ending(grant, EndReason.EXPIRED, now, by=""), attempts=grant.attempts)
        return grant

    def _change(self, before: Grant, after: Grant, action: str, notices: Iterable[Notice], **details: str) -> Change:
        return Change(
            grant=after,
            grant_was=before.status,
            audit=(event(BOT, action, about_grant(after), **details),),
            notices=tuple(notices),
        )


def _calm(grant: Grant) -> Grant:
    """The grant one revision on, with nothing left to try."""
    return replace(grant, next_try_at=None, attempts=0, failure="", revision=grant.revision + 1)


def _wish(grant: Grant, ends_at: datetime) -> GrantWish:
    """What the adapter is told, with an end that is not recorded yet."""
    return wish_of(replace(grant, ends_at=ends_at))


def _executed(assignments: tuple[Assignment, ...], wish: GrantWish) -> dict[str, str]:
    """For the audit: what was assigned where, until when."""
    where = "; ".join(f"{each.role_name} at {each.scope}" for each in assignments)
    return {"assignments": where, "ends_at": wish.ends_at.isoformat(), "principal": wish.principal.object_id}
