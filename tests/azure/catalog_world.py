"""A catalogue of an Azure workspace on the contract server, with the real SDK in worker processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.azure.breaker import Breaker
from services.azure.catalog import AzureCatalog
from services.azure.identity import CredentialKind
from services.azure.mirror import Mirror
from services.azure.registration import Patience, Registrar
from services.azure.resource import AzureWorkspaceId
from services.azure.sweep import Sweeper
from services.azure.version_store import VersionStore
from services.azure.workers import AzureWorkers, WorkerLimits
from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Fingerprint,
    Format,
    RegisterRequest,
)
from services.store.database import Database
from services.store.workspaces import WorkspaceRow
from tests.contract.request_log import LoggedRequest
from tests.contract.server import AzureContract
from tests.databases import SetClock

WORKSPACE = "ml-bot"
CSV = Definition(DatasetType.TABULAR, DatastoreSource("main", ("sales/**/*.csv",)), Format(FileFormat.DELIMITED))
FILES = Definition(DatasetType.FILE, DatastoreSource("main", ("sales/**",)))
SETTLED = Patience(settle_seconds=0.0)


class RunningClock(SetClock):
    """A clock that stands, and goes on a little whenever it is looked at, as real ones do."""

    def now(self) -> datetime:
        self.advance(milliseconds=1)
        return self.time


@dataclass
class AzureWorld:
    """Everything of one test. `bot()` makes another bot on the same workspace with another database."""

    azure: AzureContract
    workers: AzureWorkers
    db: Database
    patience: Patience = SETTLED
    infer: bool = False
    clock: SetClock = field(default_factory=RunningClock)

    def __post_init__(self) -> None:
        place = AzureWorkspaceId.parse(self.azure.workspace.url)
        row = WorkspaceRow(self.db, place.key)
        self.mirror = Mirror(self.db, row, clock=self.clock)
        self.store = VersionStore(self.db, row)
        self.registrar = Registrar(self.workers, self.store, clock=self.clock, infer=self.infer, patience=self.patience)
        self.catalog = AzureCatalog(place, self.workers, self.mirror, self.store, self.registrar, confirmed_seconds=0)
        self.sweeper = Sweeper(self.workers, self.mirror, clock=self.clock, interval=timedelta(seconds=30))

    def registrations(self) -> list[LoggedRequest]:
        """The requests that register, whatever came of them."""
        return self.azure.log.posts("/datasets")


def workers_of(azure: AzureContract, *, count: int = 2, **limits: float) -> AzureWorkers:
    """Worker processes for the contract server's workspace; the environment must be set before they start."""
    return AzureWorkers(
        AzureWorkspaceId.parse(azure.workspace.url),
        CredentialKind.SERVICE_PRINCIPAL,
        limits=WorkerLimits(workers=count, **limits),  # type: ignore[arg-type]  # seconds and bytes alike
        breaker=Breaker(failures=1000),
    )


def fingerprint(digest: str = "d") -> Fingerprint:
    """A fingerprint of one file that differs where its digest differs."""
    return Fingerprint(digest, (FileStamp("a.csv", 3, None, digest),), SetClock().now())


def request(
    name: str = "sales",
    definition: Definition = CSV,
    *,
    description: str = "All sales",
    tags: tuple[tuple[str, str], ...] = (("team", "web"),),
    new_version: bool = False,
) -> RegisterRequest:
    """A filled-in form."""
    return RegisterRequest(name, definition, "U1", description=description, tags=tags, create_new_version=new_version)
