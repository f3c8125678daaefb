"""The facts that a decision is made from, gathered at the moment it is made."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog

from services.access.decide import Decision, decide, people_needed
from services.access.decide_facts import DatasetFacts, Facts, RequestFacts
from services.access.model import (
    AccessRequest,
    Grant,
    GrantStatus,
    GrantWish,
    Level,
    PersonFacts,
    Principal,
    Reach,
    ReachKind,
    Subject,
    SubjectKind,
    Vote,
)
from services.access.policy import Policy
from services.access.ports import AccessGrants, AccessStore, Change, Directory, IdentityProblem, People
from services.datasets.model import Dataset, DatastoreSource, Source
from services.errors import NotAllowed, NotFound, Unavailable
from services.outbox import Wakes
from services.ports import Clock

_log = structlog.get_logger(__name__)
_NAMESPACE = uuid.UUID("7b0ad5f2-3a0e-5d1c-9f53-6a3f0f6f2c11")
_AT_ONCE = 8
"""Look-ups at Slack that one decision has under way together."""
_T = TypeVar("_T")


class DatasetLookup(Protocol):
    """Datasets as decisions see them."""

    async def dataset(self, name: str) -> Dataset:
        """With owner and tags. Raises NotFound, Unavailable."""
        ...

    async def sources(self, name: str) -> tuple[Source, ...]:
        """What the latest version points to. Raises NotFound, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class AccessPorts:
    """Everything outside that access works with, and writing through it. See `AccessService` for the fields."""

    store: AccessStore
    policy: Callable[[], Policy]
    people: People
    directory: Directory
    grants: AccessGrants
    datasets: DatasetLookup
    admins: frozenset[str]
    clock: Clock
    wakes: Wakes
    wake_executor: Callable[[], None]

    async def apply(self, change: Change) -> bool:
        """Write a change and wake whoever goes on with it. False: somebody else was first, nothing is written."""
        if not await self.store.apply(change):
            return False
        if change.notices:
            self.wakes.wake()
        if change.grant is not None and change.grant.status is not GrantStatus.ENDED:
            self.wake_executor()
        return True

    async def owner(self, dataset: str) -> str:
        """Who owns a dataset; "" for nobody, or when it cannot be told now."""
        try:
            return (await self.datasets.dataset(dataset)).owner
        except (NotFound, Unavailable) as error:
            _log.info("owner_not_known", dataset=dataset, code=error.code)
            return ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out for one decision. dataset: None when it is not registered (any more).

    owner_reach: what the owner's own access opens; None without an owner or where it was not asked.
    """

    dataset: Dataset | None
    sources: tuple[Source, ...]
    facts: Facts
    owner_reach: Reach | None

    @property
    def is_doubtful(self) -> bool:
        """Was the owner's access not found out, so that another moment may decide otherwise?"""
        return self.owner_reach is not None and self.owner_reach.kind is ReachKind.UNKNOWN

    def with_votes(self, votes: tuple[Vote, ...]) -> Facts:
        """The facts as they are with these votes."""
        return replace(self.facts, votes=votes)


