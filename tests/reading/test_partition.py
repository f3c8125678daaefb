"""Partition formats: SDK v1's syntax."""

from __future__ import annotations

from datetime import datetime

import pytest

from services.datasets.model import ColumnType
from services.errors import InvalidInput, SourceProblem
from services.reading.partition import PartitionValue, parse_partition_format


def moment(year: int, month: int = 1, day: int = 1, *time: int) -> datetime:
    hour, minute, second = time or (0, 0, 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a partition's date has no zone


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (
            "/{Department}/{PartitionDate:yyyy/MM/dd}/data.parquet",  # the example of SDK v1's documentation
            "x/Accounts/2019/01/01/data.parquet",
            {"Department": "Accounts", "PartitionDate": moment(2019, 1, 1)},
        ),
        ("{y:yyyy}/d.csv", "2013/d.csv", {"y": moment(2013, 1, 1)}),
        ("p/{y}/d.csv", "/a/p/x/d.csv", {"y": "x"}),
        ("/{y}/*.csv", "2013/anything.csv", {"y": "2013"}),
        ("/{y}/{f}.csv", "2013/part-1.csv", {"y": "2013", "f": "part-1"}),
        ("flights-{t:yyyyMMddHHmmss}.csv", "flights-20130102030405.csv", {"t": moment(2013, 1, 2, 3, 4, 5)}),
        ("/year={y}/month={m}/*.parquet", "d/year=2013/month=7/0.parquet", {"y": "2013", "m": "7"}),
    ],
)
def test_values(text: str, path: str, expected: dict[str, PartitionValue]) -> None:
    format_ = parse_partition_format(text)
    assert dict(zip((name for name, _ in format_.columns), format_.values(path), strict=True)) == expected


def test_types() -> None:
    columns = parse_partition_format("/{a}/{b:yyyy-MM}/x").columns
    assert columns == (("a", ColumnType.STRING), ("b", ColumnType.DATETIME))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/{y:yyyy}/d.csv", "13/d.csv"),
        ("/{y:yyyy}/d.csv", "2013/e.csv"),
        ("/{y:yyyy/MM}/d.csv", "2013/13/d.csv"),
        ("/{a}/{b}/d.csv", "x/d.csv"),
        ("/{a}/d.csv", "x/d.csv.gz"),
        ("{a}p/d.csv", "x/p/d.csv"),
    ],
)
def test_paths_that_do_not_fit(text: str, path: str) -> None:
    with pytest.raises(SourceProblem) as problem:
        parse_partition_format(text).values(path)
    assert problem.value.field == "partition_format"
    assert path in problem.value.sentence


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/data.parquet", "no key"),
        ("/{}/x", "needs a name"),
        ("/{a}/{a}/x", "twice"),
        ("/{a:MM}/x", "yyyy"),
        ("/{a:yyyy/QQ}/x", "yyyy"),
        ("/{a:yyyy/yyyy}/x", "yyyy"),
        ("/{a/x", "brace|key"),
        ("/{a}/}x", "brace"),
    ],
)
def test_formats_that_are_none(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as problem:
        parse_partition_format(text)
    assert "Example: /{department}" in problem.value.sentence
