"""`dataset-bot drift` as a person uses it: exit status, JSON, and one clear sentence for each kind of bad input."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from bot.cli import main

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "drift.schema.json").read_text(encoding="utf-8"))


def _table(seed: int, rows: int = 3000, moved: float = 0.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "amount": rng.normal(moved, 1, rows),
            "city": pa.array(rng.choice(["Bonn", "Köln", "Ulm"], rows)),
            "paid": pa.array(rng.random(rows) < 0.3),
            "at": pa.array(1_700_000_000_000_000 + rng.integers(0, 10**12, rows), pa.timestamp("us")),
        }
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with the same data in three formats, equal and drifted ones, and a folder of parts."""
    for name, table in (("old", _table(1)), ("same", _table(2)), ("moved", _table(3, moved=1.0))):
        pq.write_table(table, tmp_path / f"{name}.parquet")
        pyarrow.csv.write_csv(table, tmp_path / f"{name}.csv")
        with (tmp_path / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, default=str) + "\n" for row in table.to_pylist())
    (tmp_path / "parts").mkdir()
    for part in range(4):
        pq.write_table(_table(10 + part), tmp_path / "parts" / f"part-{part}.parquet")
    (tmp_path / "parts" / "_SUCCESS").touch()
    return tmp_path


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["drift", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def _json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code, out, err = _run(capsys, "compare", "--json", *arguments)
    assert err == ""
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA)
    return code, found


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_equal_data_are_0_and_drifted_1_in_every_format(
    data: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    assert _run(capsys, "compare", data / f"old.{ending}", data / f"same.{ending}")[0] == 0
    code, out, _ = _run(capsys, "compare", data / f"old.{ending}", data / f"moved.{ending}")
    assert code == 1
    assert "DRIFT: 1 of 4 columns" in out


def test_a_profile_stands_for_its_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, target = data / "base.profile", data / "target.profile"
    assert _run(capsys, "profile", data / "old.parquet", "-o", base)[0] == 0
    assert _run(capsys, "profile", data / "moved.parquet", "-o", target, "--edges-from", base)[0] == 0
    direct = _json(capsys, data / "old.parquet", data / "moved.parquet")[1]
    for sides in ((base, data / "moved.parquet"), (base, target)):
        code, found = _json(capsys, *sides)
        assert code == 1
        assert found["columns"] == direct["columns"]


def test_globs_and_folders_are_all_their_files(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, by_folder = _json(capsys, data / "parts", data / "same.parquet")
    _, by_glob = _json(capsys, data / "parts" / "*.parquet", data / "same.parquet")
    assert by_folder["dataset"]["baseline_rows"] == 12_000
    assert by_folder["columns"] == by_glob["columns"]


def test_options_choose_columns_metrics_and_thresholds(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = (data / "old.parquet", data / "moved.parquet")
    code, found = _json(capsys, *sides, "--columns", "city,paid")
    assert (code, [column["name"] for column in found["columns"]]) == (0, ["city", "paid"])
    code, found = _json(capsys, *sides, "--metric", "amount=wasserstein_normed", "--threshold", "amount=5")
    assert (code, found["columns"][0]["metric"], found["columns"][0]["threshold"]) == (0, "wasserstein_normed", 5)
    _, found = _json(capsys, *sides, "--metric", "all", "--exact")
    amount, city = found["columns"][0]["metrics"], found["columns"][1]["metrics"]
    assert set(amount) == {
        "jensen_shannon", "psi", "hellinger", "l_infinity", "ks_statistic", "ks_p_value", "wasserstein",
        "wasserstein_normed", "chi2_p_value",
    }  # fmt: skip
    assert set(city) == {"jensen_shannon", "psi", "hellinger", "l_infinity", "chi2_p_value"}
    assert found["columns"][0]["lower"] == found["columns"][0]["upper"]


def test_thresholds_are_calibrated_on_the_baselines_files(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = _json(capsys, data / "parts", data / "same.parquet", "--calibrate")
    assert code == 0
    assert 0.005 < found["columns"][0]["threshold"] < 0.08
    code, _, err = _run(capsys, "compare", data / "old.parquet", data / "same.parquet", "--calibrate")
    assert (code, "at least 3 parts" in err) == (2, True)


def test_a_file_counted_twice_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = data / "parts" / "part-0.parquet"
    (data / "parts" / "part-9.parquet").write_bytes(first.read_bytes())
    _, found = _json(capsys, data / "same.parquet", data / "parts")
    assert found["dataset"]["duplicate_files"] == [
        {"side": "target", "paths": [str(first), str(data / "parts" / "part-9.parquet")]}
    ]


def test_a_chart_is_a_png(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = data / "chart.png"
    assert _run(capsys, "compare", data / "old.csv", data / "moved.csv", "--chart", chart)[0] == 1
    assert chart.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("preset", ["evidently", "azureml"])
def test_presets_judge_by_their_own_rules(data: Path, capsys: pytest.CaptureFixture[str], preset: str) -> None:
    _, found = _json(capsys, data / "old.parquet", data / "moved.parquet", "--preset", preset)
    assert found["columns"][0]["metric"] == "wasserstein_normed"
    assert found["columns"][0]["drifted"] is True
    assert found["dataset"]["drifted"] is (preset == "azureml")  # one column of three is no half


def test_azure_mls_preset_leaves_out_rows_with_anything_missing(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gaps = pa.array([None if index % 4 == 0 else 1.0 for index in range(3000)])
    pq.write_table(_table(1).append_column("gaps", gaps), data / "gaps.parquet")
    _, found = _json(capsys, data / "gaps.parquet", data / "gaps.parquet", "--preset", "azureml")
    assert {column["baseline"]["rows"] for column in found["columns"]} == {2250}
    assert found["dataset"]["target_rows"] == 2250


def test_azure_mls_preset_says_which_column_leaves_no_row(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(_table(1).append_column("gone", pa.nulls(3000, pa.float64())), data / "gone.parquet")
    code, _, err = _run(capsys, "compare", data / "gone.parquet", data / "gone.parquet", "--preset", "azureml")
    assert code == 2
    assert "none is left of the baseline: the column “gone” never has a value" in err


def test_a_name_with_control_characters_stays_on_its_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"a\n\x1b[2Jb": [5.0] * 100}), data / "name.parquet")
    code, out, _ = _run(capsys, "compare", data / "name.parquet", data / "name.parquet")
    assert (code, "\x1b" in out) == (0, False)
    assert [line[:1] for line in out.splitlines()] == ["c", "a", "", "a", "N"]


BAD = {
    "missing": ("nothing.parquet", "Nothing is at"),
    "empty": ("empty.csv", "empty.csv” is empty"),
    "corrupt": ("corrupt.parquet", "corrupt.parquet"),
    "cut": ("cut.parquet", "cut.parquet"),
    "header only": ("header.csv", "has a header but no rows"),
    "mixed": ("mixed.csv", "The column “amount” holds"),
    "latin": ("latin.csv", "latin.csv"),
    "other": ("other.csv", "no common column"),
    "delimiter": ("semicolon.txt", "no common column"),
    "gzip": ("cut.csv.gz", "cut.csv.gz"),
    "profile": ("cut.profile", "cut.profile"),
    "binary": ("picture.csv", "picture.csv"),
}


@pytest.fixture
def bad(data: Path) -> Path:
    """Files with something wrong with each."""
    parquet = (data / "old.parquet").read_bytes()
    (data / "empty.csv").touch()
    pq.write_table(_table(1), data / "corrupt.parquet", write_page_checksum=True)
    written = (data / "corrupt.parquet").read_bytes()
    (data / "corrupt.parquet").write_bytes(written[:2000] + bytes(3000) + written[5000:])
    (data / "cut.parquet").write_bytes(parquet[: len(parquet) // 2])
    (data / "header.csv").write_text("amount,city\n")
    rows = "".join(f"{value}\n" for value in range(30_000))
    (data / "mixed.csv").write_text(f"amount\n{rows}" + "oops\n" + rows * 8)
    (data / "latin.csv").write_bytes(
        b"amount,city\n" + b"1,K\xc3\xb6ln\n" * 150_000 + b"2,K\xf6ln\n" + b"1,Ulm\n" * 150_000
    )
    (data / "other.csv").write_text("a,b\n1,2\n3,4\n")
    (data / "semicolon.txt").write_text("amount~city\n1~Bonn\n2~Ulm\n")
    (data / "cut.csv.gz").write_bytes(gzip.compress(b"amount,city\n" + b"1,Bonn\n" * 100_000)[:200])
    assert main(["drift", "profile", str(data / "old.parquet"), "-o", str(data / "good.profile")]) == 0
    (data / "cut.profile").write_bytes((data / "good.profile").read_bytes()[:300])
    (data / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    return data


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_one_sentence_and_status_2(bad: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    name, sentence = BAD[case]
    code, out, err = _run(capsys, "compare", bad / "old.parquet", bad / name)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("dataset-bot: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert "reference" not in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--metric", "amount=magic"], "There is no metric 'magic'"),
        (["--threshold", "amount=much"], "is no number"),
        (["--columns", "nope"], "no column 'nope'"),
        (["--metric", "city=ks_statistic"], "cannot be taken of the column 'city'"),
        (["--chart", "/nowhere/chart.png"], "/nowhere/chart.png cannot be written"),
    ],
)
def test_bad_options_are_one_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    code, _, err = _run(capsys, "compare", data / "old.parquet", data / "same.parquet", *options)
    assert (code, err.count("\n")) == (2, 1)
    assert sentence in err


def test_a_full_disk_leaves_nothing_behind(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "profile", data / "old.parquet", "-o", "/dev/full/profile")
    assert code == 2
    assert "cannot be written" in err
    limited = (
        "import resource, signal, sys; from bot.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); sys.exit(main(sys.argv[1:]))"
    )
    out = data / "out" / "full.profile"
    out.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", limited, "drift", "profile", str(data / "old.parquet"), "-o", str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{out} cannot be written: File too large." in done.stderr
    assert list(out.parent.iterdir()) == []


def test_profiles_of_different_plans_are_not_compared(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("old", "same"):
        assert _run(capsys, "profile", data / f"{name}.parquet", "-o", data / f"{name}.profile")[0] == 0
    code, _, err = _run(capsys, "compare", data / "old.profile", data / "same.profile")
    assert (code, "--edges-from" in err) == (2, True)


def test_help_imports_neither_numpy_nor_pyarrow() -> None:
    code = (
        "import sys; from bot.cli import main\n"
        "try: main(['drift', 'compare', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'numpy', 'pyarrow', 'pandas', 'slack_sdk'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"


def test_a_comparison_imports_neither_pandas_nor_scipy_nor_slack(data: Path) -> None:
    code = (
        "import sys; from bot.cli import main\n"
        f"main(['drift', 'compare', {str(data / 'old.csv')!r}, {str(data / 'same.parquet')!r}])\n"
        "print({'pandas', 'scipy', 'slack_sdk', 'sqlalchemy', 'azureml', 'pyspark', 'asyncio'} & set(sys.modules),"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
