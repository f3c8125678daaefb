"""Datasets as the screens get them, with fixed times."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.datasets.model import (
    Column,
    ColumnChange,
    ColumnProfile,
    ColumnShift,
    ColumnType,
    Dataset,
    DatasetCard,
    DatasetPage,
    DatasetSummary,
    DatasetType,
    DatasetVersion,
    DatastoreSource,
    Definition,
    Deprecation,
    FileFormat,
    FileStamp,
    FingerprintCheck,
    FingerprintState,
    Format,
    Preview,
    Snippet,
    UsageGuide,
    VersionDiff,
    VersionStats,
    WebSource,
)
from services.datasets.service import VersionLine, VersionPage

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SCHEMA = (
    Column("time_hour", ColumnType.DATETIME, nullable=False),
    Column("carrier", ColumnType.STRING, nullable=False),
    Column("dep_delay", ColumnType.INTEGER),
    Column("distance", ColumnType.DECIMAL),
)
PARQUET = Definition(
    DatasetType.TABULAR,
    DatastoreSource("workspaceblobstore", ("flights/2013-*.parquet",)),
    Format(FileFormat.PARQUET),
    timestamp_column="time_hour",
)
CSV = Definition(
    DatasetType.TABULAR,
    DatastoreSource("workspaceblobstore", ("flights/2013-*.csv",)),
    Format(FileFormat.DELIMITED, ";"),
)
PHOTOS = Definition(DatasetType.FILE, WebSource(("https://example.org/photos.zip",)))


def version(number: int = 2, name: str = "flights", **changes: object) -> DatasetVersion:
    """A registered version of a tabular dataset."""
    made = DatasetVersion(
        name=name,
        version=number,
        definition=PARQUET,
        description="Flights that left New York in 2013.",
        tags=(("team", "growth"), ("tier", "gold")),
        created_at=NOON + timedelta(days=number),
        registered_by="U0ADA",
        stats=VersionStats(SCHEMA, 336_776 + number, 12, 5_600_000 + number),
        check=FingerprintCheck(FingerprintState.UNCHANGED, NOON + timedelta(days=9), detail=""),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, checked when the test runs


def dataset(name: str = "flights", **changes: object) -> Dataset:
    """A dataset with two versions."""
    made = Dataset(
        name=name,
        type=DatasetType.TABULAR,
        description="Flights that left New York in 2013.",
        tags=(("team", "growth"), ("tier", "gold")),
        owner="U0ADA",
        latest_version=2,
        created_at=NOON,
        modified_at=NOON + timedelta(days=2),
        watchers=("U0BEN", "U0CHIARA"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, checked when the test runs


def card(**changes: object) -> DatasetCard:
    """The latest version of a dataset."""
    made = DatasetCard(dataset(), version(), versions=2, studio_url="https://ml.azure.com/data/flights/2/details")
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, checked when the test runs


DEPRECATION = Deprecation("flights-2014:1", "The feed ended.", "U0ADA", NOON + timedelta(days=3))


def summary(number: int, **changes: object) -> DatasetSummary:
    """One row of a list."""
    states = tuple(FingerprintState)
    made = DatasetSummary(
        name=f"sales-{number:04}",
        type=DatasetType.TABULAR if number % 3 else DatasetType.FILE,
        description="Orders of one day.",
        tags=(("team", "growth"),) if number % 2 else (),
        owner="U0ADA" if number % 4 else "",
        latest_version=number,
        modified_at=NOON + timedelta(hours=number),
        deprecated=number % 7 == 0,
        state=states[number % len(states)],
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, checked when the test runs


def page(count: int, *, total: int | None = None, offset: int = 0, **changes: object) -> DatasetPage:
    """A page of a list."""
    made = DatasetPage(tuple(summary(offset + i + 1) for i in range(count)), count if total is None else total, offset)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields by name, checked when the test runs


def version_page(count: int, *, total: int | None = None, offset: int = 0) -> VersionPage:
    """A page of versions, newest first."""
    total = count if total is None else total
    numbers = range(total - offset, total - offset - count, -1)
    items = tuple(
        VersionLine(version(n), ("first version",) if n == 1 else ("schema +1 column", "2 files more")) for n in numbers
    )
    return VersionPage(dataset(latest_version=total), items, total, offset)


DIFF = VersionDiff(
    before=version(1, definition=CSV),
    after=version(2, stats=VersionStats(SCHEMA, 340_000, 13, 5_900_000)),
    added_columns=(Column("origin", ColumnType.STRING),),
    removed_columns=(Column("tailnum", ColumnType.STRING),),
    changed_columns=(
        ColumnChange("distance", ColumnType.INTEGER, ColumnType.DECIMAL, widened=True),
        ColumnChange("carrier", ColumnType.STRING, ColumnType.INTEGER, widened=False),
    ),
    added_files=tuple(FileStamp(f"flights/2014-{m:02}.parquet", 400_000, NOON, None) for m in range(1, 8)),
    removed_files=(FileStamp("flights/2012-12.parquet", 399_000, NOON, None),),
    changed_files=(
        (
            FileStamp("flights/2013-01.parquet", 1_000, NOON, "a"),
            FileStamp("flights/2013-01.parquet", 2_000, NOON, "b"),
        ),
    ),
    unchanged_file_count=11,
    added_tags=(("year", "2014"),),
    removed_tags=(("draft", "yes"),),
    changed_tags=(("tier", "silver", "gold"),),
    definition_changes=(("file format", "delimited", "parquet"), ("delimiter", ";", "")),
    shifts=(
        ColumnShift("dep_delay", ColumnType.INTEGER, 0.4123, 0.02, 0.31),
        ColumnShift("notes", ColumnType.STRING, None, 1.0, 1.0),
    ),
    shift_note="Compared over the first 100,000 rows of each.",
)
SAME = VersionDiff(before=version(1), after=version(2, stats=version(1).stats), unchanged_file_count=12)

GUIDE = UsageGuide(
    "flights:2",
    (
        Snippet("The files themselves, with pandas", "python", "import pandas as pd\nprint('flights')"),
        Snippet("SDK v1: always the latest version", "python", "dataset = Dataset.get_by_name(workspace, 'flights')"),
        Snippet("SDK v1: pinned to version 2", "python", "dataset = Dataset.get_by_name(workspace, 'flights', 2)"),
        Snippet("SDK v2", "python", "client.data.get('flights', '2')"),
        Snippet("CLI v2", "bash", "az ml data show --name flights --version 2"),
    ),
    "The datastore is read as yourself: you need the role Storage Blob Data Reader.",
)
PREVIEW = Preview(
    schema=SCHEMA,
    rows=(("2013-01-01 05:00", "UA", "2", "1400.0"), ("2013-01-01 06:00", "AA", None, "1089.5")),
    profile=(
        ColumnProfile("carrier", ColumnType.STRING, 1000, 0, 16, "9E", "YV", None, (("UA", 300), ("B6", 250))),
        ColumnProfile("dep_delay", ColumnType.INTEGER, 1000, 25, 400, "-43", "1301", 12.6390703, ()),
    ),
    profiled_rows=1000,
    complete=False,
)
FILE_PREVIEW = Preview(
    schema=(),
    rows=(),
    profile=(),
    profiled_rows=0,
    complete=True,
    files=(FileStamp("photos/cat.jpg", 120_000, NOON, None), FileStamp("photos/dog.jpg", 90_000, None, None)),
)
