"""How much the reader takes on: one table, so that a limit and the sentence that tells it never disagree."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of reading. Sizes in bytes, times in seconds."""

    seconds: float = 120.0  # one listing, inspection, preview or comparison
    hash_batch_bytes: int = 256 * MIB  # files hashed by one task, between two progress reports
    hash_batch_files: int = 2_000
    hash_bytes_per_second: int = 10 * MIB  # the slowest storage worth waiting for
    fingerprint_files: int = 100_000
    worker_bytes: int = 1536 * MIB  # private memory of one worker process
    worker_tasks: int = 500  # tasks after which a worker process is replaced
    idle_seconds: float = 300.0  # after which workers are stopped and their memory returned
    waiting: int = 64  # tasks waiting for a worker before the reader says it is busy
    download_bytes: int = 1 * GIB  # one web file
    download_seconds: float = 300.0
    web_urls: int = 200
    scan_entries: int = 5_000_000  # directory entries looked at by one listing
    footers: int = 1_000  # Parquet files whose schema and row count are read
    headers: int = 50  # delimited or JSON lines files whose columns are read
    window_bytes: int = 2 * MIB  # text read and parsed at a time
    row_bytes: int = 16 * MIB  # longest row of text
    inference_rows: int = 10_000  # rows from which column types are inferred
    sample_bytes: int = 96 * MIB  # text or decoded columns of one sample
    sample_files: int = 40  # files a spread sample touches
    segments: int = 32  # places in one large text file, or row groups, a spread sample touches
    scan_bytes: int = 16 * MIB  # text files up to this size are read whole for a spread sample
    fetched_bytes: int = 64 * MIB  # fetched from remote storage for the sample of one large Parquet file, about
    fetched_files: int = 10  # remote files a spread sample touches
    decoded_rows: int = 500_000  # rows of one Parquet file decoded for a spread sample


DEFAULT_LIMITS = Limits()


def human_bytes(size: int) -> str:
    """1536 -> "1.5 KiB". Binary units, one decimal below ten."""
    if size < KIB:
        return f"{size} bytes" if size != 1 else "1 byte"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        if value < 1024 or unit == "TiB":
            return f"{value:.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
    raise AssertionError("unreachable: the last unit always returns")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """counted(1, "file") -> "1 file", counted(1200, "file") -> "1,200 files"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
