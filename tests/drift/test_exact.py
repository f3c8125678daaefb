"""Distances against scipy: exact where they claim to be, and inside of their interval everywhere else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial import distance

from services.drift.distances import hellinger, jensen_shannon, l_infinity, psi, shares
from services.drift.ks import exact_ks, ks_statistic
from services.drift.refine import distinct_numbers, exact_distances
from services.drift.wasserstein import exact_wasserstein, wasserstein
from tests.drift.frames import TableRows, both, heavy, profiled

CASES = 2000

Array = np.ndarray[Any, np.dtype[Any]]


def _finite(x: Array) -> Array:
    values: Array = np.asarray(x, np.float64)[np.isfinite(np.asarray(x, np.float64))]
    return values


def _drawn(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    sizes = [int(np.exp(rng.uniform(np.log(5), np.log(4000)))) for _ in range(2)]
    x, y = (heavy(rng, seed, size) for size in sizes)
    if rng.random() < 0.5 and x.dtype.kind == "f":
        y = (y * rng.choice([1.0, 1.3]) + rng.choice([0, 0.01, 1])).astype(x.dtype)
    return x, y


def _scale(x: Array, y: Array) -> float:
    return max(1.0, float(np.abs(np.concatenate((x, y))).max(initial=0)))


@pytest.mark.parametrize("part", range(8))
def test_certified_intervals_contain_the_exact_value(part: int) -> None:
    """2,000 cases of twelve shapes: smooth, heavy tails, atoms, huge offsets, float32, integers, NaN and infinities."""
    told = 0
    for seed in range(part * CASES // 8, (part + 1) * CASES // 8):
        x, y = _drawn(seed)
        first, second = both({"x": x}, {"x": y}, edges=[8, 64, 2048][seed % 3])
        mine, theirs = first.columns[0].numbers, second.columns[0].numbers
        a, b = _finite(x), _finite(y)
        assert mine is not None and theirs is not None  # noqa: PT018
        if not len(a) or not len(b):
            continue
        told += 1
        exact = float(stats.wasserstein_distance(a, b)) if _scale(a, b) < 1e100 else None
        found = wasserstein(mine, theirs)
        if exact is not None:
            slack = 1e-12 * _scale(a, b)
            assert found.lower - slack <= exact <= found.upper + slack, (seed, found, exact)
        statistic = float(stats.ks_2samp(a, b, method="asymp").statistic)
        interval = ks_statistic(mine, theirs)
        assert interval.lower - 1e-12 <= statistic <= interval.upper + 1e-12, (seed, interval, statistic)
    assert told > CASES // 8 - 20


@pytest.mark.parametrize("seed", range(60))
def test_a_second_look_makes_them_exact_in_bounded_memory(seed: int) -> None:
    x, y = _drawn(seed)
    a, b = _finite(x), _finite(y)
    if len(a) < 2 or len(b) < 2 or _scale(a, b) > 1e100:
        return
    first, second = both({"x": x}, {"x": y}, edges=16)
    rows = TableRows(pa.table({"x": x}), batch=500), TableRows(pa.table({"x": y}), batch=500)
    found = exact_distances(*rows, (first, second), ["x"], held=4000)["x"]
    assert found.ks == pytest.approx(float(stats.ks_2samp(a, b, method="asymp").statistic), abs=1e-12)
    scale = max(float(np.std(a)), 1e-3 * _scale(a, b))
    assert found.wasserstein == pytest.approx(float(stats.wasserstein_distance(a, b)), abs=1e-12 * scale, rel=1e-11)


def test_different_numbers_of_both_sides_are_counted_in_bounded_memory() -> None:
    told = 0
    for seed in range(60):
        x, y = _drawn(seed)
        first, second = both({"x": x}, {"x": y}, edges=16)
        rows = TableRows(pa.table({"x": x}), batch=500), TableRows(pa.table({"x": y}), batch=500)
        found = distinct_numbers(*rows, (first, second), ["x"], held=1000)
        if "x" in found:  # else it would take very many turns
            told += 1
            assert found["x"] == len(np.unique(np.concatenate((_finite(x), _finite(y))))), seed
    assert told > 40


def test_a_step_too_large_for_the_memory_is_counted_at_finer_edges() -> None:
    """All of the target lies between two edges of the baseline, most of it at one value that is no edge."""
    rng = np.random.default_rng(0)
    x = np.concatenate((np.linspace(0, 1, 50), [0.5001, 0.50015]))
    y = np.where(rng.random(20_000) < 0.7, 0.50013, rng.uniform(0.5, 0.51, 20_000))
    first, second = both({"x": x}, {"x": y}, edges=4)
    assert first.columns[0].numbers is not None
    rows = TableRows(pa.table({"x": x})), TableRows(pa.table({"x": y}))
    found = exact_distances(*rows, (first, second), ["x"], held=2000)["x"]
    assert found.ks == pytest.approx(float(stats.ks_2samp(x, y).statistic), abs=1e-12)
    assert found.wasserstein == pytest.approx(float(stats.wasserstein_distance(x, y)), rel=1e-11)


def test_distances_from_all_values_are_scipys() -> None:
    for seed in range(40):
        a, b = (_finite(side) for side in _drawn(seed))
        if not len(a) or not len(b) or _scale(a, b) > 1e100:
            continue
        expected = float(stats.wasserstein_distance(a, b))
        assert exact_wasserstein(a.copy(), b.copy()) == pytest.approx(expected, rel=1e-12, abs=1e-300)
        assert exact_ks(a.copy(), b.copy()) == pytest.approx(float(stats.ks_2samp(a, b, method="asymp").statistic))


def test_distances_between_histograms_are_scipys_and_the_formulas() -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        bins = int(rng.integers(1, 80))
        counts = [rng.multinomial(int(rng.integers(1, 10_000)), rng.dirichlet(np.full(bins, 0.3))) for _ in range(2)]
        p, q = shares(counts[0]), shares(counts[1])
        for base in (2.0, np.e):
            assert jensen_shannon(p, q, base=base) == pytest.approx(distance.jensenshannon(p, q, base), abs=1e-12)
        assert hellinger(p, q) == pytest.approx(float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2)), abs=1e-12)
        assert l_infinity(p, q) == float(np.abs(p - q).max())
        filled_p, filled_q = p + 1e-3, q + 1e-3
        expected = float(stats.entropy(filled_p, filled_q) * filled_p.sum())
        assert psi(filled_p, filled_q) == pytest.approx(
            float(np.sum(filled_p * np.log(filled_p / filled_q)) + np.sum(filled_q * np.log(filled_q / filled_p))),
            abs=1e-12,
        )
        assert np.isfinite(expected)


def test_counts_do_not_depend_on_the_type_that_numbers_are_kept_in() -> None:
    rng = np.random.default_rng(8)
    x = rng.integers(0, 100_000, 30_000)
    plan = profiled({"x": x.astype(np.float64)}).plan
    expected = profiled({"x": x.astype(np.float64)}, plan).columns[0].numbers
    assert expected is not None
    for kind in (np.int64, np.int32, np.float32, np.uint32, np.uint64):
        found = profiled({"x": x.astype(kind)}, plan).columns[0].numbers
        assert found is not None
        assert np.array_equal(found.below, expected.below)
        assert np.array_equal(found.upto, expected.upto)
        assert found.sum == pytest.approx(expected.sum, rel=1e-12)
