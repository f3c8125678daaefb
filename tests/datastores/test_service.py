"""Datastores as people ask for them."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.actor import Actor
from services.datastores.model import Datastore, DatastoreKind, DatastoreRequest
from services.datastores.service import SOON_SECONDS, DatastoreService
from services.errors import NameTaken, NotAllowed, NotFound
from tests.fakes.catalog import MemoryDatastores
from tests.fakes.clock import ManualClock

ADMIN, BEN = Actor("U0ADMIN", is_admin=True), Actor("U0BEN")


def wanted(name: str) -> DatastoreRequest:
    return DatastoreRequest(name, DatastoreKind.FOLDER, "somewhere", ADMIN.user_id)


@pytest.fixture
async def service() -> DatastoreService:
    """The default datastore and two more."""
    made = DatastoreService(catalog=MemoryDatastores(ManualClock()))
    for name in ("archive", "lake_blobs"):
        await made.register(ADMIN, wanted(name))
    return made


async def names(service: DatastoreService) -> list[str]:
    return [each.name for each in await service.all()]


async def test_the_default_one_comes_first(service: DatastoreService) -> None:
    assert await names(service) == ["workspaceblobstore", "archive", "lake_blobs"]
    await service.set_default(ADMIN, "lake_blobs")
    assert await names(service) == ["lake_blobs", "archive", "workspaceblobstore"]
    assert (await service.show("lake_blobs")).is_default


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["workspaceblobstore", "archive", "lake_blobs"]),
        ("BLOB", ["workspaceblobstore", "lake_blobs"]),
        ("l", ["lake_blobs", "workspaceblobstore"]),
        ("zzz", []),
    ],
)
async def test_suggest(service: DatastoreService, text: str, expected: list[str]) -> None:
    assert [each.name for each in await service.suggest(text)] == expected


async def test_suggest_keeps_to_its_limit(service: DatastoreService) -> None:
    assert len(await service.suggest("", limit=2)) == 2


async def test_only_admins_change_datastores(service: DatastoreService) -> None:
    with pytest.raises(NotAllowed, match="admin"):
        await service.register(BEN, wanted("mine"))
    with pytest.raises(NotAllowed, match="admin"):
        await service.set_default(BEN, "archive")
    assert len(await names(service)) == 3


async def test_errors_of_the_workspace_come_through(service: DatastoreService) -> None:
    with pytest.raises(NameTaken):
        await service.register(ADMIN, wanted("archive"))
    with pytest.raises(NotFound):
        await service.show("nope")
    with pytest.raises(NotFound):
        await service.set_default(ADMIN, "nope")


class HangingDatastores(MemoryDatastores):
    """Datastores of a workspace that does not answer."""

    async def all(self) -> tuple[Datastore, ...]:
        await asyncio.Event().wait()
        return await super().all()


async def test_a_form_does_not_wait_for_a_workspace_that_hangs(service: DatastoreService) -> None:
    assert [each.name for each in await service.soon("l")] == ["lake_blobs", "workspaceblobstore"]
    began = time.monotonic()
    assert await DatastoreService(catalog=HangingDatastores(ManualClock())).soon() == ()
    assert time.monotonic() - began < SOON_SECONDS + 0.5
