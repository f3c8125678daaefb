"""One Azure Machine Learning workspace: where it is, and the stores of its datastores, datasets and labelling jobs."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field

from tests.contract.dataset_store import DatasetStore
from tests.contract.datastore_store import DatastoreStore
from tests.contract.wire import Json

__all__ = ["LabelingJob", "Workspace", "split_scope"]

_SCOPE = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/([^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class LabelingJob:
    """A labelling project and how far it is."""

    name: str
    display_name: str
    total: int
    completed: int
    skipped: int = 0
    categories: tuple[str, ...] = ()


@dataclass
class Workspace:
    """A workspace of the emulated subscription; `scope` is its ARM id, `url` the product's setting for it."""

    subscription_id: str
    resource_group: str
    name: str
    location: str = "westeurope"
    storage_account: str = "mlstorage"
    key_vault: str = "mlvault"
    datastores: DatastoreStore = field(default_factory=DatastoreStore)
    datasets: DatasetStore = field(default_factory=DatasetStore)
    labeling_jobs: list[LabelingJob] = field(default_factory=list)
    deleted: bool = False

    @property
    def scope(self) -> str:
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def url(self) -> str:
        return (
            f"azureml://subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/workspaces/{self.name}"
        )

    @property
    def workspace_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.scope.lower()))

    @property
    def api_host(self) -> str:
        """The data plane's host; shared by the workspaces of a region."""
        return f"{self.location}.api.azureml.ms"

    def resource(self, kind: str, name: str) -> str:
        """The ARM id of something in the workspace's resource group: `resource("Microsoft.Storage/..", name)`."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}/providers/{kind}/{name}"

    def datastore_uri(self, datastore: str, path: str) -> str:
        """The address that dataset definitions carry for a path on a datastore."""
        return (
            f"azureml://subscriptions/{self.subscription_id}/resourcegroups/{self.resource_group}"
            f"/workspaces/{self.name}/datastores/{datastore}/paths/{path}"
        )

    def dto(self) -> dict[str, Json]:
        """The ARM resource, as the SDK's `Workspace` model reads it."""
        return {
            "id": self.scope,
            "name": self.name,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": self.location,
            "tags": {},
            "sku": {"name": "Basic", "tier": "Basic"},
            "identity": {"type": "SystemAssigned", "principalId": str(uuid.uuid5(uuid.NAMESPACE_OID, self.scope))},
            "properties": {
                "workspaceId": self.workspace_id,
                "friendlyName": self.name,
                "description": "",
                "creationTime": "2025-11-03T08:00:00.0000000+00:00",
                "storageAccount": self.resource("Microsoft.Storage/storageAccounts", self.storage_account),
                "keyVault": self.resource("Microsoft.KeyVault/vaults", self.key_vault),
                "applicationInsights": self.resource("Microsoft.Insights/components", "mlinsights"),
                "hbiWorkspace": False,
                "provisioningState": "Succeeded",
                "discoveryUrl": f"https://{self.api_host}/discovery/workspaces/{self.workspace_id}",
                "systemDatastoresAuthMode": "accesskey",
                "v1LegacyMode": False,
            },
        }


def split_scope(path: str) -> tuple[str, str, str, str] | None:
    """Subscription, resource group, workspace, and what follows the workspace's scope; None for any other path."""
    found = _SCOPE.search(path)
    return None if found is None else (found[1], found[2], found[3], path[found.end() :])
