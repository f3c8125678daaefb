"""What access needs from the outside, as protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from services.access.model import (
    AccessRequest,
    Assignment,
    AuditEntry,
    AuditEvent,
    FoundAssignment,
    Grant,
    GrantPlan,
    GrantStatus,
    GrantWish,
    Level,
    PersonFacts,
    Principal,
    Reach,
    RequestStatus,
    Subject,
    SubjectKind,
)
from services.datasets.model import Source
from services.errors import UserError
from services.outbox import Notice


class NotYetError(Exception):
    """The other side refuses for now what it will do later (Entra PIM within five minutes). again_at: when to retry."""

    def __init__(self, sentence: str, again_at: datetime) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.again_at = again_at


class IdentityProblem(UserError):
    """A person or object cannot be tied to exactly one enabled Entra object; the sentence says what to do."""

    code = "identity_problem"


class AccessGrants(Protocol):
    """Makes grants true, and tells what is true. Every method may be repeated after a kill without harm.

    Raises UserErrors (NotAllowed names what the bot's identity lacks, Unavailable when the other side is down).
    """

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """What granting this level on these sources would assign and open; changes nothing.

        principal: None when it is not known yet; then roles that it may already have are planned too.
        """
        ...

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        """Execute, then read back; returns what is there now for this wish.

        others: the other grants of this principal that stay in force, since Azure keeps one assignment for one role,
        scope and principal, and it must open all of them.
        """
        ...

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        """Take away what no other grant needs, then read back that it is gone. Gone already is success.

        assignments: what `grant` returned. Raises NotYetError.
        """
        ...

    async def missing(
        self, wish: GrantWish, assignments: Sequence[Assignment], *, as_made: bool = False
    ) -> tuple[Assignment, ...]:
        """Which of the assignments of a grant are not there any more, or open less than they should.

        as_made: also those that somebody changed by hand though they open enough, such as those that open more.
        """
        ...

    async def found(self) -> tuple[FoundAssignment, ...]:
        """Every assignment there that the bot made, whatever the bot remembers."""
        ...

    async def remove(self, found: FoundAssignment) -> None:
        """Remove an assignment of ours that no grant stands behind. Raises NotYetError."""
        ...

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        """Does this principal's own access, however it came by it, let it at these data? Fails closed.

        dataset: "" for a source that is not registered.
        """
        ...


class Directory(Protocol):
    """Entra objects behind Slack people, groups and service principals. Never guesses, never across domains."""

    async def of_person(self, user_id: str) -> Principal:
        """The one enabled Entra user behind a Slack account. Raises IdentityProblem, Unavailable."""
        ...

    async def get(self, kind: SubjectKind, object_id: str) -> Principal:
        """A group or service principal by object id. Raises IdentityProblem, Unavailable."""
        ...

    async def search(self, kind: SubjectKind, words: str, limit: int = 20) -> tuple[Principal, ...]:
        """Groups or service principals (managed identities too) whose name begins with or holds the words."""
        ...

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """For whom access can be asked here; a local workspace knows people only."""
        ...


class People(Protocol):
    """Slack accounts and user groups, as Slack tells; remembered for a few minutes."""

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        """Facts of an account; one that Slack does not know is no member. Raises Unavailable. fresh: ask Slack now."""
        ...

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        """User ids of a Slack user group (S…); empty for one that does not exist or is disabled. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """What one transition writes, in one transaction, or not at all.

    request, grant: the new state. With revision 1 it is inserted; otherwise it replaces the stored one only if that has
    exactly one revision less and the status named here (compare and set). Votes and `asked` of a request only grow.
    audit: appended to the chain. notices: put into the outbox; a key that is there already is left alone.
    """

    request: AccessRequest | None = None
    request_was: RequestStatus | None = None
    grant: Grant | None = None
    grant_was: GrantStatus | None = None
    audit: tuple[AuditEvent, ...] = ()
    notices: tuple[Notice, ...] = ()


class GrantOutline(NamedTuple):
    """What the reconcile sweep asks of each live grant; a tuple, since there are a hundred thousand.

    tries: there is a time to try something with it. listed: ids, in small letters, of its assignments that
    `AccessGrants.found` would list; LOCAL ones are nowhere, FOREIGN ones are not the bot's. is_outside: there is
    something to look at outside the bot.
    """

    id: str
    status: GrantStatus
    tries: bool
    verified_at: datetime | None
    listed: list[str]
    is_outside: bool


@dataclass(frozen=True, slots=True)
class AccessStanding:
    """How access stands. waiting: PENDING requests; oldest_waiting: when the first of them was made. grants: live ones
    by status. failing: whose execution failed and is tried again. due: with something to execute now.
    """

    waiting: int
    oldest_waiting: datetime | None
    grants: Mapping[GrantStatus, int]
    failing: int
    due: int


class AccessStore(Protocol):
    """Requests, grants and their audit in the bot's database, for one workspace."""

    async def apply(self, change: Change) -> bool:
        """Write it all; False, with nothing written, when somebody else changed request or grant meanwhile."""
        ...

    async def request(self, request_id: str) -> AccessRequest | None: ...

    async def grant(self, grant_id: str) -> Grant | None: ...

    async def pending(self, dataset: str, subject: Subject) -> tuple[AccessRequest, ...]:
        """Requests of this dataset for this subject that are PENDING, APPROVED or FAILED, oldest first."""
        ...

    async def requests_about(self, dataset: str, subject: Subject, limit: int = 10) -> tuple[AccessRequest, ...]:
        """Earlier and present requests of this dataset for this subject, newest first."""
        ...

    async def requests_of(self, user_id: str, limit: int = 20) -> tuple[AccessRequest, ...]:
        """What a person asked for, newest first."""
        ...

    async def waiting_for(self, user_id: str, limit: int = 20) -> tuple[AccessRequest, ...]:
        """PENDING requests whose card a person has, oldest first."""
        ...

    async def pending_count(self, requester: str) -> int:
        """How many requests of a person are PENDING."""
        ...

    async def live_grants(self, dataset: str) -> tuple[Grant, ...]:
        """Grants of a dataset that are GRANTING, ACTIVE, ENDING or FAILED, newest first."""
        ...

    async def ended_grants(self, dataset: str, limit: int = 20) -> tuple[Grant, ...]:
        """Grants of a dataset that ended, the last ended first."""
        ...

    async def grants_for(self, subject: Subject, limit: int = 50) -> tuple[Grant, ...]:
        """Live grants that a subject holds, the first to end first."""
        ...

    async def grants_of_principal(self, object_id: str) -> tuple[Grant, ...]:
        """Live grants of an Entra object, over all datasets."""
        ...

    async def open_reviews(self, limit: int = 50) -> tuple[Grant, ...]:
        """Break-glass grants whose review is OPEN, oldest first."""
        ...

    async def claim_requests(self, now: datetime, limit: int) -> tuple[AccessRequest, ...]:
        """PENDING requests that lapse or whose reminder is due, and APPROVED ones without a grant. No lease: `apply`
        compares.
        """
        ...

    async def claim_grants(self, now: datetime, owner: str, lease: timedelta, limit: int) -> tuple[Grant, ...]:
        """Grants with something to execute (GRANTING, ENDING: without a next_try_at or with one not later than now;
        ACTIVE: past ends_at, or with a next_try_at not later than now, which asks for an extension or a repair), given
        to one caller for the lease, and not two of one principal at once over all callers.

        owner: the instance that will do it.
        """
        ...

    async def release(self, grant_id: str, owner: str) -> None:
        """Give the lease back. `apply` does not."""
        ...

    async def release_dead(self) -> None:
        """Give back the leases of instances that are alive no more, so that nothing waits for a killed one."""
        ...

    async def holders_to_remind(self, now: datetime, limit: int) -> tuple[Grant, ...]:
        """ACTIVE grants nobody was reminded of, within `reminder_lead(duration)` of their end."""
        ...

    async def live_outlines(self, after: str, limit: int) -> tuple[GrantOutline, ...]:
        """Live grants by id, for the reconcile sweep; after: the last id of the page before, "" at first."""
        ...

    async def holders(self, after: str, limit: int) -> tuple[str, ...]:
        """Slack ids of people who hold ACTIVE grants, by id; after: the last of the page before, "" at first."""
        ...

    async def standing(self) -> AccessStanding:
        """Numbers for whoever watches the bot."""
        ...

    async def audit_page(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        dataset: str = "",
        person: str = "",
        request_id: str = "",
        before: int | None = None,
        limit: int = 20,
    ) -> tuple[AuditEntry, ...]:
        """Entries, newest first. person: as actor or subject. before: entries with a smaller number."""
        ...

    async def audit(self, events: Sequence[AuditEvent]) -> None:
        """Append entries that no change goes with (a refused click)."""
        ...
