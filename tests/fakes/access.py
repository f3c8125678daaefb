"""Slack's people, a directory, a registry and a cloud's role assignments, in memory, for the services of access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.access.model import (
    Assignment,
    AssignmentKind,
    DescribedGrant,
    FoundAssignment,
    GrantPlan,
    GrantWish,
    Level,
    PersonFacts,
    PlannedAssignment,
    Principal,
    Reach,
    ReachKind,
    SubjectKind,
)
from services.access.places import places_of
from services.access.ports import IdentityProblem
from services.datasets.model import Dataset, DatasetType, DatastoreSource, Source
from services.errors import NotFound, Unavailable

MADE = datetime(2026, 1, 1, tzinfo=UTC)


class FakePeople:
    """`People`. is_away: Slack does not answer."""

    def __init__(self, *members: str, groups: dict[str, frozenset[str]] | None = None) -> None:
        self.members = set(members)
        self.groups = dict(groups or {})
        self.is_away = False

    async def person(self, user_id: str, *, fresh: bool = False) -> PersonFacts:
        """Everybody who is not named is unknown."""
        if self.is_away:
            raise Unavailable("Slack does not answer.")
        return PersonFacts(user_id, user_id in self.members, user_id.title())

    async def group_members(self, group_id: str, *, fresh: bool = False) -> frozenset[str]:
        """Empty for an unknown one."""
        if self.is_away:
            raise Unavailable("Slack does not answer.")
        return self.groups.get(group_id, frozenset())


class FakeDirectory:
    """`Directory`: `object-of-…` for people; groups and service principals by id. gone: who has no Entra object."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.objects: dict[str, Principal] = {}

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """All."""
        return tuple(SubjectKind)

    async def of_person(self, user_id: str) -> Principal:
        """Raises IdentityProblem."""
        if user_id in self.gone:
            raise IdentityProblem("There is no Entra user with this address.")
        return Principal(SubjectKind.USER, f"object-of-{user_id}", user_id.title(), f"{user_id.lower()}@contoso.com")

    async def get(self, kind: SubjectKind, object_id: str) -> Principal:
        """Raises IdentityProblem."""
        found = self.objects.get(object_id)
        if found is None or found.kind is not kind:
            raise IdentityProblem("There is no such object.")
        return found

    async def search(self, kind: SubjectKind, words: str, limit: int = 20) -> tuple[Principal, ...]:
        """By substring."""
        fitting = [each for each in self.objects.values() if each.kind is kind and words in each.name]
        return tuple(fitting[:limit])


class FakeDatasets:
    """`DatasetLookup`. is_away: the registry does not answer."""

    def __init__(self) -> None:
        self.known: dict[str, Dataset] = {}
        self.paths: dict[str, tuple[str, ...]] = {}
        self.is_away = False

    def add(self, name: str, owner: str, *, paths: tuple[str, ...] = (), **tags: str) -> None:
        """Register or replace one."""
        self.known[name] = Dataset(
            name, DatasetType.FILE, "", tuple(sorted(tags.items())), owner, 1, created_at=MADE, modified_at=MADE
        )
        self.paths[name] = paths or (f"{name}/",)

    async def dataset(self, name: str) -> Dataset:
        """Raises NotFound, Unavailable."""
        if self.is_away:
            raise Unavailable("The registry does not answer.")
        if name not in self.known:
            raise NotFound(f"There is no dataset called “{name}”.")
        return self.known[name]

    async def sources(self, name: str) -> tuple[Source, ...]:
        """One datastore."""
        await self.dataset(name)
        return (DatastoreSource("lake", self.paths[name]),)


