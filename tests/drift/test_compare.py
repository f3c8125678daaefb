"""Verdicts: no false alarm on equal data, alarms on drifted data, and columns of every odd shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from services.drift.calibrate import calibrated_thresholds
from services.drift.compare import compare
from services.drift.comparison import ChangeKind, Comparison, Freshness
from services.drift.comparison_json import from_json, to_json
from services.drift.run import Side, compared
from services.drift.schema import widens
from services.drift.settings import EVERY, CompareSettings, Correction, Metric, Preset
from services.errors import InvalidInput, SourceProblem
from tests.drift import frames
from tests.drift.frames import TableRows, as_table, heavy, one, profiled

SHAPES = 12


def _equal(seed: int, rows: int, others: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two samples of the same twenty columns: twelve of numbers, six of texts, two of booleans."""
    sides = []
    for side, size in enumerate((rows, others)):
        rng = np.random.default_rng((seed, side))
        numbers = {f"n{kind}": heavy(rng, kind, size) for kind in range(SHAPES)}
        texts = {f"c{many}": [f"k{x}" for x in rng.integers(0, many, size)] for many in (2, 5, 30, 300, 2000, 10**6)}
        flags = {f"b{share}": rng.random(size) < share / 100 for share in (1, 50)}
        nulls = {"gaps": pa.array(rng.normal(size=size), mask=rng.random(size) < 0.2)}
        sides.append(numbers | texts | flags | nulls)
    return sides[0], sides[1]


@pytest.mark.parametrize(("rows", "others", "runs"), [(40, 40, 40), (40, 4000, 20), (300, 300, 30), (3000, 2500, 12)])
def test_the_default_does_not_alarm_on_equal_data(rows: int, others: int, runs: int) -> None:
    """Heavy tails, atoms, far from zero, thousands of categories, few and many rows: twenty-one columns each time."""
    alarms = [
        (seed, column.name, column.reasons)
        for seed in range(runs)
        for column in frames.compared(*_equal(seed, rows, others)).columns
        if column.drifted
    ]
    assert alarms == []


def test_the_libraries_defaults_do_alarm_on_equal_data() -> None:
    """What the default avoids: a distance without a limit, and small samples' noise."""
    first, second = _equal(0, 300, 300)
    found = frames.compared(first, second, preset=Preset.AZUREML)
    assert {column.name for column in found.columns if column.drifted} >= {"c2000", "c300"}


@pytest.mark.parametrize("rows", [60, 1000, 20_000])
def test_the_default_alarms_on_drift(rows: int) -> None:
    rng = np.random.default_rng(1)
    pairs = {
        "mean": (rng.normal(0, 1, rows), rng.normal(2, 1, rows)),
        "spread": (rng.normal(0, 1, rows), rng.normal(0, 8, rows)),
        "heavy": (rng.standard_cauchy(rows), rng.standard_cauchy(rows) + 6),
        "text": (rng.choice(["a", "b", "c"], rows), rng.choice(["b", "c", "d"], rows)),
        "flag": (rng.random(rows) < 0.1, rng.random(rows) < 0.7),
        "nulls": (
            pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.05),
            pa.array(rng.normal(size=rows), mask=rng.random(rows) < 0.6),
        ),
    }
    found = frames.compared({name: a for name, (a, _) in pairs.items()}, {name: b for name, (_, b) in pairs.items()})
    assert [column.name for column in found.columns if column.drifted] == list(pairs)
    assert all(column.reasons for column in found.columns)
    text = found.columns[3]
    assert {count.text for count in text.new_categories} == {"d"}
    assert {count.text for count in text.gone_categories} == {"a"}
    assert found.dataset.drifted
    assert found.dataset.magnitude > 0.5
    assert sum(share for _, share in found.dataset.contributions) == pytest.approx(1)


def test_magnitude_is_0_on_equal_data_and_the_hellinger_distance_of_the_joint() -> None:
    assert frames.compared(*_equal(3, 3000, 3000)).dataset.magnitude < 0.1
    rng = np.random.default_rng(2)
    sides = [
        {"a": rng.choice(["x", "y"], 100_000, p=p), "b": rng.choice(["u", "v"], 100_000, p=q)}
        for p, q in (((0.5, 0.5), (0.3, 0.7)), ((0.8, 0.2), (0.6, 0.4)))
    ]
    joint = [np.outer(p, q).ravel() for p, q in (((0.5, 0.5), (0.3, 0.7)), ((0.8, 0.2), (0.6, 0.4)))]
    expected = float(np.sqrt(1 - np.sum(np.sqrt(joint[0] * joint[1]))))
    assert frames.compared(*sides).dataset.magnitude == pytest.approx(expected, abs=0.01)


