"""Entra PIM over Resource Manager: `{scope}/providers/Microsoft.Authorization/roleAssignmentSchedule…`, for `arm.py`.

What it holds active is a role assignment too, under a name and without a description, as in Azure.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from tests.contract.entra import Caller
from tests.contract.faults import azure_error
from tests.contract.roles import Assignment, Roles
from tests.contract.wire import Json, Request, Response

__all__ = ["Pim", "Schedule", "answer"]

_REQUESTS = re.compile(
    r"(.*)/providers/microsoft\.authorization/roleassignmentschedulerequests(?:/([^/]+))?$", re.IGNORECASE
)
_INSTANCES = re.compile(r"(.*)/providers/microsoft\.authorization/roleassignmentscheduleinstances$", re.IGNORECASE)
_FIVE_MINUTES = timedelta(minutes=5)


@dataclass(frozen=True)
class Schedule:
    """What PIM holds active. ends_at: None for ever."""

    name: str
    assignment: Assignment
    starts_at: datetime
    ends_at: datetime | None
    given_at: datetime


@dataclass
class Pim:
    """All schedules and requests of the subscription.

    licensed: False answers as a tenant without the licence. closed: scopes with this text are refused. longest: the
    ExpirationRule of every role. needs_approval: requests wait. ahead: how far its clock is ahead of the machine's.
    """

    roles: Roles
    licensed: bool = True
    closed: str = ""
    longest: timedelta | None = None
    needs_approval: bool = False
    ahead: timedelta = timedelta(0)
    schedules: list[Schedule] = field(default_factory=list)
    requests: list[dict[str, Json]] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def expire(self) -> None:
        """End what is past its end."""
        for each in list(self.schedules):
            if each.ends_at is not None and each.ends_at <= self.now():
                self.drop(each)

    def drop(self, schedule: Schedule) -> None:
        self.schedules.remove(schedule)
        self.roles.remove(schedule.assignment.name)

    def lapse(self) -> None:
        """The licence ends: what is active and time-bound becomes permanent, and PIM answers no more."""
        self.licensed = False
        self.schedules = [replace(each, ends_at=None) for each in self.schedules]

    def of(self, assignment: Assignment) -> Schedule | None:
        """The schedule behind the role assignment that stands in the place of this one."""
        there = self.roles.same(assignment)
        return next((each for each in self.schedules if there is not None and each.assignment == there), None)


def answer(pim: Pim, request: Request, caller: Caller, require: Callable[[str, str], None]) -> Response | None:
    """Answer a call about PIM, None when it is about something else. `require` takes an action and a scope."""
    path = request.path.rstrip("/")
    about_requests, about_instances = _REQUESTS.match(path), _INSTANCES.match(path)
    found = about_requests or about_instances
    if found is None:
        return None
    kind = "roleAssignmentScheduleRequests" if about_requests else "roleAssignmentScheduleInstances"
    require(f"Microsoft.Authorization/{kind}/{'write' if request.method == 'PUT' else 'read'}", found[1])
    if not pim.licensed:
        message = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        return azure_error(400, "AadPremiumLicenseRequired", message)
    if pim.closed and pim.closed in found[1]:
        return azure_error(400, "ResourceNotOnboarded", "The resource is not onboarded.")
    pim.expire()
    question = request.query.get("$filter", "")
    if about_instances and request.method == "GET":
        listed = [_instance(pim, each) for each in pim.roles.listed(found[1], question)]
        return Response.json({"value": cast("list[Json]", listed), "nextLink": None})
    if about_requests and about_requests[2] is None and request.method == "GET":
        mine = [each for each in pim.requests if _is_below(each, found[1])]
        if "asrequestor()" in question.lower():
            mine = [each for each in mine if _properties(each)["requestorId"] == caller.object_id]
        return Response.json({"value": cast("list[Json]", mine), "nextLink": None})
    if about_requests and about_requests[2] and request.method == "PUT":
        return _asked(pim, request, caller, about_requests[1], about_requests[2])
    return None


def _asked(pim: Pim, request: Request, caller: Caller, scope: str, name: str) -> Response:
    if any(each["name"] == name for each in pim.requests):
        return azure_error(409, "RoleAssignmentRequestExists", "A request with this name exists.")
    properties = cast("dict[str, Json]", request.json()["properties"])
    wanted = Assignment(
        str(uuid.uuid4()),
        scope,
        str(properties["roleDefinitionId"]),
        str(properties["principalId"]),
        {
            "roleDefinitionId": properties["roleDefinitionId"],
            "principalId": properties["principalId"],
            "principalType": "User",
            "condition": properties.get("condition"),
            "conditionVersion": properties.get("conditionVersion"),
        },
    )
    kind = str(properties["requestType"])
    refused = _remove(pim, wanted) if kind == "AdminRemove" else _hold(pim, properties, wanted, kind)
    if refused is not None:
        return refused
    status = "PendingApproval" if pim.needs_approval and kind != "AdminRemove" else "Provisioned"
    made: dict[str, Json] = {
        "id": f"{scope}/providers/Microsoft.Authorization/RoleAssignmentScheduleRequests/{name}",
        "name": name,
        "type": "Microsoft.Authorization/RoleAssignmentScheduleRequests",
        "properties": {
            **properties,
            "scope": scope,
            "status": "Revoked" if kind == "AdminRemove" else status,
            "createdOn": pim.now().isoformat(),
            "requestorId": caller.object_id,
        },
    }
    pim.requests.append(made)
    return Response.json(made, 201)


def _hold(pim: Pim, properties: dict[str, Json], wanted: Assignment, kind: str) -> Response | None:
    known = pim.of(wanted)
    starts_at, ends_at = _span(pim, properties)
    if wanted.principal_id in pim.roles.unknown:
        return azure_error(404, "SubjectNotFound", "The subject is not found.")
    if kind == "AdminAssign" and pim.roles.same(wanted) is not None:
        return azure_error(409, "RoleAssignmentExists", "The Role assignment already exists.")
    if kind == "AdminUpdate" and known is None:
        return azure_error(404, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    if known is not None and pim.now() - known.given_at < _FIVE_MINUTES:
        return _too_short()
    if ends_at is not None and ends_at - max(starts_at, pim.now()) < _FIVE_MINUTES:
        return _too_short()
    if pim.longest is not None and (ends_at is None or ends_at - starts_at > pim.longest):
        message = 'The following policy rules failed: ["ExpirationRule"]'
        return azure_error(400, "RoleAssignmentRequestPolicyValidationFailed", message)
    if pim.needs_approval:
        return None
    if known is not None:
        pim.drop(known)
    name = known.name if known is not None else str(uuid.uuid4())
    given_at = known.given_at if known is not None else pim.now()
    pim.schedules.append(Schedule(name, pim.roles.keep(wanted), starts_at, ends_at, given_at))
    return None


def _remove(pim: Pim, wanted: Assignment) -> Response | None:
    known = pim.of(wanted)
    if known is None:
        return azure_error(404, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    if pim.now() - known.given_at < _FIVE_MINUTES:
        return _too_short()
    pim.drop(known)
    return None


def _too_short() -> Response:
    message = "The active duration is too short. Minimum duration for active role is 5 minutes."
    return azure_error(400, "ActiveDurationTooShort", message)


def _span(pim: Pim, properties: dict[str, Json]) -> tuple[datetime, datetime | None]:
    info = cast("dict[str, Json]", properties.get("scheduleInfo") or {})
    expiration = cast("dict[str, Json]", info.get("expiration") or {})
    start, end = info.get("startDateTime"), expiration.get("endDateTime")
    return (
        datetime.fromisoformat(str(start)) if start else pim.now(),
        datetime.fromisoformat(str(end)) if end else None,
    )


def _instance(pim: Pim, assignment: Assignment) -> dict[str, Json]:
    """PIM shows every active assignment, also those that were made without it; these have no end."""
    schedule = next((each for each in pim.schedules if each.assignment == assignment), None)
    name = schedule.name if schedule is not None else assignment.name
    where = f"{assignment.scope}/providers/Microsoft.Authorization"
    ends_at = schedule.ends_at if schedule is not None else None
    return {
        "id": f"{where}/RoleAssignmentScheduleInstances/{name}",
        "name": name,
        "type": "Microsoft.Authorization/RoleAssignmentScheduleInstances",
        "properties": {
            **{key: assignment.properties.get(key) for key in ("principalId", "principalType", "condition")},
            "roleDefinitionId": assignment.role_id,
            "scope": assignment.scope,
            "roleAssignmentScheduleId": f"{where}/RoleAssignmentSchedules/{name}",
            "originRoleAssignmentId": f"{where}/roleAssignments/{assignment.name}",
            "status": "Provisioned",
            "assignmentType": "Assigned",
            "memberType": "Direct",
            "startDateTime": schedule.starts_at.isoformat() if schedule is not None else None,
            "endDateTime": ends_at.isoformat() if ends_at is not None else None,
        },
    }


def _properties(request: dict[str, Json]) -> dict[str, Json]:
    return cast("dict[str, Json]", request["properties"])


def _is_below(request: dict[str, Json], scope: str) -> bool:
    return f"{str(_properties(request)['scope']).lower()}/".startswith(f"{scope.lower()}/")
