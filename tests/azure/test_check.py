"""What `dataset-bot check` tells of an Azure workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.check import findings
from bot.settings import checked_settings
from services.azure.check import RIGHTS, AzureCheck, AzureFinding, missing_rights
from services.azure.identity import CredentialKind, TokenSource
from tests.azure.peers import Peers, azure_peers
from tests.azure.storage_peer import ACCOUNT, KEY
from tests.contract import datastore_store
from tests.contract.entra import BOT_APP, TENANT
from tests.contract.permissions import Permission

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ML = "Microsoft.MachineLearningServices/workspaces"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peers]:
    async with azure_peers(tmp_path_factory.mktemp("scratch")) as peers:
        yield peers


@pytest_asyncio.fixture(loop_scope="module")
async def peers(running: Peers) -> Peers:
    """A workspace whose default datastore can be read."""
    running.afresh()
    running.contract.vaults.add("mlvault")
    running.contract.workspace.datastores.put(datastore_store.blob("main", ACCOUNT, "exports", key=KEY))
    return running


async def found(peers: Peers) -> dict[str, AzureFinding]:
    check = AzureCheck(peers.workspace, peers.http, peers.tokens, peers.workers)
    return {finding.name: finding async for finding in check.findings()}


async def test_all_in_order(peers: Peers) -> None:
    told = await found(peers)
    assert {name: finding.ok for name, finding in told.items()} == {
        "Azure identity": True,
        "Azure workspace": True,
        "Azure rights": True,
        "Azure key vault": True,
        "Azure ML SDK": True,
        "Azure default datastore": True,
    }
    assert BOT_APP.object_id in told["Azure identity"].detail
    assert TENANT in told["Azure identity"].detail
    assert "main (salesdata/exports)" in told["Azure default datastore"].detail
    assert BOT_APP.secret not in str(told)
    assert KEY not in str(told)


async def test_missing_rights_are_named_with_the_role(peers: Peers) -> None:
    peers.contract.permissions.only(Permission((f"{ML}/read", f"{ML}/datastores/read")))
    check = AzureCheck(peers.workspace, peers.http, peers.tokens, peers.workers)
    told = [finding async for finding in check.findings()]
    rights = [finding for finding in told if finding.name == "Azure rights"]
    assert [finding.ok for finding in rights] == [False, None, None, None, None]
    assert f"{ML}/datasets/registered/read is missing" in rights[0].detail
    assert all("AzureML Data Scientist" in finding.detail for finding in rights)
    default = next(finding for finding in told if finding.name == "Azure default datastore")
    assert not default.ok


async def test_a_workspace_that_is_gone(peers: Peers) -> None:
    peers.contract.workspace.deleted = True
    told = await found(peers)
    assert told["Azure workspace"].ok is False
    assert "deleted" in told["Azure workspace"].detail
    assert "Azure ML SDK" not in told


async def test_a_datastore_that_cannot_be_read(peers: Peers) -> None:
    peers.contract.workspace.datastores.put(datastore_store.blob("main", ACCOUNT, "exports"))
    peers.storage.readers = set()
    told = (await found(peers))["Azure default datastore"]
    assert told.ok is False
    assert "Storage Blob Data Reader" in f"{told.detail} {told.fix}"


async def test_a_vault_behind_a_closed_network(peers: Peers) -> None:
    peers.contract.faults.reset(host="mlvault.vault.azure.net")
    assert (await found(peers))["Azure key vault"].ok is False


async def test_no_token_no_more_tests(peers: Peers) -> None:
    peers.contract.faults.status(400, "invalid_client", "no", host="login.microsoftonline.com", path="*/token")
    tokens = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    told = [each async for each in AzureCheck(peers.workspace, peers.http, tokens, peers.workers).findings()]
    await tokens.close()
    assert [(finding.name, finding.ok) for finding in told] == [("Azure identity", False)]
    assert "AZURE_CREDENTIAL" in told[0].fix


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [
        ([], len(RIGHTS)),
        ([{"actions": ["*"], "notActions": []}], 0),
        ([{"actions": ["*/read"], "notActions": []}], 3),
        ([{"actions": ["*"], "notActions": [f"{ML}/datastores/*"]}], 3),
        (
            [
                {"actions": ["*"], "notActions": [f"{ML}/datastores/*"]},
                {"actions": [f"{ML.upper()}/DATASTORES/READ"], "notActions": None},
            ],
            2,
        ),
    ],
)
async def test_missing_rights(permissions: list[dict[str, object]], missing: int) -> None:
    assert len(missing_rights(permissions)) == missing


async def test_the_command_tests_the_workspace_that_the_settings_name(peers: Peers, tmp_path: Path) -> None:
    settings = checked_settings(
        workspace=peers.contract.workspace.url,
        azure_credential="service_principal",
        database_url=f"sqlite:///{tmp_path / 'bot.sqlite'}",
    )
    told = [finding async for finding in findings(settings)]
    assert [(each.name, each.ok) for each in told if each.name.startswith(("Azure", "Microsoft"))] == [
        ("Azure identity", True),
        ("Azure workspace", True),
        ("Azure rights", True),
        ("Azure key vault", True),
        ("Azure ML SDK", True),
        ("Azure default datastore", True),
        ("Azure access: datastores", None),  # the only one keeps a key
        ("Azure access: seeing roles", True),
        ("Azure access: giving roles", True),
        ("Azure access: Entra PIM", None),
        ("Microsoft Graph: users", True),
        ("Microsoft Graph: groups", True),
        ("Microsoft Graph: servicePrincipals", True),
    ]
    assert "workspace" not in {each.name for each in told}