ODD: dict[str, Any] = {
    "constant": [5.0] * 100,
    "empty text": [""] * 100,
    "all null": pa.nulls(100, pa.float64()),
    "no type": pa.nulls(100),
    "all NaN": [float("nan")] * 100,
    "infinite": [float("inf")] * 50 + [1.0] * 50,
    "unique text": [f"id-{x}" for x in range(100)],
    "unique number": list(range(100)),
    "nested": pa.array([[1] * (x % 4) for x in range(100)]),
    "struct": pa.array([{"a": x} for x in range(100)]),
    "map": pa.array([[("k", 1)] for _ in range(100)], pa.map_(pa.string(), pa.int64())),
    "decimal": pa.array([1 + x for x in range(100)], pa.int64()).cast(pa.decimal128(30, 4)),
    "date": pa.array(range(100), pa.int32()).cast(pa.date32()),
    "time": pa.array(range(100), pa.int32()).cast(pa.time32("s")),
    "duration": pa.array(range(100), pa.int64()).cast(pa.duration("ns")),
    "binary": pa.array([b"\xff\x00"] * 100),
    "dictionary": pa.array(["a", None, "b", "b"] * 25).dictionary_encode(),
    "half": pa.array(np.arange(100).astype(np.float16)),
    "huge": [1.7e308, -1.7e308] * 50,
    "uint64": pa.array([2**64 - 1, 0] * 50, pa.uint64()),
    "int64": pa.array([2**63 - 1, -(2**63)] * 50, pa.int64()),
    "bool": [True] * 100,
    "very long": ["x" * 100_000, "x" * 99_999 + "y"] * 50,
}


@pytest.mark.parametrize("preset", list(Preset))
def test_odd_columns_never_break_a_run_and_equal_ones_never_drift(preset: Preset) -> None:
    found = frames.compared(ODD, ODD, preset=preset, all_metrics=True)
    assert [column.name for column in found.columns] == list(ODD)
    assert [column.name for column in found.columns if column.drifted] == []
    kept = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert from_json(kept) == found


@pytest.mark.parametrize("name", sorted(ODD))
def test_odd_columns_against_ordinary_ones(name: str) -> None:
    """Every odd column as baseline and as target of an ordinary one of its type, and of nothing at all."""
    column = as_table({"x": ODD[name]})["x"].combine_chunks()
    empty = column.slice(0, 0)
    for baseline, target in (
        (column, empty),
        (empty, column),
        (column, pa.concat_arrays([column, column.slice(0, 9)])),
    ):
        found = frames.compared({"x": baseline}, {"x": target}, all_metrics=True)
        json.dumps(to_json(found), allow_nan=False)
        assert found.columns[0].drifted is False


def test_columns_say_what_they_are() -> None:
    found = {column.name: column for column in frames.compared(ODD, ODD).columns}
    assert "Every value of the baseline is the same, 5." in found["constant"].notes
    assert "Every value of the baseline is null." in found["all null"].notes
    assert "Every value of the target is missing or infinite." in found["all NaN"].notes
    assert "50 infinite values of the target are in no distribution." in found["infinite"].notes
    assert "Nearly every text is different, as in an identifier." in found["unique text"].notes
    assert found["unique text"].metric is None
    assert found["date"].metric is None
    assert one([1.0] * 10, [2.0] * 10).notes[-1].startswith("Fewer than 30 values")


def test_of_structs_only_presence_is_compared() -> None:
    some = pa.array([{"x": 1} if index % 2 else None for index in range(200)])
    every = pa.array([{"x": 1}] * 200)
    assert one(some, some).notes == ("Its values have no distribution; only how often it is present is compared.",)
    found = frames.compared({"x": some}, {"x": every})
    assert found.columns[0].reasons == ("Missing values went from 50.0% to 0.0% of the rows.",)
    assert found.dataset.magnitude > 0.3


def test_a_constant_that_changes_has_drifted() -> None:
    assert one([5.0] * 100, [6.0] * 100).drifted
    assert one(["a"] * 100, ["b"] * 100).drifted
    assert one([5.0] * 100, [6.0] * 100).value == 1


def test_an_empty_column_that_fills_has_drifted_by_its_missing_values() -> None:
    found = one(pa.nulls(100, pa.float64()), [1.0] * 100)
    assert found.reasons == ("Missing values went from 100.0% to 0.0% of the rows.",)
    assert found.metric is None


