"""The same kernel inside a real Spark, classic and through Spark Connect, gives what it gives here."""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.drift_data import tables
from services.drift.encode import decode, encode
from services.drift.model import Kind, Profile
from services.drift.parquet_rows import ParquetRows
from services.drift.plan import plan_of
from services.drift.scan import absent, plan_for, scan
from services.drift.spark import AUTO_BYTES, chosen_engine, pack_kernel
from services.reading.limits import DEFAULT_LIMITS
from services.reading.places import LocalFile
from tests.drift.spark_runs import BARE, BASELINE, LACKING, PLAN, REFUSED, TARGET

ROWS = 15_000
ODD = "a.b `c` d"

pytestmark = pytest.mark.xdist_group("spark")


def _more(table: pa.Table, seed: int) -> pa.Table:
    """Columns of other types beside the twenty."""
    rng = np.random.default_rng(seed)
    rows = table.num_rows
    real = rng.normal(size=rows)
    real[:3] = [math.nan, math.inf, -math.inf]
    items = [[1] * int(each) if each else None for each in rng.integers(0, 4, rows)]
    places = [{"x": 1} if each else None for each in rng.integers(0, 2, rows)]
    more = {
        ODD: pa.array(rng.integers(0, 9, rows)),
        "real32": pa.array(real.astype(np.float32)),
        "price": pa.array([Decimal(int(each)) / 100 for each in rng.integers(0, 10_000, rows)], pa.decimal128(9, 2)),
        "day": pa.array([datetime.date(2024, 1, 1 + int(each)) for each in rng.integers(0, 28, rows)]),
        "items": pa.array(items, pa.list_(pa.int64())),
        "place": pa.array(places, pa.struct({"x": pa.int64()})),
        "never": pa.nulls(rows, pa.string()),
        "moment": pa.array(rng.integers(0, 10**15, rows), pa.timestamp("us", "UTC")),
    }
    for name, array in more.items():
        table = table.append_column(name, array)
    return table


