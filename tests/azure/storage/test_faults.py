"""What can go wrong between the bot and storage, and what a person is told then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.azure.resource import AzureWorkspaceId
from services.azure.storage.reader import AzureReader
from services.errors import NotAllowed, SourceProblem, Unavailable, UserError
from tests.azure.storage.test_formats import parquet
from tests.azure.storage.world import ACCOUNT, HOST, World, source, tabular
from tests.contract.datastore_store import blob, file_share
from tests.contract.entra import Entra
from tests.contract.permissions import Permission
from tests.contract.wire import Request
from tests.reading.places import PARQUET, FixedClock

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.azure]
ROWS = "a,b\n" + "1,2\n" * 50_000


def refuse(world: World, status: int, code: str, path: str = "*") -> None:
    world.azure.faults.status(status, code, "no", host=HOST, headers={"x-ms-error-code": code}, path=path)


@pytest.mark.parametrize(
    ("access", "status", "code", "kind", "sentence"),
    [
        ("identity", 403, "AuthorizationPermissionMismatch", NotAllowed, "Storage Blob Data Reader on that container"),
        ("principal", 403, "AuthorizationPermissionMismatch", NotAllowed, "service principal of the datastore “store”"),
        ("identity", 403, "AuthorizationFailure", SourceProblem, "refuses the bot's network"),
        ("sas", 403, "AuthorizationPermissionMismatch", SourceProblem, "with the permissions Read and List"),
        ("sas", 403, "AuthenticationFailed", SourceProblem, "signature of the datastore “store” is not valid any more"),
        ("key", 403, "AuthenticationFailed", SourceProblem, "account key of the datastore “store” is not valid"),
        ("key", 403, "KeyBasedAuthenticationNotPermitted", SourceProblem, "identity-based access"),
        ("identity", 409, "ContainerBeingDeleted", SourceProblem, "ContainerBeingDeleted"),
    ],
)
async def test_refusals(
    world: World, access: str, status: int, code: str, kind: type[UserError], sentence: str
) -> None:
    world.with_files({"a.csv": ROWS}, access)
    refuse(world, status, code)
    with pytest.raises(kind) as caught:
        await world.reader.list_files(source("*"))
    assert sentence in caught.value.sentence


async def test_a_signature_that_may_not_list(world: World) -> None:
    name = world.container({"a.csv": ROWS})
    signature = world.storage.sas(ACCOUNT, permissions="r")
    world.azure.workspace.datastores.put(blob("store", ACCOUNT, name, sas=signature))
    with pytest.raises(SourceProblem, match="Store one with the permissions Read and List"):
        await world.reader.list_files(source("*"))


async def test_reading_may_be_refused_where_listing_is_not(world: World) -> None:
    world.with_files({"a.csv": ROWS})
    refuse(world, 403, "AuthorizationPermissionMismatch", path="*/a.csv")
    assert (await world.reader.list_files(source("*"))).file_count == 1
    with pytest.raises(NotAllowed, match="may not read files in “mlstorage/data-"):
        await world.reader.inspect(tabular("a.csv"))


async def test_the_workspace_may_refuse_its_secrets(world: World) -> None:
    world.with_files({"a.csv": ROWS}, "key")
    world.azure.permissions.only(
        Permission(("Microsoft.MachineLearningServices/workspaces/read", "*/datastores/read", "*/workspaces/read"))
    )
    with pytest.raises(NotAllowed, match="datastores/listsecrets/action"):
        await world.reader.list_files(source("*"))
    world.azure.permissions.only(Permission(("*",), (), ("*",), ()))


async def test_a_container_that_is_gone(world: World) -> None:
    world.datastore("no-such-container")
    with pytest.raises(SourceProblem, match="no container “no-such-container” in the storage account “mlstorage”"):
        await world.reader.list_files(source("*"))


@pytest.mark.parametrize(
    "dto",
    [
        file_share("store", ACCOUNT, "share", key="AAAA"),
        {**blob("store", ACCOUNT, "data"), "azureStorageSection": {"accountName": ACCOUNT, "containerName": "../x"}},
        {
            **blob("store", ACCOUNT, "data"),
            "azureStorageSection": {
                "accountName": ACCOUNT,
                "containerName": "data",
                "endpoint": "evil.example",
                "credentialType": "None",
            },
        },
    ],
)
async def test_datastores_that_are_not_opened(world: World, dto: dict[str, object]) -> None:
    world.azure.workspace.datastores.put(dto)  # type: ignore[arg-type]  # JSON
    with pytest.raises(SourceProblem, match=r"kind whose files|does not point to a container"):
        await world.reader.list_files(source("*"))
    assert not world.azure.log.unexpected_hosts()
    assert not world.azure.log.find(host=HOST)


@pytest.mark.slow
async def test_busy_storage_is_asked_again_when_it_says(world: World) -> None:
    world.with_files({"a.csv": ROWS})
    world.azure.faults.throttled(1, host=HOST, times=1)
    started = time.monotonic()
    assert (await world.reader.list_files(source("*"))).file_count == 1
    assert 1 <= time.monotonic() - started < 4
    assert [entry.status for entry in world.azure.log.find(host=HOST)] == [429, 200]


@pytest.mark.slow
async def test_storage_that_stays_busy(world: World) -> None:
    world.with_files({"a.csv": ROWS})
    refuse(world, 503, "ServerBusy")
    with pytest.raises(Unavailable, match="too busy to answer") as caught:
        await world.reader.list_files(source("*"))
    assert caught.value.code == "storage_busy"
    assert 3 <= len(world.azure.log.find(host=HOST)) <= 6


async def test_cut_answers_are_asked_for_again(world: World) -> None:
    world.with_files({"a.csv": ROWS, "b.parquet": parquet(50_000, group=10_000)})
    cut = world.azure.faults.truncate(1_000, host=HOST, path="*/a.csv", times=1)
    also = world.azure.faults.truncate(2_000, host=HOST, path="*/b.parquet", times=2)
    dropped = world.azure.faults.reset(host=HOST, path="*/b.parquet", times=1)
    seen = await world.reader.inspect(tabular("a.csv"))
    assert seen.rows[0] == ("1", "2")
    assert (await world.reader.inspect(tabular("b.parquet", format=PARQUET))).row_count == 50_000
    assert (cut.hits, also.hits, dropped.hits) == (1, 2, 1)


async def test_a_file_that_changes_or_vanishes_while_it_is_read(world: World) -> None:
    container = world.with_files({"a.csv": ROWS, "b.csv": ROWS})

    def overwrite(_: Request) -> None:
        world.put(container, "a.csv", ROWS.replace("1", "9"))

    world.azure.faults.before(overwrite, host=HOST, path="*/a.csv")
    with pytest.raises(SourceProblem, match=r"“a\.csv” changed while it was read"):
        await world.reader.inspect(tabular("a.csv"))
    refuse(world, 404, "BlobNotFound", path="*/b.csv")
    with pytest.raises(SourceProblem, match=r"“b\.csv” vanished while it was read"):
        await world.reader.inspect(tabular("b.csv"))


@pytest.mark.parametrize("host", [HOST, "westeurope.api.azureml.ms"])
async def test_a_refused_token_is_asked_for_again(world: World, host: str) -> None:
    world.with_files({"a.csv": ROWS})
    await world.reader.list_files(source("*"))
    world.azure.log.clear()
    world.azure.faults.unauthorized(host=host, times=1)
    assert (await world.reader.list_files(source("*"))).file_count == 1
    assert [entry.status for entry in world.azure.log.find(host=host)] == [401, 200]


@dataclass
class NewTokens:
    """An identity that gets another token whenever the last one is forgotten."""

    entra: Entra
    held: dict[str, str] = field(default_factory=dict)

    async def token(self, scope: str) -> str:
        audience = scope.removesuffix("/.default")
        return self.held.setdefault(audience, self.entra.token(audience=audience))

    def forget(self) -> None:
        self.held.clear()


@pytest.mark.slow
async def test_tokens_that_ran_out_are_replaced(world: World, tmp_path: Path) -> None:
    world.with_files({"a.csv": ROWS})
    tokens = NewTokens(world.azure.entra)
    workspace = AzureWorkspaceId.parse(world.azure.workspace.url)
    reader = AzureReader(workspace, tokens, world.sdk, workers=1, scratch=tmp_path, clock=FixedClock())
    try:
        assert (await reader.list_files(source("*"))).file_count == 1
        tokens.held = {audience: world.azure.entra.token(audience=audience, seconds=-1) for audience in tokens.held}
        held = dict(tokens.held)
        assert (await reader.list_files(source("*"))).file_count == 1
        assert all(tokens.held[audience] != token for audience, token in held.items())
        world.azure.entra.revoke_all()
        assert (await reader.inspect(tabular("a.csv"))).rows[0] == ("1", "2")
    finally:
        await reader.close()


async def test_tokens_refused_for_good(world: World) -> None:
    world.with_files({"a.csv": ROWS})
    refused = world.azure.faults.unauthorized(host=HOST)
    with pytest.raises(Unavailable, match="does not accept the bot's sign-in"):
        await world.reader.list_files(source("*"))
    assert refused.hits == 2


async def test_an_account_that_cannot_be_reached(world: World) -> None:
    world.azure.workspace.datastores.put(blob("store", "mllake", "data"))
    world.azure.faults.unreachable("mllake.blob.core.windows.net")
    with pytest.raises(Unavailable, match="The storage account “mllake” cannot be reached"):
        await world.reader.list_files(source("*"))


@pytest.mark.parametrize("answer", ["<html>gateway</html>", "<EnumerationResults><Blobs><Blob/></Blobs>", ""])
async def test_listings_of_another_shape(world: World, answer: str) -> None:
    world.with_files({"a.csv": ROWS})
    world.azure.faults.wrong_shape(answer, host=HOST)
    with pytest.raises(SourceProblem, match="sent a listing that cannot be read"):
        await world.reader.list_files(source("*"))
