"""Elementary functions against exact values: a row has a name, a bound in units of the last place, and where the
arguments are drawn. Every row is tested in bulk against 80-bit numbers and at fewer points against mpmath, for special
values, and for equal bits whatever the number of lanes."""

from __future__ import annotations

from functools import cache
from math import inf, nan

import mpmath
import numpy as np
import pytest
from measure import compiled

from gradc.check import reals
from tests.elementary.bounds import POSITIVE, ROWS

MULTIPLES = [
    *(np.arange(1, 200, 3) * np.pi / 2),
    *(np.arange(1, 636619, 9973) * np.pi / 2),
    999999.9999999999,
    1e6,
    6381956970095103 * 2.0**797,
]
"""Next to multiples of half of pi; the last is the nearest of all (Muller, Elementary Functions, 11.4)."""

HARD = {
    "exp": [7.541752774995959e-10, *((np.arange(-1074, 1023) + 0.5) * np.log(2))],
    "log": [0.7071067811865475, 0.7071067811865476, 1.414213562373095, 1.4142135623730951, 1 - 2**-53, 1 + 2**-52],
    "log1p": [-0.29289321881345254, 0.41421356237309503, 2**-53, -(2**-54), -1 + 2**-53],
    "arctanh": [1 - 2**-53, 1 - 2**-52, 0.5 - 2**-54, 0.5, 0.18666666],
    "arccosh": [1 + 2**-52, 1e16, 1.0000000000000002e16],
    "sin": [*MULTIPLES], "cos": [*MULTIPLES], "tan": [*MULTIPLES],
    "power": [
        (1 + 2**-52, 2.0**61), (1 - 2**-53, 2.0**62), (1 + 2**-52, -(2.0**61)), (1.0000000000000009, 6e17),
        (2.0**1023, 1 + 2**-52), (5e-324, -0.95), (5e-324, 0.5), (10, 308), (10, -323), (3, 40),
        (0.7071067811865475, 2149),
    ],
}  # fmt: skip
"""Worst cases of rounding (Lefevre and Muller), and the ends of what arguments are reduced to."""

HALF_PI = np.pi / 2

