"""What a quick comparison of values really compares: a version is a pointer, its data may not be its own any more."""

from __future__ import annotations

from dataclasses import replace

from services.datasets.fingerprints import same_content
from services.datasets.model import (
    ColumnShift,
    ColumnType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Fingerprint,
    FingerprintState,
)
from services.datasets.wording import count
from services.drift.comparison import ColumnDrift, Comparison
from services.drift.settings import EVERY, CompareSettings, Metric
from services.drift.shelf import ProfileShelf
from services.ports import DataReader

MOST_FILES = 100
"""Files that a definition can name one by one."""

DISTANCES = CompareSettings(metrics={EVERY: Metric.JENSEN_SHANNON})
"""One distance from 0 to 1 for every column, so that columns can be ranked."""


class QuickDrift:
    """Compares the values of two versions by their profiles, which are made where they were not kept."""

    def __init__(self, *, reader: DataReader, shelf: ProfileShelf) -> None:
        self._reader = reader
        self._shelf = shelf

    async def between(
        self, before: DatasetVersion, after: DatasetVersion, old: Fingerprint | None, new: Fingerprint | None
    ) -> tuple[tuple[ColumnShift, ...], str]:
        """A shift for every column both have, and a note on what was compared or why nothing was.

        old, new: what the files were when the versions were registered. Raises what reading raises.
        """
        baseline = await self._shelf.kept(before)
        target = None if baseline is None else await self._shelf.kept(after, plan=baseline.data)
        if baseline is None or target is None:
            chosen = values_to_compare(before, after, old, new)
            if isinstance(chosen, str):
                return (), chosen
            baseline = await self._shelf.profile(before, definition=chosen[0])
            target = await self._shelf.profile(after, definition=chosen[1], plan=baseline.data)
        found = await self._reader.compare(baseline.data, target.data, DISTANCES)
        today = [
            version
            for version, kept, recorded in ((before, baseline, old), (after, target, new))
            if recorded is not None and not kept.as_registered
        ]
        notes = (_covered(found, before, after), *found.notes, today_note(*today))
        return tuple(map(_shift, found.columns)), " ".join(filter(None, notes))


def _covered(found: Comparison, before: DatasetVersion, after: DatasetVersion) -> str:
    rows, others = count(found.dataset.baseline_rows, "row"), count(found.dataset.target_rows, "row")
    return f"Compared {rows} of {before.label} with {others} of {after.label}, by Jensen-Shannon distance."


def _shift(column: ColumnDrift) -> ColumnShift:
    return ColumnShift(
        column.name,
        _type_of(column),
        column.value,
        nulls_before=column.baseline.missing_rate,
        nulls_after=column.target.missing_rate,
    )


def _type_of(column: ColumnDrift) -> ColumnType:
    """Azure ML's word for the Arrow type that a profile names."""
    if column.kind == "number" and column.type.startswith(("int", "uint")):
        return ColumnType.INTEGER
    if column.kind == "number" and not column.type.startswith("duration"):
        return ColumnType.DECIMAL
    if column.type.startswith(("timestamp", "date")):
        return ColumnType.DATETIME
    return {"bool": ColumnType.BOOLEAN, "string": ColumnType.STRING, "null": ColumnType.STRING}.get(
        column.type, ColumnType.OTHER
    )


def values_to_compare(
    before: DatasetVersion, after: DatasetVersion, old: Fingerprint | None, new: Fingerprint | None
) -> tuple[Definition, Definition] | str:
    """The definitions to read for a comparison of two versions, or a sentence that says why there is nothing to read.

    Versions of one place share its files. Where data were only added, each version is read by the files it was
    registered with; where files changed or went, what the older version held is not kept.
    """
    if before.definition.source != after.definition.source:
        return before.definition, after.definition
    older, newer = sorted((before, after), key=lambda version: (version.created_at, version.version))
    first, last = (old, new) if older is before else (new, old)
    if first is None or last is None:
        return f"{older.label} and {newer.label} point to the same files, so their values today are the same."
    now = {stamp.path: stamp for stamp in last.files}
    lost = sum(1 for stamp in first.files if stamp.path not in now or not same_content(stamp, now[stamp.path]))
    if lost:
        held = f"{count(lost, 'file')} of {older.label} changed or went"
        return (
            f"The values were not compared: {held} before {newer.label} was registered, and what was in them is gone."
        )
    if len(first.files) == len(last.files):
        return before.definition, after.definition
    alone = _by_files(older.definition, first)
    if alone is None:
        return (
            f"The values were not compared: {older.label} and {newer.label} point to the same place, "
            f"and {count(first.file_count, 'file')} are too many to be read apart from the new ones."
        )
    rest = _by_files(newer.definition, last) or newer.definition
    return (alone, rest) if older is before else (rest, alone)


def today_note(*versions: DatasetVersion) -> str:
    """A sentence for each of these versions, whose values are not those they were registered with; "" for none."""
    kinds = {FingerprintState.GROWN: "New files came to"}
    return " ".join(
        f"{kinds.get(version.check.state, 'Files changed under')} {version.label} since it was registered, "
        "so its values are those of today."
        for version in versions
    )


def _by_files(definition: Definition, files: Fingerprint) -> Definition | None:
    """The definition with each file named; None when they are too many or a name would be read as a pattern."""
    source, paths = definition.source, tuple(stamp.path for stamp in files.files)
    if not isinstance(source, DatastoreSource) or not 0 < len(paths) <= MOST_FILES:
        return None
    if any(character in path for path in paths for character in "*?["):
        return None
    return replace(definition, source=replace(source, paths=paths))
