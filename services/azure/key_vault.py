"""Secrets from Azure Key Vault, read by their names with the bot's own identity, held only as long as they are used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from services.azure.transport import Tokens, error_codes, json_object, send_as
from services.datastores.model import PUBLIC_ENDPOINT, SecretName
from services.errors import SourceProblem

API_VERSION = "7.4"
READER_ROLE = "Key Vault Secrets User"
SUFFIXES = {
    PUBLIC_ENDPOINT: "vault.azure.net",
    "core.chinacloudapi.cn": "vault.azure.cn",
    "core.usgovcloudapi.net": "vault.usgovcloudapi.net",
}
"""Suffix of key vaults by the storage suffix of the same cloud."""


@dataclass(frozen=True, slots=True)
class KeyVaults:
    """Reads secrets. Only vaults of Azure's own clouds are asked, so that the token reaches nobody else."""

    http: httpx.AsyncClient
    tokens: Tokens

    async def read(self, secret: SecretName, endpoint: str = PUBLIC_ENDPOINT) -> SecretStr:
        """The current value. endpoint: storage suffix of the cloud. Raises SourceProblem, Unavailable."""
        suffix = SUFFIXES[endpoint]
        thing = f"The key vault “{secret.vault}”"
        url = f"https://{secret.vault}.{suffix}/secrets/{secret.name}?api-version={API_VERSION}"
        response = await send_as(self.http, self.tokens, f"https://{suffix}/.default", url, thing)
        if response.status_code != httpx.codes.OK:
            raise _refusal(response, secret)
        return _value(json_object(response, thing), secret)


def _value(body: Mapping[str, Any], secret: SecretName) -> SecretStr:
    attributes = body.get("attributes")
    expires = attributes.get("exp") if isinstance(attributes, dict) else None
    if isinstance(expires, int) and expires < time.time():
        raise SourceProblem(
            f"The secret “{secret.name}” in the key vault “{secret.vault}” has expired. Renew it there.",
            code="secret_expired",
            field="secret",
        )
    value = body.get("value")
    if not isinstance(value, str) or not value.strip():
        raise SourceProblem(f"The secret “{secret.name}” is empty.", code="secret_empty", field="secret")
    return SecretStr(value.strip())


def _refusal(response: httpx.Response, secret: SecretName) -> SourceProblem:
    """Why the vault did not give the secret, and what to do."""
    codes = set(error_codes(response))
    vault = f"the key vault “{secret.vault}”"
    if response.status_code == httpx.codes.NOT_FOUND:
        sentence = f"There is no secret “{secret.name}” in {vault}. Check its name, or store it there first."
        return SourceProblem(sentence, code="secret_not_found", field="secret")
    if "ForbiddenByFirewall" in codes or "ForbiddenByConnection" in codes:
        sentence = f"T{vault[1:]} refuses the bot's network. Let it in under Networking of the vault."
        return SourceProblem(sentence, code="network_closed", field="vault")
    if "SecretDisabled" in codes:
        sentence = f"The secret “{secret.name}” in {vault} is disabled. Enable it there."
        return SourceProblem(sentence, code="secret_disabled", field="secret")
    if response.status_code == httpx.codes.FORBIDDEN:
        sentence = (
            f"The bot's identity may not read secrets in {vault}. Give it the role {READER_ROLE} there "
            "(or the access policy “Get” for secrets)."
        )
        return SourceProblem(sentence, code="permission_missing", field="vault")
    if response.status_code == httpx.codes.UNAUTHORIZED:
        sentence = f"T{vault[1:]} does not accept the bot's identity: it may belong to another tenant."
        return SourceProblem(sentence, code="wrong_tenant", field="vault")
    said = next(iter(error_codes(response)), str(response.status_code))
    return SourceProblem(f"T{vault[1:]} answered with an error ({said}). Try again later.", field="vault")
