"""The connection test before a datastore is registered, and secrets read from Key Vault, against real HTTPS peers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from services.azure.connection_test import ConnectionTest, check_sas
from services.azure.key_vault import KeyVaults as VaultReader
from services.datastores.model import AzureDetails, AzurePlace, DatastoreAccess, DatastoreKind, SecretName
from services.errors import SourceProblem, Unavailable, UserError
from tests.azure.storage_peer import ACCOUNT, KEY, SAS, StoragePeer, storage_error
from tests.contract.entra import BOT_APP, App
from tests.contract.keyvault import KeyVaults
from tests.contract.server import AzureContract

pytestmark = pytest.mark.azure

BLOB, LAKE, SHARE = DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2, DatastoreKind.FILE_SHARE
READER = App(
    "0f1e2d3c-0000-4000-8000-0000000000a1", "0f1e2d3c-0000-4000-8000-0000000000b1", "reader-secret-not-real", "", "r"
)
NAMED = SecretName("team-vault", "sales-key")


class World:
    """The peers, and what is under test, with the bot's identity."""

    def __init__(self, contract: AzureContract, storage: StoragePeer, vaults: KeyVaults, http: httpx.AsyncClient):
        self.contract, self.storage, self.vaults = contract, storage, vaults
        self._tokens: dict[str, str] = {}
        self.connection = ConnectionTest(http, self)
        self.secrets = VaultReader(http, self)

    async def token(self, scope: str) -> str:
        return self._tokens.setdefault(scope, self.contract.entra.token(BOT_APP, scope.removesuffix("/.default")))

    def forget(self) -> None:
        self._tokens.clear()

    async def problem(self, kind: DatastoreKind, details: AzureDetails, secret: str | None = None) -> UserError:
        with pytest.raises((SourceProblem, Unavailable)) as caught:
            await self.connection.run(kind, details, None if secret is None else SecretStr(secret))
        return caught.value


@pytest.fixture(scope="module")
def contract() -> Iterator[tuple[AzureContract, StoragePeer, KeyVaults]]:
    made = AzureContract()
    storage, vaults = StoragePeer(made.entra), made.vaults
    made.entra.apps[READER.client_id] = READER
    made.services.insert(0, storage)
    with made:
        yield made, storage, vaults


@pytest.fixture
async def world(contract: tuple[AzureContract, StoragePeer, KeyVaults]) -> AsyncIterator[World]:
    server, storage, vaults = contract
    server.faults.clear()
    storage.readers = {BOT_APP.object_id, READER.object_id}
    storage.refuse = lambda request: None
    trust = ssl.create_default_context(cafile=str(server.ca.root_file))
    async with httpx.AsyncClient(proxy=server.proxy_url, verify=trust) as http:
        yield World(server, storage, vaults, http)


def details(access: DatastoreAccess, **place: str) -> AzureDetails:
    made = AzurePlace(ACCOUNT, "exports", access)
    client = READER.client_id if access is DatastoreAccess.SERVICE_PRINCIPAL else ""
    tenant = "11111111-aaaa-4bbb-8ccc-000000000001" if client else ""
    return AzureDetails(replace(made, **place), NAMED, client, tenant)  # type: ignore[arg-type]  # fields by name


IDENTITY, SERVICE = details(DatastoreAccess.IDENTITY), details(DatastoreAccess.SERVICE_PRINCIPAL)


@pytest.mark.parametrize(
    ("kind", "how", "secret"),
    [
        (BLOB, IDENTITY, None),
        (BLOB, details(DatastoreAccess.ACCOUNT_KEY), KEY),
        (BLOB, details(DatastoreAccess.SAS), SAS),
        (LAKE, IDENTITY, None),
        (LAKE, SERVICE, READER.secret),
        (SHARE, details(DatastoreAccess.ACCOUNT_KEY), KEY),
        (SHARE, details(DatastoreAccess.SAS), f"?{SAS}"),
    ],
    ids=["blob-identity", "blob-key", "blob-sas", "lake-identity", "lake-principal", "share-key", "share-sas"],
)
async def test_every_kind_and_access_lists_and_reads(
    world: World, kind: DatastoreKind, how: AzureDetails, secret: str | None
) -> None:
    world.contract.log.clear()
    await world.connection.run(kind, how, None if secret is None else SecretStr(secret))
    asked = [each.url for each in world.contract.log.find("GET", host=f"{ACCOUNT}.*")]
    assert len(asked) == 2
    assert "exports/sales & more.csv" in asked[1]


async def test_an_empty_container_is_no_problem(world: World) -> None:
    world.storage.files, kept = {}, world.storage.files
    try:
        await world.connection.run(BLOB, IDENTITY, None)
    finally:
        world.storage.files = kept


@pytest.mark.parametrize("kind", [BLOB, LAKE])
async def test_missing_role_is_named_with_whose_and_where(world: World, kind: DatastoreKind) -> None:
    world.storage.readers = set()
    problem = await world.problem(kind, IDENTITY)
    assert "The bot's identity" in problem.sentence
    assert "Storage Blob Data Reader" in problem.sentence
    assert "salesdata/exports" in problem.sentence
    assert problem.code == "permission_missing"


async def test_a_service_principal_without_the_role_is_named(world: World) -> None:
    world.storage.readers = {BOT_APP.object_id}
    problem = await world.problem(LAKE, SERVICE, READER.secret)
    assert READER.client_id in problem.sentence
    assert problem.field == "client"


