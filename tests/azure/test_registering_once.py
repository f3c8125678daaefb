"""One wish makes one version: what is clicked twice, cut off, throttled or lost on the way."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.datasets.model import DatasetVersion
from services.errors import Busy, IdenticalData, NameTaken, TimedOut, Unavailable
from services.store.database import Database
from tests.azure.catalog_world import AzureWorld, fingerprint, request

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

REGISTER = "*/datasets"


def versions(world: AzureWorld, name: str = "sales") -> int:
    """How many versions there are at Azure."""
    found = world.azure.workspace.datasets.get(name)
    return 0 if found is None else len(found.versions)


async def first(world: AzureWorld, registration_id: str = "r1") -> DatasetVersion:
    return await world.catalog.register(request(), fingerprint(), registration_id=registration_id)


async def second(world: AzureWorld, registration_id: str = "r2") -> DatasetVersion:
    return await world.catalog.register(
        request(new_version=True), fingerprint("second"), registration_id=registration_id
    )


async def test_clicked_twice_at_the_same_time(world: AzureWorld) -> None:
    one, two = await asyncio.gather(first(world), first(world))
    assert one == two
    assert len(world.registrations()) == 1


async def test_clicked_again_later(world: AzureWorld) -> None:
    made = await first(world)
    later = await second(world)
    assert await first(world) == made
    assert await second(world) == later
    assert len(world.registrations()) == 2


@pytest.mark.parametrize("register", [first, second])
async def test_an_answer_lost_after_azure_did_it_is_found_and_not_repeated(
    world: AzureWorld, register: Callable[[AzureWorld], Awaitable[DatasetVersion]]
) -> None:
    if register == second:
        await first(world)
    before = len(world.registrations())
    world.azure.faults.lose_answer(path=REGISTER, method="POST", times=1)
    made = await register(world)
    assert made.version == versions(world)
    assert len(world.registrations()) == before + 1
    assert await register(world) == made


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_is_told_and_never_repeated_by_itself(world: AzureWorld, status: int) -> None:
    world.azure.faults.status(status, path=REGISTER, method="POST", times=1)
    with pytest.raises(Unavailable, match=f"status {status}"):
        await first(world)
    assert len(world.registrations()) == 1
    assert (await first(world)).version == 1, "the same wish again, now that Azure is well"
    assert versions(world) == 1


async def test_a_cut_answer_is_looked_for(world: AzureWorld) -> None:
    world.azure.faults.truncate(10, path=REGISTER, method="POST", times=1)
    assert (await first(world)).version == 1
    assert len(world.registrations()) == 1


async def test_an_answer_that_is_a_proxys_page_is_looked_for(world: AzureWorld) -> None:
    world.azure.faults.wrong_shape("<html>Please wait</html>", path=REGISTER, method="POST", times=1)
    assert (await first(world)).version == 1
    assert len(world.registrations()) == 1


async def test_throttled_is_sent_again_when_azure_says_so(world: AzureWorld) -> None:
    world.azure.faults.throttled(1, path=REGISTER, method="POST", times=1)
    assert (await first(world)).version == 1
    assert versions(world) == 1


async def test_throttled_for_too_long_is_told(world: AzureWorld) -> None:
    world.azure.faults.throttled(300, path=REGISTER, method="POST")
    with pytest.raises(Busy, match="in 300 seconds"):
        await first(world)
    assert len(world.registrations()) == 1


async def test_the_bot_died_between_the_request_and_its_note(world: AzureWorld, tmp_path: Path) -> None:
    """The state on disk is that from before the answer; the request has made a version."""
    await first(world)
    copy = tmp_path / "copy.db"

    def keep_the_state(_: object) -> None:
        shutil.copy(tmp_path / "bot.db", copy)
        shutil.copy(tmp_path / "bot.db-wal", f"{copy}-wal")

    world.azure.faults.before(keep_the_state, path=REGISTER, method="POST")
    made = await second(world)
    db = Database.open(f"sqlite:///{copy}")
    after_the_crash = AzureWorld(world.azure, world.workers, db)
    assert await after_the_crash.store.sent_at("r2") is not None
    again = await second(after_the_crash)
    assert (again.label, again.definition) == (made.label, made.definition)
    assert len(world.registrations()) == 2
    assert await after_the_crash.store.sent_at("r2") is None
    await db.close()


async def test_the_bot_died_before_the_request_was_sent(world: AzureWorld) -> None:
    await world.store.about_to_send("r1", "sales", world.clock.now())
    assert (await first(world)).version == 1
    assert len(world.registrations()) == 1


async def test_another_bot_with_an_empty_database_finds_its_own_registration(
    world: AzureWorld, migrated_sqlite: Path, tmp_path: Path
) -> None:
    made = await first(world)
    path = tmp_path / "empty.db"
    shutil.copy(migrated_sqlite, path)
    db = Database.open(f"sqlite:///{path}")
    other = AzureWorld(world.azure, world.workers, db)
    assert (await first(other)).label == made.label
    assert len(world.registrations()) == 1
    with pytest.raises(IdenticalData, match="sales:1"):
        await other.catalog.register(request(new_version=True), fingerprint(), registration_id="r9")
    assert len(world.registrations()) == 1
    await db.close()


async def test_somebody_takes_the_name_at_the_last_moment(world: AzureWorld) -> None:
    yaml = "type: mltable\npaths:\n- pattern: 'azureml://datastores/main/paths/x/*.parquet'\n"

    def take_the_name(_: object) -> None:
        world.azure.workspace.datasets.add("sales", yaml)

    world.azure.faults.before(take_the_name, path=REGISTER, method="POST")
    with pytest.raises(NameTaken):
        await first(world)
    assert versions(world) == 1
    with pytest.raises(NameTaken):
        await world.catalog.register(request(), fingerprint(), registration_id="r1")


@pytest.mark.parametrize("identical", ["existing", "refuse"])
async def test_azure_finds_it_identical_itself(world: AzureWorld, identical: str, tmp_path: Path) -> None:
    """Registered by a bot with another database, hidden from the look before by a newer version."""
    world.azure.workspace.datasets.identical = "existing" if identical == "existing" else "refuse"
    await first(world)
    await second(world)
    await world.db.write(lambda connection: connection.exec_driver_sql("DELETE FROM azure_version") and None)
    with pytest.raises(IdenticalData, match="sales:1"):
        await world.catalog.register(request(new_version=True), fingerprint(), registration_id="r3")
    assert versions(world) == 2
    assert await world.store.sent_at("r3") is None


async def test_hung_for_longer_than_the_limit(world: AzureWorld) -> None:
    """The worker is killed; the request had not been carried out, and the next attempt does it."""
    world.azure.faults.hang(30, path=REGISTER, method="POST", times=1)
    impatient = world.workers
    limits = impatient._parts.limits
    impatient._parts.limits = type(limits)(workers=2, call_seconds=2)
    try:
        with pytest.raises(TimedOut, match="within 2 seconds"):
            await first(world)
    finally:
        impatient._parts.limits = limits
    assert (await first(world)).version == 1
    assert versions(world) == 1
