"""Roles that Entra Privileged Identity Management (PIM) ends by itself, where the tenant has the licence.

Source of error codes: learn.microsoft.com/rest/api/authorization/includes/privileged-role-common-errors documents
RoleAssignmentExists and RoleAssignmentRequestPolicyValidationFailed; Microsoft Graph's reference of
governanceRoleAssignmentRequest documents RoleAssignmentDoesNotExist and PendingRoleAssignmentRequest.
ActiveDurationTooShort, AadPremiumLicenseRequired and TenantNotOnboarded are what public clients report of the live
service. The codes of `_NOT_HERE` besides are from clients too; none was tried against a real tenant. Unknown ones are
told as they are, never taken for a success.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from services.access.model import Assignment, AssignmentKind
from services.access.ports import NotYetError
from services.azure.access.calls import AuthorizationCalls, Clients
from services.azure.access.conditions import VERSION, same_condition
from services.azure.access.descriptions import describe, read_description
from services.azure.access.places import Target
from services.azure.access.refusals import Refused
from services.azure.access.role_assignments import READ_BACK_WAITS, WAITS, Sleep
from services.azure.access.roles import KNOWN, definition_id, guid_of, same_scope
from services.azure.errors import FORBIDDEN
from services.errors import Conflict, NotAllowed, Unavailable

if TYPE_CHECKING:
    from azure.mgmt.authorization.v2020_10_01.models import (
        RoleAssignmentScheduleInstance,
        RoleAssignmentScheduleRequest,
    )

PROBE_SECONDS = 24 * 3600.0
"""Whether PIM can be used is asked again after so long."""

SHORTEST = timedelta(minutes=5)
"""PIM neither assigns for less nor removes earlier (learn.microsoft.com, "Assign Azure resource roles in PIM")."""

JUSTIFICATION = 480
"""How long our description in a request's justification may be; PIM's own limit is not documented."""

_UNLICENSED = frozenset({"AadPremiumLicenseRequired", "TenantNotOnboarded", "TenantNotLicensed", "PimLicenseRequired"})
_NOT_HERE = frozenset({"ResourceNotOnboarded", "InvalidResourceType", "InvalidResource", "InvalidScope"})
_GONE = frozenset({"RoleAssignmentDoesNotExist", "RoleAssignmentScheduleNotFound", "SubjectNotFound"})
_FAILED = frozenset({"denied", "failed", "canceled", "timedout", "invalid", "admindenied", "failedasresourceislocked"})
_WAITING = frozenset({"pendingapproval", "pendingapprovalprovisioning", "pendingadmindecision"})

log = structlog.get_logger(__name__)


class PimUnusable(Exception):
    """PIM does not work in this tenant, at this scope, or for the bot's identity: the bot ends the access itself."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An assignment that PIM holds active. ends_at: None when it is permanent, as after the licence lapsed."""

    schedule_id: str
    scope: str
    role_id: str
    principal_id: str
    condition: str
    started_at: datetime | None
    ends_at: datetime | None

    def is_of(self, scope: str, role: str, principal_id: str) -> bool:
        """Is it the one for these?"""
        mine = (guid_of(self.role_id), self.principal_id.lower())
        return mine == (role.lower(), principal_id.lower()) and same_scope(self.scope, scope)

    def as_assignment(self) -> Assignment:
        """As the rest of the bot knows it."""
        known = KNOWN.get(guid_of(self.role_id))
        name = known.name if known else guid_of(self.role_id)
        kind = AssignmentKind.PIM
        return Assignment(kind, self.schedule_id, self.scope, self.role_id, name, self.principal_id, self.condition)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of ours. justification: our description."""

    scope: str
    role_id: str
    principal_id: str
    justification: str
    at: datetime | None

    @property
    def key(self) -> tuple[str, str, str]:
        """Scope, role's guid and principal."""
        return self.scope.lower().rstrip("/"), guid_of(self.role_id), self.principal_id.lower()

    @property
    def order(self) -> float:
        """By which the newest is the greatest."""
        return self.at.timestamp() if self.at is not None else 0.0


