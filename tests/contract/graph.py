"""Microsoft Graph: users, groups and service principals by id, by `$filter` and by `$search` on their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.contract.entra import Entra, Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response

__all__ = ["Graph", "Group", "ServicePrincipal", "User"]

HOST = "graph.microsoft.com"
_CLAUSE = re.compile(r"(mail|userPrincipalName|appId) eq '((?:[^']|'')*)'|securityEnabled eq (true|false)")
_SEARCH = re.compile(r'"displayName:((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class User:
    """A person in the directory."""

    object_id: str
    mail: str
    user_principal_name: str
    display_name: str
    enabled: bool = True
    user_type: str = "Member"

    def dto(self) -> dict[str, Json]:
        return {
            "id": self.object_id,
            "mail": self.mail,
            "userPrincipalName": self.user_principal_name,
            "displayName": self.display_name,
            "accountEnabled": self.enabled,
            "userType": self.user_type,
        }


@dataclass(frozen=True)
class Group:
    """A group; one without security is for mail or Teams only and can be given no role."""

    object_id: str
    display_name: str
    security_enabled: bool = True

    def dto(self) -> dict[str, Json]:
        return {
            "id": self.object_id,
            "displayName": self.display_name,
            "securityEnabled": self.security_enabled,
        }


@dataclass(frozen=True)
class ServicePrincipal:
    """An application's or a managed identity's principal."""

    object_id: str
    display_name: str
    app_id: str
    kind: str = "Application"
    enabled: bool = True

    def dto(self) -> dict[str, Json]:
        return {
            "id": self.object_id,
            "displayName": self.display_name,
            "appId": self.app_id,
            "servicePrincipalType": self.kind,
            "accountEnabled": self.enabled,
        }


@dataclass
class Graph:
    """`graph.microsoft.com/v1.0/…`. denied: answer 403 as without any permission; denied_collections: only for
    these, such as "groups".

    page: how many an answer holds at most, whatever `$top` asks.
    """

    entra: Entra
    users: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    service_principals: list[ServicePrincipal] = field(default_factory=list)
    denied: bool = False
    denied_collections: set[str] = field(default_factory=set)
    page: int = 100

    def reset(self) -> None:
        """Forget everybody."""
        self.users.clear()
        self.groups.clear()
        self.service_principals.clear()
        self.denied, self.page = False, 100
        self.denied_collections.clear()

    def serves(self, host: str) -> bool:
        return host == HOST

    async def answer(self, request: Request) -> Response:
        try:
            self.entra.caller(request, f"https://{HOST}")
        except Refused as refused:
            return refused.response
        parts = [part for part in request.path.split("/") if part]
        collection = parts[1] if len(parts) > 1 else ""
        if self.denied or collection in self.denied_collections:
            return azure_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        entries: dict[str, Sequence[User | Group | ServicePrincipal]] = {
            "users": self.users,
            "groups": self.groups,
            "servicePrincipals": self.service_principals,
        }
        if request.method != "GET" or parts[:1] != ["v1.0"] or collection not in entries or len(parts) > 3:
            return azure_error(404, "BadRequest", f"the contract server has no {request.method} {request.path}")
        dtos = [each.dto() for each in entries[collection]]
        return self._one(dtos, request, parts[2]) if len(parts) == 3 else self._listed(dtos, request, collection)

    def _one(self, dtos: list[dict[str, Json]], request: Request, wanted: str) -> Response:
        for dto in dtos:
            if wanted.lower() in (str(dto["id"]).lower(), str(dto.get("userPrincipalName", "")).lower()):
                return Response.json(_selected(dto, request))
        message = f"Resource '{wanted}' does not exist or one of its queried reference-property objects are not."
        return azure_error(404, "Request_ResourceNotFound", message)

    def _listed(self, dtos: list[dict[str, Json]], request: Request, collection: str) -> Response:
        question, words = request.query.get("$filter", ""), request.query.get("$search", "")
        clauses = _CLAUSE.findall(question)
        if (question and not clauses) or not (question or words or "$top" in request.query):
            return azure_error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.")
        if words and request.headers.get("ConsistencyLevel").lower() != "eventual":
            message = "Request with $search query parameter only works through MSGraph with a special request header: "
            return azure_error(400, "Request_UnsupportedQuery", f"{message}'ConsistencyLevel: eventual'")
        found = [dto for dto in dtos if not clauses or any(_matches(dto, clause) for clause in clauses)]
        if words:
            searched = _SEARCH.fullmatch(words)
            if searched is None:
                return azure_error(400, "BadRequest", "Syntax error: character ':' is not valid in $search.")
            wanted = [each.lower() for each in re.sub(r"\\(.)", r"\1", searched[1]).split()]
            found = [dto for dto in found if _has_words(str(dto["displayName"]), wanted)]
        start = int(request.query.get("$skiptoken", "0"))
        end = start + min(self.page, int(request.query.get("$top", "100")))
        body: dict[str, Json] = {
            "@odata.context": f"https://{HOST}/v1.0/$metadata#{collection}",
            "value": [_selected(dto, request) for dto in found[start:end]],
        }
        if end < len(found):
            query = urlencode({**request.query, "$skiptoken": str(end)})
            body["@odata.nextLink"] = f"https://{HOST}{request.path}?{query}"
        return Response.json(body)


def _matches(dto: dict[str, Json], clause: tuple[str, str, str]) -> bool:
    name, value, secure = clause
    if secure:
        return dto.get("securityEnabled") is (secure == "true")
    return str(dto.get(name) or "").lower() == value.replace("''", "'").lower()


def _has_words(name: str, wanted: list[str]) -> bool:
    """Graph's search goes by the words' beginnings."""
    words = re.findall(r"\w+", name.lower())
    return all(any(word.startswith(each) for word in words) for each in wanted)


def _selected(dto: dict[str, Json], request: Request) -> dict[str, Json]:
    names = [name for name in request.query.get("$select", "").split(",") if name]
    return {name: dto[name] for name in names if name in dto} if names else dto
