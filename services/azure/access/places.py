"""Where datasets' places are in Azure: the storage account, the container's scope, and whether roles open it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

import httpx

from services.access.model import DataPlace, GrantWish, Principal
from services.azure.access.conditions import condition_for, opens
from services.azure.access.descriptions import seal_of
from services.azure.access.refusals import misunderstood, told
from services.azure.access.roles import DATA_ROLE, Role, container_in, container_scope, definition_id
from services.azure.errors import read_refusal
from services.azure.identity import ARM_SCOPE
from services.azure.resource import AzureWorkspaceId
from services.azure.transport import Tokens, send_as
from services.datastores.model import AzurePlace, Datastore, DatastoreAccess, DatastoreKind
from services.errors import Conflict, InvalidInput, NotFound

ARM = "https://management.azure.com"
STORAGE_VERSION = "2023-01-01"
ACCOUNTS_SECONDS = 600.0
"""The subscription's storage accounts are asked for again after so long, and at once for one that is not known."""
PAGES = 200


class DatastoreLookup(Protocol):
    """The part of the workspace's datastores that is needed here."""

    async def get(self, name: str) -> Datastore:
        """One datastore, whatever the case of its name. Raises NotFound."""
        ...

    async def all(self) -> tuple[Datastore, ...]:
        """All datastores. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Container:
    """A blob container or filesystem that roles open. directories: see `conditions.Paths`."""

    scope: str
    account: str
    name: str
    directories: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One role of one principal at one scope as it should be. condition: "" for none.

    wishes: the grants behind it. prefixes: what it opens of a container, () for a role on the workspace.
    """

    scope: str
    role: Role
    principal: Principal
    condition: str
    wishes: tuple[GrantWish, ...]
    prefixes: tuple[str, ...] = ()

    @property
    def role_id(self) -> str:
        """The full id of the role's definition."""
        return definition_id(self.scope, self.role)

    @property
    def seal(self) -> str:
        """See `descriptions.seal_of`."""
        return seal_of(self.scope, self.role.guid, self.principal.object_id, self.condition)

    def is_opened_by(self, condition: str) -> bool:
        """Does an assignment of the role here, under this condition, provably open what is wanted?"""
        level = next((level for level, role in DATA_ROLE.items() if role == self.role), None)
        return not condition.strip() or (level is not None and opens(condition, self.prefixes, level))


