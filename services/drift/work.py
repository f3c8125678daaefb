"""What worker processes do for drift, one function for each kind of task.

The answering process imports this module to name the functions, so it stays light; what counts (pyarrow, numpy) is
imported where the work is done.
"""
# ruff: noqa: PLC0415 - see above: imports inside functions keep pyarrow out of the answering process

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from services.datasets.model import ColumnType, DatasetType, Definition, FileFormat
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.drift.stored import NotAProfileError
from services.drift.windows import Window
from services.errors import InvalidInput, SourceProblem
from services.reading.limits import Limits
from services.reading.places import FileSource, Place, SourceFile
from services.reading.work import existing

if TYPE_CHECKING:
    from services.drift.scan import Progress, Rows

_TOLD_EVERY = 0.5  # seconds between two notes of how far a scan is


@dataclass(frozen=True, slots=True)
class ProfileTask:
    """What to count. name: how a person calls the data; fingerprint: digest of their files, "" if not known.

    plan: an encoded profile whose plan is used, None for one made of these data. told: a file into which the number
    of rows read so far is written now and then. notes: see `services.drift.model.Profile`.
    window: only its rows.
    """

    definition: Definition
    place: Place
    limits: Limits
    name: str = ""
    fingerprint: str = ""
    plan: bytes | None = None
    told: str = ""
    notes: tuple[str, ...] = ()
    window: Window | None = None


def profile(task: ProfileTask) -> bytes:
    """One scan. Raises SourceProblem, InvalidInput for a File dataset."""
    if task.definition.type is DatasetType.FILE:
        raise InvalidInput("Only Tabular datasets have columns to compare.", code="not_tabular")
    _limit_threads()
    from services.drift.encode import decode, encode
    from services.drift.scan import plan_for, scan
    from services.drift.window_rows import WindowRows

    with task.place.reading() as source, told_in(task.told) as progress:
        rows = open_rows(task.definition, found_in(source, task.limits), task.limits, task.name)
        if task.window is not None:
            rows = WindowRows(rows, task.window)
        plan = plan_for(rows) if task.plan is None else decode(task.plan).plan
        counted = scan(rows, plan, progress=progress, fingerprint=task.fingerprint)
        return encode(replace(counted, notes=task.notes))


def compare_profiles(baseline: bytes, target: bytes, settings: CompareSettings) -> Comparison:
    """Two encoded profiles, the target's made with the baseline's plan. Raises SourceProblem for what is neither."""
    from services.drift.compare import compare
    from services.drift.encode import decode

    try:
        sides = decode(baseline), decode(target)
    except NotAProfileError as error:
        raise SourceProblem(f"What is stored cannot be compared: {error}.", code="profile_damaged") from None
    found = compare(*sides, settings)
    told = [f"{side.source}: {note}" if side.source else note for side in sides for note in side.notes]
    return replace(found, notes=(*found.notes, *told))


def add_up(profiles: Sequence[bytes]) -> bytes:
    """Encoded profiles made with one plan, together: a window of days is a sum. Raises SourceProblem."""
    from services.drift.encode import decode, encode
    from services.drift.profile import merge_all

    try:
        return encode(merge_all(decode(each) for each in profiles))
    except ValueError as error:  # NotAProfileError is one
        raise SourceProblem(f"What is stored cannot be added up: {error}.", code="profile_damaged") from None


def draw(comparison: Comparison, dark: bool) -> bytes:
    """A PNG of the columns that moved most."""
    from services.drift.picture import png

    return png(comparison, dark=dark)


def open_rows(definition: Definition, files: tuple[SourceFile, ...], limits: Limits, name: str) -> Rows:
    """The rows of a Tabular definition, read the fastest way that its format allows. Raises SourceProblem."""
    from services.drift.parquet_rows import ParquetRows
    from services.drift.text_rows import TextRows
    from services.reading.listing import data_files
    from services.reading.tabular import open_tabular

    is_parquet = definition.format is not None and definition.format.file_format is FileFormat.PARQUET
    chosen = data_files(files)
    if is_parquet and chosen and not definition.partition_format:
        rows = ParquetRows(name, chosen, limits)
        if _as_chosen(definition, rows):
            return rows
    return TextRows(name, open_tabular(definition, files, limits))


def _as_chosen(definition: Definition, rows: Rows) -> bool:
    """Have the columns the types that the definition gives them, so that nothing has to be converted?"""
    from services.reading.columns import column_type

    wanted = dict(definition.column_types)
    if definition.timestamp_column:
        wanted[definition.timestamp_column] = ColumnType.DATETIME
    here = {field.name: column_type(field.type) for field in rows.schema}
    return all(here.get(name) is kind for name, kind in wanted.items())


def found_in(source: FileSource, limits: Limits) -> tuple[SourceFile, ...]:
    """Every file of a place: a profile of some of them would not be one of the data. Raises SourceProblem."""
    found = existing(source, limits)
    if found.truncated:
        raise SourceProblem(
            f"The source has more than {limits.fingerprint_files:,} files. "
            "Narrow the path, or pack small files into larger ones.",
            code="too_many_files",
            field="source",
        )
    return found.files


@contextlib.contextmanager
def told_in(path: str) -> Iterator[Progress | None]:
    """A progress that writes the number of rows into a file, which is gone afterwards; None without a path."""
    if not path:
        yield None
        return
    file, last = Path(path), 0.0

    def tell(rows: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _TOLD_EVERY:
            last = now
            file.write_text(str(rows), encoding="ascii")

    try:
        yield tell
    finally:
        file.unlink(missing_ok=True)


def rows_told(path: str) -> int:
    """What `told_in` has written so far; 0 before the first time and after the end."""
    with contextlib.suppress(FileNotFoundError, ValueError):  # ValueError: just being written
        return int(Path(path).read_text(encoding="ascii"))
    return 0


def _limit_threads() -> None:
    """Columns are counted by threads of this project; Arrow's own would only add to them."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
