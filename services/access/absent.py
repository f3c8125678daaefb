"""Where the bot cannot give access to anything: it says so, and gives nothing."""

from __future__ import annotations

from collections.abc import Sequence

from services.access.model import (
    Assignment,
    FoundAssignment,
    GrantPlan,
    GrantWish,
    Level,
    Principal,
    Reach,
    ReachKind,
    SubjectKind,
)
from services.access.ports import IdentityProblem
from services.datasets.model import Source
from services.errors import NotAllowed

WHY_NOT = "This bot gives no access in Azure yet."
INSTEAD = "Ask whoever administers the storage to assign the role."


class NoAccessGrants:
    """`AccessGrants` that plans nothing, gives nothing and knows of nobody's access."""

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """Never possible."""
        return GrantPlan(False, why_not=WHY_NOT, instead=INSTEAD)

    async def grant(self, wish: GrantWish, others: Sequence[GrantWish]) -> tuple[Assignment, ...]:
        """Raises NotAllowed."""
        raise NotAllowed(WHY_NOT)

    async def revoke(self, wish: GrantWish, assignments: Sequence[Assignment], others: Sequence[GrantWish]) -> None:
        """Raises NotAllowed: what another kind of workspace gave is not taken away here."""
        raise NotAllowed(WHY_NOT)

    async def missing(self, wish: GrantWish, assignments: Sequence[Assignment]) -> tuple[Assignment, ...]:
        """Nothing is known to be missing."""
        return ()

    async def found(self) -> tuple[FoundAssignment, ...]:
        """Nothing."""
        return ()

    async def remove(self, found: FoundAssignment) -> None:
        """Raises NotAllowed."""
        raise NotAllowed(WHY_NOT)

    async def reach(self, principal: Principal, dataset: str, source: Source, level: Level) -> Reach:
        """Unknown, which counts as no."""
        return Reach(ReachKind.UNKNOWN, WHY_NOT)


class NoDirectory:
    """`Directory` that knows nobody."""

    @property
    def kinds(self) -> tuple[SubjectKind, ...]:
        """People, of whom none is found."""
        return (SubjectKind.USER,)

    async def of_person(self, user_id: str) -> Principal:
        """Raises IdentityProblem."""
        raise IdentityProblem(WHY_NOT)

    async def get(self, kind: SubjectKind, object_id: str) -> Principal:
        """Raises IdentityProblem."""
        raise IdentityProblem(WHY_NOT)

    async def search(self, kind: SubjectKind, words: str, limit: int = 20) -> tuple[Principal, ...]:
        """Nobody."""
        return ()
