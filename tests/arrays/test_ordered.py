"""Sorting, running results, tables and selections at their edges: ties, NaN, infinities, no elements, float32; and in
exported modules and `@njit` functions."""

import numpy as np
import pytest

import gradc
from gradc.runtime.kernel import ENGINES
from tests.emit.plain import engine, plain

NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True, scope="module")
def plain_engine():
    ENGINES["plain"] = engine
    yield
    del ENGINES["plain"]


@pytest.mark.parametrize("name", ["interpreter", "plain", "native"])
def test_sorting(name):
    """Every size up to 40, with ties and NaN, in place and in rows; equal elements keep their order."""
    vector, rows = (
        gradc.compile(f"{declared}; argsort(x, axis=0) + 0.0", engine=name)
        for declared in ("x: f64[n]", "x: f64[n, 3]")
    )
    random = np.random.default_rng(3)
    for size in range(41):
        x = random.normal(size=(size, 3)).round(1)
        x[random.random(x.shape) < 0.1] = NAN
        x[random.random(x.shape) < 0.1] = -INF
        np.testing.assert_array_equal(vector(np.ascontiguousarray(x[:, 0])), np.argsort(x[:, 0], kind="stable"))
        np.testing.assert_array_equal(rows(x), np.argsort(x, axis=0, kind="stable"))


@pytest.mark.parametrize("name", ["interpreter", "plain", "native"])
def test_searching(name):
    random = np.random.default_rng(4)
    for side in ("left", "right"):
        f = gradc.compile(f'a: f64[n]; v: f64[m]; searchsorted(a, v, side="{side}") + 0.0', engine=name)
        for size in (*range(10), 31, 32, 33):
            table = np.sort(random.normal(size=size).round(1))
            values = np.concatenate([table, random.normal(size=9), [INF, -INF, NAN]])
            np.testing.assert_array_equal(f(table, values), np.searchsorted(table, values, side))


CASES = {
    "cumprod(x)": [
        ([2.0, 0.0, 3.0, 0.0], [2.0, 0.0, 0.0, 0.0], [1.0, 8.0, 0.0, 0.0]),
        ([INF, 2.0], [INF, INF], [3.0, INF]),
    ],
    "logcumsumexp(x)": [
        ([-1e4, 0.0, 1e4], [-1e4, 0.0, 1e4], [1.0, 1.0, 1.0]),
        ([1e4, -1e4], [1e4, 1e4], [2.0, 0.0]),
        ([-INF, -INF, 0.0], [-INF, -INF, 0.0], None),
        ([INF, 1.0], [INF, INF], None),
        ([1.0, NAN, 2.0], [1.0, NAN, NAN], None),
    ],
    "cummax(x)": [
        ([1.0, 1.0, 3.0, 2.0], [1.0, 1.0, 3.0, 3.0], [2.0, 0.0, 2.0, 0.0]), ([1.0, NAN, 2.0], [1.0, NAN, NAN], None),
    ],
    "sort(x)": [([3.0, NAN, -INF, INF, 3.0], [-INF, 3.0, 3.0, INF, NAN], None)],
    "median(x)": [
        ([1.0, INF], INF, None), ([INF, INF], INF, None), ([1.0, NAN], NAN, None), ([2.0, 2.0, 7.0], 2.0, None),
        ([5e-324], 5e-324, [1.0]), ([1.0, 2.0, 4.0, 1e308], 3.0, [0.0, 0.5, 0.5, 0.0]),
    ],
    "nanmedian(x)": [([1.0, NAN, 3.0], 2.0, [0.5, 0.0, 0.5]), ([NAN, NAN], NAN, None)],
    "quantile(x, 1)": [([3.0, 1.0], 3.0, [1.0, 0.0])],
    "median(x[x > 0])": [([-1.0, 4.0, NAN, 2.0], 3.0, [0.0, 0.5, 0.0, 0.5]), ([-1.0], NAN, [0.0])],
    "median(x[x > 0 or x != x])": [([-1.0, 4.0, NAN, 2.0], NAN, None)],
    "mean(x[x > 5])": [([1.0], NAN, None)],
    "sum(x[x > 5]) + prod(x[x > 5])": [([1.0], 1.0, [0.0])],
    "nanmax(x) + nanmin(x)": [([NAN, 1.0, 4.0], 5.0, [0.0, 1.0, 1.0]), ([NAN], NAN, None)],
    "nanstd(x)": [([NAN, 1.0, 3.0], 1.0, [0.0, -0.5, 0.5])],
    "interp(x, [0, 1, 3], [1, 2, 0])": [
        ([-INF, 0.0, 1.0, 3.0, INF, NAN], [1.0, 1.0, 2.0, 0.0, 0.0, NAN], [0.0, 1.0, -1.0, -1.0, 0.0, -1.0]),
    ],
    "interp(x, [1, 1, 2], [0, 5, 6])": [([0.0, 1.0, 1.5], [0.0, 5.0, 5.5], [0.0, 1.0, 1.0])],
    "interp(x, [2], [7])": [([1.0, 2.0, 3.0], [7.0, 7.0, 7.0], [0.0, 0.0, 0.0])],
}  # fmt: skip


