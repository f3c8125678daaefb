"""Entra PIM's schedule requests and instances, as plain values: what is read, what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from services.access.model import Assignment, AssignmentKind
from services.azure.access.calls import Clients
from services.azure.access.conditions import VERSION, same_condition
from services.azure.access.descriptions import seal_of
from services.azure.access.places import Target
from services.azure.access.roles import KNOWN, definition_id, guid_of, same_scope

if TYPE_CHECKING:
    from azure.mgmt.authorization.v2020_10_01.models import (
        RoleAssignmentScheduleInstance,
        RoleAssignmentScheduleRequest,
    )

TOLERANCE_SECONDS = 2.0
"""Two ends that differ by less are the same: Azure keeps fewer digits than the bot."""

Key = tuple[str, str, str]
"""Scope, guid of the role and principal, in small letters: of all three, PIM holds at most one assignment active."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An assignment that PIM shows as active, whoever made it. ends_at: None when it is permanent.

    Permanent ones are those made without PIM, and PIM's own after the licence lapsed.
    """

    schedule_id: str
    scope: str
    role_id: str
    principal_id: str
    condition: str
    started_at: datetime | None
    ends_at: datetime | None

    @property
    def key(self) -> Key:
        """Which one it is."""
        return key_of(self.scope, self.role_id, self.principal_id)

    @property
    def seal(self) -> str:
        """See `descriptions.seal_of`."""
        return seal_of(self.scope, self.role_id, self.principal_id, self.condition)

    def ends_with(self, ends_at: datetime) -> bool:
        """Does it end then?"""
        return self.ends_at is not None and abs((self.ends_at - ends_at).total_seconds()) <= TOLERANCE_SECONDS

    def agrees(self, target: Target, ends_at: datetime) -> bool:
        """Is it what is wanted?"""
        return self.ends_with(ends_at) and same_condition(self.condition, target.condition)

    def as_assignment(self, kind: AssignmentKind = AssignmentKind.PIM) -> Assignment:
        """As the rest of the bot knows it."""
        known = KNOWN.get(guid_of(self.role_id))
        name = known.name if known else guid_of(self.role_id)
        return Assignment(kind, self.schedule_id, self.scope, self.role_id, name, self.principal_id, self.condition)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the bot's identity made. justification: its description."""

    key: Key
    justification: str
    at: datetime | None

    @property
    def order(self) -> float:
        """By which the newest is the greatest."""
        return self.at.timestamp() if self.at is not None else 0.0


def key_of(scope: str, role: str, principal_id: str) -> Key:
    """role: the guid or a full id."""
    return scope.lower().rstrip("/"), guid_of(role), principal_id.lower()


def is_at(timed: Timed, scope: str, role: str, principal_id: str) -> bool:
    """Is it the one for these?"""
    return timed.key[1:] == key_of(scope, role, principal_id)[1:] and same_scope(timed.scope, scope)


def instances(scope: str, question: str | None) -> Callable[[Clients], tuple[Timed, ...]]:
    """Reads what is assigned and active at a scope; roles that people activated themselves are left out."""

    def read(to: Clients) -> tuple[Timed, ...]:
        listed = to.pim.role_assignment_schedule_instances.list_for_scope(scope.lstrip("/"), filter=question)
        return tuple(_timed(each) for each in listed if (each.assignment_type or "").lower() == "assigned")

    return read


def requests(scope: str) -> Callable[[Clients], tuple[Asked, ...]]:
    """Reads what the bot's identity asked for at a scope and below it."""

    def read(to: Clients) -> tuple[Asked, ...]:
        listed = to.pim.role_assignment_schedule_requests.list_for_scope(scope.lstrip("/"), filter="asRequestor()")
        return tuple(_asked(each) for each in listed)

    return read


def assign(
    name: str, target: Target, there: Timed | None, *, starts_at: datetime, ends_at: datetime, description: str
) -> Callable[[Clients], str]:
    """Asks for an assignment, or for changing the one that is there; gives the request's status in small letters."""

    def ask(to: Clients) -> str:
        from azure.mgmt.authorization.v2020_10_01 import models  # noqa: PLC0415 - not before Azure is used

        expiration = models.RoleAssignmentScheduleRequestPropertiesScheduleInfoExpiration(
            type="AfterDateTime", end_date_time=ends_at
        )
        made = to.pim.role_assignment_schedule_requests.create(
            target.scope.lstrip("/"),
            name,
            models.RoleAssignmentScheduleRequest(
                principal_id=target.principal.object_id,
                role_definition_id=target.role_id,
                request_type="AdminAssign" if there is None else "AdminUpdate",
                justification=description,
                target_role_assignment_schedule_id=there.schedule_id if there is not None else None,
                condition=target.condition or None,
                condition_version=VERSION if target.condition else None,
                schedule_info=models.RoleAssignmentScheduleRequestPropertiesScheduleInfo(
                    start_date_time=starts_at, expiration=expiration
                ),
            ),
        )
        return str(made.status or "").lower()

    return ask


def remove(name: str, there: Timed) -> Callable[[Clients], None]:
    """Asks for removing the assignment that is there."""

    def ask(to: Clients) -> None:
        from azure.mgmt.authorization.v2020_10_01 import models  # noqa: PLC0415 - not before Azure is used

        known = KNOWN.get(guid_of(there.role_id))
        to.pim.role_assignment_schedule_requests.create(
            there.scope.lstrip("/"),
            name,
            models.RoleAssignmentScheduleRequest(
                principal_id=there.principal_id,
                role_definition_id=definition_id(there.scope, known) if known is not None else there.role_id,
                request_type="AdminRemove",
                target_role_assignment_schedule_id=there.schedule_id,
            ),
        )

    return ask


def _timed(found: RoleAssignmentScheduleInstance) -> Timed:
    return Timed(
        schedule_id=str(found.role_assignment_schedule_id or found.id),
        scope=str(found.scope),
        role_id=str(found.role_definition_id),
        principal_id=str(found.principal_id),
        condition=found.condition or "",
        started_at=found.start_date_time,
        ends_at=found.end_date_time,
    )


def _asked(found: RoleAssignmentScheduleRequest) -> Asked:
    key = key_of(str(found.scope), str(found.role_definition_id), str(found.principal_id))
    return Asked(key, found.justification or "", found.created_on)
