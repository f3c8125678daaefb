"""Asking for access: what the form shows, what is wrong with it, and the request that it makes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.access.calendar import first_look
from services.access.decide import Decision, Outcome, ReasonCode, decide, who_decides
from services.access.decide_facts import RequestFacts
from services.access.facts import AccessPorts, FactFinder, Found, request_id_of
from services.access.gate import BOT, About, Gate, about_request, event
from services.access.granting import Granting, Opening
from services.access.model import (
    AccessRequest,
    Grant,
    GrantPlan,
    GrantStatus,
    Initiative,
    Principal,
    Reach,
    RequestStatus,
    Subject,
    SubjectKind,
    Verdict,
    Vote,
)
from services.access.notices import destinations, opened, told_of_request
from services.access.offer import PENDING_LIMIT, Offer, OpenAlready, Wish
from services.access.places import covers
from services.access.ports import Change, IdentityProblem
from services.access.wishes import decision_problem, plain_problems
from services.actor import Actor
from services.datasets.model import Problem
from services.errors import Busy, Conflict, InvalidInput, NotAllowed, NotFound, TimedOut, Unavailable

PROBLEMS_WITHIN = 1.5
"""Seconds that a form may be looked at before it is acknowledged."""
_SOME_TIME = timedelta(hours=1)
_SHORTEST = timedelta(minutes=1)
_SAID = "…"
"""Stands for a reason that is still to be typed."""
_TO_BE_FILLED_IN = {ReasonCode.TICKET_MISSING, ReasonCode.TICKET_MALFORMED, ReasonCode.DURATION_TOO_LONG}


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request that nothing speaks against, with what it was made from. extended: the grant it prolongs."""

    request: AccessRequest
    decision: Decision
    found: Found
    opening: Opening | None
    extended: Grant | None


