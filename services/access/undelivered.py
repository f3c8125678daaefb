"""What is done when somebody cannot be told: a channel was archived, a person left."""

from __future__ import annotations

from dataclasses import replace

from services.access.facts import AccessPorts, FactFinder
from services.access.gate import BOT, About, about_request, event
from services.access.model import AuditEvent, RequestStatus
from services.access.notices import ASKED_AT_ONCE, REQUEST, cards
from services.access.ports import Change
from services.outbox import StoredNotice

_ROUNDS = 5


class Undelivered:
    """Puts it into the audit; who decides is asked directly where the channel for it takes nothing any more."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts

    async def tell(self, stored: StoredNotice, error: str) -> None:
        """See `services.outbox.Undelivered`; once for each notice, however often it is called."""
        request_id, grant_id = stored.notice.args.get("request_id"), stored.notice.args.get("grant_id")
        about = About(request_id=str(request_id or ""), grant_id=str(grant_id or ""))
        for _ in range(_ROUNDS):
            change = await self._asked_directly(stored, error, about) if stored.notice.kind == REQUEST else None
            if change is None:
                await self._ports.store.audit([_entry(stored, error, about)])
                return
            if await self._ports.apply(change):
                return

    async def _asked_directly(self, stored: StoredNotice, error: str, about: About) -> Change | None:
        """Cards for those who may decide and have none; None when that is nobody, or nothing waits any more."""
        request = await self._ports.store.request(about.request_id)
        if request is None or request.status is not RequestStatus.PENDING:
            return None
        found = await self._facts.find_for(request)
        approvers = sorted(self._facts.decide(request, found).approvers - set(request.asked))[:ASKED_AT_ONCE]
        if not approvers:
            return None
        asked = replace(request, asked=(*request.asked, *approvers), revision=request.revision + 1)
        return Change(
            request=asked,
            request_was=RequestStatus.PENDING,
            audit=(_entry(stored, error, about_request(request)),),
            notices=cards(asked, approvers),
        )


def _entry(stored: StoredNotice, error: str, about: About) -> AuditEvent:
    return event(BOT, "notice.undelivered", about, to=stored.notice.to, key=stored.notice.key, error=error)
