"""Engines that answer alike: arrays as numbers, float32 as float64 rounded once, the sign of zero."""

import mpmath
import numpy as np
import pytest

import gradc

ENGINES = ("interpreter", "native", "numba")
KINDS = pytest.mark.parametrize("engine", ENGINES)

GAMMA = {
    "lgamma(x)": (mpmath.loggamma, (5e-324, 1e-310, 2e-308, 1e-20, 0.3, 1.0000001, 2.0000001, 1e-300, 171.0, 1e10)),
    "gamma(x)": (mpmath.gamma, (-171.5, -170.5, -177.5, -0.5, -3.3, 5.6e-309, 0.3, 171.6, -50.25)),
    "digamma(x)": (mpmath.digamma, (1.4616321449683622, 1.4616321449683625, -0.504083, -1.573498, -10.67, 1e-3)),
}  # fmt: skip


@pytest.mark.parametrize("text", GAMMA)
@KINDS
def test_arrays_and_numbers_have_the_same_functions(text, engine):
    true, points = GAMMA[text]
    f = gradc.compile(text, engine=engine)
    one_by_one, together = np.array([f(x) for x in points]), f(np.array(points))
    with mpmath.workdps(40):
        wanted = np.array([float(mpmath.re(true(mpmath.mpf(x)))) for x in points])
    np.testing.assert_allclose(one_by_one, wanted, rtol=1e-14, atol=1e-15 if "di" in text else 0)
    np.testing.assert_allclose(together, one_by_one, rtol=4e-15, atol=1e-15 if "di" in text else 0)


@pytest.mark.parametrize(
    "text",
    ["sum(x)", "mean(x)*3000", "dot(x, x*0 + 1)", "cumsum(x)[-1]", "sum(outer(x, x[:1]*0 + 1))"],
)  # fmt: skip
@KINDS
def test_sums_of_float32_are_exact_where_those_of_float64_are(text, engine):
    x = np.tile(np.array([1e8, 1, -1e8], "f4"), 1000)
    assert gradc.compile(f"x: f32[n]; {text}", engine=engine)(x) == 1000


@KINDS
def test_the_slope_of_abs_at_zero_has_no_sign(engine):
    f = gradc.compile("abs(x)", engine=engine)
    for zero in (0.0, -0.0):
        slopes = f.grad(zero).x, f.grad(np.array([zero])).x[0], f.jvp((1.0,), zero), f.jvp((1.0,), np.array([zero]))[0]
        assert slopes == (0, 0, 0, 0)
        assert not np.any(np.signbit(slopes))
        assert not np.signbit(gradc.compile("sign(x)", engine=engine)(zero))


def hessian_of_product(x):
    """Entry i, j is the product of the others."""
    rest = [[np.prod(np.delete(x, [i, j])) * (i != j) for j in range(len(x))] for i in range(len(x))]
    return np.array(rest)


PRODUCTS = (
    [1e-30, 1e10, 1e10],
    [1e-3, 1, 1],
    [2, -3, 4, 5],
    [0, 2, 3],
    [0, 0, 3],
    [0, 0, 0],
    [7],
    [3, 4],
    [1e20, -1e-15, 3],
)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("engine", ENGINES[:2])
def test_second_derivatives_of_products(dtype, engine):
    name = dtype.replace("4", "32").replace("8", "64")
    whole = gradc.compile(f"x: {name}[n]; prod(x)", engine=engine)
    rows = gradc.compile(f"X: {name}[n, m]; sum(prod(X, axis=1))", engine=engine)
    every = gradc.compile(f"X: {name}[n, m]; prod(X)", engine=engine)
    for point in PRODUCTS:
        x = np.array(point, dtype)
        wanted = hessian_of_product(x.astype(float))
        for f, given in ((whole, x), (rows, x[None]), (every, x[:, None])):
            found = next(iter(next(iter(f.hessian(given))))).reshape(x.size, x.size)
            np.testing.assert_allclose(found, wanted, rtol=1e-5 if dtype == "f4" else 1e-13)
        along = np.ones_like(x)
        np.testing.assert_allclose(whole.hvp((along,), x).x, wanted.sum(axis=1), rtol=1e-5 if dtype == "f4" else 1e-13)
