"""What a quick comparison of values really compares: a version is a pointer, its data may not be its own any more."""

from __future__ import annotations

from dataclasses import replace

from services.datasets.fingerprints import same_content
from services.datasets.model import DRIFTING, DatasetVersion, DatastoreSource, Definition, Fingerprint, FingerprintState
from services.datasets.wording import count

MOST_FILES = 100
"""Files that a definition can name one by one."""


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
    """A sentence for each version whose values are not those it was registered with; "" when there is none."""
    kinds = {FingerprintState.GROWN: "New files came to"}
    return " ".join(
        f"{kinds.get(version.check.state, 'Files changed under')} {version.label} since it was registered, "
        "so its values are those of today."
        for version in versions
        if version.check.state in DRIFTING
    )


def _by_files(definition: Definition, files: Fingerprint) -> Definition | None:
    """The definition with each file named; None when they are too many or a name would be read as a pattern."""
    source, paths = definition.source, tuple(stamp.path for stamp in files.files)
    if not isinstance(source, DatastoreSource) or not 0 < len(paths) <= MOST_FILES:
        return None
    if any(character in path for path in paths for character in "*?["):
        return None
    return replace(definition, source=replace(source, paths=paths))
