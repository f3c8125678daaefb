"""What giving access would assign and open, in a person's words; changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from services.access.model import DataPlace, GrantPlan, Level, PlannedAssignment, Principal
from services.access.places import places_of
from services.azure.access.conditions import condition_for, unusable_prefix
from services.azure.access.places import Container, Places, not_by_role
from services.azure.access.roles import DATA_ROLE, DATA_SCIENTIST, Role
from services.datasets.model import Source, WebSource
from services.datastores.model import DatastoreKind
from services.errors import InvalidInput, NotFound

TAKES = "up to ten minutes"
"""Until Azure's services know of a new role (learn.microsoft.com, "Troubleshoot Azure RBAC": up to 10 minutes)."""

_DO = {Level.READ: "Read", Level.WRITE: "Read, change and delete"}
_SHOWN = 3

CONTAINER_AT_RISK = (
    f"Conditions limit what Azure calls data actions. The role {DATA_ROLE[Level.WRITE].name} also lets one delete the "
    "whole container, and no condition can take that out; soft delete for containers lets it be restored."
)
"""Source: learn.microsoft.com, "Azure built-in roles for Storage": its actions hold …/containers/delete."""

Lacks = Callable[[Principal], Awaitable[bool]]
"""Does a principal lack a role on the workspace?"""


def workspace_opens(role: Role) -> str:
    """What the role on the workspace opens."""
    if role == DATA_SCIENTIST:
        return (
            "Find, register, change and remove all datasets of the workspace, and use all its datastores, also those "
            "that are opened with a stored credential."
        )
    return "Find all datasets of the workspace and use its identity-based datastores. It changes nothing."


class Planner:
    """Plans access. workspace_role: given besides to those who cannot use the workspace yet, None: never."""

    def __init__(self, places: Places, workspace_scope: str, workspace_role: Role | None, lacks: Lacks) -> None:
        self._places = places
        self._workspace_scope = workspace_scope
        self._workspace_role = workspace_role
        self._lacks = lacks

    async def plan(self, sources: Sequence[Source], level: Level, principal: Principal | None) -> GrantPlan:
        """Raises UserErrors and Refused."""
        if any(isinstance(source, WebSource) for source in sources):
            return GrantPlan(
                possible=False,
                why_not="The data are behind a web address. Azure does not decide who may read it.",
                instead="Whoever runs that server can give access. Data on an identity-based datastore can be opened "
                "dataset by dataset.",
            )
        places = places_of(sources)
        if not places:
            return GrantPlan(possible=False, why_not="This dataset points to no data that the bot knows.")
        planned: list[PlannedAssignment] = []
        warnings: list[str] = []
        for place in places:
            refusal = await self._refusal(place, level)
            if refusal is not None:
                return refusal
            datastore = await self._places.datastore(place.datastore)
            container = await self._places.container(datastore)
            opens = f"{_DO[level]} {_where(place, container, datastore.name)}."
            planned.append(PlannedAssignment(DATA_ROLE[level].name, container.scope, opens))
            if container.directories and "" not in place.prefixes:
                warnings.append(
                    f"A listing of “{datastore.name}” by a folder's bare name may show names that begin like it; "
                    "their content stays closed. Access control lists of the data lake may open more than roles do."
                )
        if level is Level.WRITE:
            warnings.append(CONTAINER_AT_RISK)
        role = self._workspace_role
        if role is not None and (principal is None or await self._lacks(principal)):
            planned.append(PlannedAssignment(role.name, self._workspace_scope, workspace_opens(role)))
            if role == DATA_SCIENTIST:
                warnings.append(
                    f"The role {role.name} is needed to use the workspace, and it is broad: it is not limited to this "
                    "dataset. It lets one use every stored credential of the workspace's datastores."
                )
        return GrantPlan(
            possible=True,
            assignments=tuple(planned),
            opens=tuple(dict.fromkeys(each.opens for each in planned)),
            warnings=tuple(dict.fromkeys(warnings)),
            takes=TAKES,
            places=places,
        )

    async def _refusal(self, place: DataPlace, level: Level) -> GrantPlan | None:
        try:
            datastore = await self._places.datastore(place.datastore)
        except NotFound:
            return GrantPlan(
                possible=False,
                why_not=f"The workspace has no datastore “{place.datastore}”, so nobody can be let at its data.",
                instead="Register the datastore again, or register the dataset from where the data are now.",
            )
        why_not = not_by_role(datastore)
        if why_not:
            credential = datastore.azure is not None and datastore.kind is not DatastoreKind.OTHER
            role = f"the role {DATA_SCIENTIST.name} on the workspace"
            instead = (
                f"Whoever has {role} reads it, and all else that the workspace's credentials open; the platform team "
                "gives that role. For access to single datasets, register the data on an identity-based datastore."
            )
            return GrantPlan(possible=False, why_not=why_not, instead=instead if credential else "")
        if unusable_prefix(place.prefixes):
            return GrantPlan(
                possible=False,
                why_not="The path has an apostrophe, a backslash, a control character or “..” in it, and Azure cannot "
                "give access to such a path alone.",
                instead="Rename the folder, or register the dataset from the folder above.",
            )
        try:
            condition_for(place.prefixes, level)
        except InvalidInput as problem:
            return GrantPlan(possible=False, why_not=problem.sentence)
        return None


def _where(place: DataPlace, container: Container, datastore: str) -> str:
    spot = f"“{datastore}” ({container.account}/{container.name})"
    if "" in place.prefixes:
        return f"everything on {spot}"
    shown = ", ".join(f"“{each}”" for each in place.prefixes[:_SHOWN])
    more = len(place.prefixes) - _SHOWN
    return f"{shown}{f' and {more} more paths' if more > 0 else ''} on {spot}"
