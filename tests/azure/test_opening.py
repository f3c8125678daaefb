"""What goes wrong before the first call: signing in, finding the workspace, and where its services are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from services.azure.workers import CallFailedError
from services.errors import Unavailable, UserError
from tests.azure import sdk_tasks
from tests.azure.catalog_world import AzureWorld
from tests.azure.identities import VARIABLES, WAYS, Way

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

ARM, DISCOVERY, LOGIN = "management.azure.com", "*/discovery*", "login.microsoftonline.com"
YAML = "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/x/*.parquet'\n"

Arrange = Callable[[AzureWorld], object]


def deleted(world: AzureWorld) -> None:
    world.azure.workspace.deleted = True


CASES: list[tuple[str, Arrange, str]] = [
    ("the workspace is gone", deleted, "workspace in WORKSPACE does not exist"),
    (
        "the resource group is gone",
        lambda world: world.azure.faults.status(404, "ResourceGroupNotFound", "no", host=ARM),
        "resource group in WORKSPACE does not exist",
    ),
    (
        "the subscription is gone",
        lambda world: world.azure.faults.status(404, "SubscriptionNotFound", "no", host=ARM),
        "subscription in WORKSPACE does not exist",
    ),
    (
        "not found, in other words",
        lambda world: world.azure.faults.status(404, "Other", "Not here.", host=ARM),
        "workspace in WORKSPACE does not exist",
    ),
    (
        "no right to open it",
        lambda world: world.azure.faults.forbidden("Microsoft.MachineLearningServices/workspaces/read", host=ARM),
        "workspaces/read.*AzureML Data Scientist",
    ),
    # The SDK tries again for ten seconds after any other status of a server.
    ("Resource Manager is broken", lambda world: world.azure.faults.status(501, host=ARM), "status 501"),
    (
        "Resource Manager answers a page",
        lambda world: world.azure.faults.wrong_shape("<html>gateway</html>", host=ARM),
        "does not understand",
    ),
    (
        "Resource Manager answers something else",
        lambda world: world.azure.faults.wrong_shape({"surprise": 1}, host=ARM),
        "does not say where",
    ),
    ("Resource Manager out of reach", lambda world: world.azure.faults.unreachable(ARM), "cannot be reached"),
    (
        "where the services are is not found",
        lambda world: world.azure.faults.status(404, "NotFound", "no", path=DISCOVERY),
        "workspace in WORKSPACE does not exist",
    ),
    (
        "where the services are is a page",
        lambda world: world.azure.faults.wrong_shape("<html>gateway</html>", path=DISCOVERY),
        "does not say where the workspace's services are",
    ),
    (
        "where the services are is elsewhere",
        lambda world: world.azure.faults.wrong_shape({"history": "https://azureml.ms.evil.example"}, path=DISCOVERY),
        "does not say where the workspace's services are",
    ),
    ("the bot is no application any more", lambda world: world.azure.entra.apps.clear(), "application is not known"),
    (
        "signing in answers nonsense",
        lambda world: world.azure.faults.wrong_shape({"error": {}}, status=401, host=LOGIN, path="*/token"),
        "cannot sign in to Azure",
    ),
    (
        "nobody is there to sign in at",
        lambda world: world.azure.faults.unreachable(LOGIN),
        "Microsoft Entra cannot be reached",
    ),
]


@pytest.mark.parametrize(("arrange", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_what_cannot_be_opened_is_told_and_no_dataset_is_lost(
    world: AzureWorld, arrange: Arrange, words: str
) -> None:
    world.azure.workspace.datasets.add("sales", YAML)
    assert (await world.catalog.get("sales")).latest_version == 1
    arrange(world)
    with pytest.raises(CallFailedError) as failed:
        await world.workers.attempt("sales", sdk_tasks.get_after_opening_anew, "sales")
    assert not failed.value.is_missing, "it is not the dataset that is missing"
    problem = failed.value.problem()
    assert isinstance(problem, UserError), problem
    with pytest.raises(UserError, match=words):
        raise problem
    assert not failed.value.failure.maybe_done, "nothing was sent yet"
    assert world.azure.log.forgive_hosts() == []
    world.azure.faults.clear()
    world.azure.workspace.deleted = False
    world.azure.entra.reset()
    assert (await world.workers.run("sales", sdk_tasks.get_after_opening_anew, "sales")).entry.name == "sales"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_the_sdk_opens_the_workspace_in_every_way_to_sign_in(world: AzureWorld, tmp_path: Path, way: Way) -> None:
    environment = way.arrange(world.azure, tmp_path)
    opened = await world.workers.run("", sdk_tasks.open_as, way.kind, environment, VARIABLES)
    assert opened == f"https://{world.azure.workspace.api_host}"
    assert world.azure.log.sign_ins() == []


async def test_the_services_are_where_the_workspace_says(world: AzureWorld) -> None:
    assert await world.workers.run("", sdk_tasks.open_anew) == f"https://{world.azure.workspace.api_host}"


async def test_a_404_of_something_in_between_is_no_missing_dataset(world: AzureWorld) -> None:
    world.azure.workspace.datasets.add("sales", YAML)
    assert (await world.catalog.get("sales")).latest_version == 1
    world.azure.faults.wrong_shape("<html>404 not found</html>", status=404, path="*/datasets/query/*")
    assert (await world.catalog.get("sales")).latest_version == 1, "as the copy has it"
    with pytest.raises(Unavailable, match="does not understand"):
        await world.catalog.change_tags("sales", put=[("a", "1")], remove=[])
    assert await world.mirror.get("sales") is not None
