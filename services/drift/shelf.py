"""Profiles of dataset versions: found where they were kept, else made once and kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from services.datasets.model import DatasetType, DatasetVersion, Definition, Fingerprint
from services.drift.stored import plan_id_of
from services.drift.windows import Window
from services.errors import InvalidInput, SourceProblem
from services.ports import DataReader, Profiles, Progress, Records


@dataclass(frozen=True, slots=True)
class KeptProfile:
    """An encoded profile. fingerprint: digest of the files it is of; as_registered: these are the version's own."""

    data: bytes
    fingerprint: str
    as_registered: bool


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

    async def window(
        self,
        version: DatasetVersion,
        window: Window,
        *,
        plan: bytes | None = None,
        progress: Progress | None = None,
    ) -> KeptProfile:
        """The profile of a window of a version's data as they are today. Raises what `profile` raises."""
        async with self._alone(
            version.name, version.version, f"{window.key} {'' if plan is None else plan_id_of(plan)}"
        ):
            recorded = await self._records.fingerprint(version.name, version.version)
            source = version.definition.source
            before = await self._reader.fingerprint(source, progress, previous=recorded)
            kept_as = f"{before.digest} {window.key}"
            same = recorded is not None and recorded.digest == before.digest
            if (found := await self._find(version, kept_as, plan)) is not None:
                return KeptProfile(found, kept_as, same)
            data = await self._reader.profile(
                version.definition,
                plan=plan,
                name=f"{version.label} {window.words}",
                fingerprint=before.digest,
                progress=progress,
                window=window,
            )
            await self._refuse_changed(version, version.definition, before)
            await self._profiles.put(version.name, version.version, kept_as, data, own=plan is None)
            return KeptProfile(data, kept_as, same)

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