@dataclass
class FakeCloud:
    """`AccessGrants` as a cloud keeps them: one assignment for each principal and level, which opens all its grants.

    failures: raised one after the other, before anything is done; after: raised once something was done;
    revocations, removals: raised by `revoke` and `remove`.
    impossible: why there is no access of this kind. stranger_reach: object ids that reach nothing. narrowed:
    assignments that open less than they should.
    """

    failures: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    revocations: list[Exception] = field(default_factory=list)
    removals: list[Exception] = field(default_factory=list)
    impossible: str = ""
    reach_unknown: bool = False
    stranger_reach: set[str] = field(default_factory=set)
    narrowed: set[str] = field(default_factory=set)
    there: dict[str, FoundAssignment] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """Possible unless told otherwise."""
        if self.impossible:
            return GrantPlan(False, why_not=self.impossible, instead="Ask for the whole datastore.")
        places = places_of(sources)
        opens = tuple(f"{level.value} {place.datastore}/{prefix}" for place in places for prefix in place.prefixes)
        return GrantPlan(True, (PlannedAssignment("Reader", "container", "blobs"),), opens, places=places)

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        """Idempotent: another call changes what is there to what it should be."""
        self._fail(self.failures)
        self.calls.append(f"grant {wish.grant_id}")
        made = self._write(wish.principal, wish.level, [wish, *others])
        self._fail(self.after)
        return (made,)

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        """What others need stays."""
        self._fail(self.failures)
        self._fail(self.revocations)
        self.calls.append(f"revoke {wish.grant_id}")
        rest = [each for each in others if each.level is wish.level]
        if rest:
            self._write(wish.principal, wish.level, rest)
        else:
            self.there.pop(_key(wish.principal.object_id, wish.level), None)
        self._fail(self.after)

    async def missing(
        self, wish: GrantWish, assignments: Sequence[Assignment], *, as_made: bool = False
    ) -> tuple[Assignment, ...]:
        """By id, and those that were narrowed by hand."""
        self._fail(self.failures)
        return tuple(
            each
            for each in assignments
            if each.id not in self.there or each.id in self.narrowed or (as_made and self.there[each.id].altered)
        )

    async def found(self) -> tuple[FoundAssignment, ...]:
        """All."""
        self._fail(self.failures)
        return tuple(self.there.values())

    async def remove(self, found: FoundAssignment) -> None:
        """Gone already is success."""
        self._fail(self.removals)
        self.calls.append(f"remove {found.assignment.id}")
        self.there.pop(found.assignment.id, None)

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        """Everybody reaches what they own, but those who are named."""
        if self.reach_unknown:
            return Reach(ReachKind.UNKNOWN, "Azure does not tell.")
        if principal.object_id in self.stranger_reach:
            return Reach(ReachKind.NO, "No role covers it.")
        return Reach(ReachKind.YES, "Your role covers it.")

    def stray(self, object_id: str, *described: DescribedGrant) -> FoundAssignment:
        """An assignment of the bot's that is there, whatever is recorded."""
        key = _key(object_id, Level.READ)
        made = Assignment(AssignmentKind.PLAIN, key, "container", "role-read", "Reader", object_id)
        self.there[key] = FoundAssignment(made, described)
        return self.there[key]

    def opens(self, user: str, level: Level = Level.READ) -> bool:
        """Does a person have it?"""
        return _key(f"object-of-{user}", level) in self.there

    def _write(self, principal: Principal, level: Level, wishes: Sequence[GrantWish]) -> Assignment:
        key = _key(principal.object_id, level)
        made = Assignment(AssignmentKind.PLAIN, key, "container", f"role-{level}", "Reader", principal.object_id)
        fitting = [each for each in wishes if each.level is level]
        self.there[key] = FoundAssignment(made, tuple(map(_described, fitting)))
        self.narrowed.discard(key)
        return made

    def _fail(self, queue: list[Exception]) -> None:
        if queue:
            raise queue.pop(0)


def _key(object_id: str, level: Level) -> str:
    return f"/assignments/{object_id}/{level}"


def _described(wish: GrantWish) -> DescribedGrant:
    return DescribedGrant(
        wish.grant_id, wish.request_id, wish.dataset, wish.level, wish.ends_at.replace(microsecond=0), wish.slack_id
    )
