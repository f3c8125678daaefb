"""One identity for everything, chosen by a setting, never a person's."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.azure.identity import (
    ARM_SCOPE,
    STORAGE_SCOPE,
    CredentialKind,
    TokenSource,
    WrongIdentityError,
    facts_of,
    kinds_available,
    make_credential,
)
from services.errors import Unavailable
from tests.contract.entra import BOT_APP
from tests.contract.server import AzureContract

pytestmark = [
    pytest.mark.azure,
    # azure-identity 1.17, which the data engine pins, uses a call that MSAL has since replaced.
    pytest.mark.filterwarnings("ignore:Use list.search:DeprecationWarning"),
]

PRINCIPAL = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": "s"}


@pytest.fixture
def azure(azure_server: AzureContract, bot_environment: None) -> AzureContract:
    azure_server.reset("ml-identity")
    return azure_server


def tokens_asked(azure: AzureContract) -> int:
    return len(azure.log.find("POST", "*/oauth2/v2.0/token"))


async def test_a_service_principal_gets_tokens_that_are_kept(azure: AzureContract) -> None:
    source = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    first = await source.token(ARM_SCOPE)
    assert await source.token(ARM_SCOPE) == first
    assert await source.token(STORAGE_SCOPE) != first
    assert tokens_asked(azure) == 2
    facts = await source.facts()
    assert (facts.kind, facts.object_id, facts.app_id, facts.tenant_id) == (
        "service_principal",
        BOT_APP.object_id,
        BOT_APP.client_id,
        azure.entra.tenant_id,
    )
    await source.close()


async def test_a_token_is_renewed_before_it_expires(azure: AzureContract) -> None:
    now = [0.0]
    source = TokenSource(CredentialKind.SERVICE_PRINCIPAL, clock=lambda: now[0])
    azure.entra.token_seconds = 400
    first = await source.token(ARM_SCOPE)
    now[0] = 1e12  # long after
    assert await source.token(ARM_SCOPE)
    assert first
    await source.close()


async def test_a_workload_identity(azure: AzureContract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text(BOT_APP.federated_token)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    for kind in (CredentialKind.WORKLOAD_IDENTITY, CredentialKind.DEFAULT):
        source = TokenSource(kind)
        assert (await source.facts()).object_id == BOT_APP.object_id
        await source.close()


async def test_a_managed_identity(azure: AzureContract, monkeypatch: pytest.MonkeyPatch) -> None:
    azure.entra.managed_identity = BOT_APP
    for name in PRINCIPAL:
        monkeypatch.delenv(name)
    source = TokenSource(CredentialKind.MANAGED_IDENTITY)
    assert (await source.facts()).object_id == BOT_APP.object_id
    await source.close()


async def test_a_wrong_secret_is_told_and_not_repeated(azure: AzureContract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong-secret-0123456789")
    source = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    with pytest.raises(Unavailable, match="client secret is wrong") as caught:
        await source.token(ARM_SCOPE)
    assert "wrong-secret" not in str(caught.value)
    await source.close()


async def test_what_is_missing_is_named(azure: AzureContract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    with pytest.raises(Unavailable, match="AZURE_CREDENTIAL is service_principal, which needs AZURE_CLIENT_SECRET"):
        await TokenSource(CredentialKind.SERVICE_PRINCIPAL).token(ARM_SCOPE)


def test_the_default_tries_what_the_environment_speaks_of_and_never_a_person() -> None:
    assert kinds_available({}) == (CredentialKind.MANAGED_IDENTITY, CredentialKind.DEVELOPER_CLI)
    assert kinds_available(PRINCIPAL)[0] is CredentialKind.SERVICE_PRINCIPAL
    federated = {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/f"}
    assert kinds_available(federated)[0] is CredentialKind.WORKLOAD_IDENTITY
    chain = make_credential(CredentialKind.DEFAULT, {**PRINCIPAL, **federated})
    names = [type(each).__name__ for each in chain.credentials]  # type: ignore[attr-defined]  # of the chain
    assert names == [
        "ClientSecretCredential",
        "WorkloadIdentityCredential",
        "ManagedIdentityCredential",
        "AzureCliCredential",
    ]


@pytest.mark.parametrize("kind", [CredentialKind.SERVICE_PRINCIPAL, CredentialKind.WORKLOAD_IDENTITY])
def test_a_credential_without_its_variables(kind: CredentialKind) -> None:
    with pytest.raises(WrongIdentityError, match=f"AZURE_CREDENTIAL is {kind}, which needs AZURE_TENANT_ID"):
        make_credential(kind, {})


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "e30.W10.x"])
def test_a_token_that_is_no_jwt_tells_nothing(token: str) -> None:
    facts = facts_of(CredentialKind.DEFAULT, token)
    assert (facts.object_id, facts.app_id) == ("", "")
