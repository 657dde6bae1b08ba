"""Sines, cosines and tangents of large numbers against mpmath."""

import inspect
import math
import types

import mpmath
import numpy as np
import pytest

from gradc.loops import large

FUNCTIONS = {"sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan}
HARD = [
    1e6, 2.0**24 - 1, 2.0**24, 2.0**48, 2.0**53 + 1, 1e22, 16367173 * 2.0**72, 5.319372648326541e255, 2.0**1023,
    1.7976931348623157e308, 6381956970095103 * 2.0**797,
]  # fmt: skip
"""The last is the number next to a multiple of half of pi (Muller, Elementary Functions, 11.4)."""


def points() -> list[float]:
    draw = np.random.default_rng(5)
    with mpmath.workprec(1200):
        near = [float(mpmath.nint(k) * mpmath.pi / 2) for k in 10 ** draw.uniform(6, 300, 150)]
    return [*HARD, *near, *(-np.exp(draw.uniform(14, 709, 150)))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_an_ulp(name):
    f = getattr(large, f"_{name}_large")
    with mpmath.workprec(1300):
        for x in points():
            exact = FUNCTIONS[name](mpmath.mpf(x))
            assert abs(f(x) - exact) <= 0.9 * math.ulp(float(exact)), x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_what_is_no_number(name):
    f = getattr(large, f"_{name}_large")
    with np.errstate(invalid="ignore"):
        assert all(math.isnan(f(np.float64(x))) for x in (math.inf, -math.inf, math.nan))


def test_numba_gives_the_same_bits():
    numba = pytest.importorskip("numba")
    compiled = types.ModuleType("compiled")
    compiled.__dict__.update(vars(large))
    for name in ("_product_error", "_quotient", "_wave"):
        exec(inspect.getsource(getattr(large, name)), compiled.__dict__)
        setattr(compiled, name, numba.njit(getattr(compiled, name)))
    for kind in range(3):
        for x in points():
            assert compiled._wave(x, kind) == large._wave(x, kind)
