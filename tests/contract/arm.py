"""Azure Resource Manager: subscriptions, workspaces, a storage account, permissions, roles, labelling projects."""

from __future__ import annotations

from tests.contract import pim, roles
from tests.contract.cloud import Cloud
from tests.contract.entra import Caller, Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response
from tests.contract.workspace import LabelingJob, Workspace, split_scope

__all__ = ["ResourceManager"]

HOST = "management.azure.com"
_WORKSPACES = "/providers/microsoft.machinelearningservices/workspaces"
_ACCOUNTS = "/providers/microsoft.storage/storageaccounts"
_PERMISSIONS = "/providers/microsoft.authorization/permissions"


class ResourceManager:
    """`management.azure.com`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def serves(self, host: str) -> bool:
        return host == HOST

    async def answer(self, request: Request) -> Response:
        try:
            caller = self._cloud.arm_caller(request)
            if "api-version" not in request.query:
                return azure_error(
                    400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required."
                )

            def require(action: str, scope: str) -> None:
                self._cloud.permissions.require(caller, action, scope)

            about_roles = pim.answer(self._cloud.pim, request, caller, require) or roles.answer(
                self._cloud.roles, request, require
            )
            if about_roles is not None:
                return about_roles
            if request.method != "GET":
                return azure_error(405, "MethodNotAllowed", f"the contract server has no {request.method} here")
            return self._get(caller, request)
        except Refused as refused:
            return refused.response

    def _get(self, caller: Caller, request: Request) -> Response:
        path = request.path.rstrip("/")
        lower = path.lower()
        if lower.endswith(_PERMISSIONS):
            scope = path[: -len(_PERMISSIONS)]
            return _page([permission.dto() for permission in self._cloud.permissions.at(caller, scope)])
        parts = [part for part in path.split("/") if part]
        if lower == "/subscriptions":
            return _page([self._subscription(one) for one in self._cloud.subscriptions])
        if len(parts) == 2 and parts[0].lower() == "subscriptions":
            return Response.json(self._subscription(self._known(parts[1])))
        if lower.endswith(_WORKSPACES):
            return self._list_workspaces(caller, lower.removesuffix(_WORKSPACES), parts[1])
        if lower.endswith(_ACCOUNTS) and len(parts) == 5:
            self._cloud.permissions.require(caller, "Microsoft.Storage/storageAccounts/read", lower)
            return _page([self._account_entry(parts[1], name) for name in self._cloud.storage_groups])
        scope_parts = split_scope(path)
        if scope_parts is not None:
            return self._workspace(caller, self._cloud.workspace(*scope_parts[:3]), request, scope_parts[3])
        if "/providers/microsoft.storage/storageaccounts/" in lower and len(parts) == 8:
            self._cloud.permissions.require(caller, "Microsoft.Storage/storageAccounts/read", path)
            return self._storage_account(path, parts[-1])
        return azure_error(404, "NotFound", f"the contract server has no GET {path}")

    def _known(self, subscription: str) -> str:
        if subscription.lower() not in self._cloud.subscriptions:
            raise Refused(
                azure_error(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
            )
        return subscription.lower()

    def _subscription(self, subscription_id: str) -> dict[str, Json]:
        return {
            "id": f"/subscriptions/{subscription_id}",
            "subscriptionId": subscription_id,
            "tenantId": self._cloud.entra.tenant_id,
            "displayName": self._cloud.subscriptions[subscription_id],
            "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01"},
            "authorizationSource": "RoleBased",
        }

    def _list_workspaces(self, caller: Caller, prefix: str, subscription: str) -> Response:
        self._known(subscription)
        action = "Microsoft.MachineLearningServices/workspaces/read"
        self._cloud.permissions.require(caller, action, prefix)
        found = [one.dto() for one in self._cloud.workspaces if one.scope.lower().startswith(prefix)]
        return _page(found)

    def _workspace(self, caller: Caller, workspace: Workspace, request: Request, rest: str) -> Response:
        read = "Microsoft.MachineLearningServices/workspaces/read"
        parts = [part for part in rest.split("/") if part]
        if not parts:
            self._cloud.permissions.require(caller, read, workspace.scope)
            return Response.json(workspace.dto())
        if parts[0].lower() != "labelingjobs" or len(parts) > 2:
            return azure_error(404, "NotFound", f"the contract server has no GET {request.path}")
        action = "Microsoft.MachineLearningServices/workspaces/labeling/projects/read"
        self._cloud.permissions.require(caller, action, workspace.scope)
        categories = request.query.get("includeLabelCategories", "").lower() == "true"
        if len(parts) == 1:
            return _page([_labeling_job(workspace, job, categories) for job in workspace.labeling_jobs])
        for job in workspace.labeling_jobs:
            if job.name == parts[1]:
                return Response.json(_labeling_job(workspace, job, categories))
        return azure_error(404, "UserError", f"Labeling job {parts[1]} was not found.")

    def _account_entry(self, subscription: str, name: str) -> dict[str, Json]:
        group = self._cloud.storage_groups[name]
        where = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts"
        return {"id": f"{where}/{name}", "name": name, "type": "Microsoft.Storage/storageAccounts"}

    def _storage_account(self, path: str, name: str) -> Response:
        return Response.json(
            {
                "id": path,
                "name": name,
                "type": "Microsoft.Storage/storageAccounts",
                "kind": "StorageV2",
                "location": "westeurope",
                "sku": {"name": "Standard_LRS", "tier": "Standard"},
                "properties": {
                    "provisioningState": "Succeeded",
                    "isHnsEnabled": False,
                    "allowSharedKeyAccess": True,
                    "primaryEndpoints": {
                        "blob": f"https://{name}.blob.core.windows.net/",
                        "dfs": f"https://{name}.dfs.core.windows.net/",
                        "file": f"https://{name}.file.core.windows.net/",
                    },
                },
            }
        )


def _labeling_job(workspace: Workspace, job: LabelingJob, categories: bool) -> dict[str, Json]:
    properties: dict[str, Json] = {
        "jobType": "Labeling",
        "displayName": job.display_name,
        "status": "Running",
        "projectId": job.name,
        "labelingJobMediaProperties": {"mediaType": "Image"},
        "progressMetrics": {
            "totalDatapointCount": job.total,
            "completedDatapointCount": job.completed,
            "skippedDatapointCount": job.skipped,
            "incrementalDataLastRefreshDateTime": "2026-11-20T06:00:00Z",
        },
    }
    if categories:
        classes: dict[str, Json] = {name: {"displayName": name} for name in job.categories}
        properties["labelCategories"] = {"label": {"displayName": "label", "classes": classes}}
    return {
        "id": f"{workspace.scope}/labelingJobs/{job.name}",
        "name": job.name,
        "type": "Microsoft.MachineLearningServices/workspaces/labelingJobs",
        "properties": properties,
    }


def _page(items: list[dict[str, Json]]) -> Response:
    value: list[Json] = [*items]
    return Response.json({"value": value, "nextLink": None})
