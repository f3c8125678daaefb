"""What every listener is given: who asks, and the services that answer."""

from __future__ import annotations

from dataclasses import dataclass

from services.access.service import AccessService
from services.actor import Actor
from services.datasets.service import DatasetService
from services.datastores.service import DatastoreService
from services.jobs import Jobs
from services.monitors.incident_service import IncidentService
from services.monitors.service import MonitorService
from services.ports import FileDrop


@dataclass(frozen=True, slots=True)
class Caller:
    """A full member of the installing workspace, established by `handlers.caller` on every entry point.

    tz: IANA name of the person's time zone. locale as Slack gives it ("" when unknown).
    """

    user_id: str
    name: str
    tz: str
    is_admin: bool

    @property
    def actor(self) -> Actor:
        """The same person as the services see them."""
        return Actor(self.user_id, self.is_admin)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may call.

    waits_for: whom slow answers wait for, as the subject of a sentence ("Azure Machine Learning"); "" for a local one.
    drop: where files shared in Slack are put; None where nothing can be put.
    """

    datasets: DatasetService
    datastores: DatastoreService
    access: AccessService
    jobs: Jobs
    monitors: MonitorService
    incidents: IncidentService
    waits_for: str = ""
    drop: FileDrop | None = None
