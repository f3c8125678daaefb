"""What `dataset-bot check` tells of an Azure workspace: identity, rights and the roles that give them, reachability."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

import httpx

from services.azure.errors import AzureFault, wrong_shape
from services.azure.identity import ARM_SCOPE, RUN_CHECK, STORAGE_SCOPE, VAULT_SCOPE, TokenSource
from services.azure.key_vault import API_VERSION as VAULT_VERSION
from services.azure.resource import AzureWorkspaceId
from services.azure.resource_manager import THING, ResourceManager
from services.azure.sdk import datastores as calls
from services.azure.sdk.datastores import kind_of
from services.azure.storage.connection import waiting
from services.azure.storage.datastore import open_datastore
from services.azure.transport import send_as
from services.azure.workers import AzureWorkers
from services.datastores.model import DatastoreKind
from services.errors import UserError

WORKSPACE_VERSION = "2022-05-01"
PERMISSIONS_VERSION = "2022-04-01"
WORKSPACE_ROLE = "AzureML Data Scientist"
STORAGE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class AzureFinding:
    """One test. ok None: does not apply, or a right that only some of the bot's work needs. fix: what to do."""

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Right:
    """An action on the workspace, what the bot does with it, and whether it can do anything without."""

    action: str
    purpose: str
    needed: bool = False


_ML = "Microsoft.MachineLearningServices/workspaces"
RIGHTS = (
    Right(f"{_ML}/read", "opening the workspace", needed=True),
    Right(f"{_ML}/datasets/registered/read", "finding and showing datasets", needed=True),
    Right(f"{_ML}/datastores/read", "listing datastores", needed=True),
    Right(f"{_ML}/datasets/registered/write", "registering, tagging and describing datasets"),
    Right(f"{_ML}/datastores/listsecrets/action", "reading data of datastores that keep a credential"),
    Right(f"{_ML}/datastores/write", "registering datastores and choosing the default one"),
    Right(f"{_ML}/labeling/projects/read", "the progress of labelling projects"),
)
"""Source: https://learn.microsoft.com/azure/role-based-access-control/permissions/ai-machine-learning"""


def missing_rights(permissions: Sequence[Mapping[str, Any]], rights: Sequence[Right] = RIGHTS) -> tuple[Right, ...]:
    """Rights that none of the permissions gives. permissions: as Resource Manager lists them, one for each role.

    A role gives what its actions match and its notActions do not; what one takes out another may still give.
    """
    return tuple(right for right in rights if not any(_gives(each, right.action) for each in permissions))


def _gives(permission: Mapping[str, Any], action: str) -> bool:
    def matches(key: str) -> bool:
        patterns = permission.get(key) or []
        return any(fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns)

    return matches("actions") and not matches("notActions")


