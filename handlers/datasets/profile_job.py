"""After registering: what drift needs of the data is counted in the background, and nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from handlers.context import Services
from services.datasets.model import DatasetType, Registered
from services.errors import Busy, UserError
from services.jobs import DurableJob, Jobs, Origin, Pool

log = structlog.get_logger(__name__)

KIND = "keep_profile"
SECONDS = 3600.0


async def start_profile(jobs: Jobs, registered: Registered, origin: Origin) -> None:
    """Store the work, then begin it. A bot that is busy makes the profile when it is first asked for."""
    version = registered.version
    if version.definition.type is not DatasetType.TABULAR:
        return
    try:
        await jobs.start_durable(
            Pool.DATA,
            KIND,
            {"name": version.name, "version": version.version},
            origin=replace(origin, summary=f"the profile of {version.label}"),
            seconds=SECONDS,
        )
    except Busy:
        log.info("profile_put_off", name=version.name, version=version.version)


@dataclass(frozen=True, slots=True)
class ProfileWork:
    """Makes the profile of a version. Done again after a kill, it ends in the same profile."""

    services: Services

    async def run(self, job: DurableJob) -> None:
        """Count the data, unless that was done."""
        await self.services.datasets.keep_profile(str(job.payload["name"]), int(str(job.payload["version"])))

    async def failed(self, job: DurableJob, error: BaseException) -> None:
        """Whoever compares the version later makes the profile, or is told why there is none."""
        if isinstance(error, UserError):
            log.info("profile_not_kept", name=job.payload["name"], version=job.payload["version"], code=error.code)
        else:
            log.error("profile_failed", name=job.payload["name"], version=job.payload["version"], exc_info=error)
