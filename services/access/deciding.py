"""Deciding on requests: approve, deny, cancel, and once more when giving failed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.access.decide import Decision, Outcome, decide, decide_vote
from services.access.endings import decided_already, ending, over
from services.access.facts import AccessPorts, FactFinder, Found, request_facts
from services.access.gate import Gate, about_request, event
from services.access.granting import Granting
from services.access.model import (
    AccessRequest,
    EndReason,
    Grant,
    GrantStatus,
    RequestStatus,
    SubjectKind,
    Verdict,
    Vote,
)
from services.access.notices import cards, destinations, holder_of, redrawn, told_of_request
from services.access.offer import REASON_LIMIT
from services.access.ports import Change
from services.actor import Actor
from services.errors import Conflict, InvalidInput, NotAllowed, UserError

NEEDS_BROWSER = "needs_browser"
"""Code of the refusal where the policy wants more than a click in Slack."""
_ROUNDS = 5
"""How often a vote is counted anew because another one came in between."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """A request with one more vote, and what is decided with it."""

    request: AccessRequest
    decision: Decision
    found: Found


class Deciding:
    """Moves requests. See `AccessService` for what each method promises."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts
        self._gate = Gate(ports)
        self._granting = Granting(ports, facts)

    async def approve(self, actor: Actor, request_id: str) -> AccessRequest:
        """See `AccessService.approve`."""
        request = await self._gate.request(actor, "request.approve", request_id)
        return await self._insist(actor, "request.approve", request, Verdict.APPROVE, "")

    async def deny(self, actor: Actor, request_id: str, reason: str) -> AccessRequest:
        """See `AccessService.deny`."""
        request = await self._gate.request(actor, "request.deny", request_id)
        return await self._insist(actor, "request.deny", request, Verdict.DENY, checked_text(reason, "reason"))

    async def cancel(self, actor: Actor, request_id: str) -> AccessRequest:
        """See `AccessService.cancel`."""
        action = "request.cancel"
        request = await self._gate.request(actor, action, request_id)
        if actor.user_id != request.requester and not actor.is_admin:
            error = NotAllowed("Only who asked can take a request back.", code="not_the_requester")
            raise await self._gate.refused(actor, action, error, about_request(request))
        if request.status not in {RequestStatus.PENDING, RequestStatus.FAILED}:
            raise await self._gate.refused(actor, action, decided_already(request), about_request(request))
        now = self._ports.clock.now()
        cancelled = over(request, RequestStatus.CANCELLED, now, by=actor.user_id)
        failed = await self._failed_grant(request)
        change = Change(
            request=cancelled,
            request_was=request.status,
            grant=None if failed is None else ending(failed, EndReason.DONE, now, by=actor.user_id),
            grant_was=None if failed is None else GrantStatus.FAILED,
            audit=(event(actor.user_id, "request.cancelled", about_request(cancelled)),),
            notices=redrawn(cancelled, had=request.asked),
        )
        if await self._ports.apply(change):
            return cancelled
        raise await self._late(actor, action, request)

    async def retry(self, actor: Actor, request_id: str) -> AccessRequest:
        """See `AccessService.retry`."""
        action = "request.retry"
        request = await self._gate.request(actor, action, request_id)
        await self._require_concerned(actor, action, request)
        if request.status is not RequestStatus.FAILED:
            raise await self._gate.refused(
                actor, action, Conflict("This did not fail, or was tried again already."), about_request(request)
            )
        now = self._ports.clock.now()
        again = replace(request, status=RequestStatus.APPROVED, failure="", revision=request.revision + 1)
        grant = await self._ports.store.grant(request.grant_id) if request.grant_id else None
        woken, was = None, None
        if grant is not None and grant.status in {GrantStatus.FAILED, GrantStatus.ACTIVE}:
            status = GrantStatus.GRANTING if grant.status is GrantStatus.FAILED else GrantStatus.ACTIVE
            woken, was = (
                replace(grant, status=status, next_try_at=now, attempts=0, failure="", revision=grant.revision + 1),
                grant.status,
            )
        else:
            again = replace(again, grant_id="")  # what it would have prolonged is over: it is given anew
        change = Change(
            request=again,
            request_was=RequestStatus.FAILED,
            grant=woken,
            grant_was=was,
            audit=(event(actor.user_id, "request.retried", about_request(again)),),
            notices=redrawn(again, had=request.asked),
        )
        if await self._ports.apply(change):
            self._ports.wake_executor()
            return again
        raise await self._gate.refused(
            actor, action, Conflict("Somebody else tried it again just now."), about_request(request)
        )

    # Votes

    async def _insist(
        self, actor: Actor, action: str, request: AccessRequest, verdict: Verdict, reason: str
    ) -> AccessRequest:
        """Count a vote, anew when somebody else's came in between."""
        for _ in range(_ROUNDS):
            try:
                change = await self._vote(actor, request, verdict, reason)
            except (NotAllowed, Conflict) as error:
                raise await self._gate.refused(actor, action, error, about_request(request)) from error
            if await self._ports.apply(change):
                assert change.request is not None
                return change.request
            request = await self._gate.request(actor, action, request.id)
        raise Conflict("Others decide on this at the same moment. Look at it again.")

    async def _vote(self, actor: Actor, request: AccessRequest, verdict: Verdict, reason: str) -> Change:
        """What a vote changes. Raises DecidedAlready, NotAllowed, Conflict, Unavailable."""
        self._require_waiting(request)
        found = await self._facts.find_for(request, present=[actor.user_id])
        policy, facts = self._ports.policy(), request_facts(request)
        before = decide(policy, facts, found.facts)
        allowed = decide_vote(policy, facts, found.facts, actor.user_id)
        if not allowed.allowed:
            raise NotAllowed(allowed.explanation, code=allowed.code.value)
        if verdict is Verdict.APPROVE and before.terms is not None and before.terms.needs_browser:
            raise NotAllowed(
                "The access policy wants this approved in the browser after a sign-in, which this bot does not offer. "
                "Deny it, or ask an admin of this bot to change the policy.",
                code=NEEDS_BROWSER,
            )
        vote = Vote(actor.user_id, before.stage, verdict, self._ports.clock.now(), reason)
        votes = (*request.votes, vote)
        after = decide(policy, facts, found.with_votes(votes))
        counted = _Counted(replace(request, votes=votes), after, found)
        if verdict is Verdict.DENY:
            return self._denied(actor, counted, reason, policy.digest)
        if after.outcome is Outcome.GRANT:
            return await self._approved(actor, counted, policy.digest)
        return self._counts(actor, counted, policy.digest)

    def _require_waiting(self, request: AccessRequest) -> None:
        if request.status is not RequestStatus.PENDING:
            raise decided_already(request)
        if request.expires_at <= self._ports.clock.now():
            raise decided_already(replace(request, status=RequestStatus.EXPIRED))

    def _denied(self, actor: Actor, counted: _Counted, reason: str, digest: str) -> Change:
        request, code = counted.request, counted.decision.code.value
        denied = over(
            request, RequestStatus.DENIED, self._ports.clock.now(), by=actor.user_id, reason=reason, code=code
        )
        told = told_of_request("denied", denied, [denied.requester, holder_of(denied)])
        return Change(
            request=denied,
            request_was=RequestStatus.PENDING,
            audit=(event(actor.user_id, "request.denied", about_request(denied), reason=reason, policy=digest),),
            notices=(*redrawn(denied, had=request.asked), *told),
        )

    def _counts(self, actor: Actor, counted: _Counted, digest: str) -> Change:
        """Others must approve too: those of the stage that waits now get the card."""
        request, decision = counted.request, counted.decision
        had = request.asked
        new = tuple(each for each in destinations(decision, request.votes) if each not in had)
        waits = replace(
            request,
            stage=decision.stage,
            asked=(*had, *new),
            reason_code=decision.code.value,
            revision=request.revision + 1,
        )
        voted = event(
            actor.user_id,
            "request.voted",
            about_request(waits),
            stage=str(request.votes[-1].stage + 1),
            explanation=decision.explanation,
            policy=digest,
        )
        return Change(
            request=waits,
            request_was=RequestStatus.PENDING,
            audit=(voted,),
            notices=(*redrawn(waits, had=had), *cards(waits, new)),
        )

    async def _approved(self, actor: Actor, counted: _Counted, digest: str) -> Change:
        request, decision = counted.request, counted.decision
        extended = await self._granting.extended(request)
        opening = None
        if extended is None:
            opening = await self._granting.plan(request, counted.found.sources)
            if not set(opening.plan.opens) <= set(request.opens):
                raise Conflict(
                    "What this would open is not what the card says any more, since the dataset was changed. "
                    "Let it be asked for anew."
                )
        begun = self._granting.begin(request, extended, opening)
        approved = replace(
            request,
            status=RequestStatus.APPROVED,
            stage=decision.stage,
            decided_at=self._ports.clock.now(),
            decided_by=actor.user_id,
            reason_code=decision.code.value,
            next_reminder_at=None,
            grant_id=begun.grant.id,
            revision=request.revision + 1,
        )
        entry = event(
            actor.user_id,
            "request.approved",
            about_request(approved),
            code=decision.code.value,
            explanation=decision.explanation,
            opens=" ".join(approved.opens),
            policy=digest,
        )
        return Change(
            request=approved,
            request_was=RequestStatus.PENDING,
            grant=begun.grant,
            grant_was=begun.was,
            audit=(entry,),
            notices=redrawn(approved, had=request.asked),
        )

    # Who may, and who was first

    async def _late(self, actor: Actor, action: str, request: AccessRequest) -> UserError:
        """The error for who was not first, once it is in the audit."""
        now = await self._ports.store.request(request.id)
        error: UserError = Conflict("Somebody changed this just now. Look at it again.")
        if now is not None and now.status not in {RequestStatus.PENDING, RequestStatus.FAILED}:
            error = decided_already(now)
        return await self._gate.refused(actor, action, error, about_request(request))

    async def _failed_grant(self, request: AccessRequest) -> Grant | None:
        """What a failed request left half done, unless it was to prolong something that is in force."""
        if request.status is not RequestStatus.FAILED or not request.grant_id:
            return None
        grant = await self._ports.store.grant(request.grant_id)
        return grant if grant is not None and grant.status is GrantStatus.FAILED else None

    async def _require_concerned(self, actor: Actor, action: str, request: AccessRequest) -> None:
        """The requester, the holder, those who decided, the owner and admins."""
        holder = request.subject.id if request.subject.kind is SubjectKind.USER else ""
        concerned = {request.requester, holder, request.decided_by, *(vote.approver for vote in request.votes)}
        if actor.user_id in concerned or actor.is_admin:
            return
        dataset = await self._ports.datasets.dataset(request.dataset)
        if actor.user_id != dataset.owner:
            error = NotAllowed("Only those whom this request is about can try it again.", code="not_concerned")
            raise await self._gate.refused(actor, action, error, about_request(request))


def checked_text(text: str, field: str) -> str:
    """A reason or note, stripped. Raises InvalidInput for none and for one that is too long."""
    text = text.strip()
    if not text:
        raise InvalidInput(f"A {field} is needed. Say it in a sentence.", field=field)
    if len(text) > REASON_LIMIT:
        raise InvalidInput(f"The {field} is too long; {REASON_LIMIT:,} characters are the most.", field=field)
    return text