def test_schema_changes() -> None:
    before = {
        "same": [1], "gone": ["a"], "wider": pa.array([1], pa.int32()), "other": [1.5], "text": ["a"],
    }  # fmt: skip
    after = {"same": [1], "wider": pa.array([1], pa.int64()), "other": ["x"], "text": ["a"], "more": [True]}
    found = frames.compared(before, after)
    told = [(change.kind, change.column, change.before, change.after) for change in found.dataset.schema]
    assert told == [
        (ChangeKind.REMOVED, "gone", "string", ""),
        (ChangeKind.WIDENED, "wider", "int32", "int64"),
        (ChangeKind.RETYPED, "other", "double", "string"),
        (ChangeKind.ADDED, "more", "", "bool"),
    ]
    assert [column.name for column in found.columns] == ["same", "wider", "text"]
    assert found.dataset.drifted
    assert not frames.compared(before, before | {"more": [1]}).dataset.drifted


DAYS = [86_400_000_000 * (index % 28) for index in range(60)]
WHOLE = [float(index % 9) for index in range(60)]


@pytest.mark.parametrize(
    ("before", "after", "drifted"),
    [
        (pa.array(DAYS, pa.timestamp("us")), pa.array(DAYS, pa.timestamp("us", "UTC")), False),
        (pa.array(DAYS, pa.timestamp("us")), pa.array(DAYS, pa.timestamp("us")).cast(pa.timestamp("ms")), False),
        (pa.array(WHOLE, pa.float64()), pa.array(WHOLE, pa.float32()), False),
        (pa.array(WHOLE, pa.float64()), pa.array([each + 9 for each in WHOLE], pa.float32()), True),
        (pa.array(WHOLE, pa.float64()), pa.array(map(str, WHOLE), pa.string()), True),
        (pa.array(DAYS, pa.timestamp("us")), pa.array([0] * 60, pa.time64("us")), True),
        (pa.array([[1]] * 60, pa.list_(pa.int64())), pa.array([["a"]] * 60, pa.list_(pa.string())), True),
    ],
)
def test_a_retyped_column_is_drift_where_its_values_are_or_cannot_be_compared(
    before: pa.Array, after: pa.Array, drifted: bool
) -> None:
    found = frames.compared({"x": before, "y": [1] * 60}, {"x": after, "y": [1] * 60})
    assert [change.kind for change in found.dataset.schema] == [ChangeKind.RETYPED]
    assert found.dataset.drifted is drifted


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("int32", "int64", True), ("int64", "int32", False), ("int32", "double", True), ("int64", "double", False),
        ("uint32", "int64", True), ("uint64", "int64", False), ("int8", "uint8", False), ("float", "double", True),
        ("double", "float", False), ("null", "string", True), ("int64", "string", False),
        ("decimal128(10, 2)", "decimal128(12, 3)", True), ("decimal128(10, 2)", "decimal128(10, 3)", False),
        ("timestamp[ms]", "timestamp[us]", True), ("timestamp[us]", "timestamp[ms]", False),
        ("timestamp[us]", "timestamp[us, tz=UTC]", False), ("date32[day]", "timestamp[us]", True),
        ("bool", "int64", False), ("halffloat", "float", True), ("uint8", "halffloat", True),
    ],
)  # fmt: skip
def test_widening_keeps_every_value(before: str, after: str, wider: bool) -> None:
    assert widens(before, after) is wider


def test_freshness_is_the_latest_time_of_each_side() -> None:
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 11)]
    found = frames.compared({"at": days[:5]}, {"at": days})
    assert found.dataset.freshness == (Freshness("at", "2024-01-05T00:00:00Z", "2024-01-10T00:00:00Z"),)


def test_few_values_are_no_verdict_unless_asked_for() -> None:
    few = {"baseline": [0.0, 1.0] * 10, "target": [5.0, 6.0] * 10}
    assert not one(few["baseline"], few["target"]).drifted
    assert one(few["baseline"], few["target"], minimum_rows=5).drifted


