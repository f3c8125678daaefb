"""Azure's roles that matter for data, what their permissions let one do, and the scopes they are given at."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from services.access.model import Level, SubjectKind
from services.errors import InvalidInput

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
ML = "Microsoft.MachineLearningServices/workspaces"

ADMINISTRATOR = "Role Based Access Control Administrator"
"""What the bot's identity needs to give roles."""

LIST_SECRETS = f"{ML}/datastores/listsecrets/action"
WORKSPACE_USE = (f"{ML}/datasets/registered/read", f"{ML}/datastores/read")
"""What somebody needs on a workspace to find a dataset and use an identity-based datastore.

Not …/workspaces/read: AzureML Data Scientist, which is made for this, names only what is below it.
"""

DATA_ACTIONS = {
    Level.READ: (f"{BLOBS}/read",),
    Level.WRITE: (f"{BLOBS}/read", f"{BLOBS}/write", f"{BLOBS}/add/action", f"{BLOBS}/delete"),
}

PRINCIPAL_TYPES = {
    SubjectKind.USER: "User",
    SubjectKind.GROUP: "Group",
    SubjectKind.SERVICE_PRINCIPAL: "ServicePrincipal",
}
"""The client's model says User where nothing is said, so it is always said."""


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role. guid: the same in every tenant (learn.microsoft.com, "Azure built-in roles")."""

    guid: str
    name: str


BLOB_READER = Role("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader")
BLOB_CONTRIBUTOR = Role("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor")
DATA_SCIENTIST = Role("f6c7c914-8db3-469d-8ca1-694a8f32e121", "AzureML Data Scientist")
READER = Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader")

DATA_ROLE = {Level.READ: BLOB_READER, Level.WRITE: BLOB_CONTRIBUTOR}
KNOWN = {each.guid: each for each in (BLOB_READER, BLOB_CONTRIBUTOR, DATA_SCIENTIST, READER)}


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of a role definition, in Azure's patterns (`*` is any text, no case)."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleRights:
    """What a role definition gives, built-in or custom."""

    name: str
    permissions: tuple[Permission, ...]

    def gives(self, action: str) -> bool:
        """Does it allow an action of Resource Manager?"""
        return any(matches(each.actions, action) and not matches(each.not_actions, action) for each in self.permissions)

    def gives_data(self, action: str) -> bool:
        """Does it allow an action on data?"""
        return any(
            matches(each.data_actions, action) and not matches(each.not_data_actions, action)
            for each in self.permissions
        )


def matches(patterns: Iterable[str], action: str) -> bool:
    """Does any of the patterns match?"""
    return any(fnmatchcase(action.lower(), pattern.lower().replace("[", "[[]")) for pattern in patterns)


def container_scope(subscription_id: str, resource_group: str, account: str, container: str) -> str:
    """The scope of a blob container, or of a filesystem of ADLS Gen2, which is the same thing."""
    return (
        f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/Microsoft.Storage"
        f"/storageAccounts/{account}/blobServices/default/containers/{container}"
    )


def subscription_of(scope: str) -> str:
    """The subscription in a scope, "" for one above subscriptions."""
    parts = scope.split("/")
    return parts[2].lower() if len(parts) > 2 and parts[1].lower() == "subscriptions" else ""


def definition_id(scope: str, role: Role) -> str:
    """The full id of a role's definition for an assignment at a scope."""
    return f"/subscriptions/{subscription_of(scope)}/providers/Microsoft.Authorization/roleDefinitions/{role.guid}"


def guid_of(role_id: str) -> str:
    """The last part of a role definition's id, which alone tells roles apart: prefixes differ between answers."""
    return role_id.rstrip("/").rpartition("/")[2].lower()


def object_guid(text: str) -> str:
    """An object id of Entra, as it may stand in a filter. Raises InvalidInput for anything else."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInput(f"“{text[:60]}” is no object id of Microsoft Entra.", code="no_object_id") from None


def container_in(scope: str) -> tuple[str, str]:
    """Storage account and container of a container's scope, in small letters; ("", "") for any other scope.

    An account's name is unique in all of Azure.
    """
    parts = scope.lower().strip("/").split("/")
    if len(parts) != 12 or parts[5:7] != ["microsoft.storage", "storageaccounts"] or parts[10] != "containers":
        return "", ""
    return parts[7], parts[11]


def holds_at(outer: str, scope: str) -> bool:
    """Does what is assigned at `outer` hold at `scope`? Above subscriptions (management groups) everything does."""
    above = outer.lower().rstrip("/")
    return not subscription_of(outer) or f"{scope.lower().rstrip('/')}/".startswith(f"{above}/")


def same_scope(one: str, other: str) -> bool:
    """Azure compares scopes without case."""
    return one.lower().rstrip("/") == other.lower().rstrip("/")
