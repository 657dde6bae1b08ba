"""The extents of slices: every start, stop and step against Python's `range`, and formulas that stay short."""

import operator
import random
from itertools import product

import numpy as np
import pytest

import gradc
from gradc.ir.sizes import MAX_TERMS, derive, evaluate, shrink, slice_extent, terms
from gradc.language.diagnostics import Error
from gradc.native.target import is_possible

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


def test_formulas_of_one_name_are_shortened_and_mean_the_same():
    """Random formulas, built and evaluated; what concatenations make of a size comes to a form that stays."""
    choose = random.Random(0)
    operations = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv}
    operations |= {"min": min, "max": max}

    def formula(depth):
        if depth == 0:
            return choose.choice(("n", choose.randint(0, 5)))
        op = choose.choice(("+", "-", "min", "max", "*", "//"))
        return op, formula(depth - 1), choose.randint(1, 3) if op in "*//" else formula(depth - 1)

    def built(tree):
        return derive(tree[0], built(tree[1]), built(tree[2])) if isinstance(tree, tuple) else tree

    def value(tree, n):
        if not isinstance(tree, tuple):
            return n if tree == "n" else tree
        return operations[tree[0]](value(tree[1], n), value(tree[2], n))

    for _ in range(2000):
        tree = formula(choose.randint(1, 4))
        size = built(tree)
        for n in (*range(9), 30, 100):
            assert evaluate(size, {"n": n}) == value(tree, n), (tree, str(size), n)


def test_the_size_of_a_concatenation_of_slices_does_not_grow():
    assert derive("+", slice_extent("n", 1, None, 1)[1], slice_extent("n", None, 1, 1)[1]) == "n"
    size, found = "n", set()
    for _ in range(5):
        parts = (slice_extent(size, *part, 1)[1] for part in ((None, 1), (1, -1), (-1, None)))
        size = derive("+", derive("+", next(parts), next(parts)), next(parts))
        found.add(size)
    assert len(found) == 2


@pytest.mark.parametrize("count, is_fine", [(500, True), (1500, False)])
def test_arrays_side_by_side_whose_sizes_are_all_different(count, is_fine):
    parts = [f"x{k}" for k in range(count)]
    text = "".join(f"x{k}: f64[n{k}]; " for k in range(count)) + f"concatenate([{', '.join(parts)}])"
    f = gradc.compile(text, wrt="x0", engine="interpreter")
    arrays = [np.ones(k % 3) for k in range(count)]
    if is_fine:
        assert f(*arrays).shape == (sum(array.size for array in arrays),)
    else:
        with pytest.raises(gradc.Error, match="a formula of more than 600 sizes"):
            f(*arrays)


def joined(count):
    return "x: f64[n]; sum(concatenate([" + ", ".join(f"x[{k}:{2 * k + 1}]" for k in range(count)) + "])**2)"


@pytest.mark.parametrize("size", [0, 1, 17, 100])
def test_arrays_of_sizes_with_long_formulas(size):
    f, x = gradc.compile(joined(20)), np.arange(1.0, size + 1)
    value, (gradient,) = f.value_and_grad(x)
    copies = np.zeros(size)
    for k in range(20):
        copies[k : 2 * k + 1] += 1
    assert value == np.sum(copies * x**2)
    assert np.array_equal(gradient, 2 * copies * x)


@pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")
def test_long_formulas_of_sizes_are_computed_once():
    """A kernel of twice as many arrays is about twice as long, though each size has the formulas of those before."""
    lengths = []
    for count in (20, 40):
        f = gradc.compile(joined(count), engine="native")
        f.value_and_grad(np.ones(3))
        lengths.append(len(str(f.stages["llvm"])))
    assert lengths[1] < 3 * lengths[0]
