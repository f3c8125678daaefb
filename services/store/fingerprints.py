"""What the bot learnt of a version's files, as it is stored."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from pydantic import JsonValue

from services.datasets.model import Column, ColumnType, FileStamp, VersionStats
from services.store.columns import from_microseconds, to_microseconds


def pack_files(files: Sequence[FileStamp]) -> bytes:
    """zlib of a JSON array, one [path, size, modified in microseconds or null, hash or null] for each file."""
    rows = [
        (file.path, file.size, None if file.modified is None else to_microseconds(file.modified), file.hash)
        for file in files
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode("ascii"), level=6)


def unpack_files(packed: bytes) -> tuple[FileStamp, ...]:
    """The files that `pack_files` packed, in the same order."""
    rows: list[tuple[str, int, int | None, str | None]] = json.loads(zlib.decompress(packed))
    return tuple(
        FileStamp(path, size, None if modified is None else from_microseconds(modified), hash_)
        for path, size, modified, hash_ in rows
    )


def stats_to_json(stats: VersionStats) -> JsonValue:
    """Schema as [name, type, nullable], and the three counts."""
    return {
        "schema": [[column.name, column.type.value, column.nullable] for column in stats.schema],
        "row_count": stats.row_count,
        "file_count": stats.file_count,
        "total_bytes": stats.total_bytes,
    }


def stats_from_json(stored: JsonValue) -> VersionStats:
    """The stats that `stats_to_json` stored."""
    assert isinstance(stored, dict)
    schema = stored.get("schema")
    columns = (
        tuple(
            Column(str(each[0]), ColumnType(str(each[1])), bool(each[2])) for each in schema if isinstance(each, list)
        )
        if isinstance(schema, list)
        else ()
    )
    return VersionStats(
        schema=columns,
        row_count=_count(stored.get("row_count")),
        file_count=_count(stored.get("file_count")),
        total_bytes=_count(stored.get("total_bytes")),
    )


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) else None
