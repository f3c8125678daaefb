"""What paths and globs match below a datastore's folder.

Patterns are those of Azure ML's data paths: `*`, `?` and `[..]` within one part of a path, `**` for any number of
folders, and a folder's path for all files below it. Like in a blob container there are no hidden files: `*` matches
`.name` too. Nothing outside the folder is ever listed: `..` and absolute paths are refused, symbolic links that lead
out are passed over.
"""

from __future__ import annotations

import fnmatch
import heapq
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from services.datasets.model import Listing
from services.errors import InvalidInput, SourceProblem
from services.reading.display import quoted, visible
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.places import FilesPlace, FolderPlace, LocalFile, Place, modified_at

NAMES_SHOWN = 20
MAX_PATTERNS = 100
MAX_PATTERN_LENGTH = 1024
MAX_DEPTH = 64
_DIGITS = re.compile(r"([0-9]{1,18})")
_MAGIC = re.compile(r"[*?\[]")
_DRIVE = re.compile(r"^[A-Za-z]:([/\\]|$)")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Found:
    """Files in natural order; truncated when there are more."""

    files: tuple[LocalFile, ...]
    truncated: bool

    def listing(self) -> Listing:
        """Count, bytes and first names."""
        return Listing(
            file_count=len(self.files),
            total_bytes=sum(file.size for file in self.files),
            names=tuple(visible(file.path, 300) for file in self.files[:NAMES_SHOWN]),
            truncated=self.truncated,
        )


def natural_key(path: str) -> tuple[str | tuple[int, str], ...]:
    """Sort key that puts "part-2" before "part-10"; equal numbers fall back to their spelling."""
    pieces: list[str | tuple[int, str]] = list(_DIGITS.split(path))
    # Text and digits alternate, text first, so that only like is compared with like.
    for index in range(1, len(pieces), 2):
        digits = pieces[index]
        assert isinstance(digits, str)
        pieces[index] = (int(digits), digits)
    return tuple(pieces)


def pattern_parts(pattern: str) -> tuple[str, ...]:
    """The parts of one path or glob. Empty: the whole datastore. Raises InvalidInput for what could leave it."""
    text = pattern.strip()
    if not text:
        raise InvalidInput(
            "Type a path or glob below the datastore, for example flights/*.parquet, or ** for everything.",
            code="path_empty",
            field="source",
        )
    if len(text) > MAX_PATTERN_LENGTH:
        raise InvalidInput(
            f"A path may have {MAX_PATTERN_LENGTH:,} characters at most.",
            code="path_too_long",
            field="source",
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise InvalidInput(
            f"The path {quoted(text)} contains a control character. Type it again.",
            code="path_control",
            field="source",
        )
    if _SCHEME.match(text):
        raise InvalidInput(
            "This is an address, not a path in a datastore. Choose “Web URL” as the source, or type the path only.",
            code="path_is_url",
            field="source",
        )
    if _DRIVE.match(text) or "\\" in text:
        raise InvalidInput(
            f"Write the path {quoted(text)} with forward slashes, relative to the datastore, like flights/2013.",
            code="path_backslash",
            field="source",
        )
    if text == "/":
        return ()
    if text.startswith(("/", "~")):
        raise InvalidInput(
            f"Paths are relative to the datastore: write {quoted(text.lstrip('/~') or '**')} "
            f"instead of {quoted(text)}.",
            code="path_absolute",
            field="source",
        )
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    if ".." in parts:
        raise InvalidInput(
            f"The path {quoted(text)} leaves the datastore: “..” is not allowed. Name a path below the datastore.",
            code="path_escapes",
            field="source",
        )
    if len(parts) > MAX_DEPTH:
        raise InvalidInput(f"A path may have {MAX_DEPTH} parts at most.", code="path_too_deep", field="source")
    return parts


def is_glob(pattern: str) -> bool:
    """True if the pattern can match other names than its own."""
    return _MAGIC.search(pattern) is not None


@lru_cache(maxsize=512)
def _part_matcher(part: str) -> re.Pattern[str]:
    # Repeated stars match the same and would only make matching slower.
    return re.compile(fnmatch.translate(re.sub(r"\*{2,}", "*", part)))


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
                    if entry.is_dir():
                        folders.append((entry.name, path))
                    elif entry.is_file():
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
            folders, files = self.entries(folder, _part_matcher(head))
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


def find(place: Place, limit: int, limits: Limits = DEFAULT_LIMITS) -> Found:
    """Files of a place in natural order, at most `limit`.

    Raises InvalidInput for a path that cannot be, SourceProblem if the datastore's folder cannot be read.
    """
    if isinstance(place, FilesPlace):
        return Found(place.files[:limit], len(place.files) > limit)
    if not place.paths:
        raise InvalidInput("Name at least one path.", code="path_empty", field="source")
    if len(place.paths) > MAX_PATTERNS:
        raise InvalidInput(
            f"A dataset may have {MAX_PATTERNS} paths at most; a glob covers many files.",
            code="too_many_paths",
            field="source",
        )
    patterns = [pattern_parts(pattern) for pattern in place.paths]
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


def data_files(files: tuple[LocalFile, ...]) -> tuple[LocalFile, ...]:
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