def _rows(folder: Path) -> ParquetRows:
    files = [LocalFile(path.name, str(path), path.stat().st_size, None) for path in sorted(folder.glob("*.parquet"))]
    return ParquetRows(folder.name, files, DEFAULT_LIMITS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """baseline/ and target/ of three files each, and the local profile of the baseline, whose plan all others use."""
    folder = tmp_path_factory.mktemp("spark")
    for seed, side in enumerate((BASELINE, TARGET)):
        (folder / side).mkdir()
        table = _more(next(tables(ROWS, side)), seed)
        for part, start in enumerate(range(0, ROWS, ROWS // 3)):
            pq.write_table(table.slice(start, ROWS // 3), folder / side / f"{part}.parquet")
    rows = _rows(folder / BASELINE)
    (folder / PLAN).write_bytes(encode(scan(rows, plan_for(rows))))
    return folder


@dataclass(frozen=True)
class Spark:
    """A running server, and the folder of `data` that both ways of using it have profiled. remote: its SPARK_REMOTE."""

    folder: Path
    remote: str


@pytest.fixture(scope="module")
def spark(data: Path) -> Iterator[Spark]:
    """Started and used once for all tests."""
    if shutil.which("java") is None:
        pytest.fail("Spark needs Java: run scripts/system-packages")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    settings = {
        "spark.master": "local[2]",
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        # Compiling for a long life took half of the processor time of this short one.
        "spark.driver.extraJavaOptions": "'-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'",
        "spark.sql.codegen.wholeStage": "false",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.local.dir": str(data / "scratch"),
    }
    (data / BARE).write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (data / BARE).chmod(0o755)
    submit = " ".join(f"--conf {name}={value}" for name, value in settings.items())
    common = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    common.pop("SPARK_REMOTE", None)
    run = [sys.executable, "-m", "tests.drift.spark_runs"]
    with (data / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*run, "classic", str(data)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**common, "PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell"},
            text=True,
        )
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        assert any(line.strip() == "ready" for line in lines), (data / "server.log").read_text()[-3000:]
        client = subprocess.run(
            [*run, "connect", str(data)],
            env={**common, "SPARK_REMOTE": f"sc://127.0.0.1:{port}"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert client.returncode == 0, client.stderr[-3000:]
        yield Spark(data, f"sc://127.0.0.1:{port}")
    finally:
        server.communicate(timeout=60)
    assert server.returncode == 0, (data / "server.log").read_text()[-3000:]


def _same(found: Profile, local: Profile) -> None:
    assert (found.rows, found.plan.id, found.missing) == (local.rows, local.plan.id, local.missing)
    for mine, theirs in zip(found.columns, local.columns, strict=True):
        assert (mine.name, mine.kind, mine.rows, mine.nulls) == (theirs.name, theirs.kind, theirs.rows, theirs.nulls)
        odd = (mine.nan, mine.plus_infinite, mine.minus_infinite)
        assert odd == (theirs.nan, theirs.plus_infinite, theirs.minus_infinite), mine.name
        if theirs.categories is not None:
            assert mine.categories is not None
            assert mine.categories.counts == theirs.categories.counts, mine.name
        if theirs.numbers is not None:
            assert mine.numbers is not None
            a, b = mine.numbers, theirs.numbers
            assert np.array_equal(a.below, b.below), mine.name
            assert np.array_equal(a.upto, b.upto), mine.name
            assert (a.total, a.values is None) == (b.total, b.values is None)
            scale = 1e-12 * max(1.0, b.total * (b.square / max(b.total, 1)) ** 0.5)
            assert np.max(np.abs(a.sum_below - b.sum_below), initial=0) <= scale, mine.name
            assert abs(a.sum - b.sum) <= scale
            assert abs(a.square - b.square) <= 1e-12 * max(1.0, b.square)


@pytest.mark.slow
@pytest.mark.parametrize(("way", "side"), [("classic", BASELINE), ("connect", TARGET)])
def test_spark_counts_what_is_counted_here(spark: Spark, way: str, side: str) -> None:
    folder = spark.folder
    plan = decode((folder / PLAN).read_bytes()).plan
    found = decode((folder / f"{side}.{way}").read_bytes())
    _same(found, scan(_rows(folder / side), plan))
    assert (found.source, found.fingerprint) == (side, "f1")


@pytest.mark.slow
def test_spark_makes_a_plan_of_its_own(spark: Spark) -> None:
    own = decode((spark.folder / "own.connect").read_bytes())
    local = decode((spark.folder / PLAN).read_bytes())
    assert [(each.name, each.kind) for each in own.columns] == [(each.name, each.kind) for each in local.columns]
    assert own.rows == local.rows
    edges = next(each.numbers for each in own.plan.columns if each.name == "n01_normal")
    assert edges is not None
    assert len(edges.edges) > 1000, "made of a sample spread over the partitions"
    assert {each.name: each.kind for each in own.columns}[ODD] is Kind.NUMBER


@pytest.mark.slow
def test_what_spark_refuses_is_told(spark: Spark) -> None:
    told = (spark.folder / REFUSED).read_text()
    assert told.startswith("Spark could not read “nothing”: ")
    assert "PATH_NOT_FOUND" in told


@pytest.mark.slow
def test_executors_without_packages_are_told_with_what_to_do(spark: Spark) -> None:
    told = (spark.folder / LACKING).read_text()
    assert told.startswith("The Python of Spark's executors has no ")
    assert "Install numpy and pyarrow there" in told


def _command(remote: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`dataset-bot drift compare`, with a cluster that SPARK_REMOTE names."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "drift", "compare", *map(str, arguments)],
        env={**os.environ, "SPARK_REMOTE": remote},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_command_line_counts_in_the_cluster_what_it_counts_here(spark: Spark) -> None:
    sides = spark.folder / PLAN, spark.folder / TARGET
    found = _command(spark.remote, *sides, "--engine", "spark", "--json")
    assert (found.returncode, found.stderr) == (1, "")
    local = _command(spark.remote, *sides, "--engine", "local", "--json")
    here, there = json.loads(local.stdout), json.loads(found.stdout)
    assert there["dataset"]["target_rows"] == ROWS
    assert there["dataset"]["magnitude"] == pytest.approx(here["dataset"]["magnitude"], abs=1e-12)
    for mine, theirs in zip(there["columns"], here["columns"], strict=True):
        counted = {"name", "type", "metric", "drifted", "new_categories", "gone_categories", "null_rate_change"}
        assert {each: mine[each] for each in counted} == {each: theirs[each] for each in counted}
        numbers = ("value", "lower", "upper", "p_value", "threshold")
        measured = [[each[number] or 0.0 for number in numbers] for each in (mine, theirs)]
        assert measured[0] == pytest.approx(measured[1], rel=1e-12, abs=1e-12), mine["name"]
        for number in ("rows", "nulls", "nan", "infinite", "distinct", "minimum", "maximum", "histogram"):
            assert mine["target"][number] == theirs["target"][number], (mine["name"], number)


def test_a_cluster_that_does_not_answer_is_told_with_what_to_do(data: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        remote = f"sc://127.0.0.1:{unused.getsockname()[1]}/;token=secret"
        done = _command(remote, data / BASELINE, data / TARGET, "--engine", "spark")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "did not answer within 5 seconds. SPARK_REMOTE has to name a running Spark Connect server" in done.stderr
    assert "secret" not in done.stderr


def test_the_kernel_that_is_sent_imports_nothing_else(tmp_path: Path) -> None:
    """In a process that has numpy and pyarrow and nothing of this project but the zip."""
    packed = tmp_path / "kernel.zip"
    packed.write_bytes(pack_kernel())
    assert pack_kernel() == packed.read_bytes(), "executors compare what has the same name"
    assert all(name.startswith("services/") for name in zipfile.ZipFile(packed).namelist())
    rows = pa.table({"x": [1.0, 2.0, None], "c": ["a", "b", "a"]})
    plan = plan_of(rows)
    (tmp_path / "plan").write_bytes(encode(Profile(plan, 0, tuple(absent(each, 0) for each in plan.columns))))
    site = str(Path(np.__file__).parents[1])
    code = (
        f"import sys; sys.path[:0] = [{str(packed)!r}, {site!r}]\n"
        "import pyarrow as pa\n"
        "from services.drift.spark_kernel import adding, counting\n"
        "from services.drift.encode import decode\n"
        f"plan = open({str(tmp_path / 'plan')!r}, 'rb').read()\n"
        "rows = pa.table({'x': [1.0, 2.0, None], 'c': ['a', 'b', 'a']})\n"
        "parts = [next(counting(plan)(iter(rows.to_batches()))) for _ in range(2)]\n"
        "(batch,) = adding()(iter(parts))\n"
        "found = decode(batch.column(0)[0].as_py())\n"
        "assert list(counting(plan)(iter([]))) == []\n"
        "print(found.rows, found.columns[0].nulls, dict(found.columns[1].categories.counts))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "6 2 {'a': 4, 'b': 2}", done.stderr


def test_the_engine_is_chosen_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_REMOTE", raising=False)
    assert chosen_engine("local", 10 * AUTO_BYTES) == "local"
    assert chosen_engine("spark", 0) == "spark"
    assert chosen_engine("auto", 10 * AUTO_BYTES) == "local", "there is no cluster"
    monkeypatch.setenv("SPARK_REMOTE", "sc://cluster:15002")
    assert chosen_engine("auto", 10 * AUTO_BYTES) == "spark"
    assert chosen_engine("auto", AUTO_BYTES) == "local"
    assert chosen_engine("auto", None) == "local"


def test_without_it_pyspark_is_not_imported() -> None:
    code = "import sys, services.drift.spark; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
