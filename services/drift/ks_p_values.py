"""P-values of the two-sample Kolmogorov-Smirnov statistic, chosen as `scipy.stats.ks_2samp(method="auto")` does.

Up to 10,000 values on the larger side: exact, by counting lattice paths (Hodges 1957). Beyond: the finite-sample
distribution of the one-sample statistic at the harmonic size n m / (n + m), by the methods that Simard and L'Ecuyer
(2011) recommend for each range. Both agree with scipy 1.17 to 1e-12 of the larger of p and 1 - p.
"""

from __future__ import annotations

import math

import numpy as np

from services.drift.model import Floats
from services.drift.p_values import log_binomial_terms

EXACT_UP_TO = 10_000
_SMIRNOV_TERMS = 1_000_000


def ks_p_value(statistic: float, n: int, m: int) -> float:
    """P that two samples of one continuous distribution, of n and m values, are at least so far apart."""
    if max(n, m) <= EXACT_UP_TO:
        return _exact(statistic, n, m)
    return one_sample_sf(round(n * m / (n + m)), statistic)


def asymptotic(statistic: float, n: int, m: int) -> float:
    """Kolmogorov's limit, which is a little too large for few values: quick, and on the safe side of an alarm."""
    z = statistic * math.sqrt(n * m / (n + m))
    if z < 0.2:
        return 1.0
    return min(1.0, 2 * math.fsum((-1) ** (k - 1) * math.exp(-2 * (k * z) ** 2) for k in range(1, 101)))


def one_sample_sf(n: int, x: float) -> float:  # noqa: PLR0911 - one method for each range
    """P(D_n >= x) of the two-sided one-sample statistic of n values, as `scipy.stats.kstwo.sf`."""
    t = n * x
    if t <= 0.5:
        return 1.0
    if x >= 1:
        return 0.0
    if t <= 1:
        return 1.0 - math.exp(math.lgamma(n + 1) - n * math.log(n) + n * math.log(2 * t - 1)) if t > 0.5 else 1.0
    if t >= n - 1:
        return min(2 * (1 - x) ** n, 1.0)
    square = t * x
    if x >= 0.5 or square > (4 if n <= 140 else 2.2):
        return 0.0 if square >= 370 else min(2 * _smirnov(n, x), 1.0)
    if n <= 140 or (n <= 100_000 and n * x**1.5 <= 1.4):
        return 1.0 - _durbin(n, x)
    return 1.0 - _pelz_good(n, x)


