"""Microsoft Graph: users by id or user principal name, and by `$filter` on their mail address."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.contract.entra import Entra, Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response

__all__ = ["Graph", "User"]

HOST = "graph.microsoft.com"
_CLAUSE = re.compile(r"(mail|userPrincipalName) eq '((?:[^']|'')*)'", re.IGNORECASE)


@dataclass(frozen=True)
class User:
    """A person in the directory."""

    object_id: str
    mail: str
    user_principal_name: str
    display_name: str
    enabled: bool = True

    def dto(self) -> dict[str, Json]:
        return {
            "id": self.object_id,
            "mail": self.mail,
            "userPrincipalName": self.user_principal_name,
            "displayName": self.display_name,
            "accountEnabled": self.enabled,
        }


@dataclass
class Graph:
    """`graph.microsoft.com/v1.0/users`. denied: answer 403 as without the permission User.Read.All."""

    entra: Entra
    users: list[User] = field(default_factory=list)
    denied: bool = False

    def reset(self) -> None:
        """Forget all users."""
        self.users.clear()
        self.denied = False

    def serves(self, host: str) -> bool:
        return host == HOST

    async def answer(self, request: Request) -> Response:
        try:
            self.entra.caller(request, f"https://{HOST}")
        except Refused as refused:
            return refused.response
        if self.denied:
            return azure_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        parts = [part for part in request.path.split("/") if part]
        if request.method != "GET" or parts[:2] != ["v1.0", "users"] or len(parts) > 3:
            return azure_error(404, "BadRequest", f"the contract server has no {request.method} {request.path}")
        selected = [name for name in request.query.get("$select", "").split(",") if name]
        if len(parts) == 3:
            wanted = parts[2].lower()
            for user in self.users:
                if wanted in (user.object_id.lower(), user.user_principal_name.lower()):
                    return Response.json(_selected(user, selected))
            message = f"Resource '{parts[2]}' does not exist or one of its queried reference-property objects are not."
            return azure_error(404, "Request_ResourceNotFound", message)
        clauses = _CLAUSE.findall(request.query.get("$filter", ""))
        if not clauses:
            return azure_error(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause.")
        wanted_values = [(name.lower(), value.replace("''", "'").lower()) for name, value in clauses]
        value: list[Json] = [
            _selected(user, selected)
            for user in self.users
            if ("mail", user.mail.lower()) in wanted_values
            or ("userprincipalname", user.user_principal_name.lower()) in wanted_values
        ]
        return Response.json({"@odata.context": f"https://{HOST}/v1.0/$metadata#users", "value": value})


def _selected(user: User, names: list[str]) -> dict[str, Json]:
    dto = user.dto()
    return {name: dto[name] for name in names if name in dto} if names else dto
