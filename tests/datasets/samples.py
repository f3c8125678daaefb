"""Values that several tests of pure functions need."""

from __future__ import annotations

from datetime import UTC, datetime

from services.datasets.model import (
    Column,
    ColumnType,
    DatasetVersion,
    Definition,
    FileStamp,
    Fingerprint,
    VersionStats,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def version(
    definition: Definition,
    number: int = 1,
    *,
    name: str = "sales",
    columns: tuple[tuple[str, ColumnType], ...] = (),
    tags: tuple[tuple[str, str], ...] = (),
    rows: int | None = None,
    file_count: int | None = None,
) -> DatasetVersion:
    """A version with the given schema and counts."""
    schema = tuple(Column(column, kind) for column, kind in columns)
    stats = VersionStats(schema, row_count=rows, file_count=file_count)
    return DatasetVersion(name, number, definition, "", tags, NOON, "U1", stats)


def stamp(path: str, size: int = 1, text: str | None = "sha256:0", modified: datetime | None = NOON) -> FileStamp:
    """A file as it was seen."""
    return FileStamp(path, size, modified, text)


def fingerprint(*stamps: FileStamp) -> Fingerprint:
    """A fingerprint of these files."""
    return Fingerprint("digest", stamps, NOON)