class Submitting:
    """Begins requests. See `AccessService` for what each method promises."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts
        self._gate = Gate(ports)
        self._granting = Granting(ports, facts)

    async def offer(self, actor: Actor, wish: Wish) -> Offer:
        """See `AccessService.offer`."""
        await self._gate.member(actor, "request.offer", About(wish.dataset, wish.subject.id))
        extended = await self._to_extend(actor, wish)
        wish = wish if extended is None else _as_extension(wish, extended)
        dataset = await self._ports.datasets.dataset(wish.dataset)
        shown = replace(wish, reason=wish.reason or _SAID, duration=wish.duration or _SHORTEST)
        facts = wish_facts(shown, actor.user_id)
        found, has, waiting, (principal, problem) = await asyncio.gather(
            self._facts.find(wish.dataset, facts),
            self._has(wish),
            self._waiting(wish),
            self._identity(wish),
        )
        plan, reach = await asyncio.gather(
            self._ports.grants.plan(found.sources, wish.level, principal), self._reach(principal, wish, found)
        )
        if extended is not None:
            plan = GrantPlan(True, opens=extended.opens, takes=plan.takes, places=extended.places)
        decision = _as_if_complete(decide(self._ports.policy(), facts, found.facts))
        return Offer(dataset, decision, plan, has, reach, waiting, presets_of(decision, wish), principal, problem)

    async def problems(self, actor: Actor, wish: Wish) -> tuple[Problem, ...]:
        """See `AccessService.problems`."""
        plain = plain_problems(wish)
        if plain:
            return plain
        try:
            async with asyncio.timeout(PROBLEMS_WITHIN):
                return await self._found_problems(actor, wish)
        except (TimeoutError, Unavailable, Busy, TimedOut):
            return ()  # told by submit

    async def submit(self, actor: Actor, wish: Wish, *, key: str) -> AccessRequest:
        """See `AccessService.submit`."""
        request_id = request_id_of(key)
        about = About(wish.dataset, wish.subject.id, request_id)
        if known := await self._ports.store.request(request_id):
            return await self._made_before(actor, known)
        await self._gate.member(actor, "request", about)
        try:
            draft = await self._draft(actor, wish, request_id)
        except (NotAllowed, NotFound, IdentityProblem, Conflict) as error:
            raise await self._gate.refused(actor, "request", error, about) from error
        if await self._ports.apply(self._change(actor, draft)):
            stored = await self._ports.store.request(request_id)
            return stored or draft.request
        return await self._first_of_two(actor, draft.request)

    async def _first_of_two(self, actor: Actor, request: AccessRequest) -> AccessRequest:
        known = await self._ports.store.request(request.id)
        if known is None:
            raise Conflict("The access that this would extend changed just now. Look at it and ask again.")
        return await self._made_before(actor, known)

    async def _made_before(self, actor: Actor, known: AccessRequest) -> AccessRequest:
        if known.requester == actor.user_id:
            return known
        error = NotAllowed("This form was submitted by somebody else.", code="not_the_requester")
        raise await self._gate.refused(actor, "request", error, about_request(known))

    # Checks

    async def _draft(self, actor: Actor, wish: Wish, request_id: str) -> _Draft:
        extended = await self._to_extend(actor, wish)
        wish = wish if extended is None else _as_extension(wish, extended)
        for wrong in plain_problems(wish):
            raise InvalidInput(wrong.sentence, field=wrong.field)
        self._check_kind(wish.subject.kind)
        if await self._ports.store.pending_count(actor.user_id) >= PENDING_LIMIT:
            sentence = f"You have {PENDING_LIMIT} requests waiting, which is the most. Cancel one that you do not need."
            raise NotAllowed(sentence, code="too_many_pending")
        await self._ports.datasets.dataset(wish.dataset)  # NotFound with what may have been meant
        facts = wish_facts(wish, actor.user_id)
        found, has, waiting, (principal, problem) = await asyncio.gather(
            self._facts.find(wish.dataset, facts, present=[actor.user_id]),
            self._has(wish),
            self._waiting(wish),
            self._identity(wish),
        )
        decision = decide(self._ports.policy(), facts, found.facts)
        if decision.outcome is Outcome.REFUSE:
            raise NotAllowed(decision.explanation, code=decision.code.value)
        if waiting is not None:
            raise OpenAlready(_waiting_sentence(waiting), request_id=waiting.id)
        if principal is None:
            raise IdentityProblem(problem, field="subject")
        request = self._request(actor, wish, request_id, decision)
        if extended is not None:
            return _Draft(replace(request, opens=extended.opens), decision, found, None, extended)
        plan = await self._granting.possible(found.sources, request, principal)
        if held := next(
            (each for each in has if each.level.covers(wish.level) and covers(each.places, plan.places)), None
        ):
            raise OpenAlready(_held_sentence(held), grant_id=held.id)
        subject = replace(wish.subject, name=_name_of(wish.subject, principal))
        request = replace(request, subject=subject, opens=plan.opens)
        return _Draft(request, decision, found, Opening(principal, plan), None)

    async def _found_problems(self, actor: Actor, wish: Wish) -> tuple[Problem, ...]:
        try:
            extended = await self._to_extend(actor, wish)
            wish = wish if extended is None else _as_extension(wish, extended)
            self._check_kind(wish.subject.kind)
            await self._ports.datasets.dataset(wish.dataset)
        except (NotFound, NotAllowed, Conflict, InvalidInput) as error:
            return (Problem(error.field or "dataset", error.sentence),)
        facts = wish_facts(wish, actor.user_id)
        found, (_, problem) = await asyncio.gather(self._facts.find(wish.dataset, facts), self._identity(wish))
        decision = decide(self._ports.policy(), facts, found.facts)
        if decision.outcome is Outcome.REFUSE:
            return (decision_problem(decision),)
        return (Problem("subject", problem),) if problem else ()

    def _check_kind(self, kind: SubjectKind) -> None:
        if kind not in self._ports.directory.kinds:
            raise InvalidInput("In this workspace access is given to people only.", field="subject")

    async def _to_extend(self, actor: Actor, wish: Wish) -> Grant | None:
        """The grant that a wish prolongs. Raises NotFound, NotAllowed, Conflict."""
        if not wish.extends:
            return None
        grant = await self._ports.store.grant(wish.extends)
        if grant is None:
            raise NotFound("There is no such access to extend.")
        dataset = await self._ports.datasets.dataset(grant.dataset)
        if actor.user_id not in {grant.requested_by, grant.subject.id, dataset.owner} and not actor.is_admin:
            raise NotAllowed("Only who holds this access, or asked for it, can extend it.", code="not_the_holder")
        now = self._ports.clock.now()
        if grant.status is not GrantStatus.ACTIVE or grant.ends_at is None or grant.ends_at <= now:
            raise Conflict("This access has ended. Ask for it anew.")
        if now + wish.duration <= grant.ends_at and wish.duration:
            raise InvalidInput("It lasts longer than that already. Choose a longer duration.", field="duration")
        return grant

    async def _identity(self, wish: Wish) -> tuple[Principal | None, str]:
        try:
            return await self._facts.identify(wish.subject), ""
        except IdentityProblem as problem:
            return None, problem.sentence

    async def _reach(self, principal: Principal | None, wish: Wish, found: Found) -> Reach | None:
        if principal is None:
            return None
        return await self._facts.reach(principal, wish.dataset, found.sources, wish.level)

    async def _has(self, wish: Wish) -> tuple[Grant, ...]:
        live = await self._ports.store.grants_for(wish.subject)
        return tuple(each for each in live if each.dataset == wish.dataset and each.status is not GrantStatus.ENDING)

    async def _waiting(self, wish: Wish) -> AccessRequest | None:
        """An open request that would do the same. An emergency does not wait for what was asked in peace."""
        return next(
            (
                each
                for each in await self._ports.store.pending(wish.dataset, wish.subject)
                if each.level.covers(wish.level) and each.extends == wish.extends and each.emergency is wish.emergency
            ),
            None,
        )

    # What is written

    def _request(self, actor: Actor, wish: Wish, request_id: str, decision: Decision) -> AccessRequest:
        now = self._ports.clock.now()
        terms = decision.terms
        votes = _giving_votes(actor, wish, decision, now)
        request = AccessRequest(
            id=request_id,
            dataset=wish.dataset,
            level=wish.level,
            subject=wish.subject,
            requester=actor.user_id,
            duration=wish.duration,
            reason=wish.reason.strip(),
            created_at=now,
            expires_at=now + (terms.expires_after if terms else _SOME_TIME),
            ticket=wish.ticket.strip(),
            initiative=wish.initiative,
            emergency=wish.emergency,
            extends=wish.extends,
            channel=wish.channel,
            rule=terms.rule if terms else "",
            stage=decision.stage,
            votes=votes,
            reason_code=decision.code.value,
        )
        if decision.outcome is Outcome.GRANT:
            by = actor.user_id if votes else BOT
            return replace(request, status=RequestStatus.APPROVED, decided_at=now, decided_by=by)
        return replace(request, asked=destinations(decision, votes), next_reminder_at=first_look(terms, now))

    def _change(self, actor: Actor, draft: _Draft) -> Change:
        request, decision = draft.request, draft.decision
        digest = self._ports.policy().digest
        asked = event(
            actor.user_id,
            "request.submitted",
            about_request(request),
            level=request.level.value,
            duration=str(request.duration),
            reason=request.reason,
            ticket=request.ticket,
            for_kind=request.subject.kind.value,
            extends=request.extends,
            emergency="yes" if request.emergency else "",
            rule=request.rule,
            policy=digest,
        )
        if decision.outcome is not Outcome.GRANT:
            told = told_of_request("asked", request, decision.terms.notify if decision.terms else ())
            return Change(request=request, audit=(asked,), notices=(*opened(request), *told))
        begun = self._granting.begin(request, draft.extended, draft.opening)
        request = replace(request, grant_id=begun.grant.id)
        approved = event(
            request.decided_by,
            "request.approved",
            about_request(request),
            code=decision.code.value,
            explanation=decision.explanation,
            policy=digest,
        )
        notices = opened(request)
        if request.emergency:
            owner = draft.found.facts.dataset.owner
            terms = decision.terms
            to = [*(sorted({*terms.notify, *terms.reviewers}) if terms else ()), owner, *sorted(self._ports.admins)]
            notices = (*notices, *told_of_request("emergency", request, to))
        return Change(request=request, grant=begun.grant, grant_was=begun.was, audit=(asked, approved), notices=notices)


def wish_facts(wish: Wish, requester: str) -> RequestFacts:
    """A wish as a decision sees it."""
    return RequestFacts(
        level=wish.level,
        subject=wish.subject,
        requester=requester,
        duration=wish.duration,
        reason=wish.reason.strip(),
        ticket=wish.ticket.strip(),
        initiative=wish.initiative,
        emergency=wish.emergency,
        extends=bool(wish.extends),
    )


def _giving_votes(actor: Actor, wish: Wish, decision: Decision, now: datetime) -> tuple[Vote, ...]:
    """Whoever gives access has approved by it, as the decision counts already: told as votes."""
    if wish.initiative is not Initiative.GIVE or decision.terms is None or decision.terms.automatic:
        return ()
    stages = enumerate(decision.terms.stages)
    return tuple(
        Vote(actor.user_id, n, Verdict.APPROVE, now) for n, stage in stages if actor.user_id in stage.approvers
    )


def _as_if_complete(decision: Decision) -> Decision:
    """What would be decided once the form is filled in rightly, for who looks at it before."""
    terms = decision.terms
    if decision.code not in _TO_BE_FILLED_IN or terms is None:
        return decision
    if terms.automatic:
        return Decision(Outcome.GRANT, ReasonCode.AUTOMATIC, who_decides(terms), terms, len(terms.stages))
    first = terms.stages[0]
    if any(len(stage.approvers) < stage.needed for stage in terms.stages):
        return decision
    return Decision(Outcome.ASK, ReasonCode.WAITING, who_decides(terms), terms, 0, first.approvers, first.needed)


def presets_of(decision: Decision, wish: Wish) -> tuple[timedelta, ...]:
    """Durations to choose from: those of the policy, for an emergency none longer than its own limit."""
    terms = decision.terms
    if terms is None:
        return ()
    longest = terms.emergency_longest if wish.emergency and terms.emergency_longest else terms.longest
    return tuple(each for each in terms.presets if each <= longest) or (longest,)


def _as_extension(wish: Wish, grant: Grant) -> Wish:
    return replace(wish, dataset=grant.dataset, level=grant.level, subject=grant.subject, initiative=Initiative.ASK)


def _name_of(subject: Subject, principal: Principal) -> str:
    """As Entra tells it, never as a form says."""
    return "" if subject.kind is SubjectKind.USER else principal.name


def _waiting_sentence(request: AccessRequest) -> str:
    match request.status:
        case RequestStatus.PENDING:
            return "The same was asked for already, and waits for a decision."
        case RequestStatus.FAILED:
            return "The same was approved already, but could not be given. Try that one again, or cancel it."
        case _:
            return "The same was approved already, and is being given now."


def _held_sentence(grant: Grant) -> str:
    if grant.ends_at is None:
        return f"{grant.level.value.capitalize()} access to “{grant.dataset}” is being given already."
    until = f"{grant.ends_at:%d %B %Y, %H:%M} UTC"
    return f"There is {grant.level.value} access to “{grant.dataset}” already, until {until}. Extend that one."
