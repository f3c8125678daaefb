"""A job runner on a test's store."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.jobs import JobRunner, PoolLimits
from bot.metrics import Metrics
from bot.open_deliveries import OpenDeliveries
from services.jobs import DurableJob, Origin, Pool
from services.store.inbox import Inbox
from services.store.job_store import JobStore

LIMITS = {pool: PoolLimits(running=2, waiting=3) for pool in Pool}


@dataclass
class Told:
    """What people were told."""

    errors: list[BaseException] = field(default_factory=list)
    interrupted: list[Origin] = field(default_factory=list)

    async def error(self, error: BaseException) -> None:
        self.errors.append(error)

    async def durable_error(self, _job: DurableJob, error: BaseException) -> None:
        self.errors.append(error)

    async def interruption(self, origin: Origin) -> None:
        self.interrupted.append(origin)


def make_runner(
    jobs: JobStore, inbox: Inbox, instance_id: str, told: Told, metrics: Metrics | None = None
) -> JobRunner:
    """Two at once and three waiting in each pool."""
    return JobRunner(
        store=jobs,
        inbox=inbox,
        deliveries=OpenDeliveries(inbox.done),
        instance_id=instance_id,
        limits=LIMITS,
        metrics=metrics or Metrics(),
        tell_interrupted=told.interruption,
    )