SPECIAL = {
    "exp": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, 0.0), (710, inf), (-745, 5e-324), (-746, 0.0), (1e300, inf),
            (-1e300, 0.0), (5e-324, 1)],
    "exp2": [(-0.0, 1), (10, 1024), (-1074, 5e-324), (-1076, 0.0), (1023, 2.0**1023), (1024, inf), (inf, inf),
             (-inf, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -1), (710, inf), (-50, -1), (5e-324, 5e-324),
              (-5e-324, -5e-324), (1e-17, 1e-17)],
    "log": [(1, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-inf, nan), (-1, nan), (-5e-324, nan),
            (5e-324, -744.4400719213812)],
    "log2": [(1, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-1, nan), (5e-324, -1074), (8, 3), (2.0**1023, 1023),
             (0.5, -1)],
    "log10": [(1, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-1, nan), (1000, 3), (1e22, 22), (1e-5, -5)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1, -inf), (-2, nan), (inf, inf), (-inf, nan), (5e-324, 5e-324),
              (-5e-324, -5e-324),
              (1.7976931348623157e308, 709.782712893384)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (711, inf), (-711, -inf), (5e-324, 5e-324),
             (1e300, inf)],
    "cosh": [(0.0, 1), (-0.0, 1), (inf, inf), (-inf, inf), (711, inf), (-711, inf), (5e-324, 1), (1e300, inf)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (inf, 1), (-inf, -1), (20, 1), (-1e300, -1), (5e-324, 5e-324),
             (-5e-324, -5e-324)],
    "arcsinh": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (5e-324, 5e-324), (-1e308, -709.889355822726)],
    "arccosh": [(1, 0.0), (0.5, nan), (-inf, nan), (inf, inf), (1e308, 709.889355822726), (0.0, nan)],
    "arctanh": [(0.0, 0.0), (-0.0, -0.0), (1, inf), (-1, -inf), (1.5, nan), (-inf, nan), (inf, nan), (5e-324, 5e-324)],
    "power": [
        (0.0, 0.0, 1), (nan, 0.0, 1), (nan, -0.0, 1), (1, nan, 1), (1, inf, 1), (1, -inf, 1), (-1, inf, 1),
        (-1, -inf, 1),
        (2, nan, nan), (nan, 2, nan), (-1, nan, nan), (0.0, nan, nan), (-2, 3, -8), (-2, 2, 4), (-2, -1, -0.5),
        (-2, 0.5, nan),
        (-0.5, inf, 0.0), (-0.5, -inf, inf), (0.5, inf, 0.0), (0.5, -inf, inf), (2, inf, inf), (2, -inf, 0.0),
        (-2, inf, inf),
        (0.0, 3, 0.0), (-0.0, 3, -0.0), (-0.0, 2, 0.0), (-0.0, 0.5, 0.0), (0.0, -1, inf), (-0.0, -1, -inf),
        (-0.0, -2, inf),
        (-0.0, -0.5, inf), (0.0, inf, 0.0), (0.0, -inf, inf), (-0.0, -inf, inf), (inf, 2, inf), (inf, -2, 0.0),
        (inf, 1e-320, inf),
        (-inf, 3, -inf), (-inf, 2, inf), (-inf, 0.5, inf), (-inf, -3, -0.0), (-inf, -2, 0.0), (-inf, -0.5, 0.0),
        (inf, inf, inf),
        (inf, -inf, 0.0), (-inf, inf, inf), (-inf, -inf, 0.0), (-1, 2.0**53 - 1, -1), (-1, 2.0**53, 1), (-1, 1e300, 1),
        (2, 1023, 2.0**1023), (2, 1024, inf), (2, -1074, 5e-324), (2, -1076, 0.0), (-2, 1025, -inf), (-2, -1077, -0.0),
        (5e-324, 1, 5e-324), (-5e-324, 1, -5e-324), (1e300, 1e300, inf), (1e300, -1e300, 0.0), (3, 5e-324, 1),
    ],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (5e-324, 5e-324), (-1e-310, -1e-310)],
    "cos": [(0.0, 1), (-0.0, 1), (inf, nan), (-inf, nan), (5e-324, 1)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (5e-324, 5e-324), (-1e-310, -1e-310)],
    "arcsin": [(0.0, 0.0), (-0.0, -0.0), (1, HALF_PI), (-1, -HALF_PI), (1 + 2**-52, nan), (-inf, nan), (inf, nan),
               (5e-324, 5e-324)],
    "arccos": [(0.0, HALF_PI), (-0.0, HALF_PI), (1, 0.0), (-1, np.pi), (1 + 2**-52, nan), (-inf, nan), (inf, nan)],
    "arctan": [(0.0, 0.0), (-0.0, -0.0), (inf, HALF_PI), (-inf, -HALF_PI), (1, HALF_PI / 2), (5e-324, 5e-324),
               (1e300, HALF_PI)],
    "arctan2": [
        (0.0, 0.0, 0.0), (-0.0, 0.0, -0.0), (0.0, -0.0, np.pi), (-0.0, -0.0, -np.pi), (0.0, 1, 0.0), (-0.0, 1, -0.0),
        (0.0, -1, np.pi), (-0.0, -1, -np.pi), (1, 0.0, HALF_PI), (1, -0.0, HALF_PI), (-1, 0.0, -HALF_PI),
        (inf, inf, HALF_PI / 2), (-inf, inf, -HALF_PI / 2), (inf, -inf, 3 * HALF_PI / 2), (1, inf, 0.0),
        (-1, inf, -0.0), (1, -inf, np.pi), (-1, -inf, -np.pi), (inf, 1, HALF_PI), (-inf, -1, -HALF_PI), (nan, 1, nan),
        (1, nan, nan), (inf, nan, nan), (nan, inf, nan), (0.0, inf, 0.0), (inf, 0.0, HALF_PI),
        (5e-324, 5e-324, HALF_PI / 2), (1e308, 1e308, HALF_PI / 2), (5e-324, 1e308, 0.0),
        (5e-324, 1, 5e-324), (1e308, 5e-324, HALF_PI),
    ],
    "hypot": [
        (0.0, 0.0, 0.0), (-0.0, -0.0, 0.0), (3, -4, 5), (inf, nan, inf), (nan, -inf, inf), (nan, 0.0, nan),
        (inf, inf, inf), (0.0, -5e-324, 5e-324), (3e-323, 4e-323, 5e-323), (3e307, 4e307, 5e307), (1e308, 1.7e308, inf),
        (1e-200, 1e200, 1e200), (1e200, 0.0, 1e200),
    ],
    "cbrt": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, -inf), (27, 3), (-8, -2), (5e-324, 1.7031839360032603e-108),
             (1e-300, 1e-100)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (inf, 1), (-inf, -1), (1e200, 1), (-7, -1), (5e-324, 5e-324)],
    "normal_cdf": [(0.0, 0.5), (-0.0, 0.5), (inf, 1), (-inf, 0.0), (1e200, 1), (-1e200, 0.0), (-39, 0.0), (-39.1, 0.0),
                   (9, 1), (5e-324, 0.5)],
    "erfc": [(0.0, 1), (-0.0, 1), (inf, 0.0), (-inf, 2), (1e200, 0.0), (-1e200, 2), (30, 0.0), (30.1, 0.0), (-7, 2),
             (5e-324, 1)],
    "gaussian": [(0.0, 1), (-0.0, 1), (inf, 0.0), (-1e200, 0.0), (28, 0.0)],
    "normal_pdf": [(0.0, 0.3989422804014327), (inf, 0.0), (-1e200, 0.0), (39, 0.0)],
    "log_ndtr": [(inf, -0.0), (-inf, -inf), (1e200, -0.0), (-1e200, -inf), (40, -0.0)],
    "erfcx": [(inf, 0.0), (-inf, inf), (-27, inf), (-1e200, inf)],
    "inverse_mills": [(inf, 0.0), (-inf, inf), (1e200, 0.0), (-1e200, 1e200)],
    "truncated_gap": [(inf, inf), (-inf, 0.0), (1e200, 1e200), (-1e200, 1e-200)],
    "ndtri": [(0.0, -inf), (-0.0, -inf), (1, inf), (0.5, 0.0), (-1e-300, nan), (1.1, nan), (inf, nan)],
    "erfinv": [(0.0, 0.0), (-0.0, -0.0), (1, inf), (-1, -inf), (1.1, nan), (-inf, nan)],
    "erfcinv": [(0.0, inf), (1, -0.0), (2, -inf), (-1e-300, nan), (2.1, nan)],
    "lambertw": [(-0.36787944117144233, -1), (0.0, 0.0), (-0.0, -0.0), (inf, inf), (-1, nan), (-inf, nan)],
    "lambertw1": [(0.0, 1), (inf, inf), (-1, nan)], "log1prest": [(0.0, 0.5), (-2, nan)],
    "sinc": [(0.0, 1), (-0.0, 1), (1, -0.0), (-3, 0.0), (1e300, 0.0), (inf, nan)],
    "exprel": [(0.0, 1), (inf, inf), (-inf, 0.0)], "exprel1": [(0.0, 0.5), (inf, inf), (-inf, -0.0)],
    "exprel2": [(0.0, 1 / 3), (inf, inf), (-inf, -0.0)],
    "log1prel": [(0.0, 1), (-1, inf), (-2, nan)], "log1prel1": [(0.0, -0.5), (-2, nan)],
    "log1prel2": [(0.0, 2 / 3), (-2, nan)],
    "sinrel": [(0.0, 1), (-0.0, 1)], "sinrel1": [(0.0, 1 / 3)], "sinrel2": [(0.0, 1 / 15)],
    "spherical_j1": [(0.0, 0.0), (-0.0, -0.0)], "sinrel3": [(inf, nan)],
    "sinrest": [(0.0, 1 / 6), (1e300, 0.0)], "sinrest1": [(0.0, 1 / 60)],
    "sinrest2": [(0.0, 1 / 630)],
    "sinhrel": [(0.0, 1), (-inf, inf), (718, inf), (inf, inf)], "sinhrel1": [(0.0, 1 / 3), (inf, inf)],
    "sinhrel2": [(-0.0, 0.06666666666666667), (-inf, inf)], "sinhrel3": [(0.0, 0.009523809523809525), (inf, inf)],
    "sinhrest": [(0.0, 1 / 6), (-0.0, 1 / 6)], "sinhrest1": [(0.0, 1 / 60)], "sinhrest2": [(0.0, 1 / 630)],
    "arctanrel": [(0.0, 1), (inf, 0.0), (-inf, 0.0), (5e-324, 1)], "arctanrel1": [(0.0, 1 / 3), (-inf, 0.0)],
    "arctanrel2": [(0.0, 0.2), (1e200, 0.0)], "arctanrel3": [(0.0, 1 / 7), (inf, 0.0)],
    "arctanrest": [(0.0, 1 / 3), (inf, 0.0)], "arctanrest1": [(-0.0, 0.2), (1e300, 0.0)],
    "arctanrest2": [(0.0, 1 / 7), (-inf, 0.0)],
    "arcsinhrel": [(0.0, 1), (-5e-324, 1)], "arcsinhrel1": [(0.0, 1 / 3), (1e200, 0.0)], "arcsinhrel2": [(0.0, 0.2)],
    "arcsinhrel3": [(0.0, 1 / 7)],
    "erfrel": [(0.0, 1.1283791670955126), (5e-324, 1.1283791670955126), (-inf, 0.0)], "erfrel1": [(inf, 0.0)],
    "erfrel2": [(1e200, 0.0), (-1e200, 0.0)], "erfrel3": [(inf, 0.0)],
    "truncated_skew": [(inf, 0.0), (-inf, 0.0), (1e200, 0.0), (-1e200, 0.0)],
    "truncated_variance": [(inf, 1), (-inf, 0.0), (1e200, 1), (-1e200, 0.0)],
}  # fmt: skip
"""Arguments and the result, the sign of zero included; NaN gives NaN besides."""

