"""Which actions callers have at which scope: told by ARM's permissions API and enforced by the services."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.contract.entra import Caller, Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Json

__all__ = ["Permission", "Permissions"]


@dataclass(frozen=True)
class Permission:
    """One role's worth of permissions, in Azure's own pattern language (`*` is any text)."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        return _any(self.actions, action) and not _any(self.not_actions, action)

    def dto(self) -> dict[str, Json]:
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": list(self.data_actions),
            "notDataActions": list(self.not_data_actions),
        }


@dataclass
class Permissions:
    """Grants by scope; a grant holds below its scope too. At first every caller may do everything."""

    grants: list[tuple[str, str, Permission]] = field(
        default_factory=lambda: [("*", "/", Permission(("*",), (), ("*",), ()))]
    )

    def only(self, *permissions: Permission, scope: str = "/", object_id: str = "*") -> None:
        """Replace everything by these: what this caller (default: anybody) may do from this scope downwards."""
        self.grants = [(object_id, scope, permission) for permission in permissions]

    def add(self, permission: Permission, *, scope: str = "/", object_id: str = "*") -> None:
        """Grant more."""
        self.grants.append((object_id, scope, permission))

    def at(self, caller: Caller, scope: str) -> list[Permission]:
        """What this caller has at a scope, inherited grants included."""
        wanted = scope.lower().rstrip("/") + "/"
        return [
            permission
            for who, where, permission in self.grants
            if who in ("*", caller.object_id) and wanted.startswith(where.lower().rstrip("/") + "/")
        ]

    def require(self, caller: Caller, action: str, scope: str) -> None:
        """Raises Refused with Azure's 403 AuthorizationFailed when the caller lacks the action."""
        if not any(permission.allows(action) for permission in self.at(caller, scope)):
            raise Refused(
                azure_error(
                    403,
                    "AuthorizationFailed",
                    f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have authorization "
                    f"to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
                    "recently granted, please refresh your credentials.",
                )
            )


def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
