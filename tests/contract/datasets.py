"""The dataset service: `/dataset/v1.0{workspace}/datasets` and `/saveddatasets`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import cast

from tests.contract.dataset_store import Registered, Version
from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response
from tests.contract.workspace import Workspace

__all__ = ["answer"]

_READ, _WRITE, _DELETE = (f"datasets/registered/{verb}" for verb in ("read", "write", "delete"))


def answer(workspace: Workspace, request: Request, rest: str, require: Callable[[str], None]) -> Response:
    """Answer one call to the dataset service."""
    # A name may hold a slash only where the path ends with it, so three splits are enough.
    parts = [part for part in rest.split("/", 4) if part]
    match (request.method, *parts):
        case ("GET", "datasets"):
            require(_READ)
            return _page(workspace, request)
        case ("POST", "datasets"):
            require(_WRITE)
            return _register(workspace, request)
        case ("GET", "datasets", "query", question):
            require(_READ)
            key, _, value = question.partition("=")
            return _by_name(workspace, request, value) if key == "name" else _by_saved_id(workspace, value)
        case ("GET", "datasets", dataset_id, "definitions"):
            require(_READ)
            return _definitions(workspace, request, dataset_id)
        case ("GET", "datasets", dataset_id):
            require(_READ)
            found = workspace.datasets.by_id(dataset_id)
            return Response.json(found.dto()) if found is not None else _missing(dataset_id)
        case ("PUT", "datasets", dataset_id):
            require(_WRITE)
            return _update(workspace, request, dataset_id)
        case ("DELETE", "datasets", name):
            require(_DELETE)
            return Response(200) if workspace.datasets.remove(name) else _missing(name)
        case ("POST", "saveddatasets"):
            require(_WRITE)
            return Response.json(workspace.datasets.save(request.json()))
        case ("GET", "saveddatasets", saved_id):
            require(_READ)
            saved = workspace.datasets.saved(saved_id)
            return Response.json(saved) if saved is not None else _missing(saved_id)
        case _:
            return azure_error(404, "NotFound", f"the contract server has no {request.method} {request.path}")


def _page(workspace: Workspace, request: Request) -> Response:
    query = request.query
    store = workspace.datasets
    after = _sequence(query.get("continuationToken", ""))
    if after is None:
        return azure_error(400, "UserError", "The continuation token is invalid.")
    count = min(int(query.get("pageSize") or 100), 100)
    definition = query.get("includeLatestDefinition", "false").lower() == "true"
    with store.lock:
        wanted = query.get("searchText", "").lower()
        items, following = store.page(after, count)
        value: list[Json] = [
            item.dto(definition=definition)
            for item in items
            if wanted in item.name.lower() and (item.visible or query.get("includeInvisible", "").lower() == "true")
        ]
    token = None if following is None else base64.b64encode(f"contract:{following}".encode()).decode()
    return Response.json({"value": value, "continuationToken": token, "nextLink": None})


def _register(workspace: Workspace, request: Request) -> Response:
    query, dto, store = request.query, request.json(), workspace.datasets
    name, latest = str(dto.get("name") or ""), dto.get("latest")
    if not name or not isinstance(latest, dict) or not latest.get("dataflow"):
        return azure_error(400, "UserError", "A dataset needs a name and a definition.")
    dataflow, saved_id = str(latest["dataflow"]), latest.get("savedDatasetId")
    properties = cast("dict[str, Json]", latest.get("properties") or {})
    with store.lock:
        owner = store.by_id(str(saved_id)) if saved_id else None
        if owner is not None:
            version = next(one for one in owner.versions if one.saved_id == saved_id)
            return _identical(owner, version)
        known = store.get(name)
        if known is None:
            made = store.create(name, str(dto.get("datasetType")), _text(dto), _tags(dto), dataflow, properties)
            return Response.json(made.dto())
        if query.get("ifExistsOk", "true").lower() != "true":
            return azure_error(409, "UserError", f"Dataset with name '{name}' already exists.")
        same = store.identical_to(known, dataflow)
        if same is not None and store.identical == "refuse":
            return _identical(known, same)
        if same is None and query.get("updateDefinitionIfExists", "false").lower() == "true":
            store.add_version(known, dataflow, properties)
            store.update(known, _text(dto), _tags(dto))
            same = known.versions[-1]
        return Response.json(known.dto(same))


def _identical(dataset: Registered, version: Version) -> Response:
    return azure_error(
        400,
        "UserError",
        f"The dataset {version.saved_id} has been registered as {dataset.name}:{version.number} (name:version).",
    )


def _by_name(workspace: Workspace, request: Request, name: str) -> Response:
    found = workspace.datasets.get(name)
    if found is None:
        return _missing(name)
    number = request.query.get("versionId")
    if not number:
        return Response.json(found.dto())
    version = next((one for one in found.versions if str(one.number) == number), None)
    return Response.json(found.dto(version)) if version is not None else _missing(f"{name}:{number}")


def _by_saved_id(workspace: Workspace, saved_id: str) -> Response:
    found = workspace.datasets.by_id(saved_id)
    value: list[Json] = []
    if found is not None:
        value = [found.dto(version) for version in found.versions if version.saved_id == saved_id]
    return Response.json({"value": value, "continuationToken": None, "nextLink": None})


def _definitions(workspace: Workspace, request: Request, dataset_id: str) -> Response:
    found = workspace.datasets.by_id(dataset_id)
    if found is None:
        return _missing(dataset_id)
    count, start = int(request.query.get("pageSize") or 100), int(request.query.get("continuationToken") or 0)
    newest_first = workspace.datasets.definitions_order == "newest"
    ordered = list(reversed(found.versions)) if newest_first else list(found.versions)
    value: list[Json] = [found.definition(version) for version in ordered[start : start + count]]
    token = str(start + count) if start + count < len(ordered) else None
    return Response.json({"value": value, "continuationToken": token, "nextLink": None})


def _update(workspace: Workspace, request: Request, dataset_id: str) -> Response:
    """Replace description and tags; whatever another writer did since the caller read is lost, as at Azure."""
    found = workspace.datasets.by_id(dataset_id)
    if found is None:
        return _missing(dataset_id)
    dto = request.json()
    with workspace.datasets.lock:
        workspace.datasets.update(found, _text(dto), _tags(dto))
        return Response.json(found.dto())


def _text(dto: dict[str, Json]) -> str | None:
    value = dto.get("description")
    return value if isinstance(value, str) else None


def _tags(dto: dict[str, Json]) -> dict[str, str]:
    value = dto.get("tags")
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}


def _missing(what: str) -> Response:
    return azure_error(404, "UserError", f"No dataset was found for '{what}'.")


def _sequence(token: str) -> int | None:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token).decode().removeprefix("contract:"))
    except ValueError:
        return None
