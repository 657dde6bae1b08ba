"""Exported modules take what the function takes: numbers and arrays of any type, in any layout."""

import numpy as np
import pytest
from plain import plain

import gradc

TYPES = (np.uint8, np.int8, np.uint16, np.int32, np.int64, np.uint64, np.float32, np.float64, np.bool_)


def module(text: str) -> dict:
    """The module without Numba."""
    return plain(gradc.compile(text).source)


def compiled(text: str) -> dict:
    """The module with Numba."""
    namespace: dict = {}
    exec(compile(gradc.compile(text).source_for(cache=False), "<module>", "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    "text", ["x: f64[n]; y: f64[n]; x - y", "x: f64[n]; y: f64[n]; x * y - x**2", "x - y", "x * y * y"]
)
def test_values_do_not_depend_on_the_type(text):
    check_types(text, module(text), TYPES)


@pytest.mark.compiled
@pytest.mark.parametrize("text", ["x: f64[n]; y: f64[n]; x * y - x**2", "x * y * y"])
def test_values_do_not_depend_on_the_type_with_numba(text):
    check_types(text, compiled(text), (np.uint8, np.uint64, np.float32, np.bool_))


def check_types(text, functions, types):
    f = gradc.compile(text, engine="interpreter")
    for dtype in types:
        x, y = np.array([1, 0, 1, 1], dtype), np.array([1, 1, 0, 1], dtype)
        if dtype not in (np.bool_, np.int8):
            x, y = x * dtype(200), y * dtype(201)
        if "[" not in text:
            x, y = x[1], y[1]
        wide = np.asarray(x, np.float64)[()], np.asarray(y, np.float64)[()]
        value, grads = f.value_and_grad(*wide)
        got, bars = functions["value_and_grad"](x, y)
        np.testing.assert_array_equal(got, value, err_msg=f"{dtype}")
        for one, other in zip(bars, grads, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=f"{dtype}")


BOTH = pytest.mark.parametrize("make", [module, pytest.param(compiled, marks=pytest.mark.compiled)])


@BOTH
def test_integers_beyond_2_to_the_32(make):
    assert make("x * y")["value"](2**32, 2**32) == 2.0**64


BIG, W = np.random.default_rng(0).normal(size=(8, 12)), np.random.default_rng(1).normal(size=(4, 3))
LAYOUTS = {
    "Fortran": np.asfortranarray(BIG[:6, :4]), "part": BIG[1:7, 3:7], "steps": BIG[::-1, ::3][:6],
    "transposed": BIG.T[:6, :4], "backwards": BIG[:6, 4:0:-1],
}  # fmt: skip
STRIDED = [
    "X: f64[n, m]; W: f64[m, k]; v = reshape(X, -1); sum(v[1:] * v[:-1]) + sum(W)",
    "X: f64[n, m]; W: f64[m, k]; reshape(X, (m, n)) * sum(W)",
    "X: f64[n, m]; W: f64[m, k]; sum(sin(X @ W))",
    "X: f64[n, m]; W: f64[m, k]; cumsum(X, axis=1) * sum(W)",
]


@pytest.mark.parametrize("text", STRIDED)
def test_layouts(text):
    check_layouts(text, module(text)["value_and_grad"], LAYOUTS)


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:.*faster on contiguous arrays")
@pytest.mark.parametrize(("text", "layouts"), [(STRIDED[0], ["Fortran", "steps"]), (STRIDED[2], ["part"])])
def test_layouts_with_numba(text, layouts):
    from numba import njit

    kernel = gradc.compile(text).kernel.value_and_grad
    check_layouts(text, njit(lambda X, W: kernel(X, W)), layouts)
    check_layouts(text, compiled(text)["value_and_grad"], layouts[:1])


def check_layouts(text, function, layouts):
    f = gradc.compile(text)
    for X in (LAYOUTS[name] for name in layouts):
        value, grads = f.value_and_grad(X, W)
        got, bars = function(X, W)
        np.testing.assert_allclose(got, value, rtol=1e-13)
        for one, other in zip(bars, grads, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13)


@BOTH
def test_indices_of_any_integer_type_and_nothing_else(make):
    value = make("x: f64[n]; i: i64[k]; sum(x[i - 1]**2)")["value"]
    for dtype in (np.uint8, np.int16, np.uint64, np.float64):
        assert value(np.arange(4.0), np.array([0, 1, 3], dtype)) == 13.0
    with pytest.raises(ValueError, match="fraction"):
        value(np.arange(4.0), np.array([0.5, 1.0]))


@pytest.mark.parametrize("character", ["\0", "\x07", "\u2028", "\x85"])
def test_what_a_comment_holds_does_not_matter(character):
    text = f"x + 1 # a {character} b\n"
    assert plain(gradc.compile(text).source)["value"](1.0) == 2.0
