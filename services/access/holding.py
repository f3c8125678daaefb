"""Access that is held: who has it, giving it back, taking it away, reviewing emergencies."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from services.access.decide import Terms
from services.access.deciding import checked_text
from services.access.endings import ending, over
from services.access.facts import AccessPorts, FactFinder
from services.access.gate import Gate, about_grant, event
from services.access.model import (
    AccessRequest,
    EndReason,
    Grant,
    GrantStatus,
    RequestStatus,
    Review,
    Subject,
    SubjectKind,
)
from services.access.notices import keeper_of, redrawn, redrawn_for
from services.access.offer import GrantList, MyAccess
from services.access.ports import Change
from services.actor import Actor
from services.errors import Conflict, NotAllowed, NotFound, Unavailable

_LOOK_SECONDS = 1.0
"""How long the App Home waits for who may vote on what."""
_GOING = {
    GrantStatus.GRANTING: "This access is being given at this moment. Try again once it is there.",
    GrantStatus.ENDING: "This access is being ended already.",
    GrantStatus.ENDED: "This access has ended already.",
    GrantStatus.FAILED: "This access was never given. Cancel the request instead.",
}


class Holding:
    """What holders and owners see and do. See `AccessService` for what each method promises."""

    def __init__(self, ports: AccessPorts, facts: FactFinder) -> None:
        self._ports = ports
        self._facts = facts
        self._gate = Gate(ports)

    async def grant(self, grant_id: str) -> Grant:
        """See `AccessService.grant`."""
        grant = await self._ports.store.grant(grant_id)
        if grant is None:
            raise NotFound("There is no such access.")
        return grant

    async def grants(self, actor: Actor, dataset: str) -> GrantList:
        """See `AccessService.grants`."""
        found = await self._ports.datasets.dataset(dataset)
        live = await self._ports.store.live_grants(found.name)
        ended = await self._ports.store.ended_grants(found.name)
        may_manage = actor.is_admin or (bool(found.owner) and actor.user_id == found.owner)
        if not may_manage:
            live = tuple(each for each in live if _concerns(each, actor.user_id))
            ended = tuple(each for each in ended if _concerns(each, actor.user_id))
        return GrantList(found, live, ended, may_manage)

    async def mine(self, actor: Actor) -> MyAccess:
        """See `AccessService.mine`."""
        store = self._ports.store
        reviews = await store.open_reviews()
        return MyAccess(
            grants=await store.grants_for(Subject(SubjectKind.USER, actor.user_id)),
            requests=await store.requests_of(actor.user_id),
            waiting=await self._waiting(actor),
            reviews=tuple([each for each in reviews if await self._may_review(actor, each)]),
        )

    async def _waiting(self, actor: Actor) -> tuple[AccessRequest, ...]:
        """What this person may vote on now, oldest first: of the cards they have and of those in the policy's channels.

        Where that takes longer than a moment to find out, the cards they have.
        """
        policy, store = self._ports.policy(), self._ports.store
        channels = {each.channel for each in (*policy.rules, policy.defaults) if each.channel}
        found: dict[str, AccessRequest] = {}
        for place in (actor.user_id, *sorted(channels)):
            found |= {each.id: each for each in await store.waiting_for(place)}
        requests = sorted(found.values(), key=lambda each: (each.created_at, each.id))
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                mine = await asyncio.gather(*(self._may_vote(actor, each) for each in requests))
        except (TimeoutError, Unavailable):
            mine = [actor.user_id in each.asked for each in requests]
        return tuple(each for each, is_mine in zip(requests, mine, strict=True) if is_mine)

    async def _may_vote(self, actor: Actor, request: AccessRequest) -> bool:
        found = await self._facts.find_for(request)
        return actor.user_id in self._facts.decide(request, found).approvers

    async def done(self, actor: Actor, grant_id: str) -> Grant:
        """See `AccessService.done`."""
        grant = await self._gate.grant(actor, "grant.done", grant_id)
        if actor.user_id != keeper_of(grant):
            error = NotAllowed("Only who holds this access can give it back.", code="not_the_holder")
            raise await self._gate.refused(actor, "grant.done", error, about_grant(grant))
        if grant.status is not GrantStatus.ACTIVE:
            error_now = Conflict(_GOING[grant.status])
            raise await self._gate.refused(actor, "grant.done", error_now, about_grant(grant))
        return await self._end(actor, grant, EndReason.DONE, "")

    async def revoke(self, actor: Actor, grant_id: str, reason: str) -> Grant:
        """See `AccessService.revoke`."""
        grant = await self._gate.grant(actor, "grant.revoke", grant_id)
        owner = await self._owner(grant)
        if not actor.is_admin and (not owner or actor.user_id != owner):
            error = NotAllowed("Only the dataset's owner and admins of this bot revoke access.", code="not_the_owner")
            raise await self._gate.refused(actor, "grant.revoke", error, about_grant(grant))
        reason = checked_text(reason, "reason")
        if grant.status in {GrantStatus.ENDING, GrantStatus.ENDED, GrantStatus.FAILED}:
            error_now = Conflict(_GOING[grant.status])
            raise await self._gate.refused(actor, "grant.revoke", error_now, about_grant(grant))
        return await self._end(actor, grant, EndReason.REVOKED, reason)

    async def review(self, actor: Actor, grant_id: str, note: str) -> Grant:
        """See `AccessService.review`."""
        grant = await self._gate.grant(actor, "grant.review", grant_id)
        if not await self._may_review(actor, grant):
            error = NotAllowed(
                "Emergency access is reviewed by the dataset's owner, those whom the policy names and admins, never by "
                "who took it.",
                code="not_a_reviewer",
            )
            raise await self._gate.refused(actor, "grant.review", error, about_grant(grant))
        note = checked_text(note, "note")
        if grant.review is not Review.OPEN:
            sentence = "This was reviewed already." if grant.review is Review.DONE else "There is nothing to review."
            raise await self._gate.refused(actor, "grant.review", Conflict(sentence), about_grant(grant))
        done = replace(
            grant,
            review=Review.DONE,
            reviewed_by=actor.user_id,
            review_note=note,
            revision=grant.revision + 1,
        )
        change = Change(
            grant=done,
            grant_was=grant.status,
            audit=(event(actor.user_id, "grant.reviewed", about_grant(done), note=note),),
            notices=redrawn_for(done, await self._ports.store.request(grant.request_id)),
        )
        if await self._ports.apply(change):
            return done
        raise await self._changed(actor, "grant.review", grant)

    async def _end(self, actor: Actor, grant: Grant, reason: EndReason, note: str) -> Grant:
        """Begin to end it: the executor does it, and tells it once it is done."""
        now = self._ports.clock.now()
        going = ending(grant, reason, now, by=actor.user_id, note=note)
        request = await self._ports.store.request(grant.request_id)
        stopped: AccessRequest | None = None
        if request is not None and request.status is RequestStatus.APPROVED and grant.granted_at is None:
            stopped = over(request, RequestStatus.CANCELLED, now, by=actor.user_id, reason=note)
        action = "grant.done" if reason is EndReason.DONE else "grant.revoked"
        change = Change(
            request=stopped,
            request_was=None if stopped is None else RequestStatus.APPROVED,
            grant=going,
            grant_was=grant.status,
            audit=(event(actor.user_id, action, about_grant(going), reason=note),),
            notices=redrawn_for(going, request) if stopped is None else redrawn(stopped, had=stopped.asked),
        )
        if await self._ports.apply(change):
            return going
        raise await self._changed(actor, f"grant.{'done' if reason is EndReason.DONE else 'revoke'}", grant)

    async def _changed(self, actor: Actor, action: str, grant: Grant) -> Conflict:
        now = await self._ports.store.grant(grant.id)
        sentence = "Somebody changed this just now. Look at it again."
        if now is not None and now.status in _GOING and now.status is not grant.status:
            sentence = _GOING[now.status]
        return await self._gate.refused(actor, action, Conflict(sentence), about_grant(grant))

    async def _owner(self, grant: Grant) -> str:
        """Owner of the dataset, "" when nobody owns it or it is not registered any more."""
        try:
            return (await self._ports.datasets.dataset(grant.dataset)).owner
        except NotFound:
            return ""

    async def _may_review(self, actor: Actor, grant: Grant) -> bool:
        if grant.review is Review.NONE or actor.user_id in {grant.requested_by, grant.subject.id, ""}:
            return False
        if actor.is_admin or actor.user_id == await self._owner(grant):
            return True
        request = await self._ports.store.request(grant.request_id)
        if request is None:
            return False
        found = await self._facts.find_for(request)
        return actor.user_id in _reviewers(self._facts.decide(request, found).terms)


def _reviewers(terms: Terms | None) -> frozenset[str]:
    return frozenset() if terms is None else terms.reviewers


def _concerns(grant: Grant, user_id: str) -> bool:
    return user_id in {keeper_of(grant), grant.requested_by}