@pytest.mark.parametrize("name", ["interpreter", "plain", "native"])
@pytest.mark.parametrize("text", CASES)
def test_edges(text, name):
    f = gradc.compile(f"x: f64[n]; {text}", engine=name)
    for x, value, gradient in CASES[text]:
        np.testing.assert_array_equal(f(x), value)
        if gradient is not None:
            np.testing.assert_allclose(f.grad(x).x, gradient, rtol=1e-15)


FLOAT32 = (
    "sort(x)", "cumprod(x)", "logcumsumexp(x)", "cummax(x)", "median(x)", "quantile(x, 0.3)",
    "interp(x, sort(x), x**2)",
    "mean(x[x > 0])", "nanmean(x)", "convolve(x, [1, 2])", "pad(x, 1)", "roll(x, 1)", "[x[0], 2, x[1]]", "trapezoid(x)",
    "eye(3) @ x[:3]", "x * zeros_like(x)", "tril(outer(x, x))", "kron(x, x)", "cross(x[:3], x[1:])", "hypot(x, x, x)",
)  # fmt: skip


@pytest.mark.parametrize("text", FLOAT32)
def test_float32(text):
    x = np.array([0.3, -1.2, 2.5, 0.7], np.float32)
    wide = gradc.compile(f"x: f64[4]; {text}", engine="interpreter")
    for name in ("interpreter", "native") if text in FLOAT32[:6] else ("interpreter",):
        f = gradc.compile(f"x: f32[4]; {text}", engine=name)
        value, gradient = f(x), f.grad(x).x
        assert np.asarray(value).dtype == gradient.dtype == np.float32
        np.testing.assert_allclose(value, wide(x.astype(float)), rtol=3e-6, atol=1e-6)
        np.testing.assert_allclose(gradient, wide.grad(x.astype(float)).x, rtol=3e-6, atol=1e-6)


MODULES = {
    "x: f64[n]; m: bool[n]; sum(x[m]) + median(x) + sum(cumprod(x))": ([0.5, 2.0, -1.0], [True, False, True]),
    "x: f64[n]; y: f64[n]; sum(interp(x, sort(y), y)) + logcumsumexp(y)[0]": ([0.5, 2.0], [1.0, 0.1]),
    "x: f64[n]; i: i64[k]; sum(outer(x, x)[i, [0, 1]]) + [x[0], 2] @ [3, x[1]]": ([0.5, 2.0], [1, 0]),
}


@pytest.mark.parametrize("text", MODULES)
def test_modules(text):
    f, given = gradc.compile(text), [np.array(values) for values in MODULES[text]]
    value, gradients = plain(f.source)["value_and_grad"](*given)
    expected, bars = f.value_and_grad(*given)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    for one, two in zip(gradients, bars, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-14)


@pytest.mark.compiled
def test_inside_njit():
    from numba import njit

    kernel = gradc.compile("mean(x[m]) + median(x)").kernel

    @njit
    def value(x, m):
        return kernel.value(x, m)

    x = np.array([3.0, 1.0, 2.0])
    assert value(x, np.array([True, False, False])) == 5.0


@pytest.mark.parametrize("shift", [-13, -7, -2, -1, 1, 7])
def test_rolls_in_both_directions(shift):
    """The shift by a size that no call has told yet is rounded down, as Python does it, in every engine."""
    f = gradc.compile(f"roll(x, {shift}) * y", engine="native")
    for size in (0, 1, 5, 6):
        x, y = np.arange(1.0, size + 1), np.arange(1.0, size + 1) ** 2
        np.testing.assert_array_equal(f(x, y), np.roll(x, shift) * y)
        np.testing.assert_array_equal(f.grad(x, y).x, np.roll(y, -shift))


def test_a_sparse_jacobian_without_rows():
    assert gradc.compile("x[1:] * x[:-1]").jacobian(np.ones(1), sparse=True).shape == (0, 1)
