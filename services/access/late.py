"""Approved requests without a grant, as when what they were to prolong ended meanwhile: access is begun anew."""

from __future__ import annotations

from dataclasses import replace

import structlog

from services.access.facts import AccessPorts, FactFinder
from services.access.gate import BOT, about_request, event
from services.access.granting import Granting
from services.access.model import AccessRequest, RequestStatus
from services.access.notices import redrawn, told_of_request
from services.access.ports import Change
from services.errors import Unavailable, UserError

log = structlog.get_logger(__name__)
_PAGE = 100


class LateGrants:
    """Begins what was approved and has no grant yet."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts
        self._granting = Granting(ports, facts)

    async def run_due(self) -> int:
        """All of them; returns how many changes were made."""
        due = await self._ports.store.claim_requests(self._ports.clock.now(), _PAGE)
        return sum([await self._begin(each) for each in due if each.status is RequestStatus.APPROVED])

    async def _begin(self, request: AccessRequest) -> bool:
        try:
            found = await self._facts.find_for(request)
            opening = await self._granting.plan(request, found.sources)
        except Unavailable as error:
            log.info("access_begins_later", request_id=request.id, reason=error.sentence)
            return False
        except UserError as error:
            return await self._ports.apply(_failed(request, error.sentence))
        begun = self._granting.begin(request, None, opening)
        changed = replace(request, grant_id=begun.grant.id, revision=request.revision + 1)
        return await self._ports.apply(
            Change(request=changed, request_was=RequestStatus.APPROVED, grant=begun.grant, grant_was=begun.was)
        )


def _failed(request: AccessRequest, sentence: str) -> Change:
    failed = replace(request, status=RequestStatus.FAILED, failure=sentence, revision=request.revision + 1)
    told = told_of_request("failed", failed, [request.requester], nth=failed.revision, sentence=sentence)
    return Change(
        request=failed,
        request_was=RequestStatus.APPROVED,
        audit=(event(BOT, "grant.failed", about_request(failed), sentence=sentence),),
        notices=(*redrawn(failed, had=request.asked), *told),
    )
