"""Real files and datastores for the tests of reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    HeaderMode,
    Inspection,
    Preview,
)
from services.errors import NotFound
from services.reading import work
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.listing import FolderPlace

CSV = Format(FileFormat.DELIMITED)
PARQUET = Format(FileFormat.PARQUET)
JSON_LINES = Format(FileFormat.JSON_LINES)


@dataclass
class Folders:
    """Datastores by name; what the reader asks for folders."""

    by_name: dict[str, Path] = field(default_factory=dict)

    async def folder_of(self, datastore: str) -> Path:
        if datastore not in self.by_name:
            raise NotFound(f"There is no datastore {datastore}.", suggestions=tuple(self.by_name))
        return self.by_name[datastore]


class FixedClock:
    """Always the same moment, far after every file of a test was written."""

    def now(self) -> datetime:
        return datetime(2100, 1, 1, tzinfo=UTC)


def place(root: Path, *paths: str) -> FolderPlace:
    return FolderPlace("store", str(root), paths or ("**",))


def tabular(
    *paths: str,
    format: Format | None = CSV,
    types: dict[str, ColumnType] | None = None,
    timestamp: str | None = None,
    partition: str | None = None,
) -> Definition:
    return Definition(
        DatasetType.TABULAR,
        DatastoreSource("store", paths or ("**",)),
        format,
        timestamp_column=timestamp,
        partition_format=partition,
        column_types=tuple((types or {}).items()),
    )


def delimited(delimiter: str = ",", header: HeaderMode = HeaderMode.ALL_FILES_SAME, encoding: str = "utf-8") -> Format:
    return Format(FileFormat.DELIMITED, delimiter, header, encoding)


def inspect(
    root: Path, definition: Definition, *, rows: int = 10, guess: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Inspection:
    """What a worker does for an inspection, in this process."""
    assert isinstance(definition.source, DatastoreSource)
    return work.inspect(definition, place(root, *definition.source.paths), rows, guess, limits)


def preview(root: Path, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
    """What a worker does for a preview, in this process."""
    assert isinstance(definition.source, DatastoreSource)
    return work.preview(definition, place(root, *definition.source.paths), rows, profile_rows, DEFAULT_LIMITS)


def write(root: Path, name: str, content: str | bytes) -> Path:
    """Write a file below root, folders included."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path
