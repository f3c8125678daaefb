"""Whether somebody's own roles let them at data. Every doubt is a no: what cannot be proven is UNKNOWN."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from services.access.model import DataPlace, Level, Principal, Reach, ReachKind
from services.access.places import places_of
from services.azure.access.calls import AuthorizationCalls, Clients
from services.azure.access.conditions import leads_elsewhere, opens
from services.azure.access.places import Places
from services.azure.access.refusals import Refused, told
from services.azure.access.role_assignments import Held, RoleAssignments
from services.azure.access.roles import (
    DATA_ACTIONS,
    LIST_SECRETS,
    WORKSPACE_USE,
    Permission,
    RoleRights,
    guid_of,
    matches,
)
from services.datasets.model import Source
from services.datastores.model import Datastore, DatastoreAccess, DatastoreKind
from services.errors import NotFound, UserError

if TYPE_CHECKING:
    from azure.mgmt.authorization.v2022_04_01.models import DenyAssignment

FRESH_SECONDS = 60.0
"""What somebody's roles were so long ago is believed."""

DEFINITION_SECONDS = 600.0
ENTRIES = 2_000
EVERYONE = "00000000-0000-0000-0000-000000000000"
"""Whom a deny assignment names that is for all principals."""

_WORD = {Level.READ: "read", Level.WRITE: "change"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Denied:
    """A deny assignment. for_all: it names everyone, or groups, of which the bot cannot tell who is in them."""

    name: str
    principals: frozenset[str]
    for_all: bool
    excluded: frozenset[str]
    permissions: tuple[Permission, ...]

    def touches(self, principal: Principal, actions: Sequence[str], *, data: bool) -> bool:
        """May it take one of these actions from a principal?"""
        guid = principal.object_id.lower()
        if guid in self.excluded or not (self.for_all or guid in self.principals):
            return False
        return any(
            matches(each.data_actions if data else each.actions, action)
            and not matches(each.not_data_actions if data else each.not_actions, action)
            for each in self.permissions
            for action in actions
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """All that decides what a principal may do at a scope."""

    held: tuple[Held, ...]
    denied: tuple[Denied, ...]


class OwnRights:
    """What principals may do by their own roles. Belongs to one event loop."""

    def __init__(
        self,
        calls: AuthorizationCalls,
        assignments: RoleAssignments,
        places: Places,
        workspace_scope: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._assignments = assignments
        self._places = places
        self._workspace_scope = workspace_scope
        self._clock = clock
        self._definitions: dict[str, tuple[float, RoleRights]] = {}
        self._standings: dict[tuple[str, str], tuple[float, Standing]] = {}

    def forget(self, principal_id: str = "") -> None:
        """What is known of a principal, of all without one, is asked again: something was changed."""
        kept = {key: value for key, value in self._standings.items() if principal_id and key[1] != principal_id.lower()}
        self._standings = kept

    async def reach(self, principal: Principal, source: Source, level: Level) -> Reach:
        """Does the principal's own access let it at these data?"""
        places = places_of([source])
        if not places:
            return _unknown("Nobody can tell from Azure who may read a web address.")
        reached = _unknown("")
        for place in places:
            reached = await self._reach_place(principal, place, level)
            if not reached.is_yes:
                break
        return reached

    async def _reach_place(self, principal: Principal, place: DataPlace, level: Level) -> Reach:
        if leads_elsewhere(place.prefixes):
            return _unknown("Nobody can tell where a path with “..”, “.” or a backslash in it leads.")
        try:
            datastore = await self._places.datastore(place.datastore)
            return await self._reach(principal, datastore, place.prefixes, level)
        except NotFound:
            return _unknown(f"The workspace has no datastore “{place.datastore}” any more.")
        except UserError as error:
            return _unknown(error.sentence)
        except Refused as refused:
            return _unknown(told(refused.refusal).sentence)

    async def lacks_workspace(self, principal: Principal, own: Callable[[Held], bool]) -> bool:
        """Does the principal lack what finding datasets and using datastores needs, but for our own assignments?

        Raises Refused, Unavailable.
        """
        found = await self._read(self._workspace_scope, principal)
        held = [each for each in found.held if not own(each) and not each.condition.strip()]
        rights = await self._rights(held)
        return not all(any(each.gives(action) for each in rights.values()) for action in WORKSPACE_USE)

    async def _reach(
        self, principal: Principal, datastore: Datastore, prefixes: tuple[str, ...], level: Level
    ) -> Reach:
        place = datastore.azure
        if place is None or datastore.kind is DatastoreKind.OTHER:
            return _unknown(f"“{datastore.name}” is of a kind whose readers the bot does not know.")
        if place.access is not DatastoreAccess.IDENTITY:
            return await self._by_secret(principal, datastore, level)
        container = await self._places.container(datastore)
        standing = await self._standing(container.scope, principal)
        actions = DATA_ACTIONS[level]
        denied = next((each for each in standing.denied if each.touches(principal, actions, data=True)), None)
        if denied is not None:
            return _unknown(f"The deny assignment “{denied.name}” may take it away.")
        rights = await self._rights(standing.held)
        names: list[str] = []
        for action in actions:
            for prefix in prefixes:
                by = next((each for each in standing.held if _proves(each, rights, action, prefix, level)), None)
                if by is None:
                    return _no(principal, datastore, level, standing.held, rights)
                names.append(rights[by.role].name)
        roles = " and ".join(dict.fromkeys(names))
        return Reach(ReachKind.YES, f"The role {roles} of {principal.name} covers it.")

    async def _by_secret(self, principal: Principal, datastore: Datastore, level: Level) -> Reach:
        if level is Level.WRITE and datastore.azure and datastore.azure.access is not DatastoreAccess.ACCOUNT_KEY:
            return _unknown(f"Whether the credential of “{datastore.name}” allows changes cannot be seen.")
        standing = await self._standing(self._workspace_scope, principal)
        denied = next((each for each in standing.denied if each.touches(principal, (LIST_SECRETS,), data=False)), None)
        if denied is not None:
            return _unknown(f"The deny assignment “{denied.name}” may take it away.")
        held = [each for each in standing.held if not each.condition.strip()]
        rights = await self._rights(held)
        for each in held:
            if rights[each.role].gives(LIST_SECRETS):
                why = f"The role {rights[each.role].name} of {principal.name} may use the credential of the datastore."
                return Reach(ReachKind.YES, why)
        why = f"No role of {principal.name} on the workspace may use the credential of “{datastore.name}”."
        return Reach(ReachKind.NO, why)

    async def _standing(self, scope: str, principal: Principal) -> Standing:
        key = (scope.lower(), principal.object_id.lower())
        known = self._standings.get(key)
        if known is not None and self._clock() - known[0] < FRESH_SECONDS:
            return known[1]
        asked_at = self._clock()
        found = await self._read(scope, principal)
        if len(self._standings) >= ENTRIES:
            self._standings.clear()
        self._standings[key] = (asked_at, found)
        return found

    async def _read(self, scope: str, principal: Principal) -> Standing:
        held, denied = await asyncio.gather(self._assignments.reaching(scope, principal), self._denied(scope))
        return Standing(held, denied)

    async def _denied(self, scope: str) -> tuple[Denied, ...]:
        def read(to: Clients) -> tuple[Denied, ...]:
            listed = to.roles.deny_assignments.list_for_scope(scope.lstrip("/"), filter="atScope()")
            return tuple(_denied(each) for each in listed)

        return await self._calls.run(read)

    async def _rights(self, held: Iterable[Held]) -> dict[str, RoleRights]:
        """The definitions of the roles, by guid; one that is gone gives nothing."""
        found: dict[str, RoleRights] = {}
        for each in {one.role: one for one in held}.values():
            known = self._definitions.get(each.role)
            if known is None or self._clock() - known[0] > DEFINITION_SECONDS:
                known = (self._clock(), await self._definition(each.role_id))
                self._definitions[each.role] = known
            found[each.role] = known[1]
        return found

    async def _definition(self, role_id: str) -> RoleRights:
        def read(to: Clients) -> RoleRights:
            found = to.roles.role_definitions.get_by_id(role_id.lstrip("/"))
            return RoleRights(str(found.role_name or guid_of(role_id)), _permissions(found.permissions))

        try:
            return await self._calls.run(read)
        except Refused as refused:
            if not refused.missing:
                raise
            log.info("role_definition_gone", role=guid_of(role_id))
            return RoleRights(guid_of(role_id), ())


def _proves(held: Held, rights: dict[str, RoleRights], action: str, prefix: str, level: Level) -> bool:
    return rights[held.role].gives_data(action) and opens(held.condition, (prefix,), level)


def _no(
    principal: Principal, datastore: Datastore, level: Level, held: Sequence[Held], rights: dict[str, RoleRights]
) -> Reach:
    if any(each.condition.strip() and any(map(rights[each.role].gives_data, DATA_ACTIONS[level])) for each in held):
        return _unknown(f"{principal.name} has a role under a condition that does not provably cover this data.")
    why = f"No role of {principal.name} lets them {_WORD[level]} this data on “{datastore.name}”."
    return Reach(ReachKind.NO, why)


def _unknown(why: str) -> Reach:
    return Reach(ReachKind.UNKNOWN, why)


def _permissions(found: object) -> tuple[Permission, ...]:
    made = []
    for each in found if isinstance(found, list) else []:
        names = ("actions", "not_actions", "data_actions", "not_data_actions")
        made.append(Permission(*(tuple(getattr(each, name, None) or ()) for name in names)))
    return tuple(made)


def _denied(found: DenyAssignment) -> Denied:
    principals = [each for each in found.principals or [] if each.id]
    kinds = {str(each.type or "").lower() for each in principals}
    ids = frozenset(str(each.id).lower() for each in principals)
    return Denied(
        name=str(found.deny_assignment_name or found.name or ""),
        principals=ids,
        for_all=EVERYONE in ids or bool(kinds - {"user", "serviceprincipal"}),
        excluded=frozenset(str(each.id).lower() for each in found.exclude_principals or [] if each.id),
        permissions=_permissions(found.permissions),
    )
