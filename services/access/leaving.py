"""Holders who were deactivated in Slack, became guests or left: their grants are told to the owner, or ended."""

from __future__ import annotations

import structlog

from services.access.endings import ending
from services.access.facts import AccessPorts
from services.access.gate import BOT, about_grant, event
from services.access.model import EndReason, Grant, GrantStatus, Subject, SubjectKind
from services.access.notices import told_of_grant
from services.access.policy import DepartedHolders
from services.access.ports import Change
from services.errors import Unavailable

log = structlog.get_logger(__name__)

AT_A_TIME = 40
"""People asked about in one look; Slack answers some hundred `users.info` a minute, and others ask too."""


class Departures:
    """Looks round all people who hold access, some at each call. Belongs to one process; others may do the same."""

    def __init__(self, ports: AccessPorts) -> None:
        self._ports = ports
        self._after = ""
        self._told: set[str] = set()  # grants that are in the audit already, since this process began

    async def run(self) -> int:
        """Look at the next people; returns how many grants were told or ended. A Slack that is silent ends the look."""
        people = await self._ports.store.holders(self._after, AT_A_TIME)
        done = 0
        for user in people:
            try:
                found = await self._ports.people.person(user)
            except Unavailable as error:
                log.info("access_holders_not_known", reason=error.sentence)
                return done
            self._after = user
            if not found.is_member:
                done += await self._left(user)
        if len(people) < AT_A_TIME:
            self._after = ""  # round again
        return done

    async def _left(self, user: str) -> int:
        grants = await self._ports.store.grants_for(Subject(SubjectKind.USER, user, ""), _MANY)
        return sum([await self._grant(each) for each in grants if each.status is GrantStatus.ACTIVE])

    async def _grant(self, grant: Grant) -> bool:
        """Told once for each grant, as its notices' keys see to."""
        now = self._ports.clock.now()
        if self._ports.policy().departed_holders is DepartedHolders.REVOKE:
            gone = ending(grant, EndReason.LEFT, now, note=_NOTE)
            entry = event(BOT, "grant.holder_left", about_grant(grant), outcome="revoked")
            return await self._ports.apply(Change(grant=gone, grant_was=grant.status, audit=(entry,)))
        if grant.id in self._told:
            return False
        to = (await self._ports.owner(grant.dataset), *sorted(self._ports.admins))
        told = told_of_grant("left", grant, [each for each in to if each != grant.subject.id])
        entry = event(BOT, "grant.holder_left", about_grant(grant), outcome="reported")
        done = await self._ports.apply(Change(audit=(entry,), notices=told))
        self._told.add(grant.id)
        return done


_MANY = 1000
_NOTE = "The holder's Slack account is deactivated, a guest's or not of this workspace any more."
