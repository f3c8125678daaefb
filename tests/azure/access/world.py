"""Grants on the contract server: the unmodified azure-mgmt-authorization and azure-identity, without the ML SDK."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from services.access.model import DataPlace, GrantWish, Level, Principal, SubjectKind
from services.azure.access.grants import AccessOptions, AzureAccessGrants
from services.azure.access.roles import READER, container_scope
from services.azure.identity import TokenSource
from services.azure.resource import AzureWorkspaceId
from services.datastores.model import AzurePlace, Datastore, DatastoreAccess, DatastoreKind
from services.errors import NotFound
from tests.contract.cloud import SUBSCRIPTION
from tests.contract.conditions import BLOBS, Access
from tests.contract.roles import Assignment
from tests.contract.server import AzureContract

WORKSPACE = "ml-access"
STORAGE_GROUP = "data-group"
ACCOUNT, LAKE, KEYED = "salesblobs", "saleslake", "keyedblobs"
ADA = Principal(SubjectKind.USER, str(uuid.uuid5(uuid.NAMESPACE_DNS, "ada")), "Ada", "ada@contoso.com")
BEN = Principal(SubjectKind.USER, str(uuid.uuid5(uuid.NAMESPACE_DNS, "ben")), "Ben", "ben@contoso.com")
TEAM = Principal(SubjectKind.GROUP, str(uuid.uuid5(uuid.NAMESPACE_DNS, "team")), "Analysts")
ROBOT = Principal(SubjectKind.SERVICE_PRINCIPAL, str(uuid.uuid5(uuid.NAMESPACE_DNS, "robot")), "trainer", "app-1")
WRITES = "*/roleAssignments/*"
PIM_REQUESTS = "*/roleAssignmentScheduleRequests/*"


def blob(name: str, account: str, container: str, access: DatastoreAccess = DatastoreAccess.IDENTITY) -> Datastore:
    """A blob datastore."""
    return storage(DatastoreKind.BLOB, name, account, container, access)


def storage(
    kind: DatastoreKind, name: str, account: str, container: str, access: DatastoreAccess = DatastoreAccess.IDENTITY
) -> Datastore:
    """A datastore on an Azure storage account."""
    place = AzurePlace(account, container, access)
    is_identity = access is DatastoreAccess.IDENTITY
    return Datastore(name, kind, f"{account}/{container}", False, None, identity_based=is_identity, azure=place)


@dataclass
class KnownDatastores:
    """`DatastoreLookup` of what a test arranged."""

    entries: dict[str, Datastore] = field(default_factory=dict)

    def put(self, *datastores: Datastore) -> None:
        self.entries |= {each.name.casefold(): each for each in datastores}

    async def get(self, name: str) -> Datastore:
        if name.casefold() not in self.entries:
            raise NotFound(f"There is no datastore called “{name}”.", kind="datastore")
        return self.entries[name.casefold()]

    async def all(self) -> tuple[Datastore, ...]:
        return tuple(self.entries.values())


@dataclass
class Naps:
    """Waits that take no time; what was waited for is kept."""

    seconds: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class AccessWorld:
    """Datastores, the adapter, and what Azure holds."""

    contract: AzureContract
    http: httpx.AsyncClient
    tokens: TokenSource
    datastores: KnownDatastores = field(default_factory=KnownDatastores)
    naps: Naps = field(default_factory=Naps)
    grants: AzureAccessGrants = field(init=False)
    made: list[AzureAccessGrants] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.datastores.put(
            blob("sales", ACCOUNT, "exports"),
            blob("more", ACCOUNT, "other"),
            storage(DatastoreKind.ADLS_GEN2, "lake", LAKE, "raw"),
            blob("keyed", KEYED, "all", DatastoreAccess.ACCOUNT_KEY),
            storage(DatastoreKind.FILE_SHARE, "share", KEYED, "files", DatastoreAccess.ACCOUNT_KEY),
        )
        self.contract.cloud.storage_groups |= dict.fromkeys((ACCOUNT, LAKE, KEYED), STORAGE_GROUP)
        self.grants = self.restarted()

    def restarted(self, options: AccessOptions | None = None) -> AzureAccessGrants:
        """The adapter of a bot that has just started, which becomes the one that is used."""
        self.grants = self._adapter(self.contract.workspace.url, options)
        return self.grants

    def of_another_workspace(self) -> AzureAccessGrants:
        """The adapter of another workspace's bot, on the same storage."""
        other = self.contract.cloud.add_workspace("ml-other")
        return self._adapter(other.url, None)

    def _adapter(self, url: str, options: AccessOptions | None) -> AzureAccessGrants:
        made = AzureAccessGrants(
            AzureWorkspaceId.parse(url),
            self.http,
            self.tokens,
            self.datastores,
            now=self.now,
            options=options or AccessOptions(READER, sleep=self.naps.sleep),
        )
        self.made.append(made)
        return made

    async def close(self) -> None:
        for each in self.made:
            await each.close()

    def now(self) -> datetime:
        return self.contract.pim.now()

    def wish(
        self,
        *prefixes: str,
        principal: Principal = ADA,
        level: Level = Level.READ,
        datastore: str = "sales",
        name: str = "",
        hours: float = 8,
    ) -> GrantWish:
        """A grant on paths of a datastore; its id is made of them."""
        places = (DataPlace(datastore, prefixes or ("sales/",)),)
        dataset = name or f"{datastore}-{'-'.join(prefixes) or 'sales'}"
        ends_at = (self.now() + timedelta(hours=hours)).replace(microsecond=0)
        grant_id = uuid.uuid5(uuid.NAMESPACE_DNS, f"{dataset}{principal.object_id}{level}").hex
        return GrantWish(grant_id, f"r{grant_id[:8]}", dataset, level, principal, places, ends_at, "U0ADA")

    def scope(self, datastore: str = "sales") -> str:
        """The scope of a datastore's container."""
        place = self.datastores.entries[datastore].azure
        assert place is not None
        return container_scope(SUBSCRIPTION, STORAGE_GROUP, place.account, place.container)

    @property
    def workspace_scope(self) -> str:
        return self.contract.workspace.scope

    def held(self, principal: Principal = ADA, datastore: str = "sales") -> list[Assignment]:
        """What a principal itself holds at the container of a datastore."""
        here = self.scope(datastore).lower()
        mine = [one for one in self.contract.roles.all() if one.principal_id == principal.object_id]
        return [one for one in mine if one.scope.lower() == here]

    def at_workspace(self, principal: Principal = ADA) -> list[Assignment]:
        """What a principal itself holds on the workspace."""
        return [
            one
            for one in self.contract.roles.all()
            if one.principal_id == principal.object_id and one.scope == self.workspace_scope
        ]

    def may(
        self, action: str, path: str, *, principal: Principal = ADA, datastore: str = "sales", prefix: str | None = None
    ) -> bool:
        """May a principal do this with a blob, by what Azure holds? prefix: it is a listing."""
        listing = prefix is not None
        access = Access(f"{BLOBS}/{action}", None if listing else path, prefix, "Blob.List" if listing else "")
        return self.contract.roles.may(principal.object_id, self.scope(datastore), access)

    def writes(self) -> int:
        """How many requests changed roles."""
        asked = [each for each in self.contract.log if each.method in {"PUT", "DELETE"}]
        return len([each for each in asked if "/roleassign" in each.path.lower()])
