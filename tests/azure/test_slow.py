"""While Azure takes long to answer: the copy answers where it can, and what Azure says at last is not lost."""

from __future__ import annotations

import asyncio

import pytest

from services.azure.catalog import AzureCatalog
from services.azure.resource import AzureWorkspaceId
from services.errors import NotFound
from tests.azure.catalog_world import AzureWorld

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

YAML = "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/{}/*.parquet'\n"
ONE = "*/datasets/query/*"
LATE = 30
"""Seconds; `answers_soon` ends the waiting."""


def impatient(world: AzureWorld) -> AzureCatalog:
    """A catalogue that waits a moment for Azure where the copy could answer."""
    place = AzureWorkspaceId.parse(world.azure.workspace.url)
    return AzureCatalog(
        place, world.workers, world.mirror, world.store, world.registrar, confirmed_seconds=30, patience_seconds=0.2
    )


async def copied(world: AzureWorld) -> AzureCatalog:
    """`sales` with three versions is in the copy; then Azure becomes slow."""
    for number in range(3):
        world.azure.workspace.datasets.add("sales", YAML.format(number))
    await world.sweeper.run()
    world.azure.faults.latency(LATE, path=ONE)
    return impatient(world)


def answers_soon(world: AzureWorld) -> None:
    """In a while Azure gives the answers that it owes, and is as quick as ever."""
    asyncio.get_running_loop().call_later(0.6, world.azure.faults.clear)


def not_answered(world: AzureWorld) -> bool:
    """Whether Azure still owes the answer that was asked for."""
    return [entry.status for entry in world.azure.log.find("GET", ONE)] == [0]


async def test_the_copy_answers_and_what_azure_says_later_reaches_it(world: AzureWorld) -> None:
    catalog = await copied(world)
    stored = world.azure.workspace.datasets.get("sales")
    assert stored is not None
    world.azure.workspace.datasets.update(stored, "changed in the studio", {})
    assert (await catalog.get("sales")).description == ""
    assert not_answered(world)
    answers_soon(world)
    for _ in range(200):
        if (await catalog.get("sales")).description:
            break
        await asyncio.sleep(0.05)
    assert (await catalog.get("sales")).description == "changed in the studio"
    assert len(world.azure.log.find("GET", ONE)) == 1


async def test_a_version_nobody_has_seen_is_waited_for_and_asked_for_once(world: AzureWorld) -> None:
    catalog = await copied(world)
    assert (await catalog.get("sales")).latest_version == 3
    answers_soon(world)
    version = await catalog.version("sales")
    assert (version.version, version.definition.mltable is None) == (3, False)
    assert len(world.azure.log.find("GET", ONE)) == 1


async def test_versions_do_not_wait_for_the_dataset_first(world: AzureWorld) -> None:
    catalog = await copied(world)
    assert [each.version for each in await catalog.versions("sales")] == [3, 2, 1]
    assert not_answered(world)


async def test_what_the_copy_does_not_know_is_waited_for(world: AzureWorld) -> None:
    catalog = await copied(world)
    world.azure.workspace.datasets.add("news", YAML.format("n"))
    answers_soon(world)
    assert (await catalog.get("news")).latest_version == 1
    with pytest.raises(NotFound):
        await catalog.get("nobody")


async def test_a_latest_version_that_is_gone_when_azure_answers_is_told(world: AzureWorld) -> None:
    catalog = await copied(world)
    world.azure.workspace.datasets.remove("sales")
    assert (await catalog.get("sales")).latest_version == 3
    answers_soon(world)
    with pytest.raises(NotFound, match="sales"):
        await catalog.version("sales")
    assert await world.mirror.get("sales") is None
