"""What paths and globs match below a datastore's folder.

Like in a blob container there are no hidden files: `*` matches `.name` too. Nothing outside the folder is ever listed:
`..` and absolute paths are refused, symbolic links that lead out are passed over.
"""

from __future__ import annotations

import heapq
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from services.errors import SourceProblem
from services.reading.display import quoted
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.patterns import MAX_DEPTH, checked_patterns, is_glob, natural_key, part_matcher, pattern_parts
from services.reading.places import FileSource, Found, LocalFile, SourceFile, modified_at


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Paths and globs below the folder of a datastore; its own `FileSource`."""

    datastore: str
    root: str
    paths: tuple[str, ...]

    def reading(self) -> AbstractContextManager[FileSource]:
        """Nothing to open."""
        return nullcontext(self)

    def find(self, limit: int, limits: Limits) -> Found[LocalFile]:
        """See `find`."""
        return find(self, limit, limits)

    def nothing_matches(self) -> SourceProblem:
        """See `nothing_matches`."""
        return nothing_matches(self)


@dataclass(frozen=True, slots=True)
class FilesPlace:
    """Files that are on disk already (downloads); its own `FileSource`."""

    files: tuple[LocalFile, ...]

    def reading(self) -> AbstractContextManager[FileSource]:
        """Nothing to open."""
        return nullcontext(self)

    def find(self, limit: int, limits: Limits) -> Found[LocalFile]:
        """The files as they are."""
        return Found(self.files[:limit], len(self.files) > limit)

    def nothing_matches(self) -> SourceProblem:
        """The sentence for no download at all."""
        return SourceProblem("Name at least one address.", code="nothing_matches", field="source")


_Entry = tuple[str, str, os.DirEntry[str]]


@dataclass(slots=True)
class _Scan:
    """One walk over a datastore. seen: local paths found so far, so that overlapping patterns list a file once."""

    root: str
    limit: int
    entries_left: int
    found: dict[str, LocalFile] = field(default_factory=dict)
    truncated: bool = False

    def add(self, rel: str, local: str, status: os.stat_result) -> None:
        if rel in self.found:
            return
        if len(self.found) >= self.limit:
            self.truncated = True
            return
        self.found[rel] = LocalFile(rel, local, status.st_size, modified_at(status))

    def inside(self, path: str) -> str | None:
        """The real path behind `path` if it is below the root, else None."""
        real = os.path.realpath(path)
        return real if real == self.root or real.startswith(self.root.rstrip("/") + "/") else None

    def entries(self, folder: str, matches: re.Pattern[str] | None) -> tuple[list[tuple[str, str]], list[_Entry]]:
        """(folders, files) of a folder in natural order, files bounded by what is still wanted.

        Folders are (name, real path), files (name, real path, entry to ask for size and time).
        """
        folders: list[tuple[str, str]] = []
        wanted = self.limit - len(self.found) + 1

        def files() -> Iterator[_Entry]:
            with os.scandir(folder) as scan:
                for entry in scan:
                    self.entries_left -= 1
                    if self.entries_left < 0:
                        self.truncated = True
                        return
                    if matches is not None and not matches.match(entry.name):
                        continue
                    path = entry.path
                    if entry.is_symlink():
                        target = self.inside(path)
                        if target is None:
                            continue
                        path = target
                    if _is_folder(entry):
                        folders.append((entry.name, path))
                    elif _is_file(entry):
                        yield entry.name, path, entry

        try:
            chosen = heapq.nsmallest(wanted, files(), key=lambda item: natural_key(item[0]))
        except PermissionError:
            raise SourceProblem(
                f"The bot may not list {quoted(os.path.relpath(folder, self.root))}. "
                "Ask whoever runs the datastore for read access.",
                code="no_permission",
                field="source",
            ) from None
        except FileNotFoundError:
            return [], []
        folders.sort(key=lambda item: natural_key(item[0]))
        return folders, chosen

    def walk(self, folder: str, rel: str, parts: tuple[str, ...], above: frozenset[tuple[int, int]]) -> None:
        """Add what `parts` match below `folder`. above: folders on the way here, so that links make no circles."""
        if self.truncated:
            return
        if not parts:
            parts = ("**",)
        identity = self.identity(folder)
        if identity is None or len(above) > MAX_DEPTH:
            return
        head, rest = parts[0], parts[1:]
        if head == "**":
            if identity in above:
                return
            deeper = above | {identity}
            if rest:
                self.walk(folder, rel, rest, frozenset())
            folders, files = self.entries(folder, None)
            if not rest:
                self.add_files(files, rel)
            for name, path in folders:
                self.walk(path, f"{rel}{name}/", parts, deeper)
        elif is_glob(head):
            folders, files = self.entries(folder, part_matcher(head))
            if not rest:  # as in Azure ML, a star that matches a folder's name does not mean the files below it
                self.add_files(files, rel)
                return
            for name, path in folders:
                self.walk(path, f"{rel}{name}/", rest, frozenset())
        else:
            self.step(f"{folder}/{head}", f"{rel}{head}", rest)

    def step(self, path: str, rel: str, rest: tuple[str, ...]) -> None:
        """One literal part of a pattern: nothing needs to be listed."""
        real = self.inside(path)
        if real is None:
            raise SourceProblem(
                f"{quoted(rel)} is a link that leads out of the datastore. Name a path below the datastore.",
                code="path_escapes",
                field="source",
            )
        try:
            status = Path(real).stat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except PermissionError:
            raise SourceProblem(
                f"The bot may not read {quoted(rel)}. Ask whoever runs the datastore for read access.",
                code="no_permission",
                field="source",
            ) from None
        if stat.S_ISDIR(status.st_mode):
            self.walk(real, f"{rel}/", rest, frozenset())
        elif stat.S_ISREG(status.st_mode) and not rest:
            self.add(rel, real, status)

    def add_files(self, files: list[_Entry], rel: str) -> None:
        for name, path, entry in files:
            try:
                status = entry.stat()
            except OSError:  # gone, or a link to nothing: not there to be read
                continue
            if stat.S_ISREG(status.st_mode):
                self.add(f"{rel}{name}", path, status)

    @staticmethod
    def identity(folder: str) -> tuple[int, int] | None:
        try:
            status = Path(folder).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


def find(place: FolderPlace, limit: int, limits: Limits = DEFAULT_LIMITS) -> Found[LocalFile]:
    """Files of a datastore's folder in natural order, at most `limit`.

    Raises InvalidInput for a path that cannot be, SourceProblem if the datastore's folder cannot be read.
    """
    patterns = checked_patterns(place.paths)
    root = os.path.realpath(place.root)
    if not Path(root).is_dir():
        raise SourceProblem(
            f"The folder behind the datastore {quoted(place.datastore)} is not there. "
            "Ask whoever runs the bot to check the datastore.",
            code="datastore_missing",
            field="source",
        )
    scan = _Scan(root=root, limit=limit, entries_left=limits.scan_entries)
    for parts in patterns:
        scan.walk(root, "", parts, frozenset())
    files = sorted(scan.found.values(), key=lambda file: natural_key(file.path))
    return Found(tuple(files), scan.truncated)


def data_files(files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
    """Files that can hold rows: without the empty markers that Spark leaves (`_SUCCESS`, `_started_…`)."""
    return tuple(file for file in files if file.size or not PurePosixPath(file.path).name.startswith("_"))


def nothing_matches(place: FolderPlace) -> SourceProblem:
    """The sentence for a source without files, with the nearest thing that exists."""
    root = os.path.realpath(place.root)
    pattern = place.paths[0]
    folder, missing = root, ""
    walked: list[str] = []
    for part in pattern_parts(pattern):
        if is_glob(part):
            missing = part
            break
        step = f"{folder}/{part}"
        if not Path(step).is_dir() or Path(step).is_symlink():
            missing = part
            break
        folder = step
        walked.append(part)
    where = "/".join(walked)
    try:
        with os.scandir(folder) as scan:
            names = heapq.nsmallest(
                5,
                (
                    f"{entry.name}/" if entry.is_dir() else entry.name
                    for _, entry in zip(range(10_000), scan, strict=False)
                ),
                key=natural_key,
            )
    except OSError:
        names = []
    what = "None of the paths matches" if len(place.paths) > 1 else f"The path {quoted(pattern)} matches nothing"
    in_where = f"folder {quoted(where)}" if where else f"datastore {quoted(place.datastore)}"
    if names:
        there = ", ".join(quoted(name, 60) for name in names)
        hint = f"The {in_where} has {there}"
        if missing and not is_glob(missing):
            hint = f"There is no {quoted(missing)} there; the {in_where} has {there}"
    else:
        hint = f"The {in_where} is empty"
    return SourceProblem(
        f"{what} in the datastore {quoted(place.datastore)}. {hint}.", code="nothing_matches", field="source"
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False for what cannot be known, such as a link that leads to itself."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
