"""What is told of a form before any file is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.datasets.form_check import (
    encoding_name,
    form_problems,
    partition_format_problem,
    path_problem,
    url_problem,
)
from services.datasets.model import (
    ColumnType,
    DatasetType,
    DatastoreSource,
    Definition,
    FileFormat,
    Format,
    NameCheck,
    Source,
    WebSource,
)
from tests.datasets.world import files, request, table

FREE = NameCheck("sales", None, exists=False, next_version=1)


def fields(definition: Definition, **other: object) -> list[str]:
    filled = replace(request(definition=definition), **other)  # type: ignore[arg-type] # forwarded
    return [problem.field for problem in form_problems(filled, FREE)]


def test_a_good_form_has_no_problems() -> None:
    assert fields(table("sales/**/*.csv", timestamp_column="day")) == []
    assert fields(files("a.png", "b/[x].png")) == []


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("sales/*.csv", True),
        ("a..b/c", True),
        ("2024:01/a b.csv", True),
        ("sales:1.csv", True),
        ("", False),
        ("  ", False),
        ("/etc/passwd", False),
        ("~/x", False),
        ("../x", False),
        ("a/../../x", False),
        ("a\\b", False),
        ("C:/x", False),
        ("https://example.com/x", False),
        ("wasbs://x", False),
        ("a\nb", False),
        ("a" * 1025, False),
    ],
)
def test_paths(path: str, fine: bool) -> None:
    assert (path_problem(path) is None) is fine
    assert fields(files(path)) == ([] if fine else ["paths"])


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://example.com/a.csv", True),
        ("http://example.com:8080/a%20b.csv?x=1", True),
        ("ftp://example.com/a.csv", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://user:secret@example.com/a.csv", False),
        ("https://account.blob.core.windows.net/data/a.csv?sv=2024-11-04&sp=rl&sig=bm90LXJlYWw%3D", False),
        ("https://example.com/a.csv?signature=1", True),
        ("https://example.com:port/", False),
        ("https://[::1", False),
        ("https://example.com/a b", False),
        ("", False),
    ],
)
def test_urls(url: str, fine: bool) -> None:
    problem = url_problem(url)
    assert (problem is None) is fine
    assert "secret" not in (problem or "")


@pytest.mark.parametrize(
    ("source", "field"),
    [
        (DatastoreSource("", ("a",)), "datastore"),
        (DatastoreSource("s", ()), "paths"),
        (DatastoreSource("s", ("a",) * 101), "paths"),
        (WebSource(()), "urls"),
        (WebSource(("nonsense",)), "urls"),
    ],
)
def test_sources(source: Source, field: str) -> None:
    assert fields(Definition(DatasetType.FILE, source)) == [field]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Format(FileFormat.DELIMITED, "\t"), []),
        (Format(FileFormat.DELIMITED, ""), ["delimiter"]),
        (Format(FileFormat.DELIMITED, "||"), ["delimiter"]),
        (Format(FileFormat.DELIMITED, "\n"), ["delimiter"]),
        (Format(FileFormat.DELIMITED, encoding="rot13"), ["encoding"]),
        (Format(FileFormat.DELIMITED, encoding="klingon"), ["encoding"]),
        (Format(FileFormat.PARQUET, "", encoding=""), []),
    ],
)
def test_formats(how: Format, expected: list[str]) -> None:
    assert fields(table("a", how=how)) == expected


def test_encodings_are_those_of_sdk_v1() -> None:
    for name in ("utf8", "iso88591", "latin1", "ascii", "utf16", "utf32", "utf8bom", "windows1252"):
        assert encoding_name(name) is not None, name


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("/{year}/{month}/data.parquet", True),
        ("/{day:yyyy/MM/dd}/*.csv", True),
        ("/{{literal}}/{x}", True),
        ("/2024/data.csv", False),
        ("/{year/data", False),
        ("/{a{b}}", False),
        ("/{}/x", False),
        ("/{a:}/x", False),
        ("/{a:MM}/x", False),
        ("/{a:yyyy}/{b:yyyy}", False),
        ("/{a}/{a}", False),
    ],
)
def test_partition_formats(text: str, fine: bool) -> None:
    assert (partition_format_problem(text) is None) is fine
    assert fields(replace(table("a"), partition_format=text)) == ([] if fine else ["partition_format"])


def test_columns() -> None:
    assert fields(replace(files("a"), timestamp_column="day")) == ["timestamp_column"]
    assert fields(replace(files("a"), column_types=(("a", ColumnType.STRING),))) == ["column_types"]
    number = replace(table("a", timestamp_column="day"), column_types=(("day", ColumnType.INTEGER),))
    assert fields(number) == ["timestamp_column"]
    twice = replace(table("a"), column_types=(("a", ColumnType.STRING), ("a", ColumnType.INTEGER)))
    assert fields(twice) == ["column_types"]
    assert fields(replace(table("a"), column_types=(("a", ColumnType.OTHER),))) == ["column_types"]


def test_curation() -> None:
    assert fields(table("a"), description="x" * 5001) == ["description"]
    assert fields(table("a"), tags=(("status", "deprecated"),)) == ["tags"]
    assert fields(table("a"), tags=(("k" * 101, "v"),)) == ["tags"]


def test_several_problems_come_in_the_order_of_the_form() -> None:
    filled = replace(request(definition=table("../x", how=Format(FileFormat.DELIMITED, ""))), tags=(("", "x"),))
    taken = NameCheck("sales", None, exists=True, next_version=4, type=DatasetType.FILE)
    assert [problem.field for problem in form_problems(filled, taken)] == ["name", "type", "paths", "delimiter", "tags"]
