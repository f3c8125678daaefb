"""Types, overrides, timestamps, partitions, profiles, samples and quick drift, over real files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.datasets.model import ColumnType, DatasetType, DatastoreSource, Definition
from services.errors import InvalidInput, SourceProblem
from services.reading.limits import DEFAULT_LIMITS, Limits
from services.reading.listing import find
from services.reading.tabular import open_tabular
from tests.reading.places import CSV, JSON_LINES, PARQUET, inspect, place, preview, tabular, write


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", " 3 ", ""], ColumnType.INTEGER),
        (["007", "012"], ColumnType.INTEGER),  # as Azure ML
        (["9999999999999999999"], ColumnType.DECIMAL),
        (["1", "2.5", "1e3"], ColumnType.DECIMAL),
        (["nan", "1"], ColumnType.DECIMAL),
        (["1", "NA"], ColumnType.STRING),  # as Azure ML: only empty cells are null
        (["true", "False", ""], ColumnType.BOOLEAN),
        (["true", "1"], ColumnType.STRING),
        (["2013-01-02", "2013-01-03"], ColumnType.DATETIME),
        (["2013-01-02 10:00", "2013-01-02 11:00"], ColumnType.DATETIME),
        (["2013-01-02T10:00:00.1234567"], ColumnType.DATETIME),
        (["2013-01-02T10:00:00Z", "2013-01-02T10:00:00+02:00"], ColumnType.DATETIME),
        (["2013-01-02T10:00:00Z", "2013-01-02", "2013-01-02 10:00:00"], ColumnType.DATETIME),
        (["1/2/2013", "12/31/2013"], ColumnType.DATETIME),
        (["31/12/2013", "1/2/2013"], ColumnType.DATETIME),
        (["31/12/2013", "12/31/2013"], ColumnType.STRING),
        (["2013-13-01"], ColumnType.STRING),
        (["x", "1"], ColumnType.STRING),
        (["", ""], ColumnType.STRING),
    ],
)
def test_inferred_types(tmp_path: Path, values: list[str], kind: ColumnType) -> None:
    write(tmp_path, "a.csv", "k,v\n" + "".join(f"0,{value}\n" for value in values))
    assert inspect(tmp_path, tabular()).schema[1].type is kind


def test_ambiguous_dates_are_noted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "d,e\n1/2/2013,1/13/2013\n")
    assert inspect(tmp_path, tabular()).notes == ("Dates in “d” are read month first; they could also be day first.",)
    assert inspect(tmp_path, tabular()).rows == (("2013-01-02", "2013-01-13"),)


@pytest.mark.parametrize(
    ("kind", "values", "shown"),
    [
        (ColumnType.STRING, ["1", "2"], ["1", "2"]),
        (ColumnType.DECIMAL, ["1", "2"], ["1", "2"]),
        (ColumnType.INTEGER, ["1.0", "2.0"], ["1", "2"]),
        (ColumnType.BOOLEAN, ["1", "0"], ["true", "false"]),
        (ColumnType.DATETIME, ["2013-01-02", ""], ["2013-01-02", None]),
        (ColumnType.STREAM, ["a/b.jpg", "c.jpg"], ["a/b.jpg", "c.jpg"]),
    ],
)
def test_chosen_types(tmp_path: Path, kind: ColumnType, values: list[str], shown: list[str | None]) -> None:
    write(tmp_path, "a.csv", "k,v\n" + "".join(f"0,{value}\n" for value in values))
    seen = inspect(tmp_path, tabular(types={"v": kind}))
    assert seen.schema[1].type is kind
    assert [row[1] for row in seen.rows] == shown


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (ColumnType.INTEGER, "1.5"),
        (ColumnType.INTEGER, "x"),
        (ColumnType.DECIMAL, "1,5"),
        (ColumnType.BOOLEAN, "yes"),
        (ColumnType.DATETIME, "2013-02-30"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_column_and_row(tmp_path: Path, kind: ColumnType, bad: str) -> None:
    good = {"integer": "1", "decimal": "1.5", "boolean": "true", "datetime": "2013-01-01"}[kind]
    write(tmp_path, "1.csv", f"k,v\n0,{good}\n0,\n")
    write(tmp_path, "2.csv", f'k,v\n0,{good}\n0,"{bad}"\n')
    with pytest.raises(SourceProblem) as caught:
        inspect(tmp_path, tabular(types={"v": kind}))
    assert f"“v” cannot be read as {kind}: “{bad}” in “2.csv” row 2 does not fit" in caught.value.sentence
    assert (caught.value.code, caught.value.field) == ("value_unconvertible", "column_types")


def test_a_chosen_type_for_a_column_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "k,Value\n0,1\n")
    with pytest.raises(SourceProblem, match=r"There is no column “value”\. The columns are “Value”\.") as caught:
        inspect(tmp_path, tabular(types={"value": ColumnType.STRING}))
    assert caught.value.field == "column_types"


def test_timestamp_column(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "when,what\n2013-01-02,x\n,y\n")
    assert inspect(tmp_path, tabular(timestamp="when")).schema[0].type is ColumnType.DATETIME
    for column, code in (("what", "timestamp_unreadable"), ("then", "column_unknown")):
        with pytest.raises(SourceProblem) as caught:
            inspect(tmp_path, tabular(timestamp=column))
        assert (caught.value.code, caught.value.field) == (code, "timestamp_column")


def test_timestamp_in_json_text(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", '{"t": "2013-01-02T00:00:00Z"}\n')
    assert inspect(tmp_path, tabular(format=JSON_LINES)).schema[0].type is ColumnType.STRING
    assert inspect(tmp_path, tabular(format=JSON_LINES, timestamp="t")).schema[0].type is ColumnType.DATETIME


def test_partition_columns(tmp_path: Path) -> None:
    write(tmp_path, "north/2013/01/a.csv", "x\n1\n")
    write(tmp_path, "south/2013/02/a.csv", "x\n2\n")
    seen = inspect(tmp_path, tabular(partition="/{region}/{month:yyyy/MM}/a.csv", timestamp="month"))
    assert [(column.name, str(column.type)) for column in seen.schema] == [
        ("x", "integer"),
        ("region", "string"),
        ("month", "datetime"),
    ]
    assert seen.rows == (("1", "north", "2013-01-01"), ("2", "south", "2013-02-01"))
    assert preview(tmp_path, tabular(partition="/{region}/{month:yyyy/MM}/a.csv")).profile[1].distinct == 2


@pytest.mark.parametrize(
    ("partition", "code"), [("/{x}/{m:yyyy/MM}/a.csv", "partition_name_taken"), ("/{r}/b.csv", "partition_mismatch")]
)
def test_partition_problems(tmp_path: Path, partition: str, code: str) -> None:
    write(tmp_path, "north/2013/01/a.csv", "x\n1\n")
    with pytest.raises(SourceProblem) as caught:
        inspect(tmp_path, tabular(partition=partition))
    assert (caught.value.code, caught.value.field) == (code, "partition_format")


def test_profile(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "n,f,s,b\n" + "1,0.5,x,true\n2,1.5,y,false\n2,,x,\n3,2.5,,true\n")
    seen = preview(tmp_path, tabular(), rows=2)
    assert len(seen.rows) == 2
    assert (seen.profiled_rows, seen.complete) == (4, True)
    n, f, s, b = seen.profile
    assert (n.count, n.nulls, n.distinct, n.minimum, n.maximum, n.mean) == (4, 0, 3, "1", "3", 2.0)
    assert n.top == (("2", 2), ("1", 1), ("3", 1))
    assert (f.nulls, f.distinct, f.minimum, f.maximum, f.mean, f.top) == (1, 3, "0.5", "2.5", 1.5, ())
    assert (s.nulls, s.distinct, s.minimum, s.maximum, s.mean) == (1, 2, "x", "y", None)
    assert s.top == (("x", 2), ("y", 1))
    assert (b.top, b.minimum) == ((("true", 2), ("false", 1)), "false")


def test_file_datasets_show_files(tmp_path: Path) -> None:
    for index in range(25):
        write(tmp_path, f"{index}.bin", b"x" * index)
    definition = Definition(DatasetType.FILE, DatastoreSource("store", ("**",)))
    seen = preview(tmp_path, definition)
    assert [stamp.path for stamp in seen.files] == [f"{index}.bin" for index in range(20)]
    assert not seen.complete
    assert (len(seen.schema), len(seen.rows), len(seen.profile)) == (0, 0, 0)
    assert inspect(tmp_path, definition).listing.file_count == 25


def test_a_missing_format_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "a\n1\n")
    with pytest.raises(InvalidInput, match="Choose the format"):
        inspect(tmp_path, tabular(format=None))


def test_only_markers(tmp_path: Path) -> None:
    write(tmp_path, "_SUCCESS", "")
    with pytest.raises(SourceProblem, match="All matching files are empty"):
        inspect(tmp_path, tabular())


def ordered(root: Path, kind: str, files: int, rows: int) -> None:
    """Files whose one column counts up over all rows: where sample rows come from can be seen in them."""
    for index in range(files):
        numbers = range(index * rows, (index + 1) * rows)
        if kind == "parquet":
            pq_path = root / f"{index}.parquet"
            pq.write_table(pa.table({"n": numbers}), pq_path, row_group_size=rows // 3)
        elif kind == "csv":
            write(root, f"{index}.csv", "n,t\n" + "".join(f"{n},some text\n" for n in numbers))
        else:
            write(root, f"{index}.jsonl", "".join(f'{{"n": {n}, "t": "some text"}}\n' for n in numbers))


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("limits", [DEFAULT_LIMITS, Limits(scan_bytes=1000, window_bytes=20_000)], ids=["scan", "seek"])
def test_samples_are_spread_over_files_and_within(tmp_path: Path, kind: str, limits: Limits) -> None:
    ordered(tmp_path, kind, files=3, rows=20_000)
    format_ = {"parquet": PARQUET, "csv": CSV, "jsonl": JSON_LINES}[kind]
    files = find(place(tmp_path), 100).files
    sample = open_tabular(tabular(format=format_), files, limits).sample(3000)
    assert not sample.complete
    assert sample.files_touched == 3
    numbers = sample.table.column("n").to_pylist()
    assert 1500 <= len(numbers) <= 3000
    assert len(set(numbers)) == len(numbers)
    # Every tenth of the rows is there with roughly its share.
    for tenth in range(10):
        share = sum(tenth * 6000 <= number < (tenth + 1) * 6000 for number in numbers) / len(numbers)
        assert 0.05 <= share <= 0.15, (tenth, share)


def test_all_rows_are_a_complete_sample(tmp_path: Path) -> None:
    ordered(tmp_path, "csv", files=2, rows=50)
    assert preview(tmp_path, tabular(), profile_rows=100).complete
    partial = preview(tmp_path, tabular(), profile_rows=99)
    assert not partial.complete
    assert partial.profiled_rows <= 99


def test_only_a_few_of_many_files_are_sampled(tmp_path: Path) -> None:
    ordered(tmp_path, "csv", files=100, rows=20)
    limits = Limits(sample_files=10)
    sample = open_tabular(tabular(), find(place(tmp_path), 1000).files, limits).sample(200)
    assert sample.files_touched == 10
    assert max(sample.table.column("n").to_pylist()) >= 99 * 20