@dataclass(frozen=True, slots=True)
class AzureCheck:
    """Tests one workspace with the bot's identity. workers: for what the SDK itself must be able to do."""

    workspace: AzureWorkspaceId
    http: httpx.AsyncClient
    tokens: TokenSource
    workers: AzureWorkers

    async def findings(self) -> AsyncIterator[AzureFinding]:
        """Every test in turn; none raises. What cannot be tested without an earlier one is left out."""
        identity = await self._try("Azure identity", self._identity, "Set AZURE_CREDENTIAL and what it needs.")
        yield identity
        if not identity.ok:
            return
        opened = await self._try(
            "Azure workspace", self._opened, "Correct WORKSPACE, or give the identity a role there."
        )
        yield opened
        for finding in await self._rights():
            yield finding
        if opened.ok:
            yield await self._try(
                "Azure key vault", self._vault, "Let the bot's network in under Networking of the vault."
            )
            worker = await self._try(
                "Azure ML SDK", self._sdk, "Allow the bot to reach the region's api.azureml.ms; docs/azure.md, Network."
            )
            yield worker
            if not worker.ok:
                return
            yield await self._try(
                "Azure default datastore",
                self._default_datastore,
                "Give the bot's identity Storage Blob Data Reader there, or renew the datastore's credential.",
            )

    async def _try(self, name: str, test: Callable[[], Awaitable[AzureFinding]], fix: str) -> AzureFinding:
        try:
            return await test()
        except UserError as error:
            return AzureFinding(name, False, error.sentence.removesuffix(f" {RUN_CHECK}"), fix)
        except AzureFault as error:
            # The last line of a trace says what it was.
            said = str(error).strip().rpartition("\n")[2][:200]
            return AzureFinding(name, False, f"the SDK failed in a way that nobody foresaw: {said}", fix)

    async def _identity(self) -> AzureFinding:
        facts = await self.tokens.facts()
        for scope in (STORAGE_SCOPE, VAULT_SCOPE):
            await self.tokens.token(scope)
        told = [("object", facts.object_id), ("application", facts.app_id), ("tenant", facts.tenant_id)]
        detail = ", ".join([facts.kind, *(f"{what} {which}" for what, which in told if which)])
        return AzureFinding("Azure identity", True, f"{detail}; gets tokens for Azure, storage and key vaults")

    async def _opened(self) -> AzureFinding:
        workspace = await self._resource()
        where = self.workspace
        if not isinstance(workspace.get("location"), str):
            raise wrong_shape(THING)
        detail = f"{where.name} in {workspace['location']}, resource group {where.resource_group}"
        return AzureFinding("Azure workspace", True, detail)

    async def _resource(self) -> dict[str, Any]:
        path = f"{quote(self.workspace.scope)}?api-version={WORKSPACE_VERSION}"
        return await self.manager.get(path, self.workspace.name)

    @property
    def manager(self) -> ResourceManager:
        """Where rights and resources are asked for."""
        return ResourceManager(self.http, self.tokens)

    async def _rights(self) -> list[AzureFinding]:
        path = f"{quote(self.workspace.scope)}/providers/Microsoft.Authorization/permissions"
        try:
            found = await self.manager.list(f"{path}?api-version={PERMISSIONS_VERSION}", self.workspace.name)
        except UserError as error:
            return [AzureFinding("Azure rights", None, f"could not be asked. {error.sentence}")]
        missing = missing_rights(found)
        if not missing:
            return [AzureFinding("Azure rights", True, f"all {len(RIGHTS)} that the bot uses on the workspace")]
        fix = f"Give the identity the role {WORKSPACE_ROLE} on the workspace, or a custom role with that action."
        return [
            AzureFinding(
                "Azure rights",
                False if right.needed else None,
                f"{right.action} is missing, for {right.purpose}; the role {WORKSPACE_ROLE} gives it",
                fix,
            )
            for right in missing
        ]

    async def _vault(self) -> AzureFinding:
        name = "Azure key vault"
        properties = (await self._resource()).get("properties")
        resource = str(properties.get("keyVault") or "") if isinstance(properties, dict) else ""
        vault = resource.rpartition("/")[2]
        if not vault:
            return AzureFinding(name, None, "the workspace does not say which is its own")
        url = f"https://{vault}.vault.azure.net/secrets?api-version={VAULT_VERSION}&maxresults=1"
        answer = await send_as(self.http, self.tokens, VAULT_SCOPE, url, f"The key vault “{vault}”")
        # Reading single secrets needs no right to list them, so every answer but a fault says what matters.
        return AzureFinding(name, answer.status_code < 500, f"the workspace's own, {vault}, answers")

    async def _sdk(self) -> AzureFinding:
        found = await self.workers.run("", calls.list_all)
        count = len(found.entries)
        return AzureFinding("Azure ML SDK", True, f"opens the workspace and lists {count} datastores without secrets")

    async def _default_datastore(self) -> AzureFinding:
        name = "Azure default datastore"
        found = await self.workers.run("", calls.list_all)
        entry = next((each for each in found.entries if each.name.casefold() == found.default.casefold()), None)
        if entry is None:
            return AzureFinding(name, None, "the workspace has none, or does not tell the bot")
        if kind_of(entry) not in {DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2}:
            return AzureFinding(name, None, f"{entry.name} is of a kind whose files the bot does not read")
        management, storage = await self.tokens.token(ARM_SCOPE), await self.tokens.token(STORAGE_SCOPE)

        def look() -> None:
            with waiting(STORAGE_SECONDS):
                open_datastore(self.workspace, entry.name, management, storage).page("", size=1)

        await asyncio.to_thread(look)
        return AzureFinding(name, True, f"{entry.name} ({entry.account}/{entry.container}) can be listed")
