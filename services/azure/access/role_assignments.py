"""Role assignments as Azure keeps them: read, made true, removed, and read back.

Azure keeps one assignment for one role, scope and principal. Its name is made of these, so that doing it again is
doing nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.access.model import Assignment, AssignmentKind, Principal, SubjectKind
from services.azure.access.calls import AuthorizationCalls, Clients, Sleep
from services.azure.access.conditions import VERSION, same_condition
from services.azure.access.descriptions import Description, describe, read_description, seal_of
from services.azure.access.places import Target
from services.azure.access.refusals import Refused
from services.azure.access.roles import (
    KNOWN,
    PRINCIPAL_TYPES,
    Role,
    guid_of,
    holds_at,
    object_guid,
    same_scope,
    subscription_of,
)
from services.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from azure.mgmt.authorization.v2022_04_01.models import RoleAssignment

NAMES = uuid.UUID("5b1f4a52-7d0b-4d5e-9a51-6a2f1b0c9e77")
"""Namespace of the names of our assignments; never changed, or all of them become somebody else's."""

EXISTS = "RoleAssignmentExists"

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between tries while Entra has not replicated a new principal yet: a minute in all."""

READ_BACK_WAITS = (0.3, 1.0, 2.0, 4.0)
"""Seconds between looks for what was just made; Resource Manager's readers lag behind its writers."""


@dataclass(frozen=True, slots=True)
class Held:
    """A role assignment as it is there. role: the guid. description, condition: "" for none."""

    id: str
    scope: str
    role_id: str
    principal_id: str
    condition: str
    description: str

    @property
    def role(self) -> str:
        """The guid of its role."""
        return guid_of(self.role_id)

    def is_of(self, scope: str, role: str, principal_id: str) -> bool:
        """Is it the one that Azure keeps for these?"""
        mine = (self.role, self.principal_id.lower())
        return mine == (role.lower(), principal_id.lower()) and same_scope(self.scope, scope)


def as_assignment(held: Held, kind: AssignmentKind) -> Assignment:
    """As the rest of the bot knows it."""
    known = KNOWN.get(held.role)
    return Assignment(
        kind, held.id, held.scope, held.role_id, known.name if known else held.role, held.principal_id, held.condition
    )


