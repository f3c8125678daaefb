"""A workspace of any size written straight into the bot's SQLite tables."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from services.datasets.model import (
    Column,
    ColumnType,
    DatasetSummary,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Format,
    VersionStats,
    WebSource,
)
from services.datasets.names import DEPRECATED_TAG
from services.store import migrate
from services.store.columns import to_json, to_microseconds
from services.store.definitions import definition_to_json
from services.store.fingerprints import pack_files, stats_to_json
from tests.fakes.big_catalog import big_dataset, big_mark

VERSIONS = 5
REAL = "bench-real"
"""A dataset with a real file behind it."""

_STORE = "workspaceblobstore"
_CHUNK = 2000
_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class _Entry:
    summary: DatasetSummary
    owner: str
    state: str
    source: DatastoreSource | WebSource
    format: FileFormat | None


def hanging_name(number: int) -> str:
    """The name of a dataset whose web server hangs."""
    return f"bench-hanging-{number:02d}"


def fill(database: Path, workspace: Path, *, datasets: int, hanging: int, web: str) -> None:
    """A new database with so many datasets of five versions each, oldest change first; their files do not exist.

    hanging: how many more there are with files at `WEB/hang/…`. One more, `REAL`, has a file to be read.
    """
    migrate.upgrade(f"sqlite:///{database}")
    (workspace / "data").mkdir(parents=True)
    (workspace / "data" / "real.csv").write_text("day,store,amount\n" + "2026-01-01,17,12.5\n" * 5000)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        connection.execute(
            "INSERT INTO workspace (id, key, change_seq, record_seq, default_datastore) VALUES (1, ?, 0, 0, '')",
            (f"local:{workspace.resolve()}",),
        )
        number = 0
        batch: list[tuple[int, _Entry]] = []
        for number, entry in enumerate(_entries(datasets, hanging, web), start=1):
            batch.append((number, entry))
            if len(batch) == _CHUNK:
                _write(connection, batch)
                batch = []
        _write(connection, batch)
        connection.execute("UPDATE workspace SET change_seq = ?, record_seq = ?", (number, number))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _entries(datasets: int, hanging: int, web: str) -> Iterator[_Entry]:
    for number in range(datasets):
        summary, mark = big_dataset(number), big_mark(number)
        pattern = f"{summary.name}/*.parquet"
        form = FileFormat.PARQUET if summary.type is DatasetType.TABULAR else None
        yield _Entry(summary, mark.owner, mark.state.value, DatastoreSource(_STORE, (pattern,)), form)
    special: list[tuple[str, DatastoreSource | WebSource]] = [(REAL, DatastoreSource(_STORE, ("real.csv",)))]
    special += [(hanging_name(each), WebSource((f"{web}/hang/{each}.csv",))) for each in range(hanging)]
    for name, source in special:
        summary = DatasetSummary(
            name=name, type=DatasetType.TABULAR, description="", tags=(), owner="", latest_version=VERSIONS,
            modified_at=datetime(2026, 1, 1, tzinfo=UTC), deprecated=False,
        )  # fmt: skip
        yield _Entry(summary, "", "unchecked", source, FileFormat.DELIMITED)


_SCHEMA = tuple(
    Column(name, kind)
    for name, kind in (
        ("day", ColumnType.DATETIME),
        ("store", ColumnType.INTEGER),
        ("product", ColumnType.STRING),
        ("amount", ColumnType.DECIMAL),
        ("returned", ColumnType.BOOLEAN),
    )
)


def _write(connection: sqlite3.Connection, batch: list[tuple[int, _Entry]]) -> None:
    """One transaction's worth of datasets with tags, versions and what the bot recorded of them."""
    made = connection.cursor()
    now = to_microseconds(datetime.now(UTC))
    datasets, tags, versions, records, recorded = [], [], [], [], []
    for number, entry in batch:
        name, kind = entry.summary.name, entry.summary.type.value
        labels = [*entry.summary.tags, *([DEPRECATED_TAG] if entry.summary.deprecated else [])]
        at = to_microseconds(entry.summary.modified_at)
        store = _STORE if isinstance(entry.source, DatastoreSource) else ""
        datasets.append(
            (number, 1, name, name.casefold(), kind, entry.summary.description, VERSIONS, store, at, at, number)
        )
        tags += [(number, key, value) for key, value in labels]
        definition = to_json(
            definition_to_json(
                Definition(entry.summary.type, entry.source, Format(entry.format) if entry.format else None)
            )
        )
        # The usual state of a workspace of this size: more versions are due for a look than one look can take.
        seen = at if store else now
        records.append((1, name, entry.owner, number))
        for version in range(1, VERSIONS + 1):
            digest = hashlib.sha256(f"{number}:{version}".encode()).hexdigest()
            taken = at - (VERSIONS - version) * _DAY
            versions.append((
                1, number, version, definition, entry.summary.description, to_json([list(each) for each in labels]),
                digest, digest[:32], taken,
            ))  # fmt: skip
            latest = version == VERSIONS
            recorded.append((
                1, name, version, int(latest), entry.owner, _stats(version), digest, 3, 1_000_000 * version, taken,
                _FILES, entry.state if latest else "unchanged", taken, seen,
            ))  # fmt: skip
    made.execute("BEGIN")
    made.executemany(
        "INSERT INTO dataset (id, workspace_id, name, folded, type, description, latest_version, datastore, created_at,"
        " modified_at, change_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        datasets,
    )
    made.executemany("INSERT INTO dataset_tag (dataset_id, key, value) VALUES (?, ?, ?)", tags)
    made.executemany(
        "INSERT INTO dataset_version (workspace_id, dataset_id, version, definition, description, tags, identity,"
        " registration_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        versions,
    )
    made.executemany("INSERT INTO dataset_record (workspace_id, name, owner, record_seq) VALUES (?, ?, ?, ?)", records)
    made.executemany(
        "INSERT INTO version_record (workspace_id, name, version, is_latest, registered_by, stats, digest, file_count,"
        " total_bytes, taken_at, files, check_state, checked_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        recorded,
    )
    made.execute("COMMIT")


_FILES = pack_files(
    [
        FileStamp(f"part-{each}.parquet", 333_000, datetime(2025, 1, 1, tzinfo=UTC), f"sha256:{each:064x}")
        for each in range(3)
    ]
)


def _stats(version: int) -> str:
    columns = _SCHEMA[: 2 + version % 4]
    return to_json(stats_to_json(VersionStats(columns, 10_000 * version, 3, 1_000_000 * version)))
