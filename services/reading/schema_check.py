"""Do files that are read as one table have the same columns?"""

from __future__ import annotations

from collections.abc import Sequence

from services.datasets.model import ColumnType
from services.errors import SourceProblem
from services.reading.chunks import FileColumns
from services.reading.display import quoted

_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
_NAMED = 3


def same_columns(files: Sequence[FileColumns], *, ordered: bool) -> None:
    """Raise SourceProblem, naming two files and what differs, unless all have the columns of the first.

    ordered: positions count too (delimited text). Types count where both are known; integer and decimal agree.
    """
    first = files[0]
    expected = dict(first.columns)
    for other in files[1:]:
        actual = dict(other.columns)
        missing = [name for name in expected if name not in actual]
        extra = [name for name in actual if name not in expected]
        if missing or extra:
            raise _mixed(first, other, _names_differ(missing, extra))
        for name, type_ in actual.items():
            if not _agree(expected[name], type_):
                raise _mixed(first, other, f"{quoted(name, 60)} is {expected[name]} in one and {type_} in the other")
        if ordered and [name for name, _ in first.columns] != [name for name, _ in other.columns]:
            raise _mixed(first, other, "the columns are the same, but in another order")


def _agree(one: ColumnType | None, other: ColumnType | None) -> bool:
    return one is None or other is None or one is other or {one, other} <= _NUMBERS


def _names_differ(missing: list[str], extra: list[str]) -> str:
    told: list[str] = []
    if missing:
        told.append(f"{_some(missing)} only in the first")
    if extra:
        told.append(f"{_some(extra)} only in the second")
    return ", ".join(told)


def _some(names: list[str]) -> str:
    shown = ", ".join(quoted(name, 60) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown


def _mixed(first: FileColumns, other: FileColumns, difference: str) -> SourceProblem:
    return SourceProblem(
        f"The columns of {quoted(first.file.path)} and {quoted(other.file.path)} differ: {difference}. "
        "Narrow the path so that it matches files of one kind.",
        code="mixed_schemas",
        field="source",
    )
