"""The datastore service: `/datastore/v1.0{workspace}/datastores` and `/default`."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.datastore_store import without_secrets
from tests.contract.faults import azure_error
from tests.contract.wire import Json, Request, Response
from tests.contract.workspace import Workspace

__all__ = ["answer"]

CONFLICT = "Another datastore with the same name already exists"
"""The SDK overwrites only when a 400 says this, word for word."""


def answer(workspace: Workspace, request: Request, rest: str, require: Callable[[str], None]) -> Response:
    """Answer one call to the datastore service."""
    store = workspace.datastores
    parts = [part for part in rest.split("/") if part]
    match (request.method, *parts):
        case ("GET", "datastores"):
            require("datastores/read")
            return _page(workspace, request, require)
        case ("POST", "datastores"):
            require("datastores/write")
            dto = request.json()
            name = str(dto.get("name", ""))
            if store.get(name) is not None:
                return azure_error(400, "UserError", f"{CONFLICT}: {name.lower()}.")
            store.put(dto)
            return Response(200)
        case ("GET", "datastores", name):
            require("datastores/read")
            found = store.get(name)
            if found is None:
                return azure_error(404, "UserError", f"Could not find datastore with name {name}.")
            require("datastores/listsecrets/action")
            return Response.json(found)
        case ("PUT", "datastores", name):
            require("datastores/write")
            if store.get(name) is None:
                return azure_error(404, "UserError", f"Could not find datastore with name {name}.")
            store.put({**request.json(), "name": name})
            return Response(200)
        case ("DELETE", "datastores", name):
            require("datastores/delete")
            store.remove(name)
            return Response(200)
        case ("GET", "default"):
            require("datastores/read")
            found = store.get(store.default or "")
            if found is None:
                return azure_error(404, "UserError", "The workspace has no default datastore.")
            return Response.json(found)
        case ("PUT", "default", name):
            require("datastores/write")
            if store.get(name) is None:
                return azure_error(404, "UserError", f"Could not find datastore with name {name}.")
            store.default = name.lower()
            return Response(200)
        case _:
            return azure_error(404, "NotFound", f"the contract server has no {request.method} {request.path}")


def _page(workspace: Workspace, request: Request, require: Callable[[str], None]) -> Response:
    query = request.query
    secrets = query.get("includeSecret", "true").lower() == "true"
    if secrets:
        require("datastores/listsecrets/action")
    start, count = int(query.get("continuationToken") or 0), int(query.get("count") or 30)
    items, following = workspace.datastores.page(start, count)
    value: list[Json] = [item if secrets else without_secrets(item) for item in items]
    token = None if following is None else str(following)
    return Response.json({"value": value, "continuationToken": token, "nextLink": None})
