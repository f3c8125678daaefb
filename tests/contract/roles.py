"""Role and deny assignments, and role definitions, `{scope}/providers/Microsoft.Authorization/...`, for `arm.py`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlencode

from tests.contract.conditions import Access, ConditionError, allows
from tests.contract.faults import azure_error
from tests.contract.permissions import Permission
from tests.contract.wire import Json, Request, Response

__all__ = ["BUILT_IN", "Assignment", "Denied", "Role", "Roles", "answer"]

_ASSIGNMENTS = re.compile(r"(.*)/providers/microsoft\.authorization/roleassignments(?:/([^/]+))?$", re.IGNORECASE)
_DEFINITIONS = re.compile(r"(.*)/providers/microsoft\.authorization/roledefinitions(?:/([^/]+))?$", re.IGNORECASE)
_DENIED = re.compile(r"(.*)/providers/microsoft\.authorization/denyassignments$", re.IGNORECASE)
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_ML = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True)
class Role:
    """A built-in role with the part of its permissions that matters to datasets."""

    role_id: str
    name: str
    permission: Permission


BUILT_IN = {
    role.name: role
    for role in (
        Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", Permission(("*",))),
        Role(
            "b24988ac-6180-42a0-ab88-20f7382dd24c",
            "Contributor",
            Permission(("*",), ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")),
        ),
        Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", Permission(("*/read",))),
        Role(
            "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
            "User Access Administrator",
            Permission(("*/read", "Microsoft.Authorization/*")),
        ),
        Role(
            "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            "Storage Blob Data Reader",
            Permission((f"{_BLOBS}/read",), (), (f"{_BLOBS}/blobs/read",)),
        ),
        Role(
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
            "Storage Blob Data Contributor",
            Permission(
                (f"{_BLOBS}/read", f"{_BLOBS}/write", f"{_BLOBS}/delete"),
                (),
                tuple(f"{_BLOBS}/blobs/{each}" for each in ("read", "write", "delete", "move/action", "add/action")),
            ),
        ),
        Role(
            "f6c7c914-8db3-469d-8ca1-694a8f32e121",
            "AzureML Data Scientist",
            Permission(
                (f"{_ML}/*/read", f"{_ML}/*/action", f"{_ML}/*/delete", f"{_ML}/*/write"),
                (f"{_ML}/delete", f"{_ML}/write", f"{_ML}/computes/*/write", f"{_ML}/listKeys/action"),
            ),
        ),
    )
}


@dataclass(frozen=True)
class Assignment:
    """Who has which role where."""

    name: str
    scope: str
    role_id: str
    principal_id: str
    properties: dict[str, Json]

    def dto(self) -> dict[str, Json]:
        return {
            "id": f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}",
            "name": self.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {**self.properties, "scope": self.scope},
        }


@dataclass(frozen=True)
class Denied:
    """A deny assignment. principals: pairs of id and type; permission: what is taken away."""

    scope: str
    name: str
    principals: tuple[tuple[str, str], ...]
    permission: Permission
    excluded: tuple[str, ...] = ()

    def dto(self) -> dict[str, Json]:
        name = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.scope}{self.name}"))
        return {
            "id": f"{self.scope}/providers/Microsoft.Authorization/denyAssignments/{name}",
            "name": name,
            "type": "Microsoft.Authorization/denyAssignments",
            "properties": {
                "denyAssignmentName": self.name,
                "scope": self.scope,
                "permissions": [self.permission.dto()],
                "principals": [{"id": one, "type": kind} for one, kind in self.principals],
                "excludePrincipals": [{"id": one, "type": "User"} for one in self.excluded],
            },
        }


@dataclass
class Roles:
    """All role assignments of the subscription.

    groups: the groups of each principal, for `assignedTo`. unknown: principals that Entra has not replicated yet;
    assigning to them is refused with PrincipalNotFound. denied: the deny assignments. custom: roles that are not
    built in. assignable: ids of the roles that callers may give; None: all. page: how many a listing gives at once.
    """

    groups: dict[str, set[str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    denied: list[Denied] = field(default_factory=list)
    custom: list[Role] = field(default_factory=list)
    assignable: set[str] | None = None
    page: int = 1000
    _assignments: dict[str, Assignment] = field(default_factory=dict)

    def assign(
        self, principal_id: str, role: str, scope: str, *, principal_type: str = "User", condition: str = ""
    ) -> Assignment:
        """Arrange an assignment of a built-in or custom role, by its name."""
        known = BUILT_IN.get(role) or next(one for one in self.custom if one.name == role)
        role_id = f"/subscriptions/{scope.split('/')[2]}{_definition(known)}"
        properties: dict[str, Json] = {
            "roleDefinitionId": role_id,
            "principalId": principal_id,
            "principalType": principal_type,
        }
        if condition:
            properties |= {"condition": condition, "conditionVersion": "2.0"}
        return self.keep(Assignment(str(uuid.uuid4()), scope, role_id, principal_id, properties))

    def keep(self, assignment: Assignment) -> Assignment:
        self._assignments[assignment.name.lower()] = assignment
        return assignment

    def get(self, name: str) -> Assignment | None:
        return self._assignments.get(name.lower())

    def remove(self, name: str) -> Assignment | None:
        return self._assignments.pop(name.lower(), None)

    def all(self) -> list[Assignment]:
        return list(self._assignments.values())

    def same(self, wanted: Assignment) -> Assignment | None:
        """An assignment of the same role to the same principal at the same scope."""
        key = (wanted.scope.lower(), wanted.role_id.lower(), wanted.principal_id)
        return next(
            (one for one in self.all() if (one.scope.lower(), one.role_id.lower(), one.principal_id) == key), None
        )

    def may(self, principal_id: str, scope: str, access: Access) -> bool:
        """May a principal do this with data at a scope? By its own roles, those of its groups, and their conditions."""
        them = {principal_id, *self.groups.get(principal_id, set())}
        known = {role.role_id: role.permission for role in (*BUILT_IN.values(), *self.custom)}
        return any(
            Permission(known[one.role_id.rpartition("/")[2]].data_actions).allows(access.action)
            and (not one.properties.get("condition") or allows(str(one.properties["condition"]), access))
            for one in self.listed(scope, "atScope()")
            if one.principal_id in them
        )

    def listed(self, scope: str, question: str) -> list[Assignment]:
        """What applies at a scope: on it, above it and, unless `atScope()` is asked, below it."""
        here = f"{scope.lower()}/"
        above = [one for one in self.all() if here.startswith(f"{one.scope.lower()}/")]
        below = [one for one in self.all() if f"{one.scope.lower()}/".startswith(here) and one not in above]
        found = above if "atscope()" in question.lower() else above + below
        exact = re.search(r"principalId eq '([^']*)'", question, re.IGNORECASE)
        if exact is not None:
            return [one for one in found if one.principal_id == exact[1]]
        assigned = re.search(r"assignedTo\('([^']*)'\)", question, re.IGNORECASE)
        if assigned is not None:
            them = {assigned[1], *self.groups.get(assigned[1], set())}
            return [one for one in found if one.principal_id in them]
        return found


def answer(roles: Roles, request: Request, require: Callable[[str, str], None]) -> Response | None:
    """Answer a call about roles, None when it is about something else. `require` takes an action and a scope."""
    path = request.path.rstrip("/")
    assignment, definition, denied = _ASSIGNMENTS.match(path), _DEFINITIONS.match(path), _DENIED.match(path)
    if definition is not None and request.method == "GET":
        return _definitions(roles, request, definition[1], definition[2])
    if denied is not None and request.method == "GET":
        require("Microsoft.Authorization/denyAssignments/read", denied[1])
        here = f"{denied[1].lower()}/"
        return Response.json({"value": [one.dto() for one in roles.denied if here.startswith(f"{one.scope.lower()}/")]})
    if assignment is None:
        return None
    return _assignments(roles, request, assignment, require)


def _assignments(
    roles: Roles, request: Request, assignment: re.Match[str], require: Callable[[str, str], None]
) -> Response | None:
    scope, name = assignment[1], assignment[2]
    if request.method == "GET" and name is None:
        require("Microsoft.Authorization/roleAssignments/read", scope)
        return _page(roles, request, roles.listed(scope, request.query.get("$filter", "")))
    if request.method == "GET":
        require("Microsoft.Authorization/roleAssignments/read", scope)
        known = roles.get(name)
        if known is None:
            return azure_error(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
        return Response.json(known.dto())
    if request.method == "PUT":
        require("Microsoft.Authorization/roleAssignments/write", scope)
        return _assign(roles, request, scope, name)
    if request.method == "DELETE":
        require("Microsoft.Authorization/roleAssignments/delete", scope)
        gone = roles.remove(name)
        return Response.json(gone.dto()) if gone is not None else Response(204)
    return None


def _page(roles: Roles, request: Request, found: list[Assignment]) -> Response:
    start = int(request.query.get("$skipToken", "0"))
    end = start + roles.page
    more = urlencode({**request.query, "$skipToken": str(end)})
    following = f"https://{request.host}{request.path}?{more}" if end < len(found) else None
    value: list[Json] = [one.dto() for one in found[start:end]]
    return Response.json({"value": value, "nextLink": following})


def _assign(roles: Roles, request: Request, scope: str, name: str) -> Response:
    properties = cast("dict[str, Json]", request.json().get("properties") or {})
    wanted = Assignment(
        name, scope, str(properties.get("roleDefinitionId")), str(properties.get("principalId")), properties
    )
    if roles.assignable is not None and wanted.role_id.rpartition("/")[2].lower() not in roles.assignable:
        message = (
            "The client 'bot' with object id 'bot' has an authorization with ABAC condition that is not fulfilled to "
            f"perform action 'Microsoft.Authorization/roleAssignments/write' over scope '{scope}' or the scope is "
            "invalid. If access was recently granted, please refresh your credentials."
        )
        return azure_error(403, "AuthorizationFailed", message)
    problem = _condition_problem(properties)
    if problem:
        return azure_error(400, "RoleAssignmentConditionNotValid", problem)
    if len(str(properties.get("description") or "")) > 1024:
        return azure_error(400, "InvalidRoleAssignmentDescription", "The description is too long.")
    known = roles.get(name)
    if known is not None:
        if (known.role_id, known.principal_id, known.scope) != (wanted.role_id, wanted.principal_id, wanted.scope):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            return azure_error(409, "RoleAssignmentUpdateNotPermitted", message)
        return Response.json(roles.keep(wanted).dto())
    if wanted.principal_id in roles.unknown:
        message = (
            f"Principal {wanted.principal_id} does not exist in the directory. Check that you have the correct ID."
        )
        return azure_error(400, "PrincipalNotFound", message)
    same = roles.same(wanted)
    if same is not None:
        message = f"The role assignment already exists. The ID of the conflicting role assignment is {same.name}."
        return azure_error(409, "RoleAssignmentExists", message)
    return Response.json(roles.keep(wanted).dto(), 201)


def _condition_problem(properties: dict[str, Json]) -> str:
    condition = str(properties.get("condition") or "")
    if not condition:
        return ""
    if properties.get("conditionVersion") != "2.0":
        return "The condition version must be 2.0."
    if len(condition.encode()) > 8 * 1024:
        return "The condition is longer than 8 KB."
    try:
        allows(condition, Access("nothing"))
    except ConditionError as error:
        return f"The condition cannot be read: {error}."
    return ""


def _definitions(roles: Roles, request: Request, scope: str, role_id: str | None) -> Response:
    known = (*BUILT_IN.values(), *roles.custom)
    if role_id is not None:
        for role in known:
            if role.role_id == role_id.lower():
                return Response.json(_role_dto(scope, role))
        return azure_error(404, "RoleDefinitionDoesNotExist", f"The role definition '{role_id}' does not exist.")
    named = re.search(r"roleName eq '([^']*)'", request.query.get("$filter", ""), re.IGNORECASE)
    value: list[Json] = [
        _role_dto(scope, role) for role in known if named is None or role.name.lower() == named[1].lower()
    ]
    return Response.json({"value": value, "nextLink": None})


def _role_dto(scope: str, role: Role) -> dict[str, Json]:
    return {
        "id": f"{scope}{_definition(role)}",
        "name": role.role_id,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [role.permission.dto()],
        },
    }


def _definition(role: Role) -> str:
    return f"/providers/Microsoft.Authorization/roleDefinitions/{role.role_id}"
