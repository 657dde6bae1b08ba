"""Exported modules take what the function takes: numbers and arrays of any type, in any layout."""

import numpy as np
import pytest
from plain import plain

import gradc

TYPES = (np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64, np.float32, np.float64, np.bool_)


def both(text: str, **options) -> list[dict]:
    """The module without Numba, and with it."""
    source = gradc.compile(text, **options).source
    namespace: dict = {}
    exec(compile(source.replace(", cache=True", ""), "<module>", "exec"), namespace)
    return [plain(source), namespace]


@pytest.mark.compiled
@pytest.mark.parametrize(
    "text", ["x: f64[n]; y: f64[n]; x - y", "x: f64[n]; y: f64[n]; x * y - x**2", "x - y", "x * y * y"]
)
def test_values_do_not_depend_on_the_type(text):
    f = gradc.compile(text, engine="interpreter")
    modules = both(text)
    for dtype in TYPES:
        x, y = np.array([1, 0, 1, 1], dtype), np.array([1, 1, 0, 1], dtype)
        if dtype not in (np.bool_, np.int8):
            x, y = x * dtype(200), y * dtype(201)
        if "[" not in text:
            x, y = x[1], y[1]
        wide = np.asarray(x, np.float64)[()], np.asarray(y, np.float64)[()]
        value, grads = f.value_and_grad(*wide)
        for module in modules:
            got, bars = module["value_and_grad"](x, y)
            np.testing.assert_array_equal(got, value, err_msg=f"{dtype}")
            for one, other in zip(bars, grads, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{dtype}")


@pytest.mark.compiled
def test_integers_beyond_2_to_the_32():
    for module in both("x * y"):
        assert module["value"](2**32, 2**32) == 2.0**64


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:.*faster on contiguous arrays")
@pytest.mark.parametrize(
    "text",
    [
        "X: f64[n, m]; W: f64[m, k]; v = reshape(X, -1); sum(v[1:] * v[:-1]) + sum(W)",
        "X: f64[n, m]; W: f64[m, k]; reshape(X, (m, n)) * sum(W)",
        "X: f64[n, m]; W: f64[m, k]; sum(sin(X @ W))",
        "X: f64[n, m]; W: f64[m, k]; cumsum(X, axis=1) * sum(W)",
    ],
)
def test_layouts(text):
    from numba import njit

    f = gradc.compile(text)
    rng = np.random.default_rng(0)
    big, w = rng.normal(size=(8, 12)), rng.normal(size=(4, 3))
    modules, kernel = both(text), f.kernel.value_and_grad

    @njit
    def inside(X, W):
        return kernel(X, W)

    for X in (np.asfortranarray(big[:6, :4]), big[1:7, 3:7], big[::-1, ::3][:6], big.T[:6, :4], big[:6, 4:0:-1]):
        value, grads = f.value_and_grad(X, w)
        for function in (*(module["value_and_grad"] for module in modules), inside):
            got, bars = function(X, w)
            np.testing.assert_allclose(got, value, rtol=1e-13)
            for one, other in zip(bars, grads, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.compiled
def test_indices_of_any_integer_type_and_nothing_else():
    for module in both("x: f64[n]; i: i64[k]; sum(x[i - 1]**2)"):
        for dtype in (np.uint8, np.int16, np.uint64, np.float64):
            assert module["value"](np.arange(4.0), np.array([0, 1, 3], dtype)) == 13.0
        with pytest.raises(ValueError, match="fraction"):
            module["value"](np.arange(4.0), np.array([0.5, 1.0]))


@pytest.mark.parametrize("character", ["\0", "\x07", "\ud800", "\u2028", "\x85"])
def test_what_a_comment_holds_does_not_matter(character):
    text = f"x + 1 # a {character} b\n"
    assert plain(gradc.compile(text).source)["value"](1.0) == 2.0
