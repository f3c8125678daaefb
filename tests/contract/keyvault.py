"""Key Vault: secrets by name and version, behind the challenge that its clients expect."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from tests.contract.entra import LOGIN_HOST, Entra, Refused
from tests.contract.faults import azure_error
from tests.contract.wire import Request, Response

__all__ = ["KeyVaults"]

_SUFFIX = ".vault.azure.net"
_RESOURCE = "https://vault.azure.net"


@dataclass
class KeyVaults:
    """Every vault that has a secret, `<vault>.vault.azure.net`."""

    entra: Entra
    _secrets: dict[str, dict[str, list[tuple[str, str]]]] = field(default_factory=dict)
    _denied: set[str] = field(default_factory=set)

    def reset(self) -> None:
        """Forget all vaults."""
        self._secrets.clear()
        self._denied.clear()

    def set(self, vault: str, name: str, value: str) -> str:
        """Keep a secret, or its next version; returns the version."""
        version = uuid.uuid4().hex
        self._secrets.setdefault(vault, {}).setdefault(name, []).append((version, value))
        return version

    def add(self, vault: str) -> None:
        """Make a vault without secrets."""
        self._secrets.setdefault(vault, {})

    def deny(self, vault: str) -> None:
        """Answer every request for secrets of this vault with 403 from now on."""
        self.add(vault)
        self._denied.add(vault)

    def allow(self, vault: str) -> None:
        self._denied.discard(vault)

    def serves(self, host: str) -> bool:
        return host.endswith(_SUFFIX) and host.removesuffix(_SUFFIX) in self._secrets

    async def answer(self, request: Request) -> Response:
        vault = request.host.removesuffix(_SUFFIX)
        if request.bearer is None:
            challenge = f'Bearer authorization="https://{LOGIN_HOST}/{self.entra.tenant_id}", resource="{_RESOURCE}"'
            message = "AKV10000: Request is missing a Bearer or PoP token."
            return azure_error(401, "Unauthorized", message, {"WWW-Authenticate": challenge})
        try:
            caller = self.entra.caller(request, _RESOURCE)
        except Refused as refused:
            return refused.response
        if vault in self._denied:
            return azure_error(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or "
                "role definitions were changed recently, please observe propagation time.\r\n"
                f"Caller: appid={caller.client_id};oid={caller.object_id};iss=https://sts.windows.net/"
                f"{self.entra.tenant_id}/\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
                f"Vault: {vault};location=westeurope",
            )
        parts = [part for part in request.path.split("/") if part]
        if request.method != "GET" or not 2 <= len(parts) <= 3 or parts[0] != "secrets":
            return azure_error(404, "NotFound", f"the contract server has no {request.method} {request.path}")
        versions = self._secrets[vault].get(parts[1], [])
        wanted = [one for one in versions if len(parts) == 2 or one[0] == parts[2]]
        if not wanted:
            return azure_error(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {parts[1]} was not found in this key vault. If you recently deleted this "
                "secret you may be able to recover it using the correct recovery command.",
            )
        version, value = wanted[-1]
        return Response.json(
            {
                "value": value,
                "id": f"https://{request.host}/secrets/{parts[1]}/{version}",
                "attributes": {"enabled": True, "created": 1767225600, "updated": 1767225600},
                "tags": {},
            }
        )
