"""JSON lines: values of any kind, and lines that are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from services.datasets.model import ColumnType
from services.errors import SourceProblem
from services.reading.limits import Limits
from tests.reading.places import JSON_LINES, inspect, tabular, write


def test_types_and_rows(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.jsonl",
        '{"i": 1, "f": 1, "s": "x", "b": true, "o": {"k": [1]}, "m": 1, "n": null}\n\n'
        '{"i": 2, "f": 2.5, "s": null, "b": false, "l": [1, 2], "m": "two", "n": null}\r\n',
    )
    seen = inspect(tmp_path, tabular(format=JSON_LINES))
    t = ColumnType
    assert {column.name: column.type for column in seen.schema} == {
        "i": t.INTEGER, "f": t.DECIMAL, "s": t.STRING, "b": t.BOOLEAN, "o": t.OTHER, "m": t.STRING, "n": t.STRING,
        "l": t.OTHER,
    }  # fmt: skip
    assert seen.rows == (
        ("1", "1", "x", "true", '{"k": [1]}', "1", None, None),
        ("2", "2.5", None, "false", None, "two", None, "[1, 2]"),
    )
    assert seen.row_count == 2


def test_types_meet_over_windows_and_files(tmp_path: Path) -> None:
    write(tmp_path, "1.jsonl", '{"a": 1, "b": null}\n' * 50)
    write(tmp_path, "2.jsonl", '{"a": 1.5, "b": 2.5}\n' * 50 + '{"a": null, "c": "x"}\n')
    seen = inspect(tmp_path, tabular(format=JSON_LINES), limits=Limits(window_bytes=200))
    assert [(column.name, str(column.type)) for column in seen.schema] == [
        ("a", "decimal"),
        ("b", "decimal"),
        ("c", "string"),
    ]
    assert seen.row_count == 101


def test_numbers_too_large_for_an_integer(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", '{"a": 99999999999999999999}\n{"a": 1}\n')
    assert inspect(tmp_path, tabular(format=JSON_LINES)).schema[0].type is ColumnType.DECIMAL


def test_objects_of_several_shapes_are_shown(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", '{"o": {"k": 1}}\n{"o": {"k": "x"}}\n{"o": [1]}\n')
    assert inspect(tmp_path, tabular(format=JSON_LINES)).rows == (('{"k":1}',), ('{"k":"x"}',), ("[1]",))


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ('{"a": 1}\n{"a": \n', "json_invalid", "Line 2 of “a.jsonl” is not JSON"),
        ('{"a": 1}\n5\n', "json_not_object", "Line 2 of “a.jsonl” is not a JSON object"),
        ('[{"a": 1},\n{"a": 2}]\n', "json_invalid", "Line 1"),
        ('[{"a": 1}, {"a": 2}]\n', "json_document", "one JSON document"),
        ('{\n  "a": 1\n}\n', "json_document", "one JSON document"),
        ("[\n1\n]", "json_document", "one JSON document"),
        ('{"": 1}\n', "unnamed_column", "without a name"),
        ("", "empty_file", "is empty"),
        ("\n\n", "no_rows", "has no rows"),
        ("a,b\n1,2\n", "json_invalid", "Line 1"),
        (b"PAR1....", "format_wrong", "Parquet"),
        (b'{"a": "\xff"}\n', "encoding_wrong", "not written in utf-8 (line 1)"),
        ('{"a": ' + "[" * 5000 + "]" * 5000 + "}\n", "json_invalid", "is not JSON"),
    ],
)
def test_problems(tmp_path: Path, content: str | bytes, code: str, told: str) -> None:
    write(tmp_path, "a.jsonl", content)
    with pytest.raises(SourceProblem) as caught:
        inspect(tmp_path, tabular(format=JSON_LINES))
    assert told in caught.value.sentence
    assert caught.value.code == code


def test_files_without_a_common_key_are_two_kinds(tmp_path: Path) -> None:
    write(tmp_path, "1.jsonl", '{"a": 1}\n')
    write(tmp_path, "2.jsonl", '{"b": 1}\n')
    with pytest.raises(SourceProblem, match=r"“1\.jsonl” and “2\.jsonl” differ"):
        inspect(tmp_path, tabular(format=JSON_LINES))


def test_gzip(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl.gz", gzip.compress(b'{"a": 1}\n'))
    assert inspect(tmp_path, tabular(), guess=True).rows == (("1",),)
