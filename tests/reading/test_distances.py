"""The Jensen-Shannon distance against known values and its own laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.reading.distances import histogram, jensen_shannon_distance, quantile_edges

# scipy.spatial.distance.jensenshannon(p, q, base=2), scipy 1.17.1
SCIPY = [
    ([1.0, 0.0], [0.5, 0.5], 0.5579230452841438),
    ([10.0, 20.0, 30.0, 40.0], [40.0, 30.0, 20.0, 10.0], 0.3918681606471551),
    ([1.0, 2.0, 3.0], [3.0, 2.0, 1.5], 0.2982272728735327),
    ([0.0, 5.0, 0.0, 7.0, 1.0], [3.0, 0.0, 0.0, 7.0, 2.0], 0.5746006650394693),
    ([1e-09, 1.0, 1.0], [1.0, 1.0, 1000000000.0], 0.5579230317736219),
    ([5.0, 5.0], [5.0, 5.0], 0.0),
    ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0], 1.0),
]


@pytest.mark.parametrize(("p", "q", "expected"), SCIPY)
def test_equals_scipy(p: list[float], q: list[float], expected: float) -> None:
    assert jensen_shannon_distance(np.array(p), np.array(q)) == pytest.approx(expected, abs=1e-12)


weights = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=40).filter(
    lambda pairs: any(p for p, _ in pairs) and any(q for _, q in pairs)
)


def split(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    both = np.array(pairs, dtype=np.float64)
    return both[:, 0], both[:, 1]


@settings(max_examples=40, deadline=None)
@given(weights)
def test_is_a_symmetric_distance_between_0_and_1(pairs: list[tuple[int, int]]) -> None:
    p, q = split(pairs)
    distance = jensen_shannon_distance(p, q)
    assert 0 <= distance <= 1
    assert distance == pytest.approx(jensen_shannon_distance(q, p), abs=1e-9)
    assert jensen_shannon_distance(p, p) == 0


@settings(max_examples=40, deadline=None)
@given(weights, st.floats(0.001, 1000))
def test_only_shares_count(pairs: list[tuple[int, int]], factor: float) -> None:
    p, q = split(pairs)
    assert jensen_shannon_distance(p * factor, q) == pytest.approx(jensen_shannon_distance(p, q), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(weights)
def test_equals_the_definition_by_entropies(pairs: list[tuple[int, int]]) -> None:
    p, q = split(pairs)
    p, q = p / p.sum(), q / q.sum()

    def entropy(d: NDArray[np.float64]) -> float:
        return float(-sum(x * np.log2(x) for x in d if x > 0))

    divergence = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    assert jensen_shannon_distance(p, q) ** 2 == pytest.approx(divergence, abs=1e-9)


@pytest.mark.parametrize(
    ("p", "q"),
    [([1.0], [1.0, 2.0]), ([0.0, 0.0], [1.0, 0.0]), ([1.0], [0.0]), ([-1.0, 2.0], [1.0, 0.0]), ([np.nan], [1.0])],
)
def test_refuses_what_is_no_histogram(p: list[float], q: list[float]) -> None:
    with pytest.raises(ValueError, match="histogram"):
        jensen_shannon_distance(np.array(p), np.array(q))


numbers = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200)


@settings(max_examples=40, deadline=None)
@given(numbers, st.integers(1, 32))
def test_every_baseline_value_is_inside_the_edges(values: list[float], bins: int) -> None:
    baseline = np.array(values)
    edges = quantile_edges(baseline, bins)
    assert len(edges) <= bins + 2
    assert (np.diff(edges) > 0).all()
    counts = histogram(baseline, edges)
    assert counts[0] == counts[-1] == 0
    assert counts.sum() == len(values)


@settings(max_examples=40, deadline=None)
@given(numbers, numbers)
def test_histogram_counts_every_value_once(values: list[float], baseline: list[float]) -> None:
    counts = histogram(np.array(values), quantile_edges(np.array(baseline), 8))
    assert counts.sum() == len(values)


def test_ends_hold_what_is_out_of_range() -> None:
    edges = quantile_edges(np.arange(100, dtype=np.float64), 4)
    assert histogram(np.array([-1.0, 0.0, 99.0, 99.5, np.inf]), edges)[[0, -1]].tolist() == [1, 2]


def test_a_constant_baseline_has_its_own_bin() -> None:
    edges = quantile_edges(np.full(50, 7.0))
    assert histogram(np.array([6.0, 7.0, 7.0, 8.0]), edges).tolist() == [1, 2, 1]