class Pim:
    """Schedule requests. mark: of the workspace's bot. now: UTC. Methods raise Refused and Unavailable."""

    def __init__(
        self,
        calls: AuthorizationCalls,
        mark: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._calls = calls
        self._mark = mark
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._probed_at: float | None = None
        self._works = False
        self._closed_scopes: set[str] = set()

    async def usable(self, probe_scope: str) -> bool:
        """Does PIM answer for this tenant? Asked once a day. Raises Unavailable when it cannot be known now."""
        if self._probed_at is None or self._clock() - self._probed_at > PROBE_SECONDS:
            try:
                await self._instances(probe_scope, "atScope()")
            except Refused as refused:
                if not _unusable(refused) and refused.refusal.status >= 500:
                    raise
                self._note(False, refused.code or str(refused.refusal.status))
            else:
                self._note(True, "")
            self._closed_scopes.clear()
        return self._works

    def may_be_used_at(self, scope: str) -> bool:
        """PIM has not refused this scope."""
        return scope.lower() not in self._closed_scopes

    async def in_place(self, scope: str, role: str, principal_id: str) -> Timed | None:
        """What PIM holds active for these, None when nothing or when PIM is of no use."""
        try:
            found = await self._instances(scope, f"principalId eq '{uuid.UUID(principal_id)}'")
        except Refused as refused:
            if _unusable(refused):
                return None
            raise
        return next((each for each in found if each.is_of(scope, role, principal_id)), None)

    async def ensure(self, target: Target, ends_at: datetime) -> Assignment:
        """Make it active until then, with this condition, and read it back.

        Raises PimUnusable, NotAllowed (PIM's policy for the role), NotYetError, and Refused with RoleAssignmentExists
        when there is an assignment that is not PIM's.
        """
        there = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
        if there is not None and _agrees(there, target, ends_at):
            await self._describe(target, there, ends_at)
            return there.as_assignment()
        await self._ask(target, _request_type(there, target, ends_at), there, ends_at)
        return (await self._read_back(target, ends_at)).as_assignment()

    async def end(self, assignment: Assignment) -> None:
        """Remove it now and read back. Raises NotYetError within its first five minutes, PimUnusable."""
        guid = guid_of(assignment.role_id)
        there = await self.in_place(assignment.scope, guid, assignment.principal_id)
        if there is None:
            return
        try:
            await self._calls.run(lambda to: _remove(to, assignment, there, uuid.uuid4()))
        except Refused as refused:
            if refused.code in _GONE or refused.missing:
                return
            self._judge(refused, assignment.scope, there)
            raise
        for wait in (*READ_BACK_WAITS, None):
            if await self.in_place(assignment.scope, guid, assignment.principal_id) is None:
                return
            if wait is not None:
                await self._sleep(wait)
        raise Unavailable(
            "Entra PIM has not removed the role yet. The bot tries again in a minute.", code="assignment_not_gone"
        )

    async def ours(self, subscription_id: str) -> tuple[tuple[Timed, str], ...]:
        """What PIM holds active in a subscription because the bot asked for it, with the newest description of each."""
        scope = f"/subscriptions/{subscription_id}"
        try:
            asked = await self._requests(scope)
            held = await self._instances(scope, None) if asked else ()
        except Refused as refused:
            if _unusable(refused):
                return ()
            raise
        newest: dict[tuple[str, str, str], Asked] = {}
        for each in sorted(asked, key=lambda one: one.order):
            if read_description(each.justification, self._mark) is not None:
                newest[each.key] = each
        found = []
        for timed in held:
            mine = newest.get((timed.scope.lower().rstrip("/"), guid_of(timed.role_id), timed.principal_id.lower()))
            if mine is not None:
                found.append((timed, mine.justification))
        return tuple(found)

    async def _describe(self, target: Target, there: Timed, ends_at: datetime) -> None:
        """Have the newest request name all grants. It opens nothing, so that a refusal for now is no failure."""
        newest = [each for each in await self._requests(target.scope) if there.is_of(*each.key)]
        wanted = describe(self._mark, target.wishes, JUSTIFICATION)
        if newest and max(newest, key=lambda each: each.order).justification == wanted:
            return
        try:
            await self._ask(target, "AdminUpdate", there, ends_at)
        except NotYetError as early:
            log.info("pim_description_waits", again_at=early.again_at.isoformat())

    async def _ask(self, target: Target, kind: str, there: Timed | None, ends_at: datetime) -> None:
        description = describe(self._mark, target.wishes, JUSTIFICATION)
        for wait in (*WAITS, None):
            try:
                status = await self._calls.run(
                    lambda to: _request(to, target, kind, there, self._now(), ends_at, description)
                )
            except Refused as refused:
                if refused.code == "PendingRoleAssignmentRequest":
                    return  # asked before and not done yet: what is read back decides
                if refused.code not in {"PrincipalNotFound", "SubjectNotFound"} or wait is None:
                    self._judge(refused, target.scope, there)
                    raise
                await self._sleep(wait)
                continue
            if status in _FAILED or status in _WAITING:
                what = "waits for somebody's approval there" if status in _WAITING else f"ended as “{status}”"
                raise NotAllowed(
                    f"Entra PIM did not give the role {target.role.name}: the request {what}. Its settings for this "
                    "role are under Privileged Identity Management, Azure resources.",
                    code="pim_not_given",
                )
            return

    def _judge(self, refused: Refused, scope: str, there: Timed | None) -> None:
        """Raise what a refusal means, if it means something special."""
        code = refused.code
        if code in _UNLICENSED or refused.refusal.status == FORBIDDEN:
            self._note(False, code)
            raise PimUnusable from refused
        if code in _NOT_HERE:
            self._closed_scopes.add(scope.lower())
            log.info("pim_scope_refused", code=code)
            raise PimUnusable from refused
        if code == "ActiveDurationTooShort":
            started = there.started_at if there is not None and there.started_at is not None else self._now()
            again = max(started + SHORTEST, self._now()) + timedelta(seconds=5)
            raise NotYetError(
                "Entra PIM changes a role only five minutes after it was given. The bot does it then.", again
            ) from None
        if code == "RoleAssignmentRequestPolicyValidationFailed":
            raise NotAllowed(
                "Entra PIM's settings for this role do not allow this access. "
                f"{refused.refusal.message} An ExpirationRule is the longest time that they allow.",
                code="pim_policy",
            ) from None

    def _note(self, works: bool, code: str) -> None:
        if works != self._works or self._probed_at is None:
            log.info("pim_probed", works=works, code=code)
        self._works, self._probed_at = works, self._clock()

    async def _read_back(self, target: Target, ends_at: datetime) -> Timed:
        for wait in (*READ_BACK_WAITS, None):
            there = await self.in_place(target.scope, target.role.guid, target.principal.object_id)
            if there is not None and _agrees(there, target, ends_at):
                return there
            if wait is not None:
                await self._sleep(wait)
        if there is None:
            raise Unavailable(
                "Entra PIM took the role but does not show it yet. The bot tries again in a minute.",
                code="assignment_not_shown",
            )
        raise Conflict(
            "Entra PIM shows another assignment than the one that the bot asked for; somebody may be changing it. Look "
            "there, then retry.",
            code="assignment_differs",
        )

    async def _instances(self, scope: str, question: str | None) -> tuple[Timed, ...]:
        def read(to: Clients) -> tuple[Timed, ...]:
            listed = to.pim.role_assignment_schedule_instances.list_for_scope(scope.lstrip("/"), filter=question)
            return tuple(_timed(each) for each in listed if (each.assignment_type or "").lower() == "assigned")

        return await self._calls.run(read)

    async def _requests(self, scope: str) -> tuple[Asked, ...]:
        def read(to: Clients) -> tuple[Asked, ...]:
            listed = to.pim.role_assignment_schedule_requests.list_for_scope(scope.lstrip("/"), filter="asRequestor()")
            return tuple(_asked(each) for each in listed)

        return await self._calls.run(read)


def _unusable(refused: Refused) -> bool:
    return refused.code in _UNLICENSED | _NOT_HERE or refused.refusal.status in (FORBIDDEN, 404)


def _agrees(there: Timed, target: Target, ends_at: datetime) -> bool:
    if there.ends_at is None or abs(there.ends_at - ends_at) > timedelta(seconds=2):
        return False
    return same_condition(there.condition, target.condition)


def _request_type(there: Timed | None, target: Target, ends_at: datetime) -> str:
    if there is None:
        return "AdminAssign"
    longer = there.ends_at is not None and ends_at > there.ends_at
    return "AdminExtend" if longer and same_condition(there.condition, target.condition) else "AdminUpdate"


def _request(  # noqa: PLR0917 - one request's parts, called from one place
    to: Clients,
    target: Target,
    kind: str,
    there: Timed | None,
    now: datetime,
    ends_at: datetime,
    description: str,
) -> str:
    from azure.mgmt.authorization.v2020_10_01 import models  # noqa: PLC0415 - not before Azure is used

    expiration = models.RoleAssignmentScheduleRequestPropertiesScheduleInfoExpiration(
        type="AfterDateTime", end_date_time=ends_at
    )
    start = there.started_at if there is not None and there.started_at is not None else now
    made = to.pim.role_assignment_schedule_requests.create(
        target.scope.lstrip("/"),
        str(uuid.uuid4()),
        models.RoleAssignmentScheduleRequest(
            principal_id=target.principal.object_id,
            role_definition_id=target.role_id,
            request_type=kind,
            justification=description,
            target_role_assignment_schedule_id=there.schedule_id if there is not None else None,
            condition=target.condition or None,
            condition_version=VERSION if target.condition else None,
            schedule_info=models.RoleAssignmentScheduleRequestPropertiesScheduleInfo(
                start_date_time=start, expiration=expiration
            ),
        ),
    )
    return str(made.status or "").lower()


def _remove(to: Clients, assignment: Assignment, there: Timed, name: uuid.UUID) -> None:
    from azure.mgmt.authorization.v2020_10_01 import models  # noqa: PLC0415 - not before Azure is used

    known = KNOWN.get(guid_of(assignment.role_id))
    role_id = definition_id(assignment.scope, known) if known is not None else assignment.role_id
    to.pim.role_assignment_schedule_requests.create(
        assignment.scope.lstrip("/"),
        str(name),
        models.RoleAssignmentScheduleRequest(
            principal_id=assignment.principal_id,
            role_definition_id=role_id,
            request_type="AdminRemove",
            target_role_assignment_schedule_id=there.schedule_id,
        ),
    )


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
    return Asked(
        scope=str(found.scope),
        role_id=str(found.role_definition_id),
        principal_id=str(found.principal_id),
        justification=found.justification or "",
        at=found.created_on,
    )
