"""What opening a workspace gives, whatever kind it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bot.clock import SystemClock
from bot.periodic import Periodic
from services.access.facts import DatasetLookup
from services.access.policy import Policy
from services.access.ports import AccessGrants, AccessStore, Directory, People
from services.datasets.service import DatasetService
from services.datastores.service import DatastoreService
from services.ports import Catalog, DataAccess, DataReader, FileDrop, Records
from services.search.index import SqliteIndex

Refresh = Callable[[], Awaitable[None]]
"""Brings the index up to date with what is known of the workspace."""


def _needs_nothing(_periodic: Periodic, _refresh: Refresh) -> None:
    """A local workspace keeps itself."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a workspace is opened with. policy: the access policy in force. stack: closes what is opened."""

    clock: SystemClock
    people: People
    policy: Callable[[], Policy]
    stack: AsyncExitStack


@dataclass(frozen=True, slots=True)
class OpenedAccess:
    """What access works with in this workspace."""

    store: AccessStore
    grants: AccessGrants
    datasets: DatasetLookup
    directory: Directory


@dataclass(frozen=True, slots=True)
class Sources:
    """What a workspace is made of, for services beside `DatasetService`. key: what tells it apart in the database."""

    key: str
    catalog: Catalog
    records: Records
    reader: DataReader
    access: DataAccess


@dataclass(frozen=True, slots=True)
class OpenedWorkspace:
    """A workspace that is ready to be asked.

    waits_for: whom slow answers wait for, "" for nobody. attend: adds the work that keeps it fresh, which begins once
    the bot takes deliveries. drop: where files shared in Slack are put, None where nothing can be put.
    """

    datasets: DatasetService
    datastores: DatastoreService
    index: SqliteIndex
    access: OpenedAccess
    sources: Sources
    waits_for: str = ""
    attend: Callable[[Periodic, Refresh], None] = _needs_nothing
    drop: FileDrop | None = None
