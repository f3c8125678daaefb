"""Datastores of an Azure workspace: the real SDK in worker processes, Key Vault and storage, all on this machine."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.azure.connection_test import ConnectionTest
from services.azure.datastores import FRESH_SECONDS, AzureDatastores
from services.azure.key_vault import KeyVaults
from services.azure.sdk.datastores import PRIVATE_NAMES
from services.azure.sdk.session import Session
from services.datastores.model import (
    AzureDetails,
    AzurePlace,
    DatastoreAccess,
    DatastoreKind,
    DatastoreRequest,
    SecretName,
)
from services.errors import InvalidInput, NameTaken, NotAllowed, NotFound, SourceProblem, Unavailable
from tests.azure import sdk_tasks
from tests.azure.peers import Peers, azure_peers
from tests.azure.storage_peer import ACCOUNT, KEY, SAS
from tests.contract import datastore_store
from tests.contract.entra import BOT_APP, TENANT, App
from tests.contract.permissions import Permission
from tests.contract.request_log import LoggedRequest
from tests.contract.wire import Json, Request

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

BLOB, LAKE, SHARE = DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2, DatastoreKind.FILE_SHARE
READER = App(
    "0f1e2d3c-0000-4000-8000-0000000000a1", "0f1e2d3c-0000-4000-8000-0000000000b1", "reader-secret-not-real", "", "r"
)
NAMED = SecretName("team-vault", "the-secret")


class World:
    """The peers and the datastores under test."""

    def __init__(self, peers: Peers, scratch: Path) -> None:
        self.contract, self.storage, self.workers = peers.contract, peers.storage, peers.workers
        self.scratch, self.seconds = scratch, 0.0
        self.datastores = AzureDatastores(
            peers.workers,
            KeyVaults(peers.http, peers.tokens),
            ConnectionTest(peers.http, peers.tokens),
            clock=lambda: self.seconds,
        )

    def sent(self, method: str, path: str = "*") -> list[LoggedRequest]:
        """Requests to the datastore service."""
        return self.contract.log.find(method, f"/datastore/v1.0*{path}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Peers, World]]:
    scratch = tmp_path_factory.mktemp("scratch")
    async with azure_peers(scratch) as running:
        made = World(running, scratch)
        yield running, made
        await made.datastores.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(peers: tuple[Peers, World]) -> World:
    """An empty workspace but for its default datastore and a lake."""
    running, made = peers
    running.afresh()
    running.contract.entra.apps[READER.client_id] = READER
    running.storage.readers = {BOT_APP.object_id, READER.object_id}
    for dto in (
        datastore_store.blob("workspaceblobstore", "mlstorage", "azureml-blobstore", key=KEY),
        datastore_store.gen2("lake", "mllake", "raw"),
    ):
        running.contract.workspace.datastores.put(dto)
    await made.datastores.refresh()
    running.contract.log.clear()
    return made


def request(
    kind: DatastoreKind,
    access: DatastoreAccess,
    *,
    name: str = "exports",
    overwrite: bool = False,
    make_default: bool = False,
) -> DatastoreRequest:
    principal = access is DatastoreAccess.SERVICE_PRINCIPAL
    details = AzureDetails(
        AzurePlace(ACCOUNT, "exports", access, subscription_id="S", resource_group="G"),
        None if access is DatastoreAccess.IDENTITY else NAMED,
        READER.client_id if principal else "",
        TENANT if principal else "",
    )
    return DatastoreRequest(name, kind, "", "U0ADA", overwrite=overwrite, make_default=make_default, azure=details)


IDENTITY = request(BLOB, DatastoreAccess.IDENTITY)


async def test_listed_without_secrets_and_the_default_marked(world: World) -> None:
    await world.datastores.refresh()
    found = await world.datastores.all()
    assert [(each.name, each.kind, each.location, each.is_default, each.identity_based) for each in found] == [
        ("lake", LAKE, "mllake/raw", False, True),
        ("workspaceblobstore", BLOB, "mlstorage/azureml-blobstore", True, False),
    ]
    asked = world.sent("GET", "/datastores")
    assert asked
    assert all("includeSecret=false" in each.url for each in asked)


async def test_listing_needs_no_right_to_secrets(world: World) -> None:
    world.contract.permissions.only(
        Permission(("Microsoft.MachineLearningServices/workspaces/read", "*/datastores/read"))
    )
    await world.datastores.refresh()
    assert len(await world.datastores.all()) == 2


async def test_a_long_list_is_paged(world: World) -> None:
    for number in range(230):
        dto = datastore_store.blob(f"store{number:03}", "mlstorage", f"container{number}")
        world.contract.workspace.datastores.put(dto)
    await world.datastores.refresh()
    assert len(await world.datastores.all()) == 232
    assert len(world.sent("GET", "/datastores")) == 3


async def test_lists_do_not_wait_for_azure_and_are_read_anew_behind(world: World) -> None:
    world.contract.workspace.datastores.put(datastore_store.blob("fresh", "mlstorage", "fresh"))
    world.seconds += FRESH_SECONDS + 1
    world.contract.faults.latency(1.0, host="*.api.azureml.ms")
    assert len(await world.datastores.all()) == 2
    assert (await world.datastores.get("LAKE")).name == "lake"
    assert not any(entry.status for entry in world.sent("GET")), "nothing was answered yet"
    async with asyncio.timeout(20):
        while len(await world.datastores.all()) < 3:  # noqa: ASYNC110 - nothing tells when it was read
            await asyncio.sleep(0.05)


async def test_while_azure_refuses_what_is_known_is_told(world: World) -> None:
    world.seconds += FRESH_SECONDS + 1
    fault = world.contract.faults.status(403, "Forbidden", "no", path="/datastore/*")
    assert len(await world.datastores.all()) == 2
    async with asyncio.timeout(20):
        while not fault.hits:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert len(await world.datastores.all()) == 2


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": [3]}, {"value": [{"x": 1}]}, "<html>"], ids=str)
async def test_an_answer_of_the_wrong_shape_empties_nothing(world: World, body: Json | str) -> None:
    world.contract.faults.wrong_shape(body, path="/datastore/*/datastores")
    with pytest.raises(Unavailable, match="does not understand"):
        await world.datastores.refresh()
    assert len(await world.datastores.all()) == 2


async def test_one_made_elsewhere_is_found_and_a_wrong_name_gets_suggestions(world: World) -> None:
    world.contract.workspace.datastores.put(datastore_store.blob("fresh", "mlstorage", "fresh"))
    assert (await world.datastores.get("fresh")).location == "mlstorage/fresh"
    with pytest.raises(NotFound) as caught:
        await world.datastores.get("workspaceblobstor")
    assert caught.value.suggestions == ("workspaceblobstore",)


@pytest.mark.parametrize(
    ("kind", "access", "secret", "credential"),
    [
        (BLOB, DatastoreAccess.IDENTITY, "", "None"),
        (BLOB, DatastoreAccess.ACCOUNT_KEY, KEY, "AccountKey"),
        (BLOB, DatastoreAccess.SAS, SAS, "Sas"),
        (LAKE, DatastoreAccess.IDENTITY, "", "None"),
        (LAKE, DatastoreAccess.SERVICE_PRINCIPAL, READER.secret, "ClientCredentials"),
        (SHARE, DatastoreAccess.ACCOUNT_KEY, KEY, "AccountKey"),
        (SHARE, DatastoreAccess.SAS, SAS, "Sas"),
    ],
    ids=["blob-identity", "blob-key", "blob-sas", "lake-identity", "lake-principal", "share-key", "share-sas"],
)
async def test_register(
    world: World,
    kind: DatastoreKind,
    access: DatastoreAccess,
    secret: str,
    credential: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    world.contract.vaults.set("team-vault", "the-secret", secret or "unused")
    made = await world.datastores.register(request(kind, access, name="Exports_1"))
    assert (made.name, made.kind, made.identity_based) == ("exports_1", kind, access is DatastoreAccess.IDENTITY)
    assert made.azure == AzurePlace(ACCOUNT, "exports", access, subscription_id="S", resource_group="G")
    kept = world.contract.workspace.datastores.get("exports_1")
    assert kept is not None
    section = kept["azureStorageSection"]
    assert isinstance(section, dict)
    assert section["credentialType"] == credential
    assert len(world.sent("POST")) == 1
    if secret:
        body = world.sent("POST")[0]
        # The secret goes to Azure Machine Learning, to storage or Entra as a credential, and nowhere else.
        allowed = {f"{ACCOUNT}.{part}.core.windows.net" for part in ("blob", "file", "dfs")}
        allowed |= {body.host, "login.microsoftonline.com", "team-vault.vault.azure.net"}
        assert world.contract.log.places_of(secret, allowed=lambda each: each.host in allowed) == []
        assert not [
            path for path in world.scratch.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
        ]


async def test_the_default_is_set(world: World) -> None:
    assert (await world.datastores.set_default("Lake")).is_default
    assert (await world.datastores.default()).name == "lake"
    assert (await world.datastores.register(request(BLOB, DatastoreAccess.IDENTITY, make_default=True))).is_default
    assert (await world.datastores.default()).name == "exports"
    with pytest.raises(NotFound):
        await world.datastores.set_default("nothing")


async def test_a_name_that_is_taken_is_told_before_anything_is_tested(world: World) -> None:
    with pytest.raises(NameTaken) as caught:
        await world.datastores.register(request(BLOB, DatastoreAccess.IDENTITY, name="LAKE"))
    assert caught.value.field == "name"
    assert world.sent("POST") == []
    assert world.contract.log.find(host=f"{ACCOUNT}.*") == []


async def test_a_name_that_is_taken_in_the_meantime(world: World) -> None:
    def somebody_else(_: Request) -> None:
        world.contract.workspace.datastores.put(datastore_store.blob("exports", "mlstorage", "other"))

    world.contract.faults.before(somebody_else, method="POST", path="/datastore/*")
    with pytest.raises(NameTaken):
        await world.datastores.register(IDENTITY)


async def test_overwriting(world: World) -> None:
    """The SDK's data engine keeps the key of a datastore as long as its process lives, so there is a new one then."""
    before = await world.workers.run("", sdk_tasks.process_id)
    made = await world.datastores.register(request(BLOB, DatastoreAccess.IDENTITY, name="lake", overwrite=True))
    assert (made.kind, made.location) == (BLOB, f"{ACCOUNT}/exports")
    assert len(world.sent("PUT")) == 1
    async with asyncio.timeout(60):
        while await world.workers.run("", sdk_tasks.process_id) == before:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.1)


