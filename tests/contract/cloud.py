"""The emulated subscription: its workspaces, what callers may do, its storage accounts; shared by the services."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.contract.entra import Caller, Entra, Refused
from tests.contract.faults import azure_error
from tests.contract.permissions import Permissions
from tests.contract.pim import Pim
from tests.contract.roles import Roles
from tests.contract.wire import Request
from tests.contract.workspace import Workspace

__all__ = ["ARM_AUDIENCES", "RESOURCE_GROUP", "SUBSCRIPTION", "Cloud"]

SUBSCRIPTION = "22222222-aaaa-4bbb-8ccc-000000000001"
RESOURCE_GROUP = "ml-group"
ARM_AUDIENCES = ("https://management.azure.com/", "https://management.core.windows.net/", "https://ml.azure.com")


@dataclass
class Cloud:
    """One subscription with one resource group, and the workspaces in it.

    pim: in a tenant without the licence at first. storage_groups: the storage accounts, and the resource group of each.
    """

    entra: Entra = field(default_factory=Entra)
    permissions: Permissions = field(default_factory=Permissions)
    subscriptions: dict[str, str] = field(default_factory=lambda: {SUBSCRIPTION: "Contract subscription"})
    roles: Roles = field(default_factory=Roles)
    pim: Pim = field(init=False)
    storage_groups: dict[str, str] = field(default_factory=dict)
    workspaces: list[Workspace] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pim = Pim(self.roles, licensed=False)

    def add_workspace(self, name: str, *, location: str = "westeurope") -> Workspace:
        """Make a workspace, with no datastores or datasets yet."""
        made = Workspace(SUBSCRIPTION, RESOURCE_GROUP, name, location)
        self.workspaces.append(made)
        return made

    def reset(self, workspace: str) -> Workspace:
        """Forget all workspaces, permissions and identities; make one empty workspace of this name."""
        self.entra.reset()
        self.permissions = Permissions()
        self.roles = Roles()
        self.pim = Pim(self.roles, licensed=False)
        self.storage_groups.clear()
        self.subscriptions = {SUBSCRIPTION: "Contract subscription"}
        self.workspaces.clear()
        return self.add_workspace(workspace)

    def arm_caller(self, request: Request) -> Caller:
        """Who asks Resource Manager or the workspace's data plane. Raises Refused with 401."""
        return self.entra.caller(request, *ARM_AUDIENCES)

    def workspace(self, subscription: str, group: str, name: str) -> Workspace:
        """The workspace with these names, without case. Raises Refused with Resource Manager's 404."""
        if subscription.lower() not in self.subscriptions:
            raise Refused(
                azure_error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
            )
        wanted = (subscription.lower(), group.lower(), name.lower())
        groups = set()
        for one in self.workspaces:
            groups.add(one.resource_group.lower())
            known = (one.subscription_id.lower(), one.resource_group.lower(), one.name.lower())
            if known == wanted and not one.deleted:
                return one
        if group.lower() not in groups:
            raise Refused(azure_error(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."))
        raise Refused(
            azure_error(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.MachineLearningServices/workspaces/{name}' under resource group '{group}' "
                "was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            )
        )
