"""Profiles of dataset versions: found where they were kept, else made once and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from services.datasets.model import DatasetType, DatasetVersion, Definition, Fingerprint
from services.drift.comparison import ColumnDrift, Comparison
from services.drift.settings import CompareSettings
from services.drift.stored import plan_id_of
from services.errors import InvalidInput, SourceProblem, UserError
from services.ports import DataReader, Profiles, Progress, Records
from services.visible import visible


@dataclass(frozen=True, slots=True)
class KeptProfile:
    """An encoded profile. fingerprint: digest of the files it is of; as_registered: these are the version's own.

    is_window: it is of some days of them alone.
    """

    data: bytes
    fingerprint: str
    as_registered: bool
    is_window: bool = False


def is_open(column: ColumnDrift) -> bool:
    """May the exact value lie on the other side of the threshold than the value that is told?"""
    if column.lower is None or column.upper is None or column.threshold is None:
        return False
    return column.lower != column.upper and column.lower <= column.threshold <= column.upper


class ProfileShelf:
    """Profiles of versions. Belongs to one event loop; of several who want the same profile, one makes it."""

    def __init__(self, *, reader: DataReader, profiles: Profiles, records: Records) -> None:
        self._reader = reader
        self._profiles = profiles
        self._records = records
        self._making: dict[tuple[str, int, str], tuple[asyncio.Lock, int]] = {}

    async def kept(self, version: DatasetVersion, *, plan: bytes | None = None) -> KeptProfile | None:
        """The profile of the data that the version was registered with, if it was kept; reads no data.

        plan: the baseline's encoded profile, for a target; None for a baseline.
        """
        recorded = await self._records.fingerprint(version.name, version.version)
        if recorded is None:
            return None
        found = await self._find(version, recorded.digest, plan)
        return None if found is None else KeptProfile(found, recorded.digest, as_registered=True)

    async def profile(
        self,
        version: DatasetVersion,
        *,
        plan: bytes | None = None,
        definition: Definition | None = None,
        today: bool = False,
        progress: Progress | None = None,
    ) -> KeptProfile:
        """The profile of a version: of the data it was registered with where that was kept, else of the data today.

        plan: see `kept`. definition: what to read instead of the version's own, for files read apart from newer ones.
        today: only the data as they are now will do. Raises InvalidInput for a File dataset, SourceProblem and
        whatever reading raises.
        """
        if version.definition.type is not DatasetType.TABULAR:
            raise InvalidInput(
                f"{version.label} is a file dataset: there are no columns whose values could be compared.",
                code="not_tabular",
            )
        if not today and (found := await self.kept(version, plan=plan)) is not None:
            return found
        plan_id = "" if plan is None else plan_id_of(plan)
        async with self._alone(version.name, version.version, plan_id):
            return await self._read(version, definition or version.definition, plan, progress)

    async def compare(
        self,
        baseline: tuple[DatasetVersion, KeptProfile],
        target: tuple[DatasetVersion, KeptProfile],
        settings: CompareSettings,
    ) -> Comparison:
        """Two versions by their profiles; the data are read again only where a verdict depends on it.

        Where they are not there any more as they were counted, the verdict is by the value that is certain, and its
        interval says so. Raises what comparing raises.
        """
        found = await self._reader.compare(baseline[1].data, target[1].data, settings)
        if not any(is_open(column) for column in found.columns):
            return found
        for version, kept in (baseline, target):
            recorded = await self._records.fingerprint(version.name, version.version)
            try:
                now = await self._reader.fingerprint(version.definition.source, previous=recorded)
            except UserError:
                return found  # what was counted is known, and that there is no more to see is no reason to fail
            if now.digest != kept.fingerprint or kept.is_window:
                return found
        (before, old), (after, new) = baseline, target
        return await self._reader.compare_again((old.data, before.definition), (new.data, after.definition), settings)

    async def window(
        self,
        version: DatasetVersion,
        column: str,
        first: date,
        last: date,
        *,
        plan: bytes | None = None,
        progress: Progress | None = None,
    ) -> KeptProfile:
        """The profile of a version's rows from the first day to the last, both included, by a column of times in UTC.

        Days are counted apart in one scan of the data as they are today; each window is a sum of them. plan: the
        profile to compare with or add to, None for that of all the version's rows. Raises SourceProblem, also where
        no row lies in the window.
        """
        if plan is None:
            plan = (await self.profile(version, progress=progress)).data
        plan_id = plan_id_of(plan)
        async with self._alone(version.name, version.version, plan_id):
            recorded = await self._records.fingerprint(version.name, version.version)
            now = await self._reader.fingerprint(version.definition.source, progress, previous=recorded)
            days = partial(
                self._profiles.days,
                version.name,
                version.version,
                now.digest,
                plan_id,
                column=column,
                first=first.isoformat(),
                last=last.isoformat(),
            )
            found = await days()
            if found is None:
                await self._count_days(version, column, plan, now, progress)
                found = await days()
        if not found:
            raise SourceProblem(
                f"{version.label} has no rows from {first} to {last} by the column “{visible(column, 60)}”.",
                code="window_empty",
            )
        same = recorded is not None and recorded.digest == now.digest
        return KeptProfile(await self._reader.add_up(found), now.digest, same, is_window=True)

    async def _count_days(
        self, version: DatasetVersion, column: str, plan: bytes, now: Fingerprint, progress: Progress | None
    ) -> None:
        days = await self._reader.profile_days(
            version.definition, column, plan=plan, name=version.label, fingerprint=now.digest, progress=progress
        )
        await self._refuse_changed(version, version.definition, now)
        for day, data in days:  # the last one tells that all are there
            await self._profiles.put(version.name, version.version, now.digest, data, own=False, day=(column, day))

    async def forget(self, unused_since: datetime) -> int:
        """Drop profiles that nobody has asked for since then; returns how many."""
        return await self._profiles.sweep(unused_since)

    async def _read(
        self, version: DatasetVersion, definition: Definition, plan: bytes | None, progress: Progress | None
    ) -> KeptProfile:
        recorded = await self._records.fingerprint(version.name, version.version)
        before = await self._reader.fingerprint(definition.source, progress, previous=recorded)
        same = recorded is not None and recorded.digest == before.digest
        if (found := await self._find(version, before.digest, plan)) is not None:
            return KeptProfile(found, before.digest, same)
        data = await self._reader.profile(
            definition, plan=plan, name=version.label, fingerprint=before.digest, progress=progress
        )
        await self._refuse_changed(version, definition, before)
        await self._profiles.put(version.name, version.version, before.digest, data, own=plan is None)
        return KeptProfile(data, before.digest, same)

    async def _refuse_changed(self, version: DatasetVersion, definition: Definition, before: Fingerprint) -> None:
        """A profile must not be kept as that of files which changed while they were read."""
        after = await self._reader.fingerprint(definition.source, previous=before)
        if after.digest != before.digest:
            raise SourceProblem(
                f"The files of {version.label} changed while they were read. Try again once they are complete.",
                code="changed_meanwhile",
            )

    async def _find(self, version: DatasetVersion, fingerprint: str, plan: bytes | None) -> bytes | None:
        if plan is None:
            return await self._profiles.own(version.name, version.version, fingerprint)
        return await self._profiles.get(version.name, version.version, fingerprint, plan_id_of(plan))

    @asynccontextmanager
    async def _alone(self, name: str, version: int, plan_id: str) -> AsyncIterator[None]:
        key = (name, version, plan_id)
        lock, waiting = self._making.get(key, (asyncio.Lock(), 0))
        self._making[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._making[key]
            if waiting == 1:
                del self._making[key]
            else:
                self._making[key] = (lock, waiting - 1)