def test_thresholds_metrics_and_corrections_are_as_asked() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=3000), rng.normal(0.3, 1, 3000)
    assert one(a, b, metrics={"x": Metric.PSI}).metric == "psi"
    assert one(a, b, metrics={EVERY: Metric.WASSERSTEIN_NORMED}, thresholds={"x": 0.5}).drifted is False
    assert one(a, b, metrics={EVERY: Metric.WASSERSTEIN_NORMED}, thresholds={"x": 0.2}).drifted is True
    assert one(a, b, metrics={"x": Metric.WASSERSTEIN}).threshold is None
    assert one(a, b, metrics={"x": Metric.KS_P_VALUE}).drifted is True
    assert one(a, b, metrics={"x": Metric.NULL_RATE}).value == 0
    with pytest.raises(InvalidInput, match="cannot be taken"):
        one(["a"] * 40, ["b"] * 40, metrics={"x": Metric.WASSERSTEIN})
    with pytest.raises(InvalidInput, match="no column 'y'"):
        one(a, b, thresholds={"y": 1})


def test_p_values_of_many_equal_columns_are_corrected() -> None:
    """Of 200 equal columns about ten p-values are below 5 %; corrected, hardly any alarm is left."""
    rng = np.random.default_rng(5)
    sides = [{f"x{i}": rng.normal(size=400) for i in range(200)} for _ in range(2)]
    asked = {"metrics": {EVERY: Metric.KS_P_VALUE}, "null_rate": 1.0}
    plain = frames.compared(*sides, correction=Correction.NONE, **asked)
    corrected = frames.compared(*sides, **asked)
    assert sum(column.drifted for column in plain.columns) >= 4
    assert sum(column.drifted for column in corrected.columns) <= 1
    assert [column.p_value for column in plain.columns] == [column.p_value for column in corrected.columns]


def test_an_undecided_verdict_is_decided_by_a_second_look_and_only_then() -> None:
    rng = np.random.default_rng(6)
    sides = [as_table({"x": rng.normal(shift, 1, 30_000), "y": rng.normal(size=30_000)}) for shift in (0, 0.2)]
    plan = profiled(sides[0], edges=100).plan
    profiles = [profiled(side, plan) for side in sides]
    exact = float(stats.ks_2samp(sides[0]["x"].to_numpy(), sides[1]["x"].to_numpy(), method="asymp").statistic)
    coarse = compare(profiles[0], profiles[1], CompareSettings()).columns[0]
    assert coarse.lower is not None
    assert coarse.upper is not None
    assert coarse.lower < exact < coarse.upper
    chosen = CompareSettings(thresholds={"x": exact - 1e-9})
    from_profiles = compare(profiles[0], profiles[1], chosen).columns[0]
    assert not from_profiles.drifted
    assert "look closer" in from_profiles.notes[-1]
    looked, _ = compared(
        Side(profile=profiles[0], rows=TableRows(sides[0])), Side(profile=profiles[1], rows=TableRows(sides[1])), chosen
    )
    x, y = looked.columns
    assert x.drifted
    assert x.lower == x.upper == pytest.approx(exact, abs=1e-12)
    assert y.lower != y.upper  # its verdict did not depend on more


def test_the_azureml_preset_is_azures_formulas_on_complete_rows() -> None:
    """As `data_drift_compute_metrics` computes them: see docs/drift-engine.md; the formulas are written out here."""
    rng = np.random.default_rng(7)
    sides = []
    for shift, size in ((0, 6000), (0.2, 4000)):
        x = np.where(rng.random(size) < 0.1, np.nan, rng.normal(shift, 2, size))
        c = pa.array(rng.choice(list("abcde"), size), mask=rng.random(size) < 0.1)
        sides.append(as_table({"x": pa.array(x), "c": c, "i": rng.integers(0, 9, size)}))
    found, _ = compared(
        Side(rows=TableRows(sides[0])),
        Side(rows=TableRows(sides[1])),
        CompareSettings(preset=Preset.AZUREML, all_metrics=True, exact=True),
    )
    kept = [side.filter(pa.compute.is_valid(side["c"])).to_pandas().dropna() for side in sides]
    a, b = kept[0]["x"].to_numpy(), kept[1]["x"].to_numpy()
    column = found.columns[0]
    assert (column.baseline.rows, column.target.rows) == (len(a), len(b))
    k = int(np.ceil(np.log2(min(len(a), len(b))) + 1))
    edges = np.linspace(min(a.min(), b.min()), max(a.max(), b.max()), k + 1)
    p, q = (np.histogram(side, edges)[0] for side in (a, b))
    assert column.metrics["jensen_shannon"] == pytest.approx(distance.jensenshannon(p, q, 2), abs=1e-12)
    laplace_p, laplace_q = (p + 1) / (len(a) + k), (q + 1) / (len(b) + k)
    psi = np.sum((laplace_q - laplace_p) * np.log(laplace_q / laplace_p))
    assert column.metrics["psi"] == pytest.approx(psi, abs=1e-12)
    normed = stats.wasserstein_distance(a, b) / np.std(a, ddof=1)
    assert column.metrics["wasserstein_normed"] == pytest.approx(normed, rel=1e-11)
    assert column.metrics["ks_p_value"] == pytest.approx(stats.ks_2samp(a, b).pvalue, rel=1e-9)
    counts = [side["c"].value_counts().sort_index().to_numpy() for side in kept]
    expected = stats.chisquare(counts[1], counts[0] / len(a) * len(b)).pvalue
    assert found.columns[1].metrics["chi2_p_value"] == pytest.approx(expected, rel=1e-10)
    assert found.columns[2].metric == "jensen_shannon"  # few different integers are categories