NORMAL = (
    "gaussian",
    "normal_pdf",
    "log_ndtr",
    "erfcx",
    "inverse_mills",
    "truncated_gap",
    "truncated_variance",
    "truncated_skew",
    "ndtri",
    "erfinv",
    "erfcinv",
)
"""What rests on the tail of the normal distribution."""
CHAINS = [f"{f.__name__}{n or ''}" for f, most in reals.CHAINS for n in range(most + 1)] + [
    "spherical_j1",
    "sinc",
    "lambertw",
    "lambertw1",
    "log1prest",
]

EXACT = {
    "exp2": lambda x: mpmath.mpf(2) ** x, "log2": lambda x: mpmath.log(x, 2), "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh, "arctanh": mpmath.atanh, "arcsin": mpmath.asin, "arccos": mpmath.acos,
    "arctan": mpmath.atan, "arctan2": mpmath.atan2, "normal_cdf": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    **{name: reals.function(name) for name in (*NORMAL, *CHAINS)},
}  # fmt: skip
"""mpmath's functions of another name."""

OF_TWO = ("power", "hypot", "arctan2")

BULK = 100_000
FEW = 300


def drawn(draw, kind, count):
    if isinstance(kind, tuple):
        return draw.uniform(*kind, count)
    numbers = np.ldexp(1 + draw.random(count), draw.integers(-1074, 1024, count))
    return numbers if kind == POSITIVE else numbers * draw.choice([-1, 1], count)


