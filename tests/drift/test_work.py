"""What worker processes do for drift, called in this one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.datasets.model import ColumnType, Definition, FileFormat, Format
from services.drift import work
from services.drift.encode import decode, encode
from services.drift.parquet_rows import ParquetRows
from services.drift.plan import plan_of
from services.drift.profile import merge_all
from services.drift.scan import SAMPLE_ROWS, plan_for
from services.drift.settings import CompareSettings
from services.drift.text_rows import TextRows
from services.reading.limits import DEFAULT_LIMITS
from services.reading.places import LocalFile
from tests.reading.places import place, tabular, write

PARQUET = Format(FileFormat.PARQUET)


def task(root: Path, *paths: str, plan: bytes | None = None, told: str = "") -> work.ProfileTask:
    return work.ProfileTask(tabular(*paths), place(root, *paths), DEFAULT_LIMITS, "data", "f", plan, told)


def test_days_add_up_to_the_whole(tmp_path: Path) -> None:
    for day in range(3):
        write(tmp_path, f"{day}.csv", "n,c\n" + "".join(f"{n * 0.5},{'abc'[n % 3]}\n" for n in range(day, 90)))
    whole = work.profile(task(tmp_path, "*.csv"))
    days = [work.profile(task(tmp_path, f"{day}.csv", plan=whole)) for day in (2, 0, 1)]
    assert encode(decode(work.add_up(days))) == work.add_up(days)
    summed, expected = decode(work.add_up(days)), decode(whole)
    assert (summed.rows, summed.plan.id) == (267, expected.plan.id)
    assert [file.path for file in summed.files] == ["0.csv", "1.csv", "2.csv"]
    for mine, theirs in zip(summed.columns, expected.columns, strict=True):
        assert (mine.rows, mine.present) == (theirs.rows, theirs.present)
    assert encode(merge_all(map(decode, reversed(days)))) == work.add_up(days)


def test_how_far_a_scan_is_can_be_read_while_it_runs(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "n\n" + "1\n" * 1000)
    path = str(tmp_path / "told")
    assert work.rows_told(path) == 0
    with work.told_in(path) as tell:
        assert tell is not None
        tell(512)
        tell(1000)
        assert work.rows_told(path) == 512, "not more often than is worth telling"
    assert work.rows_told(path) == 0
    assert decode(work.profile(task(tmp_path, "1.csv", told=path))).rows == 1000
    assert not Path(path).exists()


@pytest.mark.parametrize(
    ("definition", "direct"),
    [
        (tabular("a.parquet", format=PARQUET), True),
        (tabular("a.parquet", format=PARQUET, timestamp="at"), True),
        (tabular("a.parquet", format=PARQUET, types={"n": ColumnType.INTEGER}), True),
        (tabular("a.parquet", format=PARQUET, types={"n": ColumnType.STRING}), False),
        (tabular("a.parquet", format=PARQUET, timestamp="text"), False),
        (tabular("a.parquet", format=PARQUET, partition="/{part}.parquet"), False),
    ],
)
def test_parquet_is_read_column_by_column_where_nothing_is_converted(
    tmp_path: Path, definition: Definition, direct: bool
) -> None:
    rows = pa.table({"n": [1, 2], "at": pa.array([0, 1], pa.timestamp("us")), "text": ["2024-01-01", "2024-01-02"]})
    path = tmp_path / "a.parquet"
    pq.write_table(rows, path)
    file = LocalFile("a.parquet", str(path), path.stat().st_size, None)
    found = work.open_rows(definition, (file,), DEFAULT_LIMITS, "a")
    assert isinstance(found, ParquetRows if direct else TextRows)
    assert sum(batch.num_rows for batch in found.batches(["n"])) == 2


def test_notes_of_both_sides_are_told(tmp_path: Path) -> None:
    write(tmp_path, "1.csv", "n\n1\n2\n")
    made = decode(work.profile(task(tmp_path, "1.csv")))
    noted = encode(replace(made, notes=("Only the first rows were read.",)))
    assert decode(noted).notes == ("Only the first rows were read.",)
    found = work.compare_profiles(noted, encode(made), CompareSettings())
    assert found.notes[-1] == "data: Only the first rows were read."


def test_the_plan_of_columns_read_apart_is_that_of_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for columns in (3, 120):
        table = pa.table({f"x{index}": rng.normal(size=3_000) for index in range(columns)})
        path = tmp_path / f"{columns}.parquet"
        pq.write_table(table, path, row_group_size=700)
        rows = ParquetRows("a", [LocalFile("a", str(path), path.stat().st_size, None)], DEFAULT_LIMITS)
        assert plan_for(rows).id == plan_of(rows.sample(SAMPLE_ROWS)).id