async def test_what_cannot_be_read_is_not_registered(world: World) -> None:
    world.storage.readers = set()
    with pytest.raises(SourceProblem, match="Storage Blob Data Reader"):
        await world.datastores.register(IDENTITY)
    world.contract.vaults.deny("team-vault")
    with pytest.raises(SourceProblem, match="Key Vault Secrets User"):
        await world.datastores.register(request(BLOB, DatastoreAccess.SAS))
    assert world.sent("POST") == []


async def test_a_right_that_is_missing_is_named(world: World) -> None:
    world.contract.permissions.only(Permission(("*/read",)))
    with pytest.raises(NotAllowed, match=r"datastores/write.*AzureML Data Scientist"):
        await world.datastores.register(IDENTITY)


async def test_a_lost_answer_is_looked_up_and_the_datastore_made_once(world: World) -> None:
    world.contract.faults.lose_answer(method="POST", path="/datastore/*", times=1)
    assert (await world.datastores.register(IDENTITY)).name == "exports"
    assert len(world.sent("POST")) == 1


async def test_an_answer_lost_before_it_was_carried_out(world: World) -> None:
    world.contract.faults.reset(method="POST", path="/datastore/*", times=1)
    with pytest.raises(Unavailable):
        await world.datastores.register(IDENTITY)
    assert world.contract.workspace.datastores.get("exports") is None


async def test_what_is_wrong_with_the_request_names_its_field(world: World) -> None:
    with pytest.raises(InvalidInput) as caught:
        await world.datastores.register(DatastoreRequest("exports", DatastoreKind.FOLDER, "data", "U0ADA"))
    assert caught.value.field == "kind"


def missing_names(session: Session) -> list[str]:
    """Which private names the SDK does not have; runs in a worker."""
    del session
    missing = []
    for address in PRIVATE_NAMES:
        module, _, names = address.partition(":")
        found: object = importlib.import_module(module)
        for name in names.split("."):
            found = getattr(found, name, None)
        if found is None:
            missing.append(address)
    return missing


async def test_private_names_of_the_sdk_exist(world: World) -> None:
    assert await world.workers.run("", missing_names) == []
