"""Version truth: files can change under a registered version, so they are compared with its fingerprint
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.datasets import notices
from services.datasets.fingerprints import compare
from services.datasets.lookup import Lookup
from services.datasets.model import DatasetVersion, Fingerprint, FingerprintCheck, FingerprintState
from services.errors import Busy, NotFound, TimedOut, UserError
from services.ports import Catalog, Clock, DataReader, Records


@dataclass(frozen=True, slots=True)
class Recheck:
    """A check that found something new, which owner and watchers (Slack user ids, "" for no owner) are told."""

    version: DatasetVersion
    now: FingerprintCheck
    owner: str
    watchers: tuple[str, ...]


def worth_telling(before: FingerprintCheck | None, now: FingerprintCheck) -> bool:
    """Is this news? A first look that finds nothing is not, nor is the same finding again."""
    quiet = {FingerprintState.UNCHECKED, FingerprintState.UNCHANGED}
    if before is None or before.state is FingerprintState.UNCHECKED:
        return now.state not in quiet
    return (before.state, before.added, before.removed, before.changed) != (
        now.state,
        now.added,
        now.removed,
        now.changed,
    ) and now.state is not FingerprintState.UNCHECKED


class VersionTruth:
    """Re-checks versions on request and on schedule."""

    def __init__(self, *, catalog: Catalog, records: Records, reader: DataReader, lookup: Lookup, clock: Clock) -> None:
        self._catalog = catalog
        self._records = records
        self._reader = reader
        self._lookup = lookup
        self._clock = clock

    async def recheck(self, name: str, version: int | None = None) -> tuple[FingerprintCheck | None, FingerprintCheck]:
        """Compare a version's files with its fingerprint now: (the check before, this one). Raises
        NotFound.
        """
        dataset = await self._lookup.dataset(name)
        found = await self._lookup.version(dataset, version)
        # Whoever asked hears it now; owner and watchers hear news with the next `recheck_due`.
        before, now = await self._check(found)
        await self._lookup.refresh_index()
        return before, now

    async def recheck_due(self, *, older_than: timedelta, limit: int) -> tuple[Recheck, ...]:
        """Re-check up to `limit` versions last looked at longer ago than older_than; tells and returns what is news.

        So is what a look on request found since the last call, or one that a kill cut off before it could tell.
        """
        due = await self._records.due_for_check(self._clock.now() - older_than, limit)
        for name, number in due:
            try:
                version = await self._lookup.version(await self._lookup.dataset(name), number)
            except NotFound:
                # Unregistered since: note the look, or it would stay the oldest one due for ever.
                gone = "This version is not registered any more."
                await self._records.set_check(
                    name, number, FingerprintCheck(FingerprintState.UNCHECKED, self._clock.now(), detail=gone)
                )
                continue
            await self._check(version)
        if due:
            await self._lookup.refresh_index()
        return await self._tell(2 * limit)

    async def _tell(self, limit: int) -> tuple[Recheck, ...]:
        """Tell what nobody was told of yet, those who have begun to watch meanwhile too."""
        news = []
        for name, number in await self._records.untold(limit):
            try:
                dataset = await self._lookup.dataset(name)
                version = await self._lookup.version(dataset, number)
            except NotFound:
                await self._records.told(name, number, (), self._clock.now())  # unregistered since: nobody to tell
                continue
            told = notices.files(version, version.check, dataset)
            if await self._records.told(name, number, told, self._clock.now()):  # else another replica has told it
                news.append(Recheck(version, version.check, dataset.owner, dataset.watchers))
        return tuple(news)

    async def _check(self, version: DatasetVersion) -> tuple[FingerprintCheck | None, FingerprintCheck]:
        now = await self._look(version)
        before = await self._records.set_check(version.name, version.version, now, worth_telling)
        return before, now

    async def _look(self, version: DatasetVersion) -> FingerprintCheck:
        recorded = await self._records.fingerprint(version.name, version.version)
        moment = self._clock.now()
        if recorded is None:
            detail = "Nothing was recorded of the files when this version came to be, so there is nothing to compare."
            return FingerprintCheck(FingerprintState.UNCHECKED, moment, detail=detail)
        source = version.definition.source
        try:
            listing = await self._reader.list_files(source, limit=1)
            if listing.file_count == 0:
                nothing = Fingerprint(digest="", files=(), taken_at=moment)
                return compare(recorded, nothing)
            present = await self._reader.fingerprint(source, previous=recorded)
        except (Busy, TimedOut):
            raise  # the bot's own limits say nothing about the files: the version stays due
        except UserError as error:
            return FingerprintCheck(FingerprintState.UNREACHABLE, moment, detail=error.sentence)
        return compare(recorded, present)
