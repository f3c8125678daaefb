"""Labelled datasets and labelling projects of an Azure Machine Learning workspace."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx

from services.azure.errors import explained, read_refusal
from services.azure.identity import ARM_SCOPE
from services.azure.resource import AzureWorkspaceId
from services.azure.sdk import labels as calls
from services.azure.transport import Token, send
from services.azure.workers import AzureWorkers
from services.datasets.labels import LabelCounts, LabelingProject

ARM = "https://management.azure.com"
API_VERSION = "2024-01-01-preview"
"""The last version that has `labelingJobs`; the SDKs have no call for it."""

PROJECTS = 200
CLASSES_OF = 10
"""Of so many projects the labels to choose from are asked too, with a request each."""

COUNT_SECONDS = 110.0


class AzureLabels:
    """`Labels` over the SDK's engine and Azure Resource Manager."""

    def __init__(
        self, workers: AzureWorkers, http: httpx.AsyncClient, token: Token, workspace: AzureWorkspaceId
    ) -> None:
        self._workers = workers
        self._http = http
        self._token = token
        self._base = f"{ARM}{quote(workspace.scope)}/labelingJobs"

    async def counts(self, name: str, version: int) -> LabelCounts | None:
        """The labels of a version, None when it is no labelled dataset. Raises NotFound, NotAllowed, Unavailable."""
        return await self._workers.run(name, calls.counts, name, version, seconds=COUNT_SECONDS)

    async def projects(self) -> tuple[LabelingProject, ...]:
        """The projects, the first ones with the labels to choose from. Raises NotAllowed, Unavailable."""
        found: list[dict[str, Any]] = []
        url = f"{self._base}?api-version={API_VERSION}"
        while url.startswith(f"{ARM}/") and len(found) < PROJECTS:  # the token goes to Resource Manager alone
            page = await self._get(url)
            found += page.get("value") or []
            url = str(page.get("nextLink") or "")
        detailed = await asyncio.gather(*(self._detail(each) for each in found[:CLASSES_OF]))
        return tuple(_project(each) for each in (*detailed, *found[CLASSES_OF:]))

    async def _detail(self, job: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._base}/{quote(str(job['name']), safe='')}?api-version={API_VERSION}&includeLabelCategories=true"
        return await self._get(url)

    async def _get(self, url: str) -> dict[str, Any]:
        token = await self._token(ARM_SCOPE)
        answer = await send(
            self._http, "GET", url, "Azure Resource Manager", headers={"Authorization": f"Bearer {token}"}
        )
        if answer.status_code != httpx.codes.OK:
            raise explained(read_refusal(answer.status_code, answer.content, answer.headers))
        found = answer.json()
        return found if isinstance(found, dict) else {}


def _project(job: dict[str, Any]) -> LabelingProject:
    """Read from a LabelingJob of Azure Resource Manager; what it leaves out is 0 or empty."""
    properties = job.get("properties") or {}
    progress = properties.get("progressMetrics") or {}
    categories = (properties.get("labelCategories") or {}).values()
    classes = [
        str((detail or {}).get("displayName") or name)
        for category in categories
        for name, detail in ((category or {}).get("classes") or {}).items()
    ]
    return LabelingProject(
        id=str(job.get("name") or ""),
        name=str(properties.get("displayName") or job.get("name") or ""),
        status=str(properties.get("status") or ""),
        total=int(progress.get("totalDatapointCount") or 0),
        completed=int(progress.get("completedDatapointCount") or 0),
        skipped=int(progress.get("skippedDatapointCount") or 0),
        classes=tuple(dict.fromkeys(classes)),
        refreshed=str(progress.get("incrementalDataLastRefreshDateTime") or ""),
    )
