"""What each way of signing in needs of a machine, arranged for the bot's app at the contract server."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from services.azure.identity import ARM_SCOPE, STORAGE_SCOPE, VAULT_SCOPE, CredentialKind
from tests.contract.entra import BOT_APP
from tests.contract.server import AzureContract

VARIABLES = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "PATH",
)
"""What `environment` of a way sets or leaves out."""


@dataclass(frozen=True)
class Way:
    """A way to sign in. arrange: what there is on the machine; gives its environment, of the names in VARIABLES."""

    id: str
    kind: CredentialKind
    arrange: Callable[[AzureContract, Path], dict[str, str]]


def _app(azure: AzureContract) -> dict[str, str]:
    return {"AZURE_CLIENT_ID": BOT_APP.client_id, "AZURE_TENANT_ID": azure.entra.tenant_id, "PATH": os.environ["PATH"]}


def secret(azure: AzureContract, folder: Path) -> dict[str, str]:
    """A client secret in the environment."""
    return {**_app(azure), "AZURE_CLIENT_SECRET": BOT_APP.secret}


def certificate(azure: AzureContract, folder: Path) -> dict[str, str]:
    """A certificate with its key in a file, registered at Entra."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dataset-bot")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "bot.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    azure.entra.certificates[BOT_APP.client_id] = key.public_key()
    return {**_app(azure), "AZURE_CLIENT_CERTIFICATE_PATH": str(path)}


def federated(azure: AzureContract, folder: Path) -> dict[str, str]:
    """A token file, as a Kubernetes cluster writes it."""
    path = folder / "federated-token"
    path.write_text(BOT_APP.federated_token)
    return {**_app(azure), "AZURE_FEDERATED_TOKEN_FILE": str(path)}


def machine(azure: AzureContract, folder: Path) -> dict[str, str]:
    """A machine with a managed identity."""
    azure.entra.managed_identity = BOT_APP
    return {"PATH": os.environ["PATH"]}


def signed_in_cli(azure: AzureContract, folder: Path) -> dict[str, str]:
    """An Azure CLI that somebody has signed in with. It has a token for each resource in a file."""
    for scope in (ARM_SCOPE, STORAGE_SCOPE, VAULT_SCOPE):
        resource = scope.removesuffix("/.default")
        token = azure.entra.token(BOT_APP, resource)
        answer = {"accessToken": token, "expires_on": int(time.time()) + 3600, "tokenType": "Bearer"}
        (folder / f"{resource.rpartition('/')[2]}.json").write_text(json.dumps(answer))
    return cli(folder, f'for resource; do :; done\nexec cat "{folder}/${{resource##*/}}.json"\n')


def signed_out_cli(azure: AzureContract, folder: Path) -> dict[str, str]:
    """An Azure CLI that nobody has signed in with."""
    return cli(folder, "echo \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")


def cli(folder: Path, script: str) -> dict[str, str]:
    """An `az` that runs a shell script."""
    path = folder / "az"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o700)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


WAYS = (
    Way("secret", CredentialKind.SERVICE_PRINCIPAL, secret),
    Way("certificate", CredentialKind.SERVICE_PRINCIPAL, certificate),
    Way("workload identity", CredentialKind.WORKLOAD_IDENTITY, federated),
    Way("managed identity", CredentialKind.MANAGED_IDENTITY, machine),
    Way("developer CLI", CredentialKind.DEVELOPER_CLI, signed_in_cli),
    Way("default, a secret", CredentialKind.DEFAULT, secret),
    Way("default, a managed identity", CredentialKind.DEFAULT, machine),
    Way("default, the CLI alone", CredentialKind.DEFAULT, signed_in_cli),
)
