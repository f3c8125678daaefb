"""`Comparer` by profiles: counted once when a version is registered, compared without reading data again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.datasets.model import DRIFTING, DatasetVersion
from services.datasets.quick_drift import today_note, values_to_compare
from services.drift import windows
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.drift.shelf import KeptProfile, ProfileShelf
from services.errors import InvalidInput, SourceProblem
from services.monitors.ports import Compared
from services.ports import DataReader, Progress, Records


class ShelfComparer:
    """A target whose files changed since it was registered is compared as it is today; a baseline as it was."""

    def __init__(self, *, reader: DataReader, shelf: ProfileShelf, records: Records) -> None:
        self._reader = reader
        self._shelf = shelf
        self._records = records

    async def compare(
        self,
        baseline: DatasetVersion,
        target: DatasetVersion,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        """See `Comparer.compare`. Raises SourceProblem where what a version held is gone, too."""
        before, after = await self._profiles(baseline, target, progress)
        comparison = await self._shelf.compare((baseline, before), (target, after), settings)
        today = [version for version, kept in ((baseline, before), (target, after)) if not kept.as_registered]
        notes = (*comparison.notes, today_note(*(version for version in today if version.check.state in DRIFTING)))
        named = replace(
            comparison, baseline=baseline.label, target=target.label, notes=tuple(note for note in notes if note)
        )
        return Compared(named, (before.fingerprint, after.fingerprint))

    async def compare_days(
        self,
        version: DatasetVersion,
        days: int,
        newest: int,
        settings: CompareSettings,
        progress: Progress | None = None,
    ) -> Compared:
        """See `Comparer.compare_days`. The newest day is that of the newest row; the times themselves always move."""
        column = version.definition.timestamp_column
        if not column:
            raise InvalidInput(
                f"{version.label} has no timestamp column, so it has no days to compare.", code="no_time_column"
            )
        whole = await self._shelf.profile(version, today=True, progress=progress)
        itself = await self._reader.compare(whole.data, whole.data, CompareSettings())
        last = _last_day(version, column, itself)
        target = windows.newest(column, last, newest)
        baseline = windows.before(target, days)
        plan = whole.data
        before = await self._shelf.window(version, column, baseline.first, baseline.last, plan=plan, progress=progress)
        after = await self._shelf.window(version, column, target.first, target.last, plan=plan, progress=progress)
        names = settings.columns or tuple(each.name for each in itself.columns)
        others = replace(settings, columns=tuple(name for name in names if name != column))
        comparison = await self._reader.compare(before.data, after.data, others)
        named = replace(
            comparison,
            baseline=f"{version.label}, {baseline.words}",
            target=f"{version.label}, {target.words}",
        )
        return Compared(named, (before.fingerprint, after.fingerprint))

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        """See `Comparer.draw`."""
        return await self._reader.draw(comparison, dark=dark)

    async def _profiles(
        self, baseline: DatasetVersion, target: DatasetVersion, progress: Progress | None
    ) -> tuple[KeptProfile, KeptProfile]:
        today = target.check.state in DRIFTING
        before = await self._shelf.kept(baseline)
        if before is not None:
            after = None if today else await self._shelf.kept(target, plan=before.data)
            if after is not None:
                return before, after
            if today or baseline.definition.source != target.definition.source:
                return before, await self._shelf.profile(target, plan=before.data, today=today, progress=progress)
        chosen = values_to_compare(
            baseline,
            target,
            await self._records.fingerprint(baseline.name, baseline.version),
            await self._records.fingerprint(target.name, target.version),
        )
        if isinstance(chosen, str):
            raise SourceProblem(chosen, code="values_gone")
        before = before or await self._shelf.profile(baseline, definition=chosen[0], progress=progress)
        after = await self._shelf.profile(target, definition=chosen[1], plan=before.data, progress=progress)
        return before, after


def _last_day(version: DatasetVersion, column: str, found: Comparison) -> date:
    latest = next((each.target for each in found.dataset.freshness if each.column == column), None)
    if latest is None:
        raise SourceProblem(f"The column “{column}” of {version.label} holds no times.", code="no_time_column")
    return date.fromisoformat(latest[:10])