class FactFinder:
    """Finds facts. Raises Unavailable when something does not answer: then nothing is decided and nothing moves."""

    def __init__(self, ports: AccessPorts) -> None:
        self._ports = ports

    async def find(
        self,
        dataset_name: str,
        request: RequestFacts,
        *,
        votes: tuple[Vote, ...] = (),
        escalated: bool = False,
        present: Iterable[str] = (),
        groups_anew: bool = True,
    ) -> Found:
        """All facts of a request. present: people whose accounts are asked of Slack anew: those who act just now.

        The requester's, the subject's and the voters' accounts are fresh too whenever somebody is present, and so are
        user groups with groups_anew: Slack tells of twenty a minute.
        """
        try:
            dataset, sources = await _both(
                self._ports.datasets.dataset(dataset_name), self._ports.datasets.sources(dataset_name)
            )
        except NotFound:
            dataset, sources = None, ()
        facts = _dataset_facts(dataset_name, dataset, sources)
        fresh = set(present)
        if fresh:
            fresh |= {request.requester, *(vote.approver for vote in votes), *_slack_ids(request.subject)}
        found, reach = await _both(
            self._people(facts, request, votes, frozenset(fresh), groups_anew=groups_anew and bool(fresh)),
            self._owner_reach(facts, sources, request.level),
        )
        people, groups = found
        owner_can_give = reach is not None and reach.is_yes
        return Found(
            dataset,
            sources,
            Facts(facts, people, groups, self._ports.admins, owner_can_give, escalated, votes),
            reach,
        )

    async def find_for(self, request: AccessRequest, *, present: Iterable[str] = (), groups_anew: bool = True) -> Found:
        """All facts of a stored request."""
        return await self.find(
            request.dataset,
            request_facts(request),
            votes=request.votes,
            escalated=request.escalated_at is not None,
            present=present,
            groups_anew=groups_anew,
        )

    def decide(self, request: AccessRequest, found: Found, votes: tuple[Vote, ...] | None = None) -> Decision:
        """What the policy in force now says. votes: instead of the request's own."""
        facts = found.facts if votes is None else found.with_votes(votes)
        return decide(self._ports.policy(), request_facts(request), facts)

    async def person(self, user_id: str) -> PersonFacts:
        """An account, asked of Slack now."""
        return await self._ports.people.person(user_id, fresh=True)

    async def identify(self, subject: Subject) -> Principal:
        """The Entra object behind a subject. Raises IdentityProblem with field "subject", Unavailable."""
        try:
            if subject.kind is SubjectKind.USER:
                return await self._ports.directory.of_person(subject.id)
            return await self._ports.directory.get(subject.kind, subject.id)
        except IdentityProblem as problem:
            raise IdentityProblem(problem.sentence, code=problem.code, field="subject") from problem

    async def reach(self, principal: Principal, dataset: str, sources: Sequence[Source], level: Level) -> Reach:
        """What a principal's own access opens of all sources together: the first that it does not, else yes."""
        found = await asyncio.gather(
            *(self._ports.grants.reach(principal, dataset, source, level) for source in sources)
        )
        return next((each for each in found if not each.is_yes), found[0] if found else _NOTHING_TO_REACH)

    async def others(self, grant: Grant) -> tuple[GrantWish, ...]:
        """The other grants of the same principal that stay in force."""
        now = self._ports.clock.now()
        live = await self._ports.store.grants_of_principal(grant.principal.object_id)
        return tuple(
            wish_of(each)
            for each in live
            if each.id != grant.id
            and each.status is GrantStatus.ACTIVE
            and each.ends_at is not None
            and each.ends_at > now
        )

    async def _people(
        self,
        dataset: DatasetFacts,
        request: RequestFacts,
        votes: tuple[Vote, ...],
        fresh: frozenset[str],
        *,
        groups_anew: bool,
    ) -> tuple[dict[str, PersonFacts], dict[str, frozenset[str]]]:
        needed = people_needed(self._ports.policy(), request, dataset, self._ports.admins)
        named = sorted(needed.groups)
        members = await _each(named, lambda group: self._ports.people.group_members(group, fresh=groups_anew))
        groups = dict(zip(named, members, strict=True))
        deciding = (groups[group] for group in needed.deciding_groups)
        users = sorted(needed.users.union(fresh, *deciding, (vote.approver for vote in votes)) - {""})
        people = await _each(users, lambda user: self._ports.people.person(user, fresh=user in fresh))
        return dict(zip(users, people, strict=True)), groups

    async def _owner_reach(self, dataset: DatasetFacts, sources: tuple[Source, ...], level: Level) -> Reach | None:
        if not dataset.owner or not dataset.exists:
            return None
        try:
            principal = await self._ports.directory.of_person(dataset.owner)
            return await self.reach(principal, dataset.name, sources, level)
        except (IdentityProblem, NotAllowed) as problem:
            _log.info("owner_access_not_proven", dataset=dataset.name, code=problem.code)
            return Reach(ReachKind.NO, problem.sentence)


_NOTHING_TO_REACH = Reach(ReachKind.UNKNOWN, "The dataset points to no data.")


def request_facts(request: AccessRequest) -> RequestFacts:
    """A stored request as a decision sees it."""
    return RequestFacts(
        level=request.level,
        subject=request.subject,
        requester=request.requester,
        duration=request.duration,
        reason=request.reason,
        ticket=request.ticket,
        initiative=request.initiative,
        emergency=request.emergency,
        extends=bool(request.extends),
    )


def wish_of(grant: Grant) -> GrantWish:
    """What an adapter is told of a grant in force. Only for one that has an end."""
    if grant.ends_at is None:
        raise ValueError(f"grant {grant.id} has no end yet")
    return GrantWish(
        grant_id=grant.id,
        request_id=grant.request_id,
        dataset=grant.dataset,
        level=grant.level,
        principal=grant.principal,
        places=grant.places,
        ends_at=grant.ends_at,
        slack_id=grant.subject.id if grant.subject.kind is SubjectKind.USER else "",
    )


def request_id_of(key: str) -> str:
    """The id of the request that a submission's key makes: the same each time."""
    return uuid.uuid5(_NAMESPACE, f"request:{key}").hex


def grant_id_of(request_id: str) -> str:
    """The id of the grant that a request leads to: the same each time."""
    return uuid.uuid5(_NAMESPACE, f"grant:{request_id}").hex


def short_id(text: str) -> str:
    """A fixed name of 32 characters for a longer text, for keys of notices."""
    return uuid.uuid5(_NAMESPACE, text).hex


def _dataset_facts(name: str, dataset: Dataset | None, sources: tuple[Source, ...]) -> DatasetFacts:
    if dataset is None:
        return DatasetFacts(name, exists=False)
    datastores = frozenset(source.datastore for source in sources if isinstance(source, DatastoreSource))
    return DatasetFacts(dataset.name, dataset.owner, dataset.tags, datastores)


def _slack_ids(subject: Subject) -> tuple[str, ...]:
    return (subject.id,) if subject.kind is SubjectKind.USER else ()


_Left = TypeVar("_Left")
_Right = TypeVar("_Right")


async def _both(left: Awaitable[_Left], right: Awaitable[_Right]) -> tuple[_Left, _Right]:
    """Await two things at once; the first error is raised."""
    one, two = await asyncio.gather(left, right)
    return one, two


async def _each(items: Sequence[str], look: Callable[[str], Awaitable[_T]]) -> list[_T]:
    """Look each of them up, a few at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(item: str) -> _T:
        async with room:
            return await look(item)

    return await asyncio.gather(*(one(item) for item in items))
