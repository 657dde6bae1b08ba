"""The extents of slices: every start, stop and step against Python's `range`, and formulas that stay short."""

from itertools import product

import numpy as np
import pytest

import gradc
from gradc.ir.sizes import MAX_TERMS, evaluate, shrink, slice_extent, terms
from gradc.language.diagnostics import Error

BOUNDS = (None, *range(-6, 7))
STEPS = (1, 2, 3, 5, -1, -2, -3, -5)


@pytest.mark.parametrize("step", STEPS)
def test_extent_agrees_with_range_at_every_size(step):
    for start, stop in product(BOUNDS, BOUNDS):
        first, length = slice_extent("n", start, stop, step)
        for n in range(8):
            chosen = range(n)[start:stop:step]
            assert evaluate(length, {"n": n}) == len(chosen), (start, stop, step, n)
            if chosen:
                assert evaluate(first, {"n": n}) == chosen.start, (start, stop, step, n)


def test_extent_of_a_known_size_is_a_number():
    assert slice_extent(10, 1, None, 3) == (1, 3)
    assert slice_extent(0, None, None, -1)[1] == 0


@pytest.mark.parametrize(
    "formula, start, stop, step",
    [
        ("n", None, None, -1),
        ("max(n - 1, 0)", 1, None, 1),
        ("max(n - 2, 0)", 1, -1, 1),
        ("min(n, 3)", -3, None, 1),
        ("(n + 1) // 2", None, None, 2),
    ],
)
def test_common_slices_have_short_formulas(formula, start, stop, step):
    assert str(slice_extent("n", start, stop, step)[1]) == formula


def test_shrinking_twice_is_shrinking_once():
    assert shrink(shrink("n", 1), 2) == shrink("n", 3)


@pytest.mark.parametrize("start, stop, step", [(1, None, 1), (None, -1, 1), (1, -1, 1), (None, None, -1)])
def test_ten_thousand_slices_of_slices_stay_short(start, stop, step):
    size = "n"
    for _ in range(10_000):
        size = slice_extent(size, start, stop, step)[1]
    assert terms(size) < 10


@pytest.mark.parametrize("index", ["[1::3]", "[5:1:-1]", "[2:9]", "[-5:3]", "[::2]", "[0::-1]"])
@pytest.mark.parametrize("depth", [30, 10_000])
def test_slices_of_slices_work_or_meet_a_limit_at_once(index, depth):
    function = gradc.compile("x" + index * depth, engine="interpreter")
    try:
        value = function(np.arange(50.0))
    except Error as error:
        assert error.code == "G0502" and str(MAX_TERMS) in error.message
    else:
        expected = np.arange(50.0)
        for _ in range(depth):
            expected = eval(f"expected{index}")
        assert np.array_equal(value, expected)


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("X: f64[n, d]; reshape(X, (n, -1))", [(0, 3)], "-1 is not determined"),
        ("X: f64[n, d]; reshape(X, (-1, d, n))", [(3, 0)], "-1 is not determined"),
        ("x: f64[n]; y: f64[m]; sum(y) + sum(reshape(x, (n // m, m)))", [(6,), (0,)], "divides by a size of 0"),
        ("x: f64[n]; y: f64[m]; sum(y) + sum(x[: n // m])", [(6,), (0,)], "divides by a size of 0"),
        ("x: f64[n]; y: f64[m]; sum(y) + sum(arange(n // m))", [(6,), (0,)], "divides by a size of 0"),
    ],
)
def test_no_size_is_divided_by_zero(text, shapes, message, engine):
    f = gradc.compile(text, engine=engine)
    with pytest.raises(Error, match=message) as caught:
        f(*(np.ones(shape) for shape in shapes))
    assert caught.value.code == "G0603"
    assert caught.value.span is not None


def test_sizes_that_divide():
    x = np.arange(6.0)
    f = gradc.compile("X: f64[n, d]; reshape(X, (n, -1))", engine="interpreter")
    assert f(np.ones((2, 0))).shape == (2, 0)
    f = gradc.compile("x: f64[n]; y: f64[m]; sum(y) * reshape(x, (n // m, m))", engine="interpreter")
    np.testing.assert_array_equal(f(x, np.ones(2)), 2 * x.reshape(3, 2))
    with pytest.raises(Error, match="divides by zero"):
        gradc.compile("x: f64[n]; reshape(x, (n // 0, 1))", engine="interpreter")(x)
