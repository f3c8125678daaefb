"""What `dataset-bot check` tells of giving access, with the role or permission that is missing."""

from __future__ import annotations

import pytest

from services.azure.access.check import AccessCheck
from services.azure.access.roles import READER, Role
from services.azure.check import AzureFinding
from services.azure.resource import AzureWorkspaceId
from tests.azure.access.world import AccessWorld
from tests.contract.permissions import Permission

pytestmark = [pytest.mark.azure, pytest.mark.asyncio(loop_scope="module")]

SEEING, GIVING, PIM = "Azure access: seeing roles", "Azure access: giving roles", "Azure access: Entra PIM"
READS = Permission(("*/read",))


async def found(azure: AccessWorld, role: Role | None = READER, *, use_pim: bool = True) -> dict[str, AzureFinding]:
    workspace = AzureWorkspaceId.parse(azure.contract.workspace.url)
    check = AccessCheck(workspace, azure.http, azure.tokens, azure.datastores, role, use_pim)
    return {each.name: each async for each in check.findings()}


async def test_all_in_order(azure: AccessWorld) -> None:
    azure.contract.pim.licensed = True
    told = await found(azure)
    assert {name: each.ok for name, each in told.items()} == dict.fromkeys(
        (
            "Azure access: datastores",
            SEEING,
            GIVING,
            PIM,
            "Microsoft Graph: users",
            "Microsoft Graph: groups",
            "Microsoft Graph: servicePrincipals",
        ),
        True,
    )
    assert (
        "on sales, more, lake; not on keyed, share, which are not identity-based"
        in told["Azure access: datastores"].detail
    )


async def test_a_bot_that_may_only_see(azure: AccessWorld) -> None:
    azure.contract.permissions.only(READS)
    told = await found(azure)
    assert told[SEEING].ok
    assert told[GIVING].ok is None
    assert "Microsoft.Authorization/roleAssignments/write at " in told[GIVING].detail
    assert "the role Role Based Access Control Administrator gives it" in told[GIVING].detail


async def test_rights_on_one_storage_account_only(azure: AccessWorld) -> None:
    azure.contract.permissions.only(READS)
    azure.contract.permissions.add(Permission(("*",)), scope=azure.scope("sales").partition("/blobServices")[0])
    detail = (await found(azure))[GIVING].detail
    assert azure.scope("lake") in detail
    assert azure.workspace_scope in detail
    assert azure.scope("sales") not in detail
    assert azure.workspace_scope not in (await found(azure, None))[GIVING].detail


async def test_pim(azure: AccessWorld) -> None:
    assert "AadPremiumLicenseRequired" in (await found(azure))[PIM].detail
    assert "AZURE_PIM is off" in (await found(azure, use_pim=False))[PIM].detail
    azure.contract.pim.licensed = True
    azure.contract.permissions.only(READS, Permission(("Microsoft.Authorization/roleAssignments/*",)))
    told = (await found(azure))[PIM]
    assert told.ok is None
    assert "User Access Administrator" in told.detail


async def test_graph(azure: AccessWorld) -> None:
    azure.contract.graph.denied_collections.add("groups")
    azure.contract.faults.status(500, host="graph.microsoft.com", path="*/servicePrincipals")
    told = await found(azure)
    assert told["Microsoft Graph: users"].ok
    assert "GroupMember.Read.All of Microsoft Graph" in told["Microsoft Graph: groups"].detail
    assert "500" in told["Microsoft Graph: servicePrincipals"].detail


async def test_what_cannot_be_asked_is_no_failure(azure: AccessWorld) -> None:
    azure.contract.faults.status(503, host="*")
    told = await found(azure)
    assert {each.ok for name, each in told.items() if name != "Azure access: datastores"} == {None}


async def test_a_storage_account_that_is_not_seen(azure: AccessWorld) -> None:
    azure.contract.cloud.storage_groups.clear()
    workspace = AzureWorkspaceId.parse(azure.contract.workspace.url)
    check = AccessCheck(workspace, azure.http, azure.tokens, azure.datastores, READER, True)
    told = [each async for each in check.findings() if each.name == "Azure access: datastores"]
    assert len(told) == 4
    assert all("Reader" in each.detail for each in told[1:])
