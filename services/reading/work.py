"""What worker processes do, one function for each kind of task.

The answering process imports this module to name the functions, so it stays light; what opens data (pyarrow, numpy) is
imported where the work is done.
"""
# ruff: noqa: PLC0415 - see above: imports inside functions keep pyarrow out of the answering process

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from services.datasets.model import (
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Format,
    Inspection,
    Listing,
    Preview,
)
from services.errors import SourceProblem
from services.reading.fingerprint import hash_files
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.listing import FolderPlace
from services.reading.places import FileSource, Found, LocalFile, Place, SourceFile

__all__ = ["every_file", "existing", "hash_files", "inspect", "list_place", "preview", "warm"]

PREVIEW_FILES = 20


def list_place(place: Place, limit: int, limits: Limits) -> Listing:
    """What a place matches, at most `limit` files."""
    with place.reading() as source:
        return source.find(limit, limits).listing()


def existing(source: FileSource, limits: Limits) -> Found[SourceFile]:
    """Files of an open place; no match is a problem, told with what is there. Raises SourceProblem."""
    found = source.find(limits.fingerprint_files, limits)
    if not found.files:
        raise source.nothing_matches()
    return found


def every_file(place: Place, limits: Limits) -> tuple[LocalFile | FileStamp, ...]:
    """All files of a place: stamps where the listing tells hashes, else what has to be read for them.

    Raises SourceProblem if there are none, or too many to keep a fingerprint of.
    """
    with place.reading() as source:
        found = existing(source, limits)
    if found.truncated:
        raise SourceProblem(
            f"The source has more than {limits.fingerprint_files:,} files. "
            "Narrow the path, or pack small files into larger ones.",
            code="too_many_files",
            field="source",
        )
    return tuple(
        file if isinstance(file, LocalFile) else FileStamp(file.path, file.size, file.modified, file.hash)
        for file in found.files
    )


def inspect(definition: Definition, place: Place, sample_rows: int, guess: bool, limits: Limits) -> Inspection:
    """See `DataReader.inspect`."""
    with place.reading() as source:
        return _inspect(definition, source, sample_rows, guess, limits)


def _inspect(definition: Definition, source: FileSource, sample_rows: int, guess: bool, limits: Limits) -> Inspection:
    found = existing(source, limits)
    if definition.type is DatasetType.FILE:
        return Inspection(found.listing())
    _limit_threads()
    from services.reading.tabular import open_tabular

    data = open_tabular(definition, found.files, limits, guess=guess)
    sample = data.sample(limits.inference_rows)
    return Inspection(
        listing=found.listing(),
        format=data.format,
        schema=data.schema(sample),
        rows=data.head(sample_rows, sample),
        row_count=None if found.truncated else data.row_count(sample),
        notes=(*data.reader.notes, *sample.notes),
    )


def preview(definition: Definition, place: Place, rows: int, profile_rows: int, limits: Limits) -> Preview:
    """See `DataReader.preview`."""
    with place.reading() as source:
        return _preview(definition, source, rows, profile_rows, limits)


def _preview(definition: Definition, source: FileSource, rows: int, profile_rows: int, limits: Limits) -> Preview:
    found = existing(source, limits)
    if definition.type is DatasetType.FILE:
        stamps = tuple(
            FileStamp(file.path, file.size, file.modified, file.hash) for file in found.files[:PREVIEW_FILES]
        )
        complete = not found.truncated and len(stamps) == len(found.files)
        return Preview((), (), (), profiled_rows=0, complete=complete, files=stamps)
    _limit_threads()
    from services.reading.profile import profile
    from services.reading.tabular import open_tabular

    data = open_tabular(definition, found.files, limits)
    sample = data.sample(profile_rows)
    schema = data.schema(sample)
    return Preview(
        schema=schema,
        rows=data.head(rows, sample),
        profile=profile(sample.table, schema),
        profiled_rows=sample.table.num_rows,
        complete=sample.complete and not found.truncated,
    )


def warm() -> None:
    """Import what reading and comparing tables needs, so that the next task of this process need not wait for it.

    A small table is read to the end, as text and as Parquet: libraries import more in the middle of their work.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from services.drift.settings import CompareSettings
    from services.drift.work import ProfileTask, compare_profiles, profile  # which imports this module

    definition = Definition(DatasetType.TABULAR, DatastoreSource("warm", ("warm.csv",)))
    with TemporaryDirectory(prefix="dataset-bot-") as folder:
        Path(folder, "warm.csv").write_text("a,b,c,d\n1,x,2024-01-01,0.5\n2,y,2024-01-02,1.5\n", encoding="ascii")
        place = FolderPlace("warm", folder, ("warm.csv",))
        found = inspect(definition, place, 1, True, DEFAULT_LIMITS)
        definition = replace(definition, format=found.format)
        preview(definition, place, 1, 10, DEFAULT_LIMITS)
        profile(ProfileTask(definition, place, DEFAULT_LIMITS))
        pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), Path(folder, "warm.parquet"))
        place = FolderPlace("warm", folder, ("warm.parquet",))
        definition = replace(definition, format=Format(FileFormat.PARQUET))
        counted = profile(ProfileTask(definition, place, DEFAULT_LIMITS))
        compare_profiles(counted, counted, CompareSettings())


def _limit_threads() -> None:
    """One thread for computing, one for reading: the pool's processes are the parallelism."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
