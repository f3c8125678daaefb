"""What both doors need: finding what an id names, and refusing who may not, with an entry in the audit."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from services.access.model import AuditEvent
from services.actor import Actor
from services.datasets.lookup import Lookup
from services.datasets.model import Dataset
from services.datasets.rules import NO_ACCESS, Permission, ask_for_access
from services.errors import Conflict, NotAllowed, NotFound, Unavailable
from services.monitors.incidents import Incident
from services.monitors.model import Monitor
from services.monitors.ports import Change, MonitorStore
from services.outbox import Wakes
from services.ports import Clock, DataAccess

CONFLICTS = 5
"""How often something is done again because somebody else changed the same thing meanwhile."""


class Desk:
    """access: who may see what data hold. wakes: the outbox's. new_id: see `uuid4`.

    runs_wait: called when there are new runs to be made, so that they begin at once; never blocks. how_far: what a
    run says of itself, by its id; "" where nothing is known.
    """

    def __init__(
        self,
        *,
        store: MonitorStore,
        lookup: Lookup,
        access: DataAccess,
        wakes: Wakes,
        clock: Clock,
        runs_wait: Callable[[], None] = lambda: None,
        how_far: Callable[[str], str] = lambda _: "",
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.store = store
        self.lookup = lookup
        self.access = access
        self.wakes = wakes
        self.clock = clock
        self.runs_wait = runs_wait
        self.how_far = how_far
        self.new_id = new_id

    async def monitor(self, monitor_id: str, *, deleted: bool = False) -> Monitor:
        """Raises NotFound. deleted: one that was deleted will do."""
        found = await self.store.monitor(monitor_id)
        if found is None or (found.deleted and not deleted):
            raise NotFound("This monitor does not exist any more.")
        return found

    async def incident(self, incident_id: str) -> Incident:
        """Raises NotFound."""
        found = await self.store.incident(incident_id)
        if found is None:
            raise NotFound("This incident is not kept any more.")
        return found

    async def dataset_of(self, monitor: Monitor) -> Dataset | None:
        """The monitor's dataset; None when it is gone or cannot be asked now: then its owner has no say."""
        try:
            return await self.lookup.dataset(monitor.dataset)
        except (NotFound, Unavailable):
            return None

    async def require(self, permission: Permission, actor: Actor, action: str, monitor: Monitor) -> None:
        """Raises NotAllowed with its sentence; the refusal is in the audit."""
        if not permission.allowed:
            refused = audit_event(actor, f"{action}.refused", monitor, reason=permission.sentence)
            await self.store.apply(Change(audit=(refused,)))
            raise NotAllowed(permission.sentence)

    async def require_reading(self, actor: Actor, dataset: Dataset, version: int | None = None) -> None:
        """Raises NotAllowed for who may not read these data: what is computed from them tells of them."""
        found = await self.lookup.version(dataset, version)
        permission = await self.access.may_read(actor, dataset.name, found.definition.source)
        if not permission.allowed:
            raise NotAllowed(f"{permission.sentence} {ask_for_access(dataset.name)}", code=NO_ACCESS)

    async def apply(self, change: Change) -> None:
        """Raises Conflict when somebody else was first."""
        if not await self.store.apply(change):
            raise Conflict("Somebody changed this meanwhile. Look at it again.")
        if change.notices:
            self.wakes.wake()


def audit_event(actor: Actor, action: str, monitor: Monitor, **details: str) -> AuditEvent:
    """An entry about a monitor or one of its incidents. details: what else to note; empty values are left out."""
    noted = {"monitor": monitor.id, **details}
    pairs = tuple((key, value) for key, value in noted.items() if value)
    return AuditEvent(actor.user_id, action, dataset=monitor.dataset, details=pairs)
