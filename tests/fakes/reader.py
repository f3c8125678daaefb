"""Reads files that are kept in memory: CSV and JSON lines, enough to walk every path of the services."""

from __future__ import annotations

import csv
import fnmatch
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from services.datasets.model import (
    Column,
    ColumnProfile,
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    FileStamp,
    Fingerprint,
    Format,
    Inspection,
    Listing,
    Preview,
    Source,
)
from services.drift import work
from services.drift.comparison import Comparison
from services.drift.settings import CompareSettings
from services.drift.windows import Window
from services.errors import SourceProblem
from services.ports import Clock, Progress
from services.reading.limits import DEFAULT_LIMITS
from services.reading.listing import FolderPlace

Row = tuple[str | None, ...]


class MemoryReader:
    """A `DataReader` over `put`-ed files. Whole contents are read: there are never many rows in a test."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[tuple[str, str], tuple[str, datetime]] = {}
        self.unreachable: set[str] = set()
        """Names of datastores and URLs that do not answer."""
        self.hashed: list[str] = []
        """Paths whose contents were read for a fingerprint, in that order."""
        self.profiled: list[str] = []
        """Names of data that were counted, in that order."""

    def put(self, path: str, content: str, *, place: str = "workspaceblobstore") -> None:
        """Write a file into a datastore; place "" and a URL as path: a file on the web."""
        self._files[place, path] = (content, self._clock.now())

    def remove(self, path: str, *, place: str = "workspaceblobstore") -> None:
        """Delete a file."""
        del self._files[place, path]

    def warm(self) -> None:
        """Memory is always ready."""

    def _matching(self, source: Source) -> dict[str, tuple[str, datetime]]:
        if isinstance(source, DatastoreSource):
            place, patterns = source.datastore, source.paths
        else:
            place, patterns = "", source.urls
        for each in (place, *patterns):
            if each in self.unreachable:
                raise SourceProblem(f"“{each}” does not answer. Try again later.")
        found: dict[str, tuple[str, datetime]] = {}
        for pattern in patterns:
            matches = [
                path
                for where, path in self._files
                if where == place and (path == pattern or fnmatch.fnmatchcase(path, pattern))
            ]
            found.update({path: self._files[place, path] for path in sorted(matches)})
        return found

    async def list_files(self, source: Source, *, limit: int = 10_000) -> Listing:
        files = self._matching(source)
        size = sum(len(content.encode()) for content, _ in files.values())
        return Listing(min(len(files), limit), size, tuple(files)[:5], truncated=len(files) > limit)

    async def fingerprint(
        self, source: Source, progress: Progress | None = None, *, previous: Fingerprint | None = None
    ) -> Fingerprint:
        before = () if previous is None else previous.files
        known = {stamp.path: stamp for stamp in before if previous is not None and _settled(stamp, previous)}
        stamps = tuple(
            self._stamp(path, content, modified, known.get(path))
            for path, (content, modified) in self._matching(source).items()
        )
        if progress is not None:
            await progress(f"Read {len(stamps)} files")
        digest = _hash(json.dumps([(stamp.path, stamp.size, stamp.hash) for stamp in stamps]))
        return Fingerprint(digest, stamps, self._clock.now())

    def _stamp(self, path: str, content: str, modified: datetime, known: FileStamp | None) -> FileStamp:
        size = len(content.encode())
        if known is not None and (known.size, known.modified) == (size, modified):
            return known
        self.hashed.append(path)
        return FileStamp(path, size, modified, "sha256:" + _hash(content))

    async def inspect(self, definition: Definition, *, sample_rows: int = 10, guess: bool = False) -> Inspection:
        listing = await self.list_files(definition.source)
        if definition.type is DatasetType.FILE or listing.file_count == 0:
            return Inspection(listing)
        how = self._guessed(definition) if guess or definition.format is None else definition.format
        schema, rows = self._table(replace(definition, format=how))
        return Inspection(listing, how, schema, tuple(rows[:sample_rows]), len(rows))

    async def preview(self, definition: Definition, *, rows: int = 10, profile_rows: int = 100_000) -> Preview:
        if definition.type is DatasetType.FILE:
            files = (await self.fingerprint(definition.source)).files
            return Preview((), (), (), 0, complete=True, files=files[:rows])
        schema, table = self._table(definition)
        profile = tuple(
            ColumnProfile(
                column.name,
                column.type,
                count=len(table),
                nulls=sum(1 for row in table if row[place] is None),
                distinct=len({row[place] for row in table}),
            )
            for place, column in enumerate(schema)
        )
        return Preview(schema, tuple(table[:rows]), profile, len(table), complete=True)

    async def profile(
        self,
        definition: Definition,
        *,
        plan: bytes | None = None,
        name: str = "",
        fingerprint: str = "",
        progress: Progress | None = None,
        window: Window | None = None,
    ) -> bytes:
        """The files as files, counted by the real kernel in this process."""
        self.profiled.append(name)
        return self._counted(definition, plan, name, fingerprint, window)

    def _counted(
        self, definition: Definition, plan: bytes | None, name: str, fingerprint: str, window: Window | None
    ) -> bytes:
        matching = self._matching(definition.source)
        with TemporaryDirectory() as folder:
            for path, (content, _) in matching.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
            place = FolderPlace("memory", folder, tuple(matching))
            return work.profile(
                work.ProfileTask(definition, place, DEFAULT_LIMITS, name, fingerprint, plan, window=window)
            )

    async def compare(self, baseline: bytes, target: bytes, settings: CompareSettings) -> Comparison:
        return work.compare_profiles(baseline, target, settings)

    async def add_up(self, profiles: Sequence[bytes]) -> bytes:
        return work.add_up(profiles)

    async def draw(self, comparison: Comparison, *, dark: bool = False) -> bytes:
        return work.draw(comparison, dark)

    def _guessed(self, definition: Definition) -> Format:
        content, _ = next(iter(self._matching(definition.source).values()))
        if content.lstrip().startswith("{"):
            return Format(FileFormat.JSON_LINES)
        first = content.partition("\n")[0]
        return Format(FileFormat.DELIMITED, delimiter=max(",;\t|", key=first.count))

    def _table(self, definition: Definition) -> tuple[tuple[Column, ...], list[Row]]:
        how = definition.format or self._guessed(definition)
        names: list[str] = []
        rows: list[Row] = []
        for path, (content, _) in self._matching(definition.source).items():
            header, more = _parse(content, how)
            if names and header and header != names:
                raise SourceProblem(f"“{path}” has other columns than the files before it.")
            names = names or header
            rows += more
        chosen = dict(definition.column_types)
        schema = tuple(
            Column(name, chosen.get(name) or _type_of(row[place] for row in rows)) for place, name in enumerate(names)
        )
        return schema, rows


def _settled(stamp: FileStamp, taken: Fingerprint) -> bool:
    """Written before its fingerprint was taken: a later write has another time."""
    return stamp.modified is not None and stamp.modified < taken.taken_at


def _parse(content: str, how: Format) -> tuple[list[str], list[Row]]:
    if how.file_format is FileFormat.JSON_LINES:
        objects = [json.loads(line) for line in content.splitlines() if line.strip()]
        names = list(objects[0]) if objects else []
        return names, [tuple(None if each.get(name) is None else str(each[name]) for name in names) for each in objects]
    lines = list(csv.reader(content.splitlines(), delimiter=how.delimiter))
    return (lines[0], [tuple(cell or None for cell in line) for line in lines[1:]]) if lines else ([], [])


def _type_of(cells: Iterator[str | None]) -> ColumnType:
    seen = [cell for cell in cells if cell is not None]
    for kind, parse in (
        (ColumnType.INTEGER, int),
        (ColumnType.DECIMAL, float),
        (ColumnType.DATETIME, datetime.fromisoformat),
    ):
        try:
            for cell in seen:
                parse(cell)
        except ValueError:
            continue
        if seen:
            return kind
    return ColumnType.STRING


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