@pytest.mark.parametrize(
    ("wrong", "secret", "field"),
    [
        (SERVICE, "another secret", "secret"),
        (replace(SERVICE, tenant_id="0f1e2d3c-0000-4000-8000-000000000000"), READER.secret, "tenant"),
        (replace(SERVICE, client_id="0f1e2d3c-0000-4000-8000-000000000000"), READER.secret, "client"),
    ],
)
async def test_a_service_principal_that_cannot_sign_in(
    world: World, wrong: AzureDetails, secret: str, field: str
) -> None:
    problem = await world.problem(LAKE, wrong, secret)
    assert problem.field == field
    assert secret not in problem.sentence


@pytest.mark.parametrize(
    ("access", "secret", "said"),
    [
        (DatastoreAccess.ACCOUNT_KEY, KEY.replace("LW", "aa"), "does not accept the account key"),
        (DatastoreAccess.ACCOUNT_KEY, "no key at all!", "no account key"),
        (DatastoreAccess.SAS, SAS.replace("bm90", "eHh4"), "does not accept the shared access signature"),
        (DatastoreAccess.SAS, "https://example.com/exports", "no shared access signature"),
    ],
)
async def test_wrong_credentials(world: World, access: DatastoreAccess, secret: str, said: str) -> None:
    problem = await world.problem(BLOB, details(access), secret)
    assert said in problem.sentence
    assert problem.field == "secret"
    assert secret not in problem.sentence


async def test_a_missing_container(world: World) -> None:
    problem = await world.problem(BLOB, details(DatastoreAccess.IDENTITY, container="imports"))
    assert problem.sentence.startswith("There is no container “imports” in the storage account “salesdata”.")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AuthorizationFailure", "refuses the bot's network"),
        (403, "KeyBasedAuthenticationNotPermitted", "Use identity-based access"),
        (503, "ServerBusy", "busy"),
        (500, "InternalError", "InternalError"),
    ],
)
async def test_what_the_account_refuses(world: World, status: int, code: str, said: str) -> None:
    world.storage.refuse = lambda request: storage_error(status, code)
    assert said in (await world.problem(BLOB, IDENTITY)).sentence


async def test_listing_works_and_reading_does_not(world: World) -> None:
    world.storage.refuse = lambda request: (
        storage_error(403, "AuthorizationPermissionMismatch") if request.path.endswith(".csv") else None
    )
    problem = await world.problem(BLOB, details(DatastoreAccess.SAS), SAS)
    assert "may not read files in" in problem.sentence


async def test_a_closed_network(world: World) -> None:
    world.contract.faults.unreachable(f"{ACCOUNT}.blob.core.windows.net")
    problem = await world.problem(BLOB, IDENTITY)
    assert isinstance(problem, Unavailable)
    assert problem.code == "network_closed"


NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sas", "said"),
    [
        (f"sp=rl&se={NOW - timedelta(days=1):%Y-%m-%d}&sig=x", "ended on 2026-03-01"),
        (f"sp=rl&se={NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}&sig=x", "ended on 2026-03-01"),
        ("sp=r&sig=x", "lacks the permission List"),
        ("sp=cw&sig=x", "lacks the permission Read and List"),
    ],
)
def test_a_signature_that_says_itself_that_it_will_not_do(sas: str, said: str) -> None:
    with pytest.raises(SourceProblem, match=said):
        check_sas(SecretStr(sas), NOW)


@pytest.mark.parametrize("sas", ["sp=rl&se=2026-03-03&sig=x", "?si=policy&sig=x", "sp=racwl&se=nonsense&sig=x"])
def test_a_signature_that_the_service_must_judge(sas: str) -> None:
    check_sas(SecretStr(sas), NOW)


async def test_a_secret_is_read_by_its_name(world: World) -> None:
    world.vaults.set("team-vault", "sales-key", KEY)
    value = await world.secrets.read(NAMED)
    assert value.get_secret_value() == KEY
    assert KEY not in repr(value)


async def test_secrets_that_cannot_be_read(world: World) -> None:
    world.vaults.add("team-vault")
    with pytest.raises(SourceProblem, match="no secret “other” in the key vault “team-vault”"):
        await world.secrets.read(SecretName("team-vault", "other"))
    world.vaults.deny("team-vault")
    with pytest.raises(SourceProblem, match="Key Vault Secrets User"):
        await world.secrets.read(NAMED)
    world.vaults.allow("team-vault")
    world.contract.faults.wrong_shape(
        {"error": {"code": "Forbidden", "message": "…", "innererror": {"code": "ForbiddenByFirewall"}}},
        status=403,
        host="team-vault.vault.azure.net",
    )
    with pytest.raises(SourceProblem, match="refuses the bot's network"):
        await world.secrets.read(NAMED)
    world.contract.faults.clear()
    world.contract.faults.wrong_shape(
        {"value": "old", "attributes": {"enabled": True, "exp": 1_600_000_000}}, host="team-vault.vault.azure.net"
    )
    with pytest.raises(SourceProblem, match="has expired"):
        await world.secrets.read(SecretName("team-vault", "sales-key"))
    world.vaults.add("no-such-vault")
    world.contract.faults.unreachable("no-such-vault.vault.azure.net")
    with pytest.raises(Unavailable, match="no-such-vault"):
        await world.secrets.read(SecretName("no-such-vault", "sales-key"))
