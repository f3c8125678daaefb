"""What paths and globs match in a container, as a `FileSource`."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import lru_cache

from services.azure.storage.ahead import Ahead
from services.azure.storage.container import Blob, Container
from services.azure.storage.files import BlobFile
from services.errors import SourceProblem
from services.reading.display import quoted
from services.reading.limits import Limits
from services.reading.patterns import checked_patterns, is_glob, natural_key, pattern_parts
from services.reading.places import Found

_SHOWN = 5
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class BlobSource:
    """Paths and globs of one container, open for reading. above: what a person's paths begin with, "" or an address."""

    container: Container
    paths: tuple[str, ...]
    ahead: Ahead
    above: str = ""

    def find(self, limit: int, limits: Limits) -> Found[BlobFile]:
        """Blobs in natural order, each once; of more than `limit` those whose names come first.

        Raises InvalidInput, SourceProblem, NotAllowed, Unavailable.
        """
        found: dict[str, Blob] = {}
        looked_at = 0
        truncated = False
        for parts in checked_patterns(self.paths):
            for blobs in self._candidates(parts):
                looked_at += len(blobs)
                wanted = matcher(parts)
                for blob in blobs:
                    if wanted.fullmatch(blob.name) and blob.name not in found:
                        if len(found) >= limit:
                            truncated = True
                            break
                        found[blob.name] = blob
                if truncated or looked_at > limits.scan_entries:
                    truncated = True
                    break
        ordered = sorted(found.values(), key=lambda blob: natural_key(blob.name))
        files = tuple(BlobFile(f"{self.above}{blob.name}", blob, self.container, self.ahead) for blob in ordered)
        return Found(files, truncated)

    def nothing_matches(self) -> SourceProblem:
        """The sentence for no match, with what the nearest folder has."""
        pattern = self.paths[0]
        parts = pattern_parts(pattern)
        folder = "".join(f"{part}/" for part in itertools.takewhile(lambda part: not is_glob(part), parts[:-1]))
        names = self._names(folder)
        while folder and not names:
            folder = folder.rstrip("/").rpartition("/")[0]
            folder = f"{folder}/" if folder else ""
            names = self._names(folder)
        place = f"datastore {quoted(self.container.datastore)}" if not self.above else "container"
        what = (
            "None of the paths matches" if len(self.paths) > 1 else f"The path {quoted(self.above + pattern)} matches"
        )
        what += "" if len(self.paths) > 1 else " nothing"
        where = f"folder {quoted(folder.rstrip('/'))}" if folder else place
        there = ", ".join(quoted(name, 60) for name in names)
        hint = f"The {where} has {there}" if names else f"The {where} is empty"
        return SourceProblem(f"{what} in the {place}. {hint}.", code="nothing_matches", field="source")

    def _names(self, folder: str) -> list[str]:
        page = self.container.page(folder, flat=False, size=50)
        names = [*page.folders, *(blob.name for blob in page.blobs)]
        return [name.removeprefix(folder) for name in sorted(names, key=natural_key)[:_SHOWN]]

    def _candidates(self, parts: tuple[str, ...]) -> itertools.chain[tuple[Blob, ...]]:
        """Pages of blobs among which are all that the pattern matches."""
        prefix = literal_prefix(parts)
        if not any(is_glob(part) for part in parts):
            if not parts:
                return itertools.chain(page.blobs for page in self.container.pages(""))
            # The blob of this very name comes before all others that begin with it; then the folder of this name.
            itself = self.container.page(prefix, size=1)
            below = (page.blobs for page in self.container.pages(f"{prefix}/"))
            return itertools.chain((itself.blobs,), below)
        # A glob in the last part alone wants one folder, however much there is in the folders below it.
        flat = "**" in parts or any(is_glob(part) for part in parts[:-1])
        return itertools.chain(page.blobs for page in self.container.pages(prefix, flat=flat))


def literal_prefix(parts: tuple[str, ...]) -> str:
    """What the names of all matching blobs begin with, as long as can be told: ("a", "b*c", "d") -> "a/b"."""
    names: list[str] = []
    for part in parts:
        found = _MAGIC.search(part)
        if found is not None:
            return "/".join([*names, part[: found.start()]])
        names.append(part)
    return "/".join(names)


@lru_cache(maxsize=128)
def matcher(parts: tuple[str, ...]) -> re.Pattern[str]:
    """What whole names a pattern matches; the same as for local folders.

    A path without a glob means the file of this name and all files below the folder of this name; so does one whose
    last part is literal behind a glob. `**` at the end means all files below.
    """
    pattern = ""
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "**":
            pattern += r"(?:[^/]*/)*" + ("[^/]+" if last else "")
        else:
            pattern += _part(part) + ("" if last else "/")
    if not parts:
        return re.compile(r".*", re.DOTALL)
    if not is_glob(parts[-1]):
        pattern += r"(?:/.*)?"
    return re.compile(pattern, re.DOTALL)


def _part(part: str) -> str:
    pattern, position = "", 0
    while position < len(part):
        character = part[position]
        position += 1
        if character == "*":
            pattern += "" if pattern.endswith("[^/]*") else "[^/]*"
        elif character == "?":
            pattern += "[^/]"
        elif character == "[" and (end := part.find("]", position + 1 + part.startswith("!", position))) >= 0:
            inside = part[position:end].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            pattern += f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
            position = end + 1
        else:
            pattern += re.escape(character)
    return pattern
