"""Labelled datasets and labelling projects of an Azure Machine Learning workspace."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from services.azure.errors import wrong_shape
from services.azure.resource import AzureWorkspaceId
from services.azure.resource_manager import THING, ResourceManager
from services.azure.sdk import labels as calls
from services.azure.workers import AzureWorkers
from services.datasets.labels import LabelCounts, LabelingProject

API_VERSION = "2024-01-01-preview"
"""The last version that has `labelingJobs`; the SDKs have no call for it."""

PROJECTS = 200
CLASSES_OF = 10
"""Of so many projects the labels to choose from are asked too, with a request each."""

COUNT_SECONDS = 110.0


class AzureLabels:
    """`Labels` over the SDK's engine and Azure Resource Manager. engine: see `engine_workers`."""

    def __init__(self, engine: AzureWorkers, manager: ResourceManager, workspace: AzureWorkspaceId) -> None:
        self._engine = engine
        self._manager = manager
        self._jobs = f"{quote(workspace.scope)}/labelingJobs"

    async def counts(self, name: str, version: int) -> LabelCounts | None:
        """The labels of a version, None when it is no labelled dataset. Raises NotFound, NotAllowed, Unavailable."""
        return await self._engine.run(name, calls.counts, name, version, seconds=COUNT_SECONDS)

    async def projects(self) -> tuple[LabelingProject, ...]:
        """The projects, the first ones with the labels to choose from. Raises NotAllowed, Unavailable."""
        found = await self._manager.list(f"{self._jobs}?api-version={API_VERSION}", limit=PROJECTS)
        detailed = await asyncio.gather(*(self._detail(each) for each in found[:CLASSES_OF]))
        try:
            return tuple(_project(each) for each in (*detailed, *found[CLASSES_OF:]))
        except (TypeError, ValueError, AttributeError):
            raise wrong_shape(THING) from None

    async def _detail(self, job: dict[str, Any]) -> dict[str, Any]:
        where = f"{self._jobs}/{quote(str(job.get('name')), safe='')}"
        return await self._manager.get(f"{where}?api-version={API_VERSION}&includeLabelCategories=true")


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
