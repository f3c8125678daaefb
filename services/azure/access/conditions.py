"""Conditions of role assignments that open only some paths of a container, and reading them back.

Only what `condition_for` writes is understood. Everything else, however harmless it looks, is not: then access is not
proven. Format: learn.microsoft.com, "Azure role assignment condition format and syntax", and the example "Read or list
blobs in named containers with a path". The container itself is the assignment's scope and needs no clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.access.model import Level
from services.access.places import contains
from services.azure.access.roles import BLOBS
from services.errors import InvalidInput

MAX_BYTES = 8 * 1024
"""How long a condition may be, in UTF-8."""

VERSION = "2.0"

_PATH = f"@Resource[{BLOBS}:path]"
_PREFIX = f"@Request[{BLOBS}:prefix]"
_READ = f"!(ActionMatches{{'{BLOBS}/read'}} AND NOT SubOperationMatches{{'Blob.List'}})"
_LIST = f"!(ActionMatches{{'{BLOBS}/read'}} AND SubOperationMatches{{'Blob.List'}})"
_CHANGE = " AND ".join(
    f"!(ActionMatches{{'{BLOBS}/{action}'}})" for action in ("write", "add/action", "delete", "move/action")
)
"""All of Storage Blob Data Contributor that changes blobs: one action left out would open every path by it."""

# What may stand in a literal. Azure documents no way to write an apostrophe or a backslash in one, so that a path with
# them cannot be named without the danger of ending the literal early, which would open what nobody decided.
_UNUSABLE = re.compile(r"['\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]|[\ud800-\udfff]")
# Segments that a server may resolve before it looks a blob up, so that the path is of another one.
_ELSEWHERE = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)|\\")
_TERM = re.compile(r"(@Re[a-z]+)\[[^\]]+:(path|prefix)\] (StringEquals|StringStartsWith) '([^']*)'")


@dataclass(frozen=True, slots=True)
class Paths:
    """What a condition opens. prefixes: as in `DataPlace`, never "". write: it is one for the role that writes.

    directories: each prefix is also a directory that may itself be looked at and listed by its bare name, as ADLS Gen2
    does; on flat storage a listing by a bare name also shows names of siblings that begin alike.
    """

    prefixes: tuple[str, ...]
    write: bool
    directories: bool = False

    def cover(self, prefixes: Iterable[str], level: Level) -> bool:
        """Does it open all of these?"""
        wanted = tuple(prefixes)
        if level is Level.WRITE and not self.write:
            return False
        return all(any(contains(outer, inner) for outer in self.prefixes) for inner in wanted)


def outermost(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Sorted, without those that lie within another."""
    found = sorted(set(prefixes))
    return tuple(one for one in found if not any(other != one and contains(other, one) for other in found))


def unusable_prefix(prefixes: Iterable[str]) -> str:
    """The first prefix that no condition can name, "" when there is none."""
    return next((each for each in prefixes if _UNUSABLE.search(each) or _ELSEWHERE.search(each)), "")


def leads_elsewhere(prefixes: Iterable[str]) -> bool:
    """Is there one of which nobody can tell where it leads: with “..”, “.” or a backslash?"""
    return any(_ELSEWHERE.search(each) for each in prefixes)


def condition_for(prefixes: Iterable[str], level: Level, *, directories: bool = False) -> str:
    """The condition that opens these prefixes of a container, "" when one of them is all of it.

    Raises InvalidInput for a path that no condition can name and for more paths than one can hold.
    """
    wanted = tuple(prefixes)
    if not wanted:
        raise InvalidInput("There is no path to open.", code="no_paths")
    if "" in wanted:
        return ""
    bad = unusable_prefix(wanted)
    if bad:
        raise InvalidInput(
            "Azure cannot give access to a path alone that has an apostrophe, a backslash, a control character or "
            "“..” in it. Rename it, or ask for the folder above.",
            code="path_not_expressible",
        )
    if directories:
        wanted = tuple(each.rstrip("/") for each in wanted)
        if "" in wanted:
            return ""
    text = _rendered(Paths(outermost(wanted), level is Level.WRITE, directories))
    if len(text.encode()) > MAX_BYTES:
        raise InvalidInput(
            "Azure cannot hold that many paths of one container in the condition of one person's role. "
            "Ask for the folder above them, or end other access first.",
            code="condition_too_long",
        )
    return text


def paths_in(condition: str) -> Paths | None:
    """What a condition opens, None when it is not exactly one that `condition_for` writes."""
    terms = [(which, operator, value) for _, which, operator, value in _TERM.findall(condition)]
    starts = {value for which, operator, value in terms if (which, operator) == ("path", "StringStartsWith")}
    equals = {value for which, operator, value in terms if (which, operator) == ("path", "StringEquals")}
    prefixes = outermost(start[:-1] if start[:-1] in equals else start for start in starts if start.endswith("/"))
    if not prefixes:
        return None
    directories = any((which, operator) == ("prefix", "StringEquals") for which, operator, _ in terms)
    guess = Paths(prefixes, "blobs/write'" in condition, directories)
    return guess if same_condition(condition, _rendered(guess)) else None


def opens(condition: str, prefixes: Iterable[str], level: Level) -> bool:
    """Does an assignment with this condition provably open all of these? One without a condition does."""
    if not condition.strip():
        return True
    found = paths_in(condition)
    return found is not None and found.cover(prefixes, level)


def same_condition(one: str, other: str) -> bool:
    """The same text, but for spaces outside of literals."""
    return _tokens(one) == _tokens(other)


def spaced(condition: str) -> str:
    """The same text for all that are the same condition."""
    return " ".join(_tokens(condition))


def _tokens(condition: str) -> list[str]:
    return [each for each in re.findall(r"'[^']*'|[\w/.:]+|\S", condition) if each.strip()]


def _rendered(paths: Paths) -> str:
    by_path = " OR ".join(term for each in paths.prefixes for term in _path_terms(each))
    by_prefix = " OR ".join(term for each in paths.prefixes for term in _prefix_terms(each, paths.directories))
    parts = [f"(({_READ}) OR ({by_path}))", f"(({_LIST}) OR ({by_prefix}))"]
    if paths.write:
        parts.append(f"(({_CHANGE}) OR ({by_path}))")
    return " AND ".join(parts)


def _path_terms(prefix: str) -> tuple[str, ...]:
    if prefix.endswith("/"):
        return (f"{_PATH} StringStartsWith '{prefix}'",)
    # Not StringStartsWith alone: "sales/a.csv" must not open "sales/a.csv.old".
    return f"{_PATH} StringEquals '{prefix}'", f"{_PATH} StringStartsWith '{prefix}/'"


def _prefix_terms(prefix: str, directories: bool) -> tuple[str, ...]:
    folder = prefix if prefix.endswith("/") else f"{prefix}/"
    below = f"{_PREFIX} StringStartsWith '{folder}'"
    return (f"{_PREFIX} StringEquals '{prefix}'", below) if directories else (below,)