def points(name: str, count: int):
    """Arrays of arguments, one for each parameter, `count` points from each range."""
    draw = np.random.default_rng(7)
    ranges = [kind if name in OF_TWO else (kind,) for kind in ROWS[name][1]]
    return [np.concatenate(parts) for parts in zip(*[[drawn(draw, k, count) for k in kinds] for kinds in ranges])]


def hard(name: str):
    found = HARD.get(name, ())
    return [np.array(column, float) for column in zip(*[x if isinstance(x, tuple) else (x,) for x in found])]


def special(name: str):
    rows = SPECIAL[name] if name in OF_TWO else [*SPECIAL[name], (nan, nan)]
    return [np.array(column, float) for column in zip(*rows)]


@cache
def function(name: str, lanes: int = 0):
    return compiled(name, lanes)


def errors(found, exact):
    """In units of the last place of the exact result, which is of higher precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = exact.astype(np.float64)
        ulp = np.ldexp(np.longdouble(1), np.maximum(np.frexp(np.abs(exact))[1] - 53, -1074))
        is_special = ~np.isfinite(rounded)
        wrong = np.where(np.isnan(rounded), ~np.isnan(found), found != rounded)
        return np.where(is_special, np.where(wrong, inf, 0), np.abs(found - exact) / ulp).astype(float)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no numbers of 80 bits here")
@pytest.mark.parametrize("name", [name for name in ROWS if hasattr(np, name) and name != "sinc"])
def test_in_bulk(name):
    args = points(name, BULK)
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(*[arg.astype(np.longdouble) for arg in args])
    found = errors(function(name, 4)(*args), exact)
    worst = np.nanargmax(np.where(np.isnan(found), inf, found))
    assert found[worst] <= ROWS[name][0], [arg[worst] for arg in args]


@pytest.mark.parametrize("name", ROWS)
def test_against_mpmath(name):
    """mpmath has no infinite exponents: points whose result overflows are left to the others."""
    drawn, extra = points(name, FEW), hard(name)
    args = [np.concatenate(pair) for pair in zip(drawn, extra)] if extra else drawn
    found = function(name)(*args)
    exact = EXACT.get(name) or getattr(mpmath, name)
    with mpmath.workprec(150):
        for point in zip(found.tolist(), *(arg.tolist() for arg in args)):
            result = point[0]
            if abs(result) == inf or (name in ("exp", "exp2", "expm1", "sinh", "cosh") and abs(point[1]) > 2000):
                continue
            value = exact(*map(mpmath.mpf, point[1:]))
            ulp = mpmath.ldexp(1, max(mpmath.frexp(value)[1] - 53, -1074))
            assert abs(result - value) <= ROWS[name][0] * ulp, point


def same_bits(x, y) -> bool:
    x, y = (np.where(np.isnan(z), nan, z) for z in (x, y))
    return x.tobytes() == y.tobytes()


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name):
    *args, expected = special(name)
    found = function(name, 4)(*args)
    for point in zip(found, expected, *args):
        assert same_bits(*point[:2]), point


@pytest.mark.parametrize("name", ROWS)
def test_same_bits_for_all_widths(name):
    args = [np.concatenate(pair) for pair in zip(points(name, FEW), special(name))]
    first, *others = [function(name, lanes)(*args) for lanes in (0, 2, 4, 8)]
    assert all(same_bits(first, other) for other in others)


@pytest.mark.parametrize(
    "name", ["sinh", "tanh", "arcsinh", "arctanh", "sin", "tan", "arcsin", "arctan", "erf", "cbrt"]
)
def test_odd(name):
    (x,) = points(name, FEW)
    assert same_bits(-function(name)(x), function(name)(-x))
