"""What `dataset-bot check` tells of giving access: the bot's rights to give roles and see them, Entra, PIM."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from services.access.model import SubjectKind
from services.azure.access.places import DatastoreLookup, Places, StorageAccounts, not_by_role
from services.azure.access.refusals import misunderstood, told
from services.azure.access.roles import ADMINISTRATOR, Role
from services.azure.check import PERMISSIONS_VERSION, AzureFinding, Right, missing_rights
from services.azure.directory import GRAPH, PERMISSIONS
from services.azure.errors import FORBIDDEN, MISSING, UNAUTHORIZED, read_refusal
from services.azure.identity import ARM_SCOPE, GRAPH_SCOPE, TokenSource
from services.azure.resource import AzureWorkspaceId
from services.azure.resource_manager import ARM
from services.azure.transport import error_codes, send_as
from services.errors import UserError

_AUTHORIZATION = "Microsoft.Authorization"
SEEING = (
    Right(f"{_AUTHORIZATION}/roleAssignments/read", "seeing who may read data, and what the bot gave"),
    Right(f"{_AUTHORIZATION}/denyAssignments/read", "seeing what is denied"),
    Right(f"{_AUTHORIZATION}/roleDefinitions/read", "seeing what roles open"),
)
GIVING = (
    Right(f"{_AUTHORIZATION}/roleAssignments/write", "giving access"),
    Right(f"{_AUTHORIZATION}/roleAssignments/delete", "ending access"),
)
TIMED = (Right(f"{_AUTHORIZATION}/roleAssignmentScheduleRequests/write", "letting Entra PIM end access"),)
"""Source: learn.microsoft.com, "Azure permissions for Management and governance". Of the built-in roles Reader gives
SEEING, Role Based Access Control Administrator SEEING and GIVING, User Access Administrator and Owner all."""

PIM_VERSION = "2020-10-01"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """Tests the bot's identity where it would give access. workspace_role: see `AccessOptions`. None raises.

    use_pim: whether the operators want it.
    """

    workspace: AzureWorkspaceId
    http: httpx.AsyncClient
    tokens: TokenSource
    datastores: DatastoreLookup
    workspace_role: Role | None
    use_pim: bool

    async def findings(self) -> AsyncIterator[AzureFinding]:
        """Every test in turn."""
        scopes: list[str] = []
        for finding in await self._containers(scopes):
            yield finding
        if self.workspace_role is not None:
            scopes.append(self.workspace.scope)
        yield await self._rights("Azure access: seeing roles", (*SEEING,), scopes, "Reader")
        yield await self._rights("Azure access: giving roles", (*GIVING,), scopes, ADMINISTRATOR)
        yield await self._pim(scopes)
        for kind in SubjectKind:
            yield await self._graph(kind)

    async def _containers(self, scopes: list[str]) -> list[AzureFinding]:
        """Which datastores access can be given on; their containers' scopes are added to `scopes`."""
        name = "Azure access: datastores"
        accounts = StorageAccounts(self.http, self.tokens, self.workspace.subscription_id)
        places = Places(self.datastores, accounts, self.workspace)
        try:
            all_of_them = await self.datastores.all()
        except UserError as error:
            return [AzureFinding(name, None, f"could not be listed. {error.sentence}")]
        by_role = [each for each in all_of_them if not not_by_role(each)]
        problems = []
        for each in by_role:
            try:
                scopes.append((await places.container(each)).scope)
            except UserError as error:
                problems.append(AzureFinding(name, None, f"{each.name}: {error.sentence}"))
        others = [each.name for each in all_of_them if not_by_role(each)]
        detail = f"access to single datasets can be given on {_listed([each.name for each in by_role])}"
        if others:
            detail += f"; not on {_listed(others)}, which are not identity-based"
        return [AzureFinding(name, True if by_role else None, detail), *problems]

    async def _rights(self, name: str, rights: Sequence[Right], scopes: Sequence[str], role: str) -> AzureFinding:
        lacking: list[str] = []
        for scope in dict.fromkeys(scopes):
            try:
                missing = missing_rights(await self._permissions(scope), rights)
            except UserError as error:
                return AzureFinding(name, None, f"could not be asked at {scope}. {error.sentence}")
            lacking += [f"{right.action} at {scope}, for {right.purpose}" for right in missing]
        if not scopes:
            return AzureFinding(name, None, "there is nothing that access can be given on")
        if not lacking:
            return AzureFinding(name, True, f"at {len(set(scopes))} places; a condition of the role is not looked at")
        detail = f"{_listed(lacking)} {'is' if len(lacking) == 1 else 'are'} missing; the role {role} gives it"
        return AzureFinding(name, None, detail)

    async def _pim(self, scopes: Sequence[str]) -> AzureFinding:
        name = "Azure access: Entra PIM"
        if not self.use_pim:
            return AzureFinding(name, None, "AZURE_PIM is off; the bot ends access itself")
        where = f"{quote(self.workspace.scope)}/providers/{_AUTHORIZATION}/roleAssignmentScheduleInstances"
        try:
            answer = await self._ask(f"{ARM}{where}?$filter=atScope()&api-version={PIM_VERSION}", ARM_SCOPE)
        except UserError as error:
            return AzureFinding(name, None, f"could not be asked. {error.sentence}")
        if answer.status_code != httpx.codes.OK:
            said = next(iter(error_codes(answer)), str(answer.status_code))
            return AzureFinding(name, None, f"does not work here ({said}); the bot ends access itself")
        right = await self._rights(name, (*TIMED,), scopes, "User Access Administrator")
        if right.ok:
            return AzureFinding(name, True, "answers, and the bot may use it; Entra ends access by itself")
        return AzureFinding(name, None, f"{right.detail}. Until then the bot ends access itself")

    async def _graph(self, kind: SubjectKind) -> AzureFinding:
        path, permission = PERMISSIONS[kind]
        name = f"Microsoft Graph: {path}"
        try:
            answer = await self._ask(f"{GRAPH}/v1.0/{path}?$top=1&$select=id", GRAPH_SCOPE)
        except UserError as error:
            return AzureFinding(name, None, error.sentence)
        if answer.status_code == httpx.codes.OK:
            return AzureFinding(name, True, "can be looked up")
        if answer.status_code in {FORBIDDEN, UNAUTHORIZED}:
            detail = (
                f"cannot be looked up: the application permission {permission} of Microsoft Graph, with admin consent, "
                "is missing"
            )
            return AzureFinding(name, None, detail)
        return AzureFinding(name, None, f"answered with {answer.status_code}")

    async def _permissions(self, scope: str) -> list[dict[str, Any]]:
        """As Resource Manager lists them, one for each role. Raises UserErrors."""
        url = f"{ARM}{quote(scope)}/providers/{_AUTHORIZATION}/permissions?api-version={PERMISSIONS_VERSION}"
        found: list[dict[str, Any]] = []
        while url.startswith(f"{ARM}/"):  # the token goes to Resource Manager alone
            answer = await self._ask(url, ARM_SCOPE)
            if answer.status_code == MISSING:
                return found  # no such container: no rights there
            if answer.status_code != httpx.codes.OK:
                raise told(read_refusal(answer.status_code, answer.content, answer.headers))
            try:
                page = answer.json()
                found += page.get("value") or []
                url = str(page.get("nextLink") or "")
            except (ValueError, AttributeError, TypeError):
                raise misunderstood() from None
        return found

    async def _ask(self, url: str, scope: str) -> httpx.Response:
        thing = "Microsoft Graph" if scope == GRAPH_SCOPE else "Azure Resource Manager"
        return await send_as(self.http, self.tokens, scope, url, thing)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) or "none"
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
