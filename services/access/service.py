"""Access to datasets: asked for, decided, held, ended, looked up. The one door for handlers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.access.deciding import Deciding
from services.access.facts import AccessPorts, DatasetLookup, FactFinder
from services.access.gate import About, Gate
from services.access.holding import Holding
from services.access.model import AccessRequest, AuditEntry, Grant, Principal, SubjectKind
from services.access.offer import GrantList, MyAccess, Offer, RequestCard, Wish
from services.access.policy import Policy
from services.access.ports import AccessGrants, AccessStore, Directory, People
from services.access.showing import Showing
from services.access.submitting import Submitting
from services.access.undelivered import Undelivered
from services.actor import Actor
from services.datasets.model import Problem
from services.errors import UserError
from services.outbox import StoredNotice, Wakes
from services.ports import Clock


class AccessService:
    """Access as people ask for it. Raises the errors of `services.errors` with sentences for the reader.

    policy: the policy in force now, read anew for every decision. admins: Slack ids of this bot's admins.
    wake_executor: called after a change that leaves something to execute; never blocks.

    Every refusal, also of a forged id, a guest or a replayed click, is in the audit before it is raised.
    """

    def __init__(
        self,
        *,
        store: AccessStore,
        policy: Callable[[], Policy],
        people: People,
        directory: Directory,
        grants: AccessGrants,
        datasets: DatasetLookup,
        admins: frozenset[str],
        clock: Clock,
        wakes: Wakes,
        wake_executor: Callable[[], None],
    ) -> None:
        self.ports = AccessPorts(
            store=store,
            policy=policy,
            people=people,
            directory=directory,
            grants=grants,
            datasets=datasets,
            admins=admins,
            clock=clock,
            wakes=wakes,
            wake_executor=wake_executor,
        )
        facts = FactFinder(self.ports)
        self._submitting = Submitting(self.ports, facts)
        self._deciding = Deciding(self.ports, facts)
        self._holding = Holding(self.ports, facts)
        self._showing = Showing(self.ports, facts)
        self._undelivered = Undelivered(self.ports, facts)

    @property
    def subject_kinds(self) -> tuple[SubjectKind, ...]:
        """For whom access can be asked here."""
        return self.ports.directory.kinds

    # Asking

    async def offer(self, actor: Actor, wish: Wish) -> Offer:
        """What the form shows before it is submitted. Raises NotFound, NotAllowed (no member), Unavailable.

        Reason and ticket may still be empty and the duration zero.
        """
        return await self._submitting.offer(actor, wish)

    async def problems(self, actor: Actor, wish: Wish) -> tuple[Problem, ...]:
        """What is wrong with the fields dataset, level, subject, duration, reason, ticket, emergency; quick, and
        silent about what could not be found out in time: `submit` finds the rest.
        """
        return await self._submitting.problems(actor, wish)

    async def submit(self, actor: Actor, wish: Wish, *, key: str) -> AccessRequest:
        """Ask. The same key returns the request made the first time, so a replayed submission makes one.

        Returns it PENDING or, when the policy approves by itself, APPROVED. Raises NotAllowed (the policy refuses, its
        code is the reason code; or no access of this kind exists for the data), OpenAlready, InvalidInput, NotFound,
        IdentityProblem (field "subject"), Unavailable.
        """
        return await self._submitting.submit(actor, wish, key=key)

    async def search_principals(self, kind: SubjectKind, words: str) -> tuple[Principal, ...]:
        """Groups or service principals for a type-ahead; none for people, whom Slack's own menu finds."""
        if kind is SubjectKind.USER or kind not in self.subject_kinds:
            return ()
        return await self.ports.directory.search(kind, words.strip())

    # Deciding

    async def card(self, request_id: str) -> RequestCard:
        """All there is to show of a request, for drawing its cards. Raises NotFound."""
        return await self._showing.card(request_id)

    async def approve(self, actor: Actor, request_id: str) -> AccessRequest:
        """Vote for it; APPROVED once enough votes are in, else PENDING still.

        Raises NotFound, NotAllowed (code: reason code), DecidedAlready (who was first), Conflict (look again),
        Unavailable.
        """
        return await self._deciding.approve(actor, request_id)

    async def deny(self, actor: Actor, request_id: str, reason: str) -> AccessRequest:
        """One vote against it ends it. Raises as `approve`, and InvalidInput with field "reason"."""
        return await self._deciding.deny(actor, request_id, reason)

    async def cancel(self, actor: Actor, request_id: str) -> AccessRequest:
        """Take a request back while it waits or after it failed. Raises NotFound, NotAllowed, DecidedAlready."""
        return await self._deciding.cancel(actor, request_id)

    async def retry(self, actor: Actor, request_id: str) -> AccessRequest:
        """Execute a FAILED one again. Raises NotFound, NotAllowed, Conflict when it did not fail, Unavailable."""
        return await self._deciding.retry(actor, request_id)

    async def turned_away(
        self,
        user_id: str,
        action: str,
        error: UserError,
        *,
        dataset: str = "",
        request_id: str = "",
        grant_id: str = "",
    ) -> None:
        """Into the audit: somebody whom the bot does not serve (a guest, a stranger, a deactivated account) tried to.

        action: what was tried, such as "request.approve". None of it was looked up: the ids are as they were sent.
        """
        about = About(dataset[:255], "", request_id[:64], grant_id[:64])
        await Gate(self.ports).refused(Actor(user_id, is_admin=False), action, error, about)

    # Holding

    async def grant(self, grant_id: str) -> Grant:
        """One grant. Raises NotFound."""
        return await self._holding.grant(grant_id)

    async def grants(self, actor: Actor, dataset: str) -> GrantList:
        """Who has access to a dataset: all for its owner and admins, else the reader's own. Raises NotFound."""
        return await self._holding.grants(actor, dataset)

    async def mine(self, actor: Actor) -> MyAccess:
        """What a person holds, asked for, is asked to decide and has to review."""
        return await self._holding.mine(actor)

    async def done(self, actor: Actor, grant_id: str) -> Grant:
        """Give access back early: who holds it, or asked for it on behalf of a group or application.

        Raises NotFound, NotAllowed, Conflict when it is ending or has ended.
        """
        return await self._holding.done(actor, grant_id)

    async def revoke(self, actor: Actor, grant_id: str, reason: str) -> Grant:
        """Take access away: the dataset's owner and admins. Raises as `done`, and InvalidInput with field "reason"."""
        return await self._holding.revoke(actor, grant_id, reason)

    async def review(self, actor: Actor, grant_id: str, note: str) -> Grant:
        """Close the review of an emergency: the owner and admins, not who asked or holds it.

        Raises NotFound, NotAllowed, InvalidInput with field "note", Conflict when there is none open.
        """
        return await self._holding.review(actor, grant_id, note)

    # Audit

    async def audit(
        self,
        actor: Actor,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        dataset: str = "",
        person: str = "",
        before: int | None = None,
        limit: int = 20,
    ) -> tuple[AuditEntry, ...]:
        """Entries, newest first; see `AccessStore.audit_page`. Raises NotAllowed for who is neither auditor nor
        admin.
        """
        return await self._showing.audit(
            actor, since=since, until=until, dataset=dataset, person=person, before=before, limit=limit
        )

    async def undelivered(self, notice: StoredNotice, error: str) -> None:
        """A notice of access can never arrive; error: Slack's name for why. Where a channel was to decide, the people
        who may are asked directly. Raises Unavailable: then it is called again.
        """
        await self._undelivered.tell(notice, error)
