"""From an approved request to the grant that the executor makes true."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.access.facts import AccessPorts, FactFinder, grant_id_of
from services.access.model import AccessRequest, Grant, GrantPlan, GrantStatus, Principal, Review, Verdict
from services.datasets.model import Source
from services.errors import NotAllowed

NO_SUCH_ACCESS = "no_such_access"
"""Code of the refusal where per-dataset access does not exist for the data."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What is written with the approval. was: the grant's status before, None for a new one."""

    grant: Grant
    was: GrantStatus | None


@dataclass(frozen=True, slots=True)
class Opening:
    """For whom, and what granting will do."""

    principal: Principal
    plan: GrantPlan


class Granting:
    """Plans and begins grants. What it returns is written by the caller together with the request."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts

    async def extended(self, request: AccessRequest) -> Grant | None:
        """The grant that a request prolongs, if it is still in force; None when access has to be given anew."""
        if not request.extends:
            return None
        grant = await self._ports.store.grant(request.extends)
        now = self._ports.clock.now()
        is_there = grant is not None and grant.status is GrantStatus.ACTIVE
        return grant if is_there and grant is not None and (grant.ends_at is None or grant.ends_at > now) else None

    async def plan(self, request: AccessRequest, sources: tuple[Source, ...]) -> Opening:
        """What granting would do now. Raises NotAllowed (no such access), IdentityProblem, Unavailable."""
        principal = await self._facts.identify(request.subject)
        return Opening(principal, await self.possible(sources, request, principal))

    async def possible(self, sources: tuple[Source, ...], request: AccessRequest, principal: Principal) -> GrantPlan:
        """The plan, when there is one. Raises NotAllowed, Unavailable."""
        plan = await self._ports.grants.plan(sources, request.level, principal)
        if not plan.possible:
            raise NotAllowed(" ".join(filter(None, (plan.why_not, plan.instead))), code=NO_SUCH_ACCESS)
        return plan

    def begin(self, request: AccessRequest, extended: Grant | None, opening: Opening | None) -> Begun:
        """The grant as it is written with the approval. One of the two is given.

        A grant that is prolonged stays in force to its old end until the executor has prolonged it.
        """
        now = self._ports.clock.now()
        if extended is not None:
            waking = replace(extended, next_try_at=now, attempts=0, failure="", revision=extended.revision + 1)
            return Begun(waking, GrantStatus.ACTIVE)
        if opening is None:
            raise ValueError(f"request {request.id} has neither a grant to prolong nor a plan")
        return Begun(
            Grant(
                id=grant_id_of(request.id),
                request_id=request.id,
                dataset=request.dataset,
                level=request.level,
                subject=request.subject,
                principal=opening.principal,
                requested_by=request.requester,
                approved_by=approvers_of(request),
                duration=request.duration,
                created_at=now,
                places=opening.plan.places,
                opens=opening.plan.opens,
                next_try_at=now,
                emergency=request.emergency,
                review=Review.OPEN if request.emergency else Review.NONE,
            ),
            None,
        )


def approvers_of(request: AccessRequest) -> tuple[str, ...]:
    """Who approved, each once, in order."""
    return tuple(dict.fromkeys(vote.approver for vote in request.votes if vote.verdict is Verdict.APPROVE))