def test_thresholds_calibrated_on_chunks_fit_their_noise() -> None:
    rng = np.random.default_rng(8)
    data = [as_table({"x": rng.standard_cauchy(2000)}) for _ in range(12)]
    plan = profiled(pa.concat_tables(data)).plan
    chunks = [profiled(each, plan) for each in data]
    chosen = CompareSettings(metrics={"x": Metric.WASSERSTEIN_NORMED}, significance=0)
    thresholds = calibrated_thresholds(chunks[:10], chosen)
    assert thresholds["x"] > 0.1  # what the libraries alarm at
    for chunk in chunks[10:]:
        asked = CompareSettings(metrics=chosen.metrics, significance=0, thresholds={"x": 4 * thresholds["x"]})
        assert not compare(chunks[0], chunk, asked).dataset.drifted
    with pytest.raises(InvalidInput, match="at least 3 parts"):
        calibrated_thresholds(chunks[:2], chosen)


def test_nothing_in_common_is_told() -> None:
    with pytest.raises(SourceProblem, match="no common column"):
        frames.compared({"a": [1]}, {"b": [1]})
    first, second = profiled({"a": [1, 2]}), profiled({"a": [1, 2, 3]})
    with pytest.raises(SourceProblem, match="--edges-from"):
        compare(first, second, CompareSettings())


def test_very_many_texts_are_an_interval_around_the_exact_distance() -> None:
    rng = np.random.default_rng(9)
    sides = [[f"u{x}" for x in (rng.random(60_000) ** 2 * 40_000).astype(int) + start] for start in (0, 2000)]
    labels = sorted({*sides[0], *sides[1]})
    p, q = (np.unique([*side, *labels], return_counts=True)[1] - 1 for side in sides)
    for preset, base in ((Preset.DEFAULT, 2), (Preset.EVIDENTLY, None)):
        found = one(sides[0], sides[1], preset=preset, metrics={"x": Metric.JENSEN_SHANNON})
        assert found.lower is not None
        assert found.upper is not None
        assert found.lower <= distance.jensenshannon(p, q, base) <= found.upper
        assert found.lower < found.upper
    assert found.baseline.distinct == pytest.approx(len(set(sides[0])), rel=0.06)


_number = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False), st.just(float("nan")))


@settings(max_examples=60, deadline=None)
@given(st.lists(_number, max_size=60), st.lists(_number, max_size=60))
def test_whatever_numbers_come_the_verdict_is_sound(baseline: list[float | None], target: list[float | None]) -> None:
    found: Comparison = frames.compared(
        {"x": pa.array(baseline, pa.float64())}, {"x": pa.array(target, pa.float64())}, all_metrics=True
    )
    column = found.columns[0]
    assert column.baseline.rows == len(baseline)
    assert column.drifted is bool(column.reasons)
    if column.value is not None:
        assert column.lower is not None
        assert column.upper is not None
        assert 0 <= column.lower <= column.value <= column.upper <= 1
    assert from_json(json.loads(json.dumps(to_json(found), allow_nan=False))) == found


def test_settings_travel_as_json() -> None:
    chosen = CompareSettings(
        preset=Preset.AZUREML, columns=("a",), metrics={"a": Metric.PSI}, thresholds={EVERY: 0.3}, all_metrics=True,
        minimum_rows=5, correction=Correction.NONE, significance=0.0, null_rate=0.2, exact=True,
    )  # fmt: skip
    assert CompareSettings.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    assert CompareSettings.from_json({}) == CompareSettings()
    with pytest.raises(ValueError, match="magic"):
        CompareSettings.from_json({"metrics": {"a": "magic"}})
