"""The workspace's own hosts, `<region>.api.azureml.ms`: discovery, then the datastore, dataset and data services."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from tests.contract import datasets, datastores, dataversion
from tests.contract.cloud import Cloud
from tests.contract.entra import Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Request, Response
from tests.contract.workspace import Workspace, split_scope

__all__ = ["DataPlane", "WorkspaceCall"]

Require: TypeAlias = Callable[[str], None]
WorkspaceCall: TypeAlias = Callable[[Workspace, Request, str, Require], Response]
"""Answers one call: the workspace, the request, the path after the workspace's scope, and the permission check."""

_SERVICES: dict[str, WorkspaceCall] = {
    "datastore": datastores.answer,
    "dataset": datasets.answer,
    "data": dataversion.answer,
}
_VERSIONED = re.compile(r"/([a-z]+)/v1\.0/subscriptions/", re.IGNORECASE)


class DataPlane:
    """All regions' data planes; a workspace answers only on its own region's host."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def serves(self, host: str) -> bool:
        return any(host == workspace.api_host for workspace in self._cloud.workspaces)

    async def answer(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Refused as refused:
            return refused.response

    def _answer(self, request: Request) -> Response:
        if request.path.lower().startswith("/discovery"):
            return self._discovery(request)
        service = _VERSIONED.match(request.path)
        scope = split_scope(request.path)
        answer = _SERVICES.get(service[1].lower()) if service is not None else None
        if answer is None or scope is None:
            return azure_error(404, "NotFound", f"the contract server has no {request.method} {request.path}")
        caller = self._cloud.arm_caller(request)
        workspace = self._cloud.workspace(*scope[:3])
        if workspace.api_host != request.host:
            return azure_error(404, "UserError", f"Workspace {workspace.name} is not in this region.")

        def require(action: str) -> None:
            full = f"Microsoft.MachineLearningServices/workspaces/{action}"
            self._cloud.permissions.require(caller, full, workspace.scope)

        return answer(workspace, request, scope[3], require)

    def _discovery(self, request: Request) -> Response:
        host = f"https://{request.host}"
        region = request.host.partition(".")[0]
        return Response.json(
            {
                "api": host,
                "catalog": "https://catalog.cortanaanalytics.com",
                "experimentation": host,
                "gallery": "https://gallery.cortanaintelligence.com/project",
                "history": host,
                "hyperdrive": host,
                "labeling": host,
                "modelmanagement": f"https://{region}.modelmanagement.azureml.net",
                "pipelines": host,
                "studio": "https://ml.azure.com",
            }
        )
