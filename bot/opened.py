"""What opening a workspace gives, whatever kind it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.periodic import Periodic
from services.datasets.service import DatasetService
from services.datastores.service import DatastoreService
from services.ports import FileDrop
from services.search.index import SqliteIndex

Refresh = Callable[[], Awaitable[None]]
"""Brings the index up to date with what is known of the workspace."""


def _needs_nothing(_periodic: Periodic, _refresh: Refresh) -> None:
    """A local workspace keeps itself."""


@dataclass(frozen=True, slots=True)
class OpenedWorkspace:
    """A workspace that is ready to be asked.

    waits_for: whom slow answers wait for, "" for nobody. attend: adds the work that keeps it fresh, which begins once
    the bot takes deliveries. drop: where files shared in Slack are put, None where nothing can be put.
    """

    datasets: DatasetService
    datastores: DatastoreService
    index: SqliteIndex
    waits_for: str = ""
    attend: Callable[[Periodic, Refresh], None] = _needs_nothing
    drop: FileDrop | None = None
