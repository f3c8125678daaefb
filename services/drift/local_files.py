"""Files on this machine as rows to count: a file, a glob, or a folder of CSV, Parquet or JSON lines files."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from services.datasets.model import DatasetType, DatastoreSource, Definition, FileFormat, HeaderMode
from services.drift.parquet_rows import ParquetRows
from services.drift.scan import Rows
from services.errors import SourceProblem
from services.reading.display import quoted
from services.reading.formats import guess_format
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.listing import data_files
from services.reading.patterns import natural_key
from services.reading.places import LocalFile, modified_at

_CHUNK = 1 << 20


def find_files(source: str) -> tuple[LocalFile, ...]:
    """The files that a path, a glob or a folder names, in natural order; () when nothing is there.

    In a folder, names that begin with `.` or `_` are left out, as Spark writes its markers so.
    """
    path = Path(source)
    if path.is_dir():
        found = [
            Path(folder) / name
            for folder, folders, names in os.walk(path)
            if not _prune(folders)
            for name in names
            if not name.startswith((".", "_"))
        ]
    elif path.is_file():
        found = [path]
    elif glob.has_magic(source):
        matches = glob.glob(source, recursive=True)  # noqa: PTH207 - a Path globs below a folder only
        found = [Path(match) for match in matches if Path(match).is_file()]
    else:
        found = []
    return tuple(sorted((_local_file(each) for each in found), key=lambda file: natural_key(file.path)))


def open_files(source: str, files: Sequence[LocalFile], limits: Limits = DEFAULT_LIMITS) -> Rows:
    """Rows of these files, whose format is guessed from the first. Raises SourceProblem."""
    chosen = data_files(tuple(files))
    if not chosen:
        what = quoted(source) if len(files) == 1 else f"Every file of {quoted(source)}"
        raise SourceProblem(f"{what} is empty.", code="empty_file")
    format_ = guess_format(chosen[0])
    marked = _with_hashes(chosen)  # type: ignore[arg-type]  # data_files gives what it was given
    if format_.file_format is FileFormat.PARQUET:
        return ParquetRows(source, marked, limits)
    from services.drift.text_rows import TextRows  # noqa: PLC0415  # Parquet alone does without both
    from services.reading.tabular import open_tabular  # noqa: PLC0415

    definition = Definition(DatasetType.TABULAR, DatastoreSource("local", tuple(file.path for file in marked)), format_)
    return TextRows(source, open_tabular(definition, marked, limits))


def spark_format(files: Sequence[LocalFile]) -> tuple[str, dict[str, str]]:
    """The format of these files in Spark's words: (its name, options). Raises SourceProblem."""
    chosen = data_files(tuple(files))
    if not chosen:
        raise SourceProblem("All files are empty.", code="empty_file")
    guessed = guess_format(chosen[0])
    if guessed.file_format is FileFormat.DELIMITED:
        header = "false" if guessed.header is HeaderMode.NONE else "true"
        return "csv", {"header": header, "sep": guessed.delimiter, "encoding": guessed.encoding, "inferSchema": "true"}
    return ("parquet" if guessed.file_format is FileFormat.PARQUET else "json"), {}


def files_of(rows: Rows) -> tuple[LocalFile, ...]:
    """The files that rows of this machine are read from."""
    return tuple(_local_file(Path(file.path)) for file in rows.files)


def _prune(folders: list[str]) -> bool:
    folders[:] = [name for name in folders if not name.startswith((".", "_"))]
    return False


def _local_file(path: Path) -> LocalFile:
    status = path.stat()
    return LocalFile(str(path), str(path.resolve()), status.st_size, modified_at(status))


def _with_hashes(files: Sequence[LocalFile]) -> tuple[LocalFile, ...]:
    """Files of the same size with the hash of their content, so that one counted twice is told."""
    sizes = Counter(file.size for file in files)
    return tuple(file._replace(hash=_hash(file)) if sizes[file.size] > 1 else file for file in files)


def _hash(file: LocalFile) -> str:
    digest = hashlib.sha256()
    with file.open() as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"
