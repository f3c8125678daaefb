"""azure-identity, Key Vault, the permissions client and Graph against the contract server."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import child_environment
from tests.contract.entra import BOT_APP
from tests.contract.graph import User
from tests.contract.permissions import Permission
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
