"""Delimited text: what is read, and what is told when it cannot be."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.datasets.model import ColumnType, HeaderMode
from services.errors import InvalidInput, SourceProblem
from services.reading.delimited import unique_names
from services.reading.limits import MIB, Limits
from services.reading.listing import find
from services.reading.text import windows
from tests.reading.places import CSV, delimited, inspect, place, tabular, write

HEADER = "id,name,when,price,ok\n"
ROWS = "1,ann,2013-01-02,1.5,true\n2,,2013-01-03T10:00:00,2,false\n3,bob,,,\n"


def types(root: Path, **options: object) -> dict[str, ColumnType]:
    return {column.name: column.type for column in inspect(root, tabular(), **options).schema}  # type: ignore[arg-type]


def test_schema_rows_and_count(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", HEADER + ROWS)
    seen = inspect(tmp_path, tabular())
    assert [(column.name, str(column.type), column.nullable) for column in seen.schema] == [
        ("id", "integer", False),
        ("name", "string", True),
        ("when", "datetime", True),
        ("price", "decimal", True),
        ("ok", "boolean", True),
    ]
    assert seen.rows == (
        ("1", "ann", "2013-01-02", "1.5", "true"),
        ("2", None, "2013-01-03 10:00:00", "2", "false"),
        ("3", "bob", None, None, None),
    )
    assert seen.row_count == 3
    assert seen.format == CSV
    assert seen.notes == ()


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-8-sig", "utf-8"),
        ("cp1252", "cp1252"),
        ("latin-1", "latin-1"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, written: str) -> None:
    write(tmp_path, "a.csv", "näme;größe\nJürgen;1\nZoë;2\n".encode(written))
    seen = inspect(tmp_path, tabular(format=delimited(";", encoding=encoding)))
    assert [column.name for column in seen.schema] == ["näme", "größe"]
    assert seen.rows == (("Jürgen", "1"), ("Zoë", "2"))
    assert inspect(tmp_path, tabular(), guess=True).rows == seen.rows


def test_quoted_values_keep_delimiters_quotes_and_newlines(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", 'a,b\n"x,y","say ""hi"""\n"two\nlines",z\n')
    assert inspect(tmp_path, tabular()).rows == (("x,y", 'say "hi"'), ("two\\nlines", "z"))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings(tmp_path: Path, ending: str, last: bool) -> None:
    write(tmp_path, "a.csv", ending.join(["a,b", "1,x", "2,y"]) + (ending if last else ""))
    seen = inspect(tmp_path, tabular())
    assert seen.rows == (("1", "x"), ("2", "y"))
    assert [column.name for column in seen.schema] == ["a", "b"]


def test_gzip(tmp_path: Path) -> None:
    write(tmp_path, "a.csv.gz", gzip.compress((HEADER + ROWS).encode()))
    assert inspect(tmp_path, tabular()).row_count == 3


def test_no_header(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "1,x\n2,y\n")
    seen = inspect(tmp_path, tabular(format=delimited(header=HeaderMode.NONE)))
    assert [column.name for column in seen.schema] == ["Column1", "Column2"]
    assert seen.row_count == 2


def test_header_in_the_first_file_only(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "a,b\n1,x\n")
    write(tmp_path, "2.csv", "2,y\n3,z\n")
    seen = inspect(tmp_path, tabular(format=delimited(header=HeaderMode.FIRST_FILE_ONLY)))
    assert seen.rows == (("1", "x"), ("2", "y"), ("3", "z"))


def test_blank_lines_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "\n\na,b\n\n1,x\n\n\n2,y\n\n")
    assert inspect(tmp_path, tabular()).rows == (("1", "x"), ("2", "y"))


def test_repeated_and_empty_names_are_made_unique_as_azure_ml_does(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,x,\n1,2,3\n")
    seen = inspect(tmp_path, tabular())
    assert [column.name for column in seen.schema] == ["x", "x_1", "Column3"]
    assert seen.notes == ("Column names have to differ, as in Azure ML: “x” is read as “x_1”.",)


@given(st.lists(st.sampled_from(["a", "a_1", "a_1_1", "", "Column2", "b"]), min_size=1, max_size=8).map(tuple))
def test_names_are_always_unique(raw: tuple[str, ...]) -> None:
    names, _ = unique_names(raw)
    assert len(set(names)) == len(names) == len(raw)
    assert all(names)


def test_the_wrong_delimiter_is_doubted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a;b;c\n1;2;3\n4;5;6\n")
    seen = inspect(tmp_path, tabular())
    assert len(seen.schema) == 1
    assert seen.notes == (
        "Read with a comma there is one column; with a semicolon there would be 3. "
        "Change the delimiter if that is what you mean.",
    )


def test_one_column_is_not_doubted_without_reason(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "word\nx\ny\n")
    assert inspect(tmp_path, tabular()).notes == ()


def problem(root: Path, **options: object) -> SourceProblem:
    with pytest.raises(SourceProblem) as caught:
        inspect(root, tabular(**options))  # type: ignore[arg-type]
    assert caught.value.sentence.endswith(".")
    assert caught.value.sentence.isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ("", "empty_file", "“a.csv” is empty."),
        ("\n\n\n", "empty_file", "only blank lines"),
        ("a,b\n", "no_rows", "“a.csv” has a header but no rows"),
        ("a,b\n1,2\n3\n", "ragged_rows", "“a.csv”, line 3: 1 value where 2 columns are expected (“3”)"),
        ('a,b\n"x\ny",2\n\n1,2,3\n', "ragged_rows", "line 5: 3 values where 2 columns"),
        (bytes(range(256)) * 8, "not_text", "not text"),
        (b"a,b\n1,\x00\n", "not_text", "not text"),
        (b"PAR1xxxx", "format_wrong", "is a Parquet file. Choose Parquet"),
        (b"PK\x03\x04xxxx", "format_unreadable", "ZIP archive"),
        ("a,b\n1,x\n2,näh\n".encode("cp1252"), "encoding_wrong", "not written in utf-8 (line 3)"),
        (gzip.compress(b"a,b\n" * 10000, mtime=0)[:-30], "gzip_damaged", "damaged gzip"),
    ],
)
def test_problems(tmp_path: Path, content: str | bytes, code: str, told: str) -> None:
    write(tmp_path, "a.csv", content)
    caught = problem(tmp_path)
    assert told in caught.sentence
    assert caught.code == code


