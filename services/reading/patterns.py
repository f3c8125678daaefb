"""Paths and globs of a datastore: what they may look like, and what they match.

Patterns are those of Azure ML's data paths: `*`, `?` and `[..]` within one part of a path, `**` for any number of
folders, and a folder's path for all files below it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from functools import lru_cache

from services.errors import InvalidInput
from services.reading.display import quoted

MAX_PATTERNS = 100
MAX_PATTERN_LENGTH = 1024
MAX_DEPTH = 64
_DIGITS = re.compile(r"([0-9]{1,18})")
_MAGIC = re.compile(r"[*?\[]")
_DRIVE = re.compile(r"^[A-Za-z]:([/\\]|$)")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")


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


def checked_patterns(paths: Sequence[str]) -> list[tuple[str, ...]]:
    """The parts of every path or glob of a source. Raises InvalidInput for none, too many and impossible ones."""
    if not paths:
        raise InvalidInput("Name at least one path.", code="path_empty", field="source")
    if len(paths) > MAX_PATTERNS:
        raise InvalidInput(
            f"A dataset may have {MAX_PATTERNS} paths at most; a glob covers many files.",
            code="too_many_paths",
            field="source",
        )
    return [pattern_parts(path) for path in paths]


@lru_cache(maxsize=512)
def part_matcher(part: str) -> re.Pattern[str]:
    """What one part of a pattern matches: the name of one file or folder."""
    # Repeated stars match the same and would only make matching slower.
    return re.compile(fnmatch.translate(re.sub(r"\*{2,}", "*", part)))
