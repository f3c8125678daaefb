"""P-values against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from services.drift.ks_p_values import asymptotic, ks_p_value, one_sample_sf
from services.drift.p_values import (
    benjamini_hochberg,
    chi2_sf,
    contingency,
    goodness_of_fit,
    homogeneity,
    normal_two_sided,
    proportions,
)


def test_chi_squared_tail_is_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        degrees = int(np.exp(rng.uniform(0, np.log(10_000))))
        statistic = degrees * float(np.exp(rng.normal() * rng.choice([0.02, 0.3, 1.5])))
        expected = stats.chi2.sf(statistic, degrees)
        assert chi2_sf(statistic, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-290)


@pytest.mark.parametrize(("statistic", "degrees", "expected"), [(0, 3, 1), (5, 0, 1), (float("inf"), 3, 0)])
def test_chi_squared_tail_at_its_ends(statistic: float, degrees: int, expected: float) -> None:
    assert chi2_sf(statistic, degrees) == expected


def test_one_sample_distribution_is_scipys_in_every_range() -> None:
    rng = np.random.default_rng(2)
    for case in range(300):
        n = int(np.exp(rng.uniform(0, np.log(2e6 if case % 50 == 0 else 2e4))))
        x = min(float(np.exp(rng.normal() * 0.9)) / n**0.5, 1.1)
        assert one_sample_sf(n, x) == pytest.approx(stats.kstwo.sf(x, n), rel=1e-10, abs=1e-12)


def test_two_sample_p_value_is_scipys_exact_and_beyond() -> None:
    rng = np.random.default_rng(3)
    for case in range(60):
        n, m = (int(np.exp(rng.uniform(1, np.log(12_000 if case % 4 == 0 else 1500)))) for _ in range(2))
        m = n if case % 5 == 0 else m
        x, y = rng.normal(size=n), rng.normal(0.1, 1, size=m)
        expected = stats.ks_2samp(x, y)
        assert ks_p_value(float(expected.statistic), n, m) == pytest.approx(expected.pvalue, rel=1e-10, abs=1e-12)


def test_the_limit_is_on_the_safe_side_for_few_values() -> None:
    for n, m, d in ((30, 30, 0.4), (30, 300, 0.3), (50, 5000, 0.2)):
        exact = ks_p_value(d, n, m)
        assert exact <= asymptotic(d, n, m) <= 3 * exact
    assert asymptotic(0.01, 10_000, 10_000) == pytest.approx(stats.kstwobign.sf(0.01 * 5000**0.5), rel=1e-12)


def test_tests_on_counts_are_scipys() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        bins = int(rng.integers(2, 60))
        p = rng.dirichlet(np.ones(bins))
        mine, theirs = rng.multinomial(5000, p) + 6, rng.multinomial(700, p) + 6
        table = np.array([mine, theirs])
        expected = stats.chi2_contingency(table, correction=False).pvalue
        assert contingency(mine, theirs) == pytest.approx(expected, rel=1e-10)
        fit = stats.chisquare(theirs, mine / mine.sum() * theirs.sum()).pvalue
        assert goodness_of_fit(mine, theirs) == pytest.approx(fit, rel=1e-10)


def test_a_new_category_never_fits_and_does_not_break_homogeneity() -> None:
    mine, theirs = np.array([100, 100, 0]), np.array([100, 100, 1])
    assert goodness_of_fit(mine, theirs) == 0
    assert homogeneity(mine, theirs) > 0.5


def test_rare_categories_raise_no_false_alarm() -> None:
    """Thousands of categories that come a time or two: about as many p-values are below 5 % as should be."""
    rng = np.random.default_rng(5)
    small = 0
    for _ in range(300):
        mine, theirs = (np.bincount(rng.integers(0, 2000, 1500), minlength=2000) for _ in range(2))
        small += homogeneity(mine, theirs) < 0.05
    assert small <= 25


def test_proportions_and_normal_tail() -> None:
    z = (30 / 100 - 45 / 120) / np.sqrt(75 / 220 * (145 / 220) * (1 / 100 + 1 / 120))
    assert proportions(30, 100, 45, 120) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)
    assert proportions(5, 5, 7, 7) == 1
    assert normal_two_sided(40) == pytest.approx(2 * stats.norm.sf(40), rel=1e-9, abs=1e-300)


def test_benjamini_hochberg_is_scipys() -> None:
    rng = np.random.default_rng(6)
    p = rng.random(40) ** 3
    assert benjamini_hochberg(p.tolist()) == pytest.approx(stats.false_discovery_control(p).tolist(), rel=1e-14)
    assert benjamini_hochberg([]) == []
