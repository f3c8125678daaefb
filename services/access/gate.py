"""Who gets as far as acting on access, and the audit of those who do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from services.access.facts import AccessPorts
from services.access.model import AccessRequest, AuditEvent, Grant
from services.actor import Actor
from services.errors import NotAllowed, NotFound, UserError

BOT = "bot"
"""The actor of what nobody in Slack did."""
_Error = TypeVar("_Error", bound=UserError)


@dataclass(frozen=True, slots=True)
class About:
    """What an action was about, for the audit; "" where it is not known."""

    dataset: str = ""
    subject: str = ""
    request_id: str = ""
    grant_id: str = ""


def about_request(request: AccessRequest) -> About:
    """For the audit of what is done with a request."""
    return About(request.dataset, request.subject.id, request.id, request.grant_id)


def about_grant(grant: Grant) -> About:
    """For the audit of what is done with a grant."""
    return About(grant.dataset, grant.subject.id, grant.request_id, grant.id)


def event(actor: str, action: str, about: About, **details: str) -> AuditEvent:
    """An entry of the audit. details: left out where empty."""
    return AuditEvent(
        actor=actor,
        action=action,
        dataset=about.dataset,
        subject=about.subject,
        request_id=about.request_id,
        grant_id=about.grant_id,
        details=tuple((key, value) for key, value in details.items() if value),
    )


class Gate:
    """Lets members through. What it turns away is in the audit before it is raised."""

    def __init__(self, ports: AccessPorts) -> None:
        self._ports = ports

    async def refused(self, actor: Actor, action: str, error: _Error, about: About) -> _Error:
        """The error, once it is in the audit. action: what was tried, such as "request.approve"."""
        await self._ports.store.audit(
            [event(actor.user_id, f"{action}.refused", about, code=error.code, sentence=error.sentence)]
        )
        return error

    async def member(self, actor: Actor, action: str, about: About) -> None:
        """Slack is asked now whether the account is a full member's and active. Raises NotAllowed, Unavailable."""
        person = await self._ports.people.person(actor.user_id, fresh=True)
        if not person.is_member:
            sentence = "Only full members of this workspace, whose account is active, can do this."
            raise await self.refused(actor, action, NotAllowed(sentence, code="not_a_member"), about)

    async def request(self, actor: Actor, action: str, request_id: str) -> AccessRequest:
        """A request that a member names. Raises NotFound (in the audit: its id was made up), NotAllowed."""
        request = await self._ports.store.request(request_id)
        if request is None:
            about = About(request_id=request_id[:64])
            raise await self.refused(actor, action, NotFound("There is no such request for access."), about)
        await self.member(actor, action, about_request(request))
        return request

    async def grant(self, actor: Actor, action: str, grant_id: str) -> Grant:
        """A grant that a member names. Raises NotFound (in the audit: its id was made up), NotAllowed."""
        grant = await self._ports.store.grant(grant_id)
        if grant is None:
            about = About(grant_id=grant_id[:64])
            raise await self.refused(actor, action, NotFound("There is no such access."), about)
        await self.member(actor, action, about_grant(grant))
        return grant
