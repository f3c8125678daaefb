"""Looking: all there is to show of a request, and the audit."""

from __future__ import annotations

from datetime import datetime

from services.access.decide import Decision, Outcome, ReasonCode
from services.access.facts import AccessPorts, FactFinder, Found
from services.access.gate import About, Gate
from services.access.model import (
    AccessRequest,
    AuditEntry,
    GrantStatus,
    Principal,
    RequestStatus,
)
from services.access.offer import RequestCard
from services.access.ports import IdentityProblem
from services.actor import Actor
from services.errors import NotAllowed, NotFound, Unavailable

_EARLIER = 10
_AUDIT_MOST = 100
_UNKNOWN = Decision(
    Outcome.REFUSE, ReasonCode.NOBODY_CAN_DECIDE, "Who decides cannot be told now; something does not answer."
)


class Showing:
    """Shows. See `AccessService` for what each method promises."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts
        self._gate = Gate(ports)

    async def card(self, request_id: str) -> RequestCard:
        """See `AccessService.card`. What cannot be found out now is left out: a card is drawn all the same."""
        store = self._ports.store
        request = await store.request(request_id)
        if request is None:
            raise NotFound("There is no such request for access.")
        grant = await store.grant(request.grant_id) if request.grant_id else None
        held = await store.grants_for(request.subject)
        about = await store.requests_about(request.dataset, request.subject, _EARLIER)
        found = await self._found(request)
        decision = _UNKNOWN if found is None else self._facts.decide(request, found)
        principal, problem = await self._identity(request)
        if grant is not None and grant.principal.object_id:
            principal = grant.principal
        tag = self._ports.policy().sensitivity_tag
        dataset = None if found is None else found.dataset
        return RequestCard(
            request=request,
            dataset=dataset,
            decision=decision,
            principal=principal,
            has=tuple(
                each
                for each in held
                if each.dataset == request.dataset
                and each.id != request.grant_id
                and each.status in {GrantStatus.ACTIVE, GrantStatus.GRANTING}
            ),
            earlier=tuple(each for each in about if each.id != request.id and each.created_at <= request.created_at),
            grant=grant,
            warnings=await self._warnings(request, found, principal, problem),
            sensitivity=next((value for key, value in dataset.tags if key == tag), "") if dataset else "",
        )

    async def audit(
        self,
        actor: Actor,
        *,
        since: datetime | None,
        until: datetime | None,
        dataset: str,
        person: str,
        before: int | None,
        limit: int,
    ) -> tuple[AuditEntry, ...]:
        """See `AccessService.audit`."""
        about = About(dataset, person)
        await self._gate.member(actor, "audit.read", about)
        if not actor.is_admin and not await self._is_auditor(actor):
            error = NotAllowed(
                "The audit is for those whom the access policy names as auditors, and for admins of this bot.",
                code="not_an_auditor",
            )
            raise await self._gate.refused(actor, "audit.read", error, about)
        return await self._ports.store.audit_page(
            since=since,
            until=until,
            dataset=dataset,
            person=person,
            before=before,
            limit=max(1, min(limit, _AUDIT_MOST)),
        )

    async def _is_auditor(self, actor: Actor) -> bool:
        for each in self._ports.policy().auditors:
            if each == actor.user_id:
                return True
            if each.startswith("S") and actor.user_id in await self._ports.people.group_members(each, fresh=True):
                return True
        return False

    async def _found(self, request: AccessRequest) -> Found | None:
        try:
            return await self._facts.find_for(request)
        except Unavailable:
            return None

    async def _identity(self, request: AccessRequest) -> tuple[Principal | None, str]:
        try:
            return await self._facts.identify(request.subject), ""
        except (IdentityProblem, Unavailable) as problem:
            return None, problem.sentence

    async def _warnings(
        self, request: AccessRequest, found: Found | None, principal: Principal | None, problem: str
    ) -> tuple[str, ...]:
        """What an approver should know, only while it waits for one."""
        if request.status is not RequestStatus.PENDING:
            return ()
        warnings = [problem] if problem else []
        if found is None:
            return (*warnings, "Not everything about this request could be found out now; look again in a moment.")
        try:
            plan = await self._ports.grants.plan(found.sources, request.level, principal)
        except (Unavailable, NotAllowed) as error:
            return (*warnings, error.sentence)
        warnings += plan.warnings
        if not plan.possible:
            warnings += [each for each in (plan.why_not, plan.instead) if each]
        return tuple(warnings)
