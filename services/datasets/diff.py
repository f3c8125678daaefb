"""What differs between two versions: pure functions over what is recorded of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from services.datasets.fingerprints import same_content
from services.datasets.model import (
    Column,
    ColumnChange,
    ColumnShift,
    ColumnType,
    DatasetVersion,
    Definition,
    FileStamp,
    Fingerprint,
    VersionDiff,
)
from services.datasets.wording import count, source_text

T = TypeVar("T")

_AS_TEXT = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.BOOLEAN, ColumnType.DATETIME})


def widened(before: ColumnType, after: ColumnType) -> bool:
    """Does every value of the old type fit the new one? Integers fit decimals; all plain values fit
    strings.
    """
    if after is ColumnType.STRING:
        return before in _AS_TEXT
    return (before, after) == (ColumnType.INTEGER, ColumnType.DECIMAL)


def compare_versions(
    before: DatasetVersion,
    after: DatasetVersion,
    fingerprint_before: Fingerprint | None,
    fingerprint_after: Fingerprint | None,
    *,
    shifts: Sequence[ColumnShift] = (),
    note: str = "",
) -> VersionDiff:
    """All that differs from `before` to `after`; a renamed column or file is one removed and one added.

    shifts, note: the quick drift comparison and what it covers, passed on with the largest distance first.
    """
    columns_before = {column.name: column for column in before.stats.schema}
    columns_after = {column.name: column for column in after.stats.schema}
    files_before, files_after = _files(fingerprint_before), _files(fingerprint_after)
    comparable = fingerprint_before is not None and fingerprint_after is not None
    shared = [path for path in files_before if path in files_after] if comparable else []
    changed = tuple(
        (files_before[path], files_after[path])
        for path in shared
        if not same_content(files_before[path], files_after[path])
    )
    tags_before, tags_after = dict(before.tags), dict(after.tags)
    return VersionDiff(
        before=before,
        after=after,
        added_columns=_only_in(columns_after, columns_before) if before.stats.schema else (),
        removed_columns=_only_in(columns_before, columns_after) if after.stats.schema else (),
        changed_columns=_retyped(columns_before, columns_after),
        added_files=_only_in(files_after, files_before) if comparable else (),
        removed_files=_only_in(files_before, files_after) if comparable else (),
        changed_files=changed,
        unchanged_file_count=len(shared) - len(changed),
        added_tags=tuple((key, value) for key, value in after.tags if key not in tags_before),
        removed_tags=tuple((key, value) for key, value in before.tags if key not in tags_after),
        changed_tags=tuple(
            (key, value, tags_after[key])
            for key, value in before.tags
            if key in tags_after and tags_after[key] != value
        ),
        definition_changes=definition_changes(before.definition, after.definition),
        shifts=tuple(
            sorted(shifts, key=lambda shift: shift.distance if shift.distance is not None else -1.0, reverse=True)
        ),
        shift_note=note,
        files_note=_files_note(before, after, fingerprint_before, fingerprint_after),
    )


def definition_changes(before: Definition, after: Definition) -> tuple[tuple[str, str, str], ...]:
    """(what, before, after) for each part of the definition that differs, in words; "" where there is none."""
    old, new = _definition_parts(before), _definition_parts(after)
    return tuple(
        (what, old.get(what, ""), new.get(what, "")) for what in {**old, **new} if old.get(what) != new.get(what)
    )


def _definition_parts(definition: Definition) -> dict[str, str]:
    parts = {"type": definition.type.value, "source": source_text(definition.source)}
    if definition.format is not None:
        parts["file format"] = definition.format.file_format.value.replace("_", " ")
        if definition.format.file_format.value == "delimited":
            parts["delimiter"] = _visible(definition.format.delimiter)
            parts["header"] = definition.format.header.value.replace("_", " ")
            parts["encoding"] = definition.format.encoding
    if definition.timestamp_column:
        parts["timestamp column"] = definition.timestamp_column
    if definition.partition_format:
        parts["partition format"] = definition.partition_format
    if definition.column_types:
        chosen = sorted((name, kind.value) for name, kind in definition.column_types)
        parts["column types"] = ", ".join(f"{name} as {kind}" for name, kind in chosen)
    return parts


def _visible(delimiter: str) -> str:
    return {"\t": "tab", " ": "space"}.get(delimiter, delimiter)


def changes_in_short(before: DatasetVersion | None, after: DatasetVersion) -> tuple[str, ...]:
    """What a version changed against its predecessor, as short phrases; ("first version",) without one.

    Built from what was recorded at registering, without reading any file. Never empty: two versions with one
    definition differ in their data, since the registry refuses identical ones.
    """
    if before is None:
        return ("first version",)
    diff = compare_versions(before, after, None, None)
    phrases = [
        f"schema {sign}{count(len(columns), 'column')}"
        for sign, columns in (("+", diff.added_columns), ("−", diff.removed_columns))
        if columns
    ]
    if diff.changed_columns:
        phrases.append(f"{count(len(diff.changed_columns), 'column')} retyped")
    phrases += [f"{what} changed" for what, _, _ in diff.definition_changes]
    for noun, old, new in (
        ("file", before.stats.file_count, after.stats.file_count),
        ("row", before.stats.row_count, after.stats.row_count),
    ):
        if old is not None and new is not None and old != new:
            phrases.append(f"{count(abs(new - old), noun)} {'more' if new > old else 'fewer'}")
    return tuple(phrases) or ("file contents changed",)


def _files(fingerprint: Fingerprint | None) -> dict[str, FileStamp]:
    return {} if fingerprint is None else {file.path: file for file in fingerprint.files}


def _only_in(these: Mapping[str, T], others: Mapping[str, object]) -> tuple[T, ...]:
    return tuple(value for key, value in these.items() if key not in others)


def _retyped(before: Mapping[str, Column], after: Mapping[str, Column]) -> tuple[ColumnChange, ...]:
    return tuple(
        ColumnChange(name, column.type, after[name].type, widened(column.type, after[name].type))
        for name, column in before.items()
        if name in after and after[name].type is not column.type
    )


def _files_note(
    before: DatasetVersion,
    after: DatasetVersion,
    fingerprint_before: Fingerprint | None,
    fingerprint_after: Fingerprint | None,
) -> str:
    unknown = [
        version.label
        for version, fingerprint in ((before, fingerprint_before), (after, fingerprint_after))
        if fingerprint is None
    ]
    if not unknown:
        return ""
    return f"Files are not compared: nothing was recorded of them when {' and '.join(unknown)} came to be."