class RoleAssignments:
    """Reads and writes role assignments. mark: of the workspace's bot, see `descriptions`.

    sleep: waits between tries. Every method raises Refused and Unavailable besides what it says.
    """

    def __init__(self, calls: AuthorizationCalls, workspace_key: str, mark: str, *, sleep: Sleep = asyncio.sleep):
        self._calls = calls
        self._workspace_key = workspace_key
        self._mark = mark
        self._sleep = sleep

    def id_of(self, scope: str, role: Role, principal_id: str) -> str:
        """The id that our assignment of this role has, whether it is there or not.

        The workspace is in it: the bots of two workspaces may give access to the same storage.
        """
        key = "|".join((self._workspace_key, scope.lower().rstrip("/"), role.guid.lower(), principal_id.lower()))
        return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid5(NAMES, key)}"

    def is_ours(self, held: Held) -> bool:
        """Did the bot of this workspace make it? By its name, or by its description."""
        known = KNOWN.get(held.role)
        named = known is not None and held.id.lower() == self.id_of(held.scope, known, held.principal_id).lower()
        return named or self.described(held) is not None

    def described(self, held: Held) -> Description | None:
        """What its description says, None when it is not ours or somebody has edited it."""
        return read_description(held.description, self._mark)

    def is_altered(self, held: Held) -> bool:
        """Has somebody changed ours by hand since the bot wrote it, or its description?"""
        said = self.described(held)
        sealed = seal_of(held.scope, held.role_id, held.principal_id, held.condition)
        return self.is_ours(held) and (said is None or said.seal != sealed)

    async def get(self, assignment_id: str) -> Held | None:
        """One assignment, None when it is not there."""
        try:
            return await self._calls.run(lambda to: _held(to.roles.role_assignments.get_by_id(assignment_id)))
        except Refused as refused:
            if refused.missing:
                return None
            raise

    async def everything(self, subscription_id: str) -> tuple[Held, ...]:
        """All assignments of a subscription and what is in it, read page by page."""
        return await self._list(f"/subscriptions/{subscription_id}", None)

    async def of_principal(self, subscription_id: str, principal_id: str) -> tuple[Held, ...]:
        """Those of one principal itself in a subscription."""
        return await self._list(f"/subscriptions/{subscription_id}", f"principalId eq '{object_guid(principal_id)}'")

    async def reaching(self, scope: str, principal: Principal) -> tuple[Held, ...]:
        """Those that hold at a scope for a principal, inherited ones and, for all but groups, by its groups."""
        guid = object_guid(principal.object_id)
        question = f"principalId eq '{guid}'" if principal.kind is SubjectKind.GROUP else f"assignedTo('{guid}')"
        found = await self._list(scope, question)
        return tuple(each for each in found if holds_at(each.scope, scope))

    async def in_place(self, scope: str, role: str, principal_id: str) -> Held | None:
        """The one assignment that Azure keeps for these, whoever made it."""
        found = await self.of_principal(subscription_of(scope), principal_id)
        return next((each for each in found if each.is_of(scope, role, principal_id)), None)

    async def ensure(self, target: Target, held: Held | None) -> Assignment:
        """Make it true and read it back; somebody else's assignment that opens as much is accepted as FOREIGN.

        held: ours as it is there now, None when it is not. Raises Conflict when somebody else's narrower one is in the
        way.
        """
        assignment_id = self.id_of(target.scope, target.role, target.principal.object_id)
        description = describe(self._mark, target.seal, target.wishes)
        if held is None or not _agrees(held, target) or held.description != description:
            try:
                await self._put(assignment_id, target, description)
            except Refused as refused:
                if refused.code != EXISTS:
                    raise
                return await self.foreign(target)
        return as_assignment(await self._read_back(assignment_id, target), AssignmentKind.PLAIN)

    async def foreign(self, target: Target) -> Assignment:
        """Somebody else's assignment in the place of the wanted one. Raises Conflict when it opens less."""
        held = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
        if held is None:
            raise Unavailable(
                "Azure says that this role is assigned already, but does not show it yet. Try again in a minute.",
                code="assignment_not_shown",
            )
        if not target.is_opened_by(held.condition):
            raise in_the_way(target)
        return as_assignment(held, AssignmentKind.FOREIGN)

    async def delete(self, assignment_id: str) -> None:
        """Remove it and read back that it is gone; gone already is fine."""
        try:
            await self._calls.run(lambda to: to.roles.role_assignments.delete_by_id(assignment_id))
        except Refused as refused:
            if not refused.missing:
                raise
        for wait in (*READ_BACK_WAITS, None):
            if await self.get(assignment_id) is None:
                return
            if wait is not None:
                await self._sleep(wait)
        raise Unavailable(
            "Azure has not removed the role yet. The bot tries again in a minute.", code="assignment_not_gone"
        )

    async def _put(self, assignment_id: str, target: Target, description: str) -> None:
        for wait in (*WAITS, None):
            try:
                await self._calls.run(lambda to: _create(to, assignment_id, target, description))
            except Refused as refused:
                if refused.code != "PrincipalNotFound":
                    raise
                if wait is None:
                    raise Unavailable(
                        f"Azure does not know {target.principal.name} yet. New accounts and groups need some minutes; "
                        "the bot tries again.",
                        code="principal_not_replicated",
                    ) from None
                await self._sleep(wait)
            else:
                return

    async def _read_back(self, assignment_id: str, target: Target) -> Held:
        for wait in (*READ_BACK_WAITS, None):
            held = await self.get(assignment_id)
            if held is not None and _agrees(held, target):
                return held
            if wait is not None:
                await self._sleep(wait)
        if held is None:
            raise Unavailable(
                "Azure took the role but does not show it yet. The bot tries again in a minute.",
                code="assignment_not_shown",
            )
        raise Conflict(
            "Azure shows another role assignment than the one that the bot made; somebody may be changing it. Look at "
            f"Access control (IAM) of {_short(target.scope)}, then retry.",
            code="assignment_differs",
        )

    async def _list(self, scope: str, question: str | None) -> tuple[Held, ...]:
        def read(to: Clients) -> tuple[Held, ...]:
            listed = to.roles.role_assignments.list_for_scope(scope.lstrip("/"), filter=question)
            return tuple(_held(each) for each in listed)  # asks for the next page when one is used up

        return await self._calls.run(read)


def in_the_way(target: Target) -> Conflict:
    """Somebody else's assignment takes the one place that Azure has, and does not do."""
    return Conflict(
        f"Somebody has given {target.principal.name} the role {target.role.name} there already, under a condition or "
        "until an end that does not do for this access, and Azure keeps only one such assignment. Remove it or widen "
        f"it under Access control (IAM) of {_short(target.scope)}, then retry.",
        code="assignment_in_the_way",
    )


def _create(to: Clients, assignment_id: str, target: Target, description: str) -> None:
    from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters  # noqa: PLC0415 - lazily

    to.roles.role_assignments.create_by_id(
        assignment_id.lstrip("/"),
        RoleAssignmentCreateParameters(
            role_definition_id=target.role_id,
            principal_id=target.principal.object_id,
            principal_type=PRINCIPAL_TYPES[target.principal.kind],
            description=description,
            condition=target.condition or None,
            condition_version=VERSION if target.condition else None,
        ),
    )


def _held(found: RoleAssignment) -> Held:
    return Held(
        id=str(found.id),
        scope=str(found.scope),
        role_id=str(found.role_definition_id),
        principal_id=str(found.principal_id),
        condition=found.condition or "",
        description=found.description or "",
    )


def _agrees(held: Held, target: Target) -> bool:
    return held.is_of(target.scope, target.role.guid, target.principal.object_id) and same_condition(
        held.condition, target.condition
    )


def _short(scope: str) -> str:
    return "/".join(scope.rstrip("/").split("/")[-2:])