class StorageAccounts:
    """In which resource group each storage account of the workspace's subscription is. Belongs to one event loop."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        tokens: Tokens,
        subscription_id: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._subscription_id = subscription_id
        self._clock = clock
        self._groups: dict[str, str] = {}
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def group_of(self, account: str) -> str:
        """The resource group. Raises Conflict when the bot sees no such account, NotAllowed, Unavailable."""
        async with self._lock:
            fresh = self._read_at is not None and self._clock() - self._read_at < ACCOUNTS_SECONDS
            if not fresh or account.lower() not in self._groups:
                self._groups = await self._list()
                self._read_at = self._clock()
        found = self._groups.get(account.lower())
        if found is None:
            raise Conflict(
                f"The bot does not find the storage account “{account}” in the workspace's subscription. If it is "
                "there, give the bot's identity the role Reader on it; if it is in another subscription, register the "
                "datastore with its subscription and resource group.",
                code="storage_account_unknown",
            )
        return found

    async def _list(self) -> dict[str, str]:
        found: dict[str, str] = {}
        path = f"/subscriptions/{quote(self._subscription_id)}/providers/Microsoft.Storage/storageAccounts"
        url = f"{ARM}{path}?api-version={STORAGE_VERSION}"
        for _ in range(PAGES):
            answer = await send_as(self._http, self._tokens, ARM_SCOPE, url, "Azure Resource Manager")
            if answer.status_code != httpx.codes.OK:
                raise told(read_refusal(answer.status_code, answer.content, answer.headers))
            try:
                page = answer.json()
                for each in page["value"]:
                    parts = str(each["id"]).split("/")
                    found[str(each["name"]).lower()] = parts[4]
                url = str(page.get("nextLink") or "")
            except (ValueError, KeyError, TypeError, IndexError, AttributeError):
                raise misunderstood() from None
            if not url.startswith(f"{ARM}/"):  # the token goes to Resource Manager alone
                break
        return found


def not_by_role(datastore: Datastore) -> str:
    """Why access to single paths of a datastore cannot be given by a role, "" when it can."""
    place = datastore.azure
    if datastore.kind is DatastoreKind.FILE_SHARE:
        return (
            f"“{datastore.name}” is an Azure Files share. Azure Machine Learning opens it with a stored credential "
            "only, so there is no access to single datasets in it."
        )
    if datastore.kind not in {DatastoreKind.BLOB, DatastoreKind.ADLS_GEN2} or place is None:
        return f"“{datastore.name}” is of a kind for which the bot cannot give access."
    if place.access is not DatastoreAccess.IDENTITY:
        return (
            f"“{datastore.name}” is opened with a stored credential. Whoever may use the credential reads everything "
            "that it opens, so there is no access to single datasets in it."
        )
    return ""


class Places:
    """Resolves places to containers, and wishes to targets."""

    def __init__(self, datastores: DatastoreLookup, accounts: StorageAccounts, workspace: AzureWorkspaceId) -> None:
        self._datastores = datastores
        self._accounts = accounts
        self._workspace = workspace

    async def datastore(self, name: str) -> Datastore:
        """Raises NotFound."""
        return await self._datastores.get(name)

    async def container(self, datastore: Datastore) -> Container:
        """The container of an identity-based datastore. Raises InvalidInput for others, Conflict, Unavailable."""
        why_not = not_by_role(datastore)
        place = datastore.azure
        if why_not or place is None:
            raise InvalidInput(why_not, code="no_access_by_path")
        scope = await self._scope(place)
        return Container(scope, place.account, place.container, datastore.kind is DatastoreKind.ADLS_GEN2)

    async def _scope(self, place: AzurePlace) -> str:
        if place.subscription_id and place.resource_group:
            return container_scope(place.subscription_id, place.resource_group, place.account, place.container)
        group = await self._accounts.group_of(place.account)
        return container_scope(self._workspace.subscription_id, group, place.account, place.container)

    async def containers(self, places: Iterable[DataPlace]) -> tuple[Container, ...]:
        """The containers of places, each once. Raises NotFound, InvalidInput, Conflict, NotAllowed, Unavailable."""
        found = [await self.container(await self.datastore(place.datastore)) for place in places]
        return tuple({each.scope.lower(): each for each in found}.values())

    async def target(self, scope: str, role: Role, wishes: Iterable[GrantWish]) -> Target | None:
        """What these wishes need of a role for data at a container, None when they need nothing.

        A wish whose datastore is not there any more needs nothing: nobody reaches the data by its name. Raises
        InvalidInput when one condition cannot hold it all, Unavailable.
        """
        prefixes: list[str] = []
        behind: list[GrantWish] = []
        directories = False
        for wish in wishes:
            if DATA_ROLE[wish.level] != role:
                continue
            found, by_directory = await self.prefixes_at(scope, wish)
            if found:
                behind.append(wish)
                prefixes += found
                directories = directories or by_directory
        if not behind:
            return None
        condition = condition_for(prefixes, behind[0].level, directories=directories)
        return Target(scope, role, behind[0].principal, condition, tuple(behind), tuple(prefixes))

    async def prefixes_at(self, scope: str, wish: GrantWish) -> tuple[tuple[str, ...], bool]:
        """Which paths of a container a wish is about, and whether the container has directories.

        Goes by the names of account and container, so that it needs no rights on the account.
        """
        found: list[str] = []
        directories = False
        for place in wish.places:
            try:
                datastore = await self.datastore(place.datastore)
            except NotFound:
                continue
            where = datastore.azure
            if where is not None and (where.account.lower(), where.container.lower()) == container_in(scope):
                found += place.prefixes
                directories = directories or datastore.kind is DatastoreKind.ADLS_GEN2
        return tuple(found), directories

    async def subscriptions(self) -> tuple[str, ...]:
        """Those in which access may have been given: the workspace's, and those that datastores name."""
        named = [each.azure.subscription_id for each in await self._datastores.all() if each.azure is not None]
        return tuple(dict.fromkeys(each.lower() for each in (self._workspace.subscription_id, *named) if each))
