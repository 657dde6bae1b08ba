"""The gamma family over single numbers: the interpreter's, and what generated modules carry along.

Plain Python that Numba compiles; it needs `math` and `np` only.
"""

from __future__ import annotations

import math

import numpy as np


def _gamma(x):
    if np.isnan(x) or x == np.inf:
        return x
    if x < 0.0 and x == np.floor(x):
        return np.nan
    if x > 171.62437695630272:
        return np.inf
    if x == 0.0 or abs(x) < 5.6e-309:
        return np.copysign(np.inf, x)
    if x < -190.0:
        return 0.0
    return math.gamma(x)


def _lgamma(x):
    if not np.isfinite(x):
        return x
    if (x <= 0.0 and x == np.floor(x)) or x > 2.5e305:
        return np.inf
    return math.lgamma(x)


def _digamma(x):
    """DLMF 5.11.2 beyond 10, the recurrence 5.5.2 up to there, the reflection 5.5.4 below zero."""
    if x == 0.0:
        return np.copysign(np.inf, -x)
    if x < 0.0:
        if x == np.floor(x):
            return np.nan
        part = x - np.round(x)
        return _digamma(1.0 - x) - math.pi / math.tan(math.pi * part)
    shift = 0.0
    while x < 10.0:
        shift -= 1.0 / x
        x += 1.0
    if x == np.inf:
        return x
    r = 1.0 / (x * x)
    series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * (691 / 32760 - r / 12))))))
    return shift + (math.log(x) - 0.5 / x - series)


def _polygamma(n, x):
    """(-1)**(n + 1) * n! * zeta(n + 1, x) (DLMF 25.11.12); for negative x the sum over all integers less the one
    beyond x, so that the work does not grow with the distance to zero."""
    order = int(n)
    s = order + 1.0
    x = np.float64(x)
    if x <= 0.0 and x == np.floor(x):
        return np.inf if order % 2 else np.nan
    parity = 1.0 if order % 2 else -1.0
    if x > 0.0:
        total = _zeta(s, x)
    else:
        part = x - np.round(x)
        total = part**-s + _zeta(s, 1.0 + part) + parity * (_zeta(s, 1.0 - part) - _zeta(s, 1.0 - x))
    factorial = 1.0
    for k in range(2, order + 1):
        factorial *= k
    return total * factorial * parity


def _zeta(s, x):
    """The Hurwitz zeta function for s > 1 and x > 0, by DLMF 25.11.43 beyond a shift of x."""
    total = 0.0
    while x < 14.0 + s:
        total += x**-s
        x += 1.0
    if x == np.inf:
        return 0.0
    total += x ** (1.0 - s) / (s - 1.0) + 0.5 * x**-s
    term = s * x ** (-s - 1.0)
    square = x * x
    bernoulli = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600)
    for k in range(len(bernoulli)):
        total += bernoulli[k] * term
        term *= (s + 2 * k + 1) * (s + 2 * k + 2) / square
    return total