def test_the_encoding_that_fits_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a,b\n1,ä\n".encode("cp1252"))
    assert "probably cp1252" in problem(tmp_path).sentence
    write(tmp_path, "a.csv", "a,b\n1,ä\n".encode("utf-16"))
    assert "probably utf-16" in problem(tmp_path).sentence


def test_the_line_of_a_ragged_row_is_right_in_later_windows(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a,b\n" + "1,2\n" * 5000 + "1,2,3\n" + "1,2\n" * 5000)
    with pytest.raises(SourceProblem, match="line 5,002:"):
        inspect(tmp_path, tabular(), limits=Limits(window_bytes=1000, inference_rows=20_000))


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", 'a,b\n1,2\n1,"open\n' + "3,4\n" * 20_000)
    with pytest.raises(SourceProblem) as caught:
        inspect(tmp_path, tabular(), limits=Limits(window_bytes=4096, row_bytes=10_000))
    assert caught.value.code == "row_too_long"
    assert "from line 3 on. Often a quotation mark is never closed" in caught.value.sentence


def test_a_huge_line(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a,b\n1," + "x" * 100_000 + "\n")
    with pytest.raises(SourceProblem, match=r"longer than 9\.8 KiB"):
        inspect(tmp_path, tabular(), limits=Limits(window_bytes=4096, row_bytes=10_000))


def test_a_packed_row_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    write(tmp_path, "a.csv.gz", gzip.compress(b"a,b\n1," + b"x" * (40 * MIB), mtime=0))
    with pytest.raises(SourceProblem, match=r"row longer than 16 MiB from line 2 on"):
        inspect(tmp_path, tabular())


def test_a_large_value_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", 'a,b\n1,"' + "x\n" * 200_000 + '"\n2,y\n')
    seen = inspect(tmp_path, tabular())
    assert seen.row_count == 2
    assert seen.rows[1] == ("2", "y")


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("a,c\n1,2\n", "“b” only in the first, “c” only in the second"),
        ("a\n1\n", "“b” only in the first"),
        ("a,b,c,d\n1,2,3,4\n", "“c”, “d” only in the second"),
        ("b,a\n1,2\n", "in another order"),
    ],
)
def test_mixed_headers_name_files_and_columns(tmp_path: Path, second: str, told: str) -> None:
    write(tmp_path, "1.csv", "a,b\n1,2\n")
    write(tmp_path, "2.csv", second)
    caught = problem(tmp_path)
    assert caught.code == "mixed_schemas"
    assert "“1.csv” and “2.csv” differ" in caught.sentence
    assert told in caught.sentence


def test_mixed_widths_without_a_header(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "1,2\n")
    write(tmp_path, "2.csv", "1,2,3\n")
    assert (
        "“1.csv” has 2 columns and “2.csv” has 3"
        in problem(tmp_path, format=delimited(header=HeaderMode.NONE)).sentence
    )


def test_empty_files_among_others_are_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "")
    write(tmp_path, "2.csv", "a\n1\n")
    write(tmp_path, "_SUCCESS", "")
    seen = inspect(tmp_path, tabular())
    assert seen.row_count == 1
    assert seen.notes == ("1 file without content left out, e.g. “1.csv”.",)


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "é"])
def test_delimiters_that_are_none(tmp_path: Path, delimiter: str) -> None:
    write(tmp_path, "a.csv", "a,b\n1,2\n")
    with pytest.raises(InvalidInput) as caught:
        inspect(tmp_path, tabular(format=delimited(delimiter)))
    assert caught.value.field == "delimiter"


def test_markup_and_control_characters_stay_text(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a,b\n<!channel>,\x1b[31m\u202e\n" + "x" * 500 + ",y\n")
    rows = inspect(tmp_path, tabular()).rows
    assert rows[0] == ("<!channel>", "\\x1b[31m\\u202e")
    cut = rows[1][0]
    assert cut is not None
    assert len(cut) == 200
    assert cut.endswith("…")


values = st.text(alphabet='abc ,"\n\t;é', max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=30), st.integers(20, 200))
def test_any_windows_give_the_same_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int
) -> None:
    import csv
    import io

    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    root = tmp_path_factory.mktemp("windows")
    write(root, "a.csv", buffer.getvalue())
    (file,) = find(place(root, "a.csv"), 1).files
    limits = Limits(window_bytes=size, row_bytes=10_000)
    read = [window.data.decode() for window in windows(file, "utf-8", limits, quotes=True)]
    parsed = [tuple(row) for part in read for row in csv.reader(io.StringIO(part, newline=""))]
    assert parsed == [tuple(row) for row in csv.reader(io.StringIO(buffer.getvalue(), newline=""))]
