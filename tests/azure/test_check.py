"""What `dataset-bot check` tells of an Azure workspace."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.check import findings
from bot.settings import checked_settings
from services.azure.check import RIGHTS, AzureCheck, AzureFinding, missing_rights
from services.azure.identity import CredentialKind, TokenSource
from tests.azure.identities import WAYS
from tests.azure.peers import Peers, azure_peers
from tests.azure.storage_peer import ACCOUNT, KEY
from tests.contract import datastore_store
from tests.contract.entra import BOT_APP, TENANT
from tests.contract.permissions import Permission
from tests.contract.wire import Json

pytestmark = [pytest.mark.azure, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize(
    ("body", "host", "failing", "words"),
    [
        ("<html>gateway</html>", "management.azure.com", "Azure workspace", "does not understand"),
        ({"surprise": 3}, "management.azure.com", "Azure workspace", "does not understand"),
        ("<html>gateway</html>", "*.api.azureml.ms", "Azure ML SDK", "does not understand"),
        ({"value": 7}, "*.api.azureml.ms", "Azure ML SDK", "does not understand"),
    ],
)
async def test_answers_that_make_no_sense_are_told(
    peers: Peers, body: Json | str, host: str, failing: str, words: str
) -> None:
    assert (await found(peers))["Azure ML SDK"].ok, "the worker has opened the workspace"
    peers.contract.faults.wrong_shape(body, host=host)
    told = (await found(peers))[failing]
    assert told.ok is False
    assert words in told.detail


async def test_a_cut_answer_is_no_closed_network(peers: Peers) -> None:
    peers.contract.faults.truncate(20, host="management.azure.com")
    told = (await found(peers))["Azure workspace"]
    assert told.ok is False
    assert "broke off its answer" in told.detail


async def test_a_revoked_token_is_renewed(peers: Peers) -> None:
    await found(peers)
    peers.contract.entra.revoke_all()
    assert all(finding.ok for finding in (await found(peers)).values())


def run_command(peers: Peers, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`dataset-bot check` as somebody at a terminal runs it, of whose Azure settings these are all."""
    base = peers.contract.env(identity=False)
    mine = {"WORKSPACE": peers.contract.workspace.url, "DATABASE_URL": f"sqlite:///{folder / 'bot.sqlite'}"}
    return subprocess.run(
        [sys.executable, "-m", "bot", "check"],
        env={**base, **mine, **environment, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_with_a_machines_own_identity(peers: Peers, tmp_path: Path) -> None:
    way = next(way for way in WAYS if way.kind is CredentialKind.MANAGED_IDENTITY)
    environment = {**way.arrange(peers.contract, tmp_path), "AZURE_CREDENTIAL": "managed_identity"}
    done = await asyncio.to_thread(run_command, peers, tmp_path, environment)
    tests = done.stdout.partition("Tests\n")[2]
    assert f"ok    Azure identity: managed_identity, object {BOT_APP.object_id}" in tests
    assert "ok    Azure default datastore: main" in tests
    assert done.stderr == ""
    assert "azure_" not in tests, "what is logged is no part of the table"


async def test_the_command_without_an_identity(peers: Peers, tmp_path: Path) -> None:
    done = await asyncio.to_thread(run_command, peers, tmp_path, {"PATH": "/nowhere"})
    assert "FAIL  Azure identity: The bot cannot sign in to Azure: this machine has no managed identity" in done.stdout
    assert "2 to fix." in done.stdout, "that and the transport, since no Slack is set"
    assert (done.returncode, done.stderr) == (1, "")