def _exact(statistic: float, n: int, m: int) -> float:
    g = math.gcd(n, m)
    h = round(statistic * (n // g) * m)
    if h == 0:
        return 1.0
    if n == m:
        return _outside_square(n, h)
    return _outside(max(n, m), min(n, m), g, h)


def _outside_square(n: int, h: int) -> float:
    """Share of the paths from (0, 0) to (n, n) that touch |x - y| = h: reflections, added up from the smallest."""
    found = 0.0
    j = np.arange(h)
    for k in range(n // h, -1, -1):
        found = float(np.prod((n - k * h - j) / (n + k * h + j + 1))) * (1 - found)
    return 2 * found


def _outside(m: int, n: int, g: int, h: int) -> float:
    """Share of the paths from (0, 0) to (m, n) that touch |x n - y m| >= g h, diagonal by diagonal.

    P(x, y) = (x P(x - 1, y) + y P(x, y - 1)) / (x + y), where what is outside counts 1.
    """
    mg, ng = m // g, n // g
    before: Floats = np.zeros(n + 3)  # before[y + 1]: P on the diagonal before; outside of the band it is never read
    low_before, high_before = 0, 0
    y_all = np.arange(n + 1)
    for s in range(1, m + n + 1):
        # |ng x - mg y| < h with x = s - y
        low = max((ng * s - h) // (mg + ng) + 1, 0, s - m)
        high = min(-(-(ng * s + h) // (mg + ng)) - 1, n, s)
        if low > high:
            return 1.0
        # What was just outside of the band, or of the rectangle (there its weight is 0), counts 1.
        before[low_before] = 1.0
        before[high_before + 2] = 1.0
        if low - 1 < low_before:
            before[max(low, 0)] = 1.0
        y = y_all[low : high + 1]
        now = ((s - y) * before[low + 1 : high + 2] + y * before[low : high + 1]) / s
        before[low + 1 : high + 2] = now
        low_before, high_before = low, high
    return float(before[n + 1])


def _smirnov(n: int, x: float) -> float:
    """P(D_n+ >= x): Smirnov's sum; beyond a million values Maag and Dicaire's limit, as cephes does."""
    if n > _SMIRNOV_TERMS:
        return math.exp(-((6.0 * n * x + 1) ** 2) / (18.0 * n))
    shift = n * x
    top = math.floor(n * (1 - x))
    j = np.arange(1, top + 1, dtype=np.float64)
    j = j[(j < n) & (n - j - shift > 0)]
    # C(n, j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j) x is a binomial term times n x / (j + n x).
    terms = np.exp(log_binomial_terms(n, j, shift)) * (shift / (j + shift))
    return float((1 - x) ** n + math.fsum(terms[terms > 0]))


def _durbin(n: int, x: float) -> float:
    """P(D_n <= x) by Durbin's matrix, as Marsaglia, Tsang and Wang (2003) evaluate it."""
    t = n * x
    k = math.ceil(t)
    h = k - t
    size = 2 * k - 1
    factorials = np.array([1 / math.gamma(j + 1) if j < 171 else 0.0 for j in range(size + 1)])
    powers = h ** np.arange(1, size + 1)
    first = (1 - powers) * factorials[1:]
    first[-1] = (1 - 2 * h**size + max(2 * h - 1, 0.0) ** size) * factorials[size]
    matrix = np.zeros((size, size))
    for i in range(1, size):
        matrix[i - 1 :, i] = factorials[: size - i + 1]
    matrix[:, 0] = first
    matrix[-1] = first[::-1]
    power, exponent = _matrix_power(matrix, n, k - 1)
    found = float(power[k - 1, k - 1])
    for i in range(1, n + 1):
        found *= i / n
        if abs(found) < 2.0**-128:
            found *= 2.0**128
            exponent -= 128
    return math.ldexp(found, exponent)


def _matrix_power(matrix: Floats, n: int, pivot: int) -> tuple[Floats, int]:
    """(scaled matrix to the n, binary exponent of the scale)."""
    power = np.eye(len(matrix))
    exponent = scale = 0
    while n:
        if n % 2:
            power = power @ matrix
            exponent += scale
        matrix = matrix @ matrix
        scale *= 2
        if abs(matrix[pivot, pivot]) > 2.0**128:
            matrix = matrix / 2.0**128
            scale += 128
        n //= 2
    return power, exponent


def _pelz_good(n: int, x: float) -> float:
    """P(D_n <= x) by the four terms of Pelz and Good (1976)."""
    z = math.sqrt(n) * x
    z2, z4, z6 = z**2, z**4, z**6
    pi2, pi4, pi6 = math.pi**2, math.pi**4, math.pi**6
    root = math.sqrt(2 * math.pi)
    count = math.ceil(16 * z / math.pi)
    odd = 2.0 * np.arange(1, count + 1) - 1
    q = np.exp(-(odd**2) * pi2 / (8 * z2))
    o2, o4, o6 = odd**2, odd**4, odd**6
    zero = root / z * np.sum(q)
    one = root / (6 * z4) * np.sum((pi2 / 4 * o2 - z2) * q)
    two = 6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * pi2 / 4 * o2 + pi4 * (1 - 2 * z2) / 16 * o4
    three = -30 * z6 - 90 * z**8 + pi2 * (135 * z4 - 96 * z6) / 4 * o2
    three = three + pi4 * (212 * z4 - 60 * z2) / 16 * o4 + pi6 * (5 - 30 * z2) / 64 * o6
    whole = np.arange(1, count + 1, dtype=np.float64)
    w2 = whole**2
    r = np.exp(-w2 * pi2 / (2 * z2))
    second = root / (72 * z**7) * np.sum(two * q) - pi2 * root / (36 * z**3) * np.sum(w2 * r)
    third = root / (6480 * z**10) * np.sum(three * q)
    third += root * pi2 / (216 * z6) * np.sum((3 * z2 - pi2 * w2) * w2 * r)
    found = zero + one / n**0.5 + second / n + third / n**1.5
    return float(min(max(found, 0.0), 1.0))
