"""azure-identity, Key Vault, the permissions client and Graph against the contract server."""

from __future__ import annotations

import uuid
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import child_environment
from tests.contract.entra import BOT_APP
from tests.contract.graph import User
from tests.contract.permissions import Permission
from tests.contract.roles import BUILT_IN
from tests.contract.sdk_process import SdkError, SdkProcess
from tests.contract.server import AzureContract

pytestmark = [pytest.mark.azure, pytest.mark.slow]


@pytest.mark.parametrize("kind", ["secret", "environment"])
def test_service_principal_gets_a_token(sdk: SdkProcess, azure: AzureContract, kind: str) -> None:
    assert sdk.call("token", kind=kind) in azure.entra.issued
    assert azure.log.sign_ins() == []


def test_wrong_secret(sdk: SdkProcess, azure: AzureContract) -> None:
    with pytest.raises(SdkError, match="AADSTS7000215: Invalid client secret") as caught:
        sdk.call("token", kind="secret", secret="wrong")
    assert caught.value.kind == "ClientAuthenticationError"


def test_managed_identity_gets_a_token(sdk: SdkProcess, azure: AzureContract) -> None:
    azure.entra.managed_identity = BOT_APP
    assert sdk.call("token", kind="managed") in azure.entra.issued
    assert [entry.url for entry in azure.log.find(host="login.microsoftonline.com")] == []


def test_no_managed_identity(sdk: SdkProcess, azure: AzureContract) -> None:
    with pytest.raises(SdkError, match="no response from the IMDS endpoint"):
        sdk.call("token", kind="managed")


def test_workload_identity_gets_a_token(azure: AzureContract, tmp_path: Path) -> None:
    federated = tmp_path / "token"
    federated.write_text(BOT_APP.federated_token)
    environment = {**child_environment(azure), "AZURE_FEDERATED_TOKEN_FILE": str(federated)}
    with SdkProcess(environment) as child:
        assert child.call("token", kind="workload") in azure.entra.issued


def test_key_vault_secret_by_name(sdk: SdkProcess, azure: AzureContract) -> None:
    azure.vaults.set("mlvault", "storage-key", "first")
    azure.vaults.set("mlvault", "storage-key", "second")
    assert sdk.call("secret", vault="mlvault", name="storage-key") == "second"
    with pytest.raises(SdkError, match="SecretNotFound") as caught:
        sdk.call("secret", vault="mlvault", name="other")
    assert caught.value.kind == "ResourceNotFoundError"
    azure.vaults.deny("mlvault")
    with pytest.raises(SdkError, match="getSecret/action"):
        sdk.call("secret", vault="mlvault", name="storage-key")


def test_permissions_by_the_management_client(sdk: SdkProcess, azure: AzureContract) -> None:
    azure.permissions.only(Permission(("Microsoft.Storage/*/read",)))
    assert sdk.call("permissions", group=azure.workspace.resource_group) == ["Microsoft.Storage/*/read"]


def test_roles_are_given_listed_and_taken(sdk: SdkProcess, azure: AzureContract) -> None:
    scope = f"{azure.workspace.resource('Microsoft.Storage/storageAccounts', 'mlstorage')}"
    container = f"{scope}/blobServices/default/containers/data"
    role_id = azure.roles.assign("group-1", "Reader", scope).role_id.replace(
        BUILT_IN["Reader"].role_id, BUILT_IN["Storage Blob Data Reader"].role_id
    )
    name, other = str(uuid.uuid4()), str(uuid.uuid4())
    given = sdk.call("assign_role", scope=container, name=name, role_id=role_id, principal="ann")
    assert given == f"{container}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert sdk.call("assign_role", scope=container, name=name, role_id=role_id, principal="ann") == given
    with pytest.raises(SdkError, match="RoleAssignmentExists") as caught:
        sdk.call("assign_role", scope=container, name=other, role_id=role_id, principal="ann")
    assert caught.value.kind == "ResourceExistsError"
    with pytest.raises(SdkError, match="RoleAssignmentUpdateNotPermitted"):
        sdk.call("assign_role", scope=container, name=name, role_id=role_id, principal="bob")
    assert sdk.call("roles_of", scope=container, principal="ann") == ["Storage Blob Data Reader"]
    azure.roles.groups["ann"] = {"group-1"}
    assert sdk.call("roles_of", scope=container, principal="ann") == ["Reader", "Storage Blob Data Reader"]
    assert sdk.call("remove_role", scope=container, name=name) is True
    assert sdk.call("remove_role", scope=container, name=name) is False


def test_roles_are_refused_without_the_permission_and_for_unknown_people(sdk: SdkProcess, azure: AzureContract) -> None:
    scope, role_id = azure.workspace.scope, azure.roles.assign("x", "Reader", azure.workspace.scope).role_id
    azure.roles.unknown.add("new")
    with pytest.raises(SdkError, match="PrincipalNotFound"):
        sdk.call("assign_role", scope=scope, name=str(uuid.uuid4()), role_id=role_id, principal="new")
    azure.permissions.only(Permission(("*/read",)))
    with pytest.raises(SdkError, match=r"AuthorizationFailed.*roleAssignments/write"):
        sdk.call("assign_role", scope=scope, name=str(uuid.uuid4()), role_id=role_id, principal="ann")


def test_users_are_found_by_name_and_by_mail(azure: AzureContract, web: httpx.Client) -> None:
    azure.graph.users.append(User("o-1", "ann.o'neil@contoso.com", "ann@contoso.onmicrosoft.com", "Ann O'Neil"))
    headers = {"Authorization": f"Bearer {azure.entra.token(audience='https://graph.microsoft.com')}"}
    users = "https://graph.microsoft.com/v1.0/users"
    found = web.get(f"{users}/ann@contoso.onmicrosoft.com?$select=id,accountEnabled", headers=headers)
    assert found.json() == {"id": "o-1", "accountEnabled": True}
    missing = web.get(f"{users}/ann.o'neil@contoso.com", headers=headers)
    assert missing.json()["error"]["code"] == "Request_ResourceNotFound"
    mail = "ann.o''neil@contoso.com"
    query = {"$filter": f"mail eq '{mail}' or userPrincipalName eq '{mail}'"}
    assert [one["id"] for one in web.get(users, params=query, headers=headers).json()["value"]] == ["o-1"]
    azure.graph.denied = True
    assert web.get(users, params=query, headers=headers).status_code == 403
