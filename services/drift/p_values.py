"""Tail probabilities of the tests on counts, without scipy, whose import would take two seconds."""

from __future__ import annotations

import math

import numpy as np

from services.drift.model import Floats, Ints

_LARGEST_STEPS = 100_000
_LEAST_EXPECTED = 5.0
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def chi2_sf(statistic: float, degrees: float) -> float:
    """P(X >= statistic) for a chi-squared X with that many degrees of freedom; 1 for none.

    The regularised upper incomplete gamma function by its series or continued fraction (DLMF 8.11.4, 8.9.2), the
    leading factor in Loader's form (2000), which loses no digits for thousands of degrees. Agrees with
    `scipy.stats.chi2.sf` to 1e-12 relative down to 1e-290.
    """
    if degrees <= 0 or statistic <= 0:
        return 1.0
    if not math.isfinite(statistic):
        return 0.0
    a, x = degrees / 2, statistic / 2
    if x < a + 1:
        return 1.0 - _front(a, x) * _series(a, x)
    return _front(a, x) * a * _fraction(a, x)


def normal_two_sided(z: float) -> float:
    """P(|Z| >= |z|) for a standard normal Z."""
    return math.erfc(abs(z) / math.sqrt(2))


def goodness_of_fit(baseline: Ints, target: Ints) -> float:
    """P-value of Pearson's chi-squared that the target comes from the baseline's shares, as `scipy.stats.chisquare`.

    Over the same categories, each of which one side has. A category that the baseline does not know makes it 0.
    """
    n, m = int(baseline.sum()), int(target.sum())
    if not n or not m or len(baseline) < 2:
        return 1.0
    expected = baseline / n * m
    if bool(np.any((expected == 0) & (target > 0))):
        return 0.0
    there = expected > 0
    statistic = float(np.sum((target[there] - expected[there]) ** 2 / expected[there]))
    return chi2_sf(statistic, len(baseline) - 1)


def homogeneity(baseline: Ints, target: Ints) -> float:
    """P-value of Pearson's chi-squared that both samples have the same shares, as `scipy.stats.chi2_contingency`.

    Without Yates' correction. Categories expected fewer than five times on a side are taken together (Cochran 1954),
    so that many rare ones raise no false alarm.
    """
    return contingency(*rare_together(baseline, target))


def rare_together(baseline: Ints, target: Ints) -> tuple[Ints, Ints]:
    """The counts with all categories in one that equal data of these sizes would hold fewer than five times a side."""
    n, m = int(baseline.sum()), int(target.sum())
    if not n or not m:
        return baseline, target
    rare = (baseline + target) * (min(n, m) / (n + m)) < _LEAST_EXPECTED
    if not rare.any():
        return baseline, target
    return np.append(baseline[~rare], baseline[rare].sum()), np.append(target[~rare], target[rare].sum())


def contingency(baseline: Ints, target: Ints) -> float:
    """The same without taking rare categories together."""
    both = baseline + target
    baseline, target, both = baseline[both > 0], target[both > 0], both[both > 0]
    if len(both) < 2:
        return 1.0
    n, m = int(baseline.sum()), int(target.sum())
    if not n or not m:
        return 1.0
    expected_n, expected_m = both * (n / (n + m)), both * (m / (n + m))
    statistic = np.sum((baseline - expected_n) ** 2 / expected_n) + np.sum((target - expected_m) ** 2 / expected_m)
    return chi2_sf(float(statistic), len(both) - 1)


def proportions(baseline: int, of_baseline: int, target: int, of_target: int) -> float:
    """P-value of the two-sided z-test that two shares are equal, with the pooled share in the standard error."""
    if not of_baseline or not of_target:
        return 1.0
    pooled = (baseline + target) / (of_baseline + of_target)
    variance = pooled * (1 - pooled) * (1 / of_baseline + 1 / of_target)
    if variance <= 0:
        return 1.0
    return normal_two_sided((baseline / of_baseline - target / of_target) / math.sqrt(variance))


def benjamini_hochberg(p_values: list[float]) -> list[float]:
    """Adjusted p-values in the same order: rejecting those below q keeps the false discovery rate at q.

    Benjamini, Hochberg, "Controlling the false discovery rate" (1995), as `scipy.stats.false_discovery_control`.
    """
    count = len(p_values)
    adjusted = [1.0] * count
    least = 1.0
    for rank, index in reversed(list(enumerate(sorted(range(count), key=p_values.__getitem__), start=1))):
        least = min(least, p_values[index] * count / rank)
        adjusted[index] = least
    return adjusted


def deviance(x: float, mean: float) -> float:
    """Loader's bd0: x ln(x / mean) + mean - x, without cancellation. Both positive."""
    u = (x - mean) / mean
    if abs(u) < 0.1:  # sum of (-u)^k / (k (k - 1)), k from 2 on
        return mean * math.fsum((-u) ** k / (k * (k - 1)) for k in range(2, 20))
    return x * math.log(x / mean) + mean - x


def stirling_error(n: float) -> float:
    """ln n! - (n ln n - n + ln(2 pi n) / 2). n positive."""
    if n < 16:
        return math.lgamma(n + 1) - (n * math.log(n) - n + 0.5 * math.log(2 * math.pi * n))
    return math.fsum(c / n ** (2 * k + 1) for k, c in enumerate(_STIRLING))


def log_binomial_terms(n: int, j: Floats, shift: float) -> Floats:
    """ln of C(n, j) p^j (1 - p)^(n - j) at p = (j + shift) / n, for 0 < j < n and 0 <= shift < n - j, elementwise."""
    rest = n - j
    errors = stirling_error(n) - _stirling_errors(j) - _stirling_errors(rest)
    found: Floats = errors - _deviances(j, j + shift) - _deviances(rest, rest - shift)
    return found + 0.5 * np.log(n / (2 * np.pi * j * rest))


def _front(a: float, x: float) -> float:
    """x^a e^-x / Gamma(a + 1)."""
    return math.exp(-stirling_error(a) - deviance(a, x)) / math.sqrt(2 * math.pi * a)


def _series(a: float, x: float) -> float:
    """Sum of x^k / ((a + 1) ... (a + k)), k from 0 on."""
    term = total = 1.0
    for k in range(1, _LARGEST_STEPS):
        term *= x / (a + k)
        total += term
        if term < total * 1e-17:
            break
    return total


def _fraction(a: float, x: float) -> float:
    """The continued fraction of Gamma(a, x) e^x x^-a by Lentz's method."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    found = d
    for k in range(1, _LARGEST_STEPS):
        step = -k * (k - a)
        b += 2
        d = step * d + b
        c = b + step / c
        d = 1 / (d if abs(d) > tiny else tiny)
        c = c if abs(c) > tiny else tiny
        found *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return found


def _stirling_errors(n: Floats) -> Floats:
    least = np.fromiter((0.0, *(stirling_error(k) for k in range(1, 17))), float, 17)
    with np.errstate(divide="ignore"):
        large = sum(c / n ** (2 * k + 1) for k, c in enumerate(_STIRLING))
    found: Floats = np.where(n <= 16, least[np.minimum(n, 16).astype(np.int64)], large)
    return found


def _deviances(x: Floats, mean: Floats) -> Floats:
    u = (x - mean) / mean
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = x * np.log(x / mean) + mean - x
    powers = np.zeros(len(u))
    for k in range(19, 1, -1):
        powers = powers * -u + 1 / (k * (k - 1))
    small: Floats = np.where(np.abs(u) < 0.1, mean * u * u * powers, plain)
    return small
