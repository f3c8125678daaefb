"""Parquet: exact counts, types, and damaged files."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.datasets.model import ColumnType
from services.errors import SourceProblem
from services.reading.limits import Limits
from tests.reading.places import PARQUET, inspect, preview, tabular, write


def save(root: Path, name: str, table: pa.Table, **options: object) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


MOMENT = datetime(2013, 1, 2, 3, 4, 5)  # noqa: DTZ001 - a column without a zone


def test_every_kind_of_column(tmp_path: Path) -> None:
    save(
        tmp_path,
        "a.parquet",
        pa.table(
            {
                "i8": pa.array([1, None], pa.int8()),
                "u64": pa.array([2**63, 1], pa.uint64()),
                "f32": pa.array([1.5, float("nan")], pa.float32()),
                "dec": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
                "flag": [True, False],
                "ts": pa.array([MOMENT, None], pa.timestamp("ns")),
                "tz": pa.array([MOMENT, None], pa.timestamp("ms", "UTC")),
                "day": [date(2013, 1, 2), None],
                "text": ["x", None],
                "cat": pa.array(["a", "b"]).dictionary_encode(),
                "list": [[1, 2], None],
                "struct": [{"k": MOMENT}, None],
                "raw": [b"\x00\xff", None],
                "none": pa.nulls(2),
            }
        ),
    )
    seen = inspect(tmp_path, tabular(format=PARQUET))
    kinds = {column.name: column.type for column in seen.schema}
    t = ColumnType
    assert kinds == {
        "i8": t.INTEGER, "u64": t.INTEGER, "f32": t.DECIMAL, "dec": t.DECIMAL, "flag": t.BOOLEAN, "ts": t.DATETIME,
        "tz": t.DATETIME, "day": t.DATETIME, "text": t.STRING, "cat": t.STRING, "list": t.OTHER, "struct": t.OTHER,
        "raw": t.OTHER, "none": t.STRING,
    }  # fmt: skip
    assert seen.rows[0] == (
        "1", "9223372036854775808", "1.5", "1.10", "true", "2013-01-02 03:04:05", "2013-01-02 03:04:05+00:00",
        "2013-01-02", "x", "a", "[1, 2]", '{"k": "2013-01-02 03:04:05"}', "0x00ff", None,
    )  # fmt: skip
    assert seen.row_count == 2
    profile = {column.name: column for column in preview(tmp_path, tabular(format=PARQUET)).profile}
    assert (profile["f32"].nulls, profile["f32"].mean) == (1, 1.5)
    assert (profile["list"].count, profile["list"].nulls, profile["list"].distinct) == (2, 1, 0)
    assert (profile["raw"].distinct, profile["none"].nulls) == (0, 2)


def test_count_is_exact_from_footers_and_nullability_from_the_file(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("x", pa.float64())])
    table = pa.table({"id": range(5000), "x": [0.5] * 5000}, schema=schema)
    for index in range(3):
        save(tmp_path, f"{index}.parquet", table, row_group_size=700)
    seen = inspect(tmp_path, tabular(format=PARQUET), limits=Limits(inference_rows=100))
    assert seen.row_count == 15_000
    assert [column.nullable for column in seen.schema] == [False, True]


def test_beyond_the_footers_read_the_count_is_not_known(tmp_path: Path) -> None:
    for index in range(4):
        save(tmp_path, f"{index}.parquet", pa.table({"a": range(10)}))
    seen = inspect(tmp_path, tabular(format=PARQUET), limits=Limits(footers=2, inference_rows=5))
    assert seen.row_count is None
    assert seen.notes == ("Columns of the first 2 of 4 files were compared.",)


def test_order_of_columns_and_widths_of_numbers_may_differ(tmp_path: Path) -> None:
    save(tmp_path, "1.parquet", pa.table({"a": pa.array([1], pa.int32()), "b": ["x"], "c": pa.nulls(1)}))
    save(tmp_path, "2.parquet", pa.table({"c": ["z"], "b": ["y"], "a": pa.array([2.5], pa.float64())}))
    seen = inspect(tmp_path, tabular(format=PARQUET))
    assert seen.rows == (("1", "x", None), ("2.5", "y", "z"))


def problem(root: Path) -> SourceProblem:
    with pytest.raises(SourceProblem) as caught:
        inspect(root, tabular(format=PARQUET))
    assert caught.value.sentence.endswith(".")
    return caught.value


def test_mixed_schemas_name_files_and_column(tmp_path: Path) -> None:
    save(tmp_path, "1.parquet", pa.table({"a": [1]}))
    save(tmp_path, "2.parquet", pa.table({"a": ["x"]}))
    caught = problem(tmp_path)
    assert "“1.parquet” and “2.parquet” differ: “a” is integer in one and string in the other" in caught.sentence
    assert caught.code == "mixed_schemas"


def test_damaged_files(tmp_path: Path) -> None:
    whole = save(tmp_path, "a.parquet", pa.table({"a": range(10_000)}), compression="none").read_bytes()
    cases = {
        b"": ("empty_file", "is empty (0 bytes)"),
        b"PAR1": ("parquet_truncated", "cut off"),
        whole[: len(whole) // 2]: ("parquet_truncated", "its end is missing"),
        b"a,b\n1,2\n" * 10: ("format_wrong", "is not a Parquet file"),
        whole[:4] + b"\xff" * (len(whole) - 12) + whole[-8:]: ("parquet_damaged", "damaged"),
    }
    for content, (code, told) in cases.items():
        write(tmp_path, "a.parquet", content)
        caught = problem(tmp_path)
        assert told in caught.sentence
        assert caught.code == code


def test_damaged_pages_are_found_when_read(tmp_path: Path) -> None:
    path = save(tmp_path, "a.parquet", pa.table({"a": [f"v{i}" for i in range(5000)]}), compression="snappy")
    raw = bytearray(path.read_bytes())
    raw[40 : len(raw) // 2] = b"\xff" * (len(raw) // 2 - 40)
    path.write_bytes(raw)
    assert problem(tmp_path).code == "parquet_damaged"


def test_times_that_python_does_not_know(tmp_path: Path) -> None:
    far = pa.array([10**18, None, 0], pa.timestamp("us"))
    odd = pa.array([0, None, 0], pa.timestamp("us", "Mars/Olympus"))
    save(tmp_path, "a.parquet", pa.table({"far": far, "odd": odd}))
    seen = preview(tmp_path, tabular(format=PARQUET))
    assert seen.rows[0] == ("<value out of range: 1000000000000000000>", "1970-01-01 00:00:00.000000")
    assert seen.profile[0].maximum == seen.rows[0][0]


@pytest.mark.parametrize(("names", "told"), [(["a", "a"], "“a” twice"), (["a", ""], "without a name")])
def test_names_that_cannot_be_told_apart(tmp_path: Path, names: list[str], told: str) -> None:
    save(tmp_path, "a.parquet", pa.table([[1], [2]], names=names))
    assert told in problem(tmp_path).sentence


def test_no_rows(tmp_path: Path) -> None:
    save(tmp_path, "a.parquet", pa.table({"a": pa.array([], pa.int64())}))
    assert problem(tmp_path).sentence == "“a.parquet” has columns but no rows."
