"""What a person typed about a datastore."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.datastores.model import (
    AzureDetails,
    AzurePlace,
    DatastoreAccess,
    DatastoreKind,
    DatastoreRequest,
    SecretName,
)
from services.datastores.request_check import AccountTyped, problems, read_account, read_vault, with_typed_account

AZURE = (DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2, DatastoreKind.FILE_SHARE)
UUID = "0f1e2d3c-0000-4000-8000-00000000abcd"


def request(kind: DatastoreKind, access: DatastoreAccess, **details: object) -> DatastoreRequest:
    azure = AzureDetails(AzurePlace("salesdata", "exports", access), SecretName("team-vault", "sales-key"))
    return DatastoreRequest("exports", kind, "", "U0ADA", azure=replace(azure, **details))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" salesdata ", AccountTyped("salesdata")),
        ("https://salesdata.blob.core.windows.net/exports/2026?sig=x", AccountTyped("salesdata", container="exports")),
        ("https://salesdata.dfs.core.windows.net", AccountTyped("salesdata")),
        ("abfss://exports@salesdata.dfs.core.windows.net/2026", AccountTyped("salesdata", container="exports")),
        ("salesdata.file.core.usgovcloudapi.net", AccountTyped("salesdata", "core.usgovcloudapi.net")),
        (
            "/subscriptions/S/resourceGroups/G/providers/Microsoft.Storage/storageAccounts/salesdata",
            AccountTyped("salesdata", subscription_id="S", resource_group="G"),
        ),
        ("https://evil.example/exports", AccountTyped("https://evil.example/exports")),
        ("https://[", AccountTyped("https://[")),
    ],
)
def test_storage_account_is_read_from_name_address_or_resource_id(typed: str, expected: AccountTyped) -> None:
    assert read_account(typed) == expected


def test_a_container_that_was_typed_wins_over_the_address() -> None:
    azure = AzureDetails(AzurePlace("", "mine", DatastoreAccess.IDENTITY))
    assert with_typed_account(azure, "https://a23.blob.core.windows.net/theirs").place.container == "mine"
    empty = AzureDetails(AzurePlace("", "", DatastoreAccess.IDENTITY))
    assert with_typed_account(empty, "https://a23.blob.core.windows.net/theirs").place.container == "theirs"


@pytest.mark.parametrize("typed", ["team-vault", " https://team-vault.vault.azure.net/ "])
def test_key_vault_is_read_from_name_or_address(typed: str) -> None:
    assert read_vault(typed) == "team-vault"


@pytest.mark.parametrize(
    "good",
    [
        request(DatastoreKind.BLOB, DatastoreAccess.IDENTITY, secret=None),
        request(DatastoreKind.BLOB, DatastoreAccess.SAS),
        request(DatastoreKind.FILE_SHARE, DatastoreAccess.ACCOUNT_KEY),
        request(DatastoreKind.ADLS_GEN2, DatastoreAccess.SERVICE_PRINCIPAL, client_id=UUID, tenant_id=UUID),
    ],
)
def test_nothing_is_wrong(good: DatastoreRequest) -> None:
    assert problems(good, AZURE) == ()


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        (request(DatastoreKind.FILE_SHARE, DatastoreAccess.IDENTITY), ["access"]),
        (request(DatastoreKind.BLOB, DatastoreAccess.SERVICE_PRINCIPAL), ["access"]),
        (request(DatastoreKind.BLOB, DatastoreAccess.SAS, secret=None), ["vault", "secret"]),
        (
            request(DatastoreKind.BLOB, DatastoreAccess.SAS, secret=SecretName("team-vault", "sv=2024&sig=abc=")),
            ["secret"],
        ),
        (request(DatastoreKind.ADLS_GEN2, DatastoreAccess.SERVICE_PRINCIPAL, client_id="me"), ["client", "tenant"]),
        (
            request(
                DatastoreKind.BLOB, DatastoreAccess.IDENTITY, place=AzurePlace("A b", "x", DatastoreAccess.IDENTITY)
            ),
            ["account", "container"],
        ),
        (DatastoreRequest("no spaces", DatastoreKind.BLOB, "", "U0ADA"), ["name", "account"]),
        (DatastoreRequest("exports", DatastoreKind.FOLDER, "exports", "U0ADA"), ["kind"]),
    ],
)
def test_each_problem_is_beside_its_field(wrong: DatastoreRequest, fields: list[str]) -> None:
    assert [each.field for each in problems(wrong, AZURE)] == fields


def test_a_local_workspace_asks_for_a_folder() -> None:
    found = problems(DatastoreRequest("exports", DatastoreKind.FOLDER, "", "U0ADA"), (DatastoreKind.FOLDER,))
    assert [each.field for each in found] == ["folder"]
