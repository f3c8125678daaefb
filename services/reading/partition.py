"""Partition formats: columns out of paths, by the syntax of SDK v1.

`{name}` makes a text column, `{name:yyyy/MM/dd/HH/mm/ss}` (or a beginning of that) a date and time column. The format
describes the end of the path, from the first partition key on: "/{Department}/{Date:yyyy/MM/dd}/data.parquet".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from services.datasets.model import ColumnType
from services.errors import InvalidInput, SourceProblem
from services.reading.display import quoted

_KEY = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_TOKENS = {"yyyy": 4, "MM": 2, "dd": 2, "HH": 2, "mm": 2, "ss": 2}
_TOKEN = re.compile("|".join(_TOKENS))
PartitionValue = str | datetime


@dataclass(frozen=True, slots=True)
class PartitionFormat:
    """A parsed partition format."""

    text: str
    columns: tuple[tuple[str, ColumnType], ...]
    _pattern: re.Pattern[str]
    _tokens: tuple[tuple[str, ...], ...]  # for each column its date tokens, empty for text

    def values(self, path: str) -> tuple[PartitionValue, ...]:
        """The values of the columns in a path. Raises SourceProblem if the path does not fit."""
        match = self._pattern.search(path if path.startswith("/") else f"/{path}")
        if match is None:
            raise self._mismatch(path)
        groups = list(match.groups())
        values: list[PartitionValue] = []
        for tokens in self._tokens:
            if not tokens:
                values.append(str(groups.pop(0)))
                continue
            parts = {token: int(groups.pop(0)) for token in tokens}
            try:
                values.append(
                    datetime(  # noqa: DTZ001 - a partition's date has no zone
                        parts["yyyy"],
                        parts.get("MM", 1),
                        parts.get("dd", 1),
                        parts.get("HH", 0),
                        parts.get("mm", 0),
                        parts.get("ss", 0),
                    )
                )
            except ValueError:
                raise self._mismatch(path) from None
        return tuple(values)

    def _mismatch(self, path: str) -> SourceProblem:
        return SourceProblem(
            f"The path {quoted(path)} does not end like the partition format {quoted(self.text)}. "
            "Change the format, or narrow the path.",
            code="partition_mismatch",
            field="partition_format",
        )


def parse_partition_format(text: str) -> PartitionFormat:
    """Parse a partition format. Raises InvalidInput, with an example, for what is none."""
    pattern: list[str] = []
    columns: list[tuple[str, ColumnType]] = []
    tokens: list[tuple[str, ...]] = []
    position = 0
    for key in _KEY.finditer(text):
        pattern.append(_literal(text, text[position : key.start()]))
        position = key.end()
        name, times = key.group(1).strip(), key.group(2)
        if not name:
            raise _invalid(text, "a key needs a name")
        if name in dict(columns):
            raise _invalid(text, f"{quoted(name, 60)} is there twice")
        if times is None:
            pattern.append("([^/]+?)")
            columns.append((name, ColumnType.STRING))
            tokens.append(())
            continue
        found = tuple(_TOKEN.findall(times))
        if "yyyy" not in found or len(set(found)) != len(found) or re.search("[A-Za-z]", _TOKEN.sub("", times)):
            raise _invalid(text, f"{quoted(times, 60)} is not made of yyyy, MM, dd, HH, mm and ss, with yyyy")
        pattern.append(_times_pattern(times))
        columns.append((name, ColumnType.DATETIME))
        tokens.append(found)
    if not columns:
        raise _invalid(text, "it has no key in braces")
    pattern.append(_literal(text, text[position:]))
    # Anchored at a part's beginning, so that "{year}/…" means a whole folder name.
    start = "" if text.startswith("/") else "(?:^|/)"
    return PartitionFormat(text, tuple(columns), re.compile(f"{start}{''.join(pattern)}$"), tuple(tokens))


def _literal(text: str, literal: str) -> str:
    if "{" in literal or "}" in literal:
        raise _invalid(text, "a brace is not closed")
    return re.escape(literal).replace(r"\*", "[^/]*")


def _times_pattern(times: str) -> str:
    pattern, position = "", 0
    for token in _TOKEN.finditer(times):
        pattern += re.escape(times[position : token.start()]) + rf"(\d{{{_TOKENS[token.group()]}}})"
        position = token.end()
    return pattern + re.escape(times[position:])


def _invalid(text: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"The partition format {quoted(text)} cannot be used: {reason}. "
        "Example: /{department}/{date:yyyy/MM/dd}/data.parquet",
        code="partition_format_invalid",
        field="partition_format",
    )
