"""The data service: `/data/v1.0{workspace}/dataversion`, from which the SDK takes every definition's YAML."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response
from tests.contract.workspace import Workspace

__all__ = ["answer"]

_UNREGISTERED = "unregistered-"


def answer(workspace: Workspace, request: Request, rest: str, require: Callable[[str], None]) -> Response:
    """Answer one call to the data service: the definition of a saved dataset, or a data asset of the newer SDK."""
    parts = [part for part in rest.split("/") if part]
    match (request.method, *parts):
        case ("GET", "dataversion", name, "versions", version):
            require("data/versions/read")
            return _version(workspace, name, version)
        case _:
            return azure_error(404, "NotFound", f"the contract server has no {request.method} {request.path}")


def _version(workspace: Workspace, name: str, version: str) -> Response:
    if name.startswith(_UNREGISTERED):
        yaml = workspace.datasets.saved_definition(name.removeprefix(_UNREGISTERED))
        if yaml is not None:
            data: Json = {"dataContainerName": name, "versionId": version, "dataType": "MLTable"}
            return Response.json({"legacyDataflow": yaml, "legacyDataflowType": "RSLex", "dataVersion": data})
    else:
        asset = workspace.datasets.asset(name, version)
        if asset is not None:
            return Response.json({"dataVersion": asset, "legacyDataflow": None})
    return azure_error(404, "UserError", f"Data version {name}:{version} was not found.")
