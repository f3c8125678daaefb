"""Files that change under a registered version, as Slack tells it: badges, and owner and watchers once per change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.sandbox.person import Message, Person
from tests.azure.flow_stage import BLOB, CONTAINER, SOON, FlowStage, flow_stage
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

CHECK_SECONDS = 0.7
SEVERAL_CHECKS = 2.0
"""Time for two more scheduled checks at least, which must tell nothing again."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(
    azure_server: AzureContract, bot_environment: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FlowStage]:
    folder: Path = tmp_path_factory.mktemp("flows")
    async with flow_stage(azure_server, folder, workspace="ml-truth", check_seconds=CHECK_SECONDS) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def on(stage: FlowStage) -> AsyncIterator[FlowStage]:
    yield stage
    stage.azure.faults.clear()
    await stage.close_all()
    await stage.listen()


def put(on: FlowStage, path: str, row: str) -> None:
    on.storage.put(BLOB, CONTAINER, path, f"day,sold\n{row}\n".encode())


async def watched(on: FlowStage, name: str) -> None:
    """Two files, registered by Ben, who owns it then, and watched by Chiara."""
    put(on, f"{name}/a.csv", "2024-01-01,1")
    put(on, f"{name}/b.csv", "2024-01-02,2")
    await on.register(on.ben, name, {"paths": f"{name}/*.csv", "datastore": "plain"})
    await on.close_all()
    await on.answered(on.chiara, "/dataset", f"watch {name}", "You watch")


async def notices(person: Person, name: str) -> list[Message]:
    """What the bot sent a person about the files of the first version."""
    return [
        each
        for each in await person.messages(await person.dm())
        if f"{name}:1" in each.shown and "You own or watch" in each.shown
    ]


async def told_once(on: FlowStage, name: str, contains: str, earlier: int = 0) -> None:
    """Owner and watcher hear it from the scheduled check, and nothing more from those that follow."""
    for person in (on.ben, on.chiara):
        async with asyncio.timeout(SOON):
            while not any(contains in each.shown for each in await notices(person, name)):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)
    await asyncio.sleep(SEVERAL_CHECKS)
    for person in (on.ben, on.chiara):
        found = await notices(person, name)
        assert len(found) == earlier + 1, [each.shown for each in found]
        assert contains in found[-1].shown
    assert await notices(on.ada, name) == []


async def test_an_overwritten_blob(on: FlowStage) -> None:
    await watched(on, "overwritten")
    put(on, "overwritten/a.csv", "2024-01-01,100")
    await told_once(on, "overwritten", "1 file changed: overwritten/a.csv")
    answer = await on.answered(on.ada, "/dataset", "versions overwritten", "1 version of overwritten")
    assert "⚠ changed" in answer.shown
    shown = await on.answered(on.ada, "/dataset", "show overwritten", "overwritten")
    assert "1 file changed: overwritten/a.csv" in shown.shown
    # Registering what is there now is two clicks, and the new version's files are as registered.
    view = await on.form(on.ben, "overwritten")
    assert (await on.ben.submit(view, {}))["response_action"] == "push"
    await on.ben.wait_view("done", "overwritten:2", timeout=SOON)
    await on.close_all()
    answer = await on.answered(on.ada, "/dataset", "versions overwritten", "2 versions of overwritten")
    assert answer.shown.count("⚠ changed") == 1, answer.shown
    assert answer.shown.count("✓ unchanged") == 1, answer.shown


async def test_a_new_and_then_a_vanished_blob(on: FlowStage) -> None:
    await watched(on, "moving")
    put(on, "moving/c.csv", "2024-01-03,3")
    await told_once(on, "moving", "1 file is new: moving/c.csv")
    on.storage.delete(BLOB, CONTAINER, "moving/c.csv")
    on.storage.delete(BLOB, CONTAINER, "moving/b.csv")
    await told_once(on, "moving", "moving/b.csv", earlier=1)


async def test_storage_that_cannot_be_asked_for_a_moment_is_no_change(on: FlowStage) -> None:
    await watched(on, "passing")
    fault = on.azure.faults.throttled(1, host=f"{BLOB}.blob.core.windows.net", times=1)
    await asyncio.sleep(SEVERAL_CHECKS)
    assert fault.hits == 1
    for person in (on.ben, on.chiara):
        assert await notices(person, "passing") == []


async def test_a_container_that_is_gone_is_told_once(on: FlowStage) -> None:
    await watched(on, "gone")
    code = "ContainerNotFound"
    on.azure.faults.status(
        404, code, host=f"{BLOB}.blob.core.windows.net", headers={"x-ms-error-code": code}, path=f"/{CONTAINER}*"
    )
    await told_once(on, "gone", "There is no container")
    on.azure.faults.clear()
    await told_once(on, "gone", "as they should be again", earlier=1)
