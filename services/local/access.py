"""Access in a local workspace: the bot's own reads are what it opens, and the grants in its database are what holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.access.model import (
    Assignment,
    AssignmentKind,
    FoundAssignment,
    Grant,
    GrantPlan,
    GrantStatus,
    GrantWish,
    Level,
    PlannedAssignment,
    Principal,
    Reach,
    ReachKind,
    SubjectKind,
)
from services.access.places import places_of
from services.access.ports import IdentityProblem, People
from services.actor import Actor
from services.datasets.model import Source
from services.datasets.rules import ALLOWED, Permission
from services.local.places import RegisteredPlaces
from services.ports import Clock

ROLE = "Reading through the bot"
OPENS = "Preview and reading through the bot."
NO_WRITING = (
    "Files of a local workspace are changed on its machine, not through the bot: write opens no more than read."
)
PEOPLE_ONLY = "A local workspace knows Slack people only, no groups or service principals."


class LiveGrants(Protocol):
    """The part of `AccessStore` that says who holds what."""

    async def live_grants(self, dataset: str) -> tuple[Grant, ...]: ...


class LocalAccessGrants:
    """`AccessGrants` of a local workspace. Nothing is assigned anywhere: the stored grants are the truth."""

    def __init__(self, store: LiveGrants, places: RegisteredPlaces, *, clock: Clock) -> None:
        self._store = store
        self._places = places
        self._clock = clock

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """Always possible for a person; it opens what the bot shows, at once."""
        if principal is not None and principal.kind is not SubjectKind.USER:
            return GrantPlan(False, why_not=PEOPLE_ONLY, instead="Ask for the people of the group one by one.")
        return GrantPlan(
            possible=True,
            assignments=(PlannedAssignment(ROLE, "", OPENS),),
            opens=(OPENS,),
            warnings=(NO_WRITING,) if level is Level.WRITE else (),
            places=places_of(sources),
        )

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        """What holds once the grant is stored as active."""
        scope = f"dataset:{wish.dataset}"
        return (Assignment(AssignmentKind.LOCAL, "", scope, "", ROLE, wish.principal.object_id),)

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        """Nothing to take away: the grant that is stored as ended opens nothing."""

    async def missing(
        self, wish: GrantWish, assignments: Sequence[Assignment], *, as_made: bool = False
    ) -> tuple[Assignment, ...]:
        """Nothing can be missing."""
        return ()

    async def found(self) -> tuple[FoundAssignment, ...]:
        """Nothing is kept outside the bot's database."""
        return ()

    async def remove(self, found: FoundAssignment) -> None:
        """Nothing was found, so nothing is removed."""

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        """Owners and holders of an active grant reach a dataset, everybody one without an owner.

        Older datasets of other owners that cover some of the same files must be reached as well; for a source that is
        not registered, all datasets that do.
        """
        if principal.kind is not SubjectKind.USER or not principal.object_id:
            return Reach(ReachKind.NO, PEOPLE_ONLY)
        before = await self._places.before(dataset, source)
        owners = await self._places.owners((*before, dataset))
        owner = owners.get(dataset, "") if dataset else None
        own = Reach(ReachKind.YES, "No dataset covers these files, so every member of the workspace may look at them.")
        if owner is not None:
            own = await self._alone(principal.object_id, dataset, owner, level)
        if not own.is_yes:
            return own
        for name in before:
            guardian = owners.get(name, "")
            if guardian == owner and guardian:
                continue  # whoever owns both has opened the files by opening one
            if not (await self._alone(principal.object_id, name, guardian, level)).is_yes:
                return Reach(
                    ReachKind.NO,
                    f"Some of these files belong to “{name}”, which was registered earlier, "
                    "and you have no access to that dataset.",
                )
        if owner is None and before:
            return Reach(ReachKind.YES, "You have access to the datasets that cover these files.")
        return own

    async def _alone(self, user_id: str, dataset: str, owner: str, level: Level) -> Reach:
        """Access to one dataset, whatever other datasets cover."""
        if owner == user_id:
            return Reach(ReachKind.YES, "You own this dataset.")
        if not owner:
            return Reach(ReachKind.YES, "Nobody owns this dataset, so every member of the workspace may read it.")
        now = self._clock.now()
        for grant in await self._store.live_grants(dataset):
            held = grant.subject.kind is SubjectKind.USER and grant.subject.id == user_id
            in_force = grant.status is GrantStatus.ACTIVE and grant.ends_at is not None and grant.ends_at > now
            if held and in_force and grant.level.covers(level):
                return Reach(ReachKind.YES, "You hold a grant on this dataset.")
        return Reach(ReachKind.NO, f"You have no access to “{dataset}” yet.")


class NoGrants:
    """`LiveGrants` where nobody was given anything."""

    async def live_grants(self, dataset: str) -> tuple[Grant, ...]:
        """None."""
        return ()


class LocalDataAccess:
    """`DataAccess` of a local workspace: admins, and whoever reaches the data by ownership or grant."""

    def __init__(self, grants: LocalAccessGrants) -> None:
        self._grants = grants

    async def may_read(self, actor: Actor, name: str, source: Source) -> Permission:
        """See `DataAccess.may_read`."""
        if actor.is_admin and actor.user_id:
            return ALLOWED
        principal = Principal(SubjectKind.USER, actor.user_id, actor.user_id)
        reach = await self._grants.reach(principal, name, source, Level.READ)
        return ALLOWED if reach.is_yes else Permission(False, reach.why)


class LocalDirectory:
    """`Directory` of a local workspace: people are their Slack accounts."""

    def __init__(self, people: People) -> None:
        self._people = people

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """People only."""
        return (SubjectKind.USER,)

    async def of_person(self, user_id: str) -> Principal:
        """The person. Raises IdentityProblem for whoever is no full member, Unavailable."""
        person = await self._people.person(user_id)
        if not person.is_member:
            raise IdentityProblem(
                "This Slack account is no full, active member of the workspace, so it gets no access."
            )
        return Principal(SubjectKind.USER, person.user_id, person.name or person.user_id)

    async def get(self, kind: SubjectKind, object_id: str) -> Principal:
        """A person by Slack user id. Raises IdentityProblem for any other kind, Unavailable."""
        if kind is not SubjectKind.USER:
            raise IdentityProblem(PEOPLE_ONLY)
        return await self.of_person(object_id)

    async def search(self, kind: SubjectKind, words: str, limit: int = 20) -> tuple[Principal, ...]:
        """Nobody: people are chosen in Slack."""
        return ()
