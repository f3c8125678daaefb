"""One identity for everything, chosen by a setting, never a person's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from services.azure.identity import (
    ARM_SCOPE,
    STORAGE_SCOPE,
    TOKEN_SECONDS,
    VAULT_SCOPE,
    CredentialKind,
    TokenSource,
    WrongIdentityError,
    facts_of,
    kinds_available,
    make_credential,
)
from services.errors import Unavailable
from tests.azure.identities import VARIABLES, WAYS, Way, signed_out_cli
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


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Puts an environment of `identities` in the place of this one's."""

    def put(environment: Mapping[str, str]) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return put


Machine = Callable[[Mapping[str, str]], None]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
async def test_every_way_to_sign_in(azure: AzureContract, machine: Machine, tmp_path: Path, way: Way) -> None:
    machine(way.arrange(azure, tmp_path))
    source = TokenSource(way.kind)
    facts = await source.facts()
    assert (facts.kind, facts.object_id) == (way.kind, BOT_APP.object_id)
    for scope in (STORAGE_SCOPE, VAULT_SCOPE):
        assert await source.token(scope) in azure.entra.issued
    assert azure.log.sign_ins() == []
    await source.close()


MISSING: list[tuple[str, CredentialKind, dict[str, str], str]] = [
    (
        "a tenant that is none",
        CredentialKind.SERVICE_PRINCIPAL,
        {**PRINCIPAL, "AZURE_TENANT_ID": "not a tenant!"},
        "no identity at Azure.*Invalid tenant",
    ),
    (
        "a certificate that is not there",
        CredentialKind.SERVICE_PRINCIPAL,
        {**PRINCIPAL, "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere/bot.pem"},
        "/nowhere/bot.pem cannot be read",
    ),
    (
        "a certificate that is none",
        CredentialKind.SERVICE_PRINCIPAL,
        {**PRINCIPAL, "AZURE_CLIENT_CERTIFICATE_PATH": __file__},
        "no identity at Azure",
    ),
    (
        "a federated token that is not there",
        CredentialKind.WORKLOAD_IDENTITY,
        {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"},
        "/nowhere/token cannot be read",
    ),
    (
        "the same, when it is tried in turn",
        CredentialKind.DEFAULT,
        {"AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"},
        "/nowhere/token",
    ),
    ("no managed identity", CredentialKind.MANAGED_IDENTITY, {}, "this machine has no managed identity"),
    ("no CLI", CredentialKind.DEVELOPER_CLI, {"PATH": "/nowhere"}, "the Azure CLI is not installed"),
    (
        "nothing at all",
        CredentialKind.DEFAULT,
        {"PATH": "/nowhere"},
        "this machine has no managed identity; the Azure CLI is not installed",
    ),
]


@pytest.mark.parametrize(("kind", "environment", "words"), [case[1:] for case in MISSING], ids=[c[0] for c in MISSING])
async def test_an_identity_that_is_not_there_is_told(
    azure: AzureContract, machine: Machine, kind: CredentialKind, environment: dict[str, str], words: str
) -> None:
    machine(environment)
    source = TokenSource(kind, answer_seconds=1)
    with pytest.raises(Unavailable, match=words) as told:
        await source.token(ARM_SCOPE)
    assert told.value.sentence.endswith(".")


async def test_a_cli_that_nobody_signed_in_with(azure: AzureContract, machine: Machine, tmp_path: Path) -> None:
    machine(signed_out_cli(azure, tmp_path))
    with pytest.raises(Unavailable, match="nobody has signed in with az login"):
        await TokenSource(CredentialKind.DEVELOPER_CLI).token(ARM_SCOPE)


async def test_entra_that_hangs_is_waited_for_only_so_long(azure: AzureContract) -> None:
    azure.faults.hang(host="login.microsoftonline.com")
    source = TokenSource(CredentialKind.SERVICE_PRINCIPAL, answer_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="Microsoft Entra cannot be reached"):
        await source.token(ARM_SCOPE)
    assert time.monotonic() - began < TOKEN_SECONDS / 3
    azure.faults.clear()
    assert await source.token(ARM_SCOPE), "and asked again at once when somebody wants to know"
    await source.close()


async def test_a_refusal_is_not_remembered(azure: AzureContract) -> None:
    """MSAL keeps Entra's refusals for a minute."""
    source = TokenSource(CredentialKind.SERVICE_PRINCIPAL)
    azure.faults.wrong_shape({"error": {}}, status=401, host="login.microsoftonline.com", path="*/token")
    with pytest.raises(Unavailable, match="cannot sign in"):
        await source.token(ARM_SCOPE)
    azure.faults.clear()
    assert await source.token(ARM_SCOPE)
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
