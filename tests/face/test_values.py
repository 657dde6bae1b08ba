"""Values, shapes and element types of calls, against NumPy on the same arguments."""

import itertools

import numpy as np
import numpy_walker as walker
import pytest

import gradc

X = np.array([0.3, -1.2, 2.5, 0.7])
Y = np.array([1.5, 0.4, -0.6, 2.2])
M = np.array([[0.5, -0.25, 1.75], [2.0, 0.1, -1.5]])
N = np.arange(1.0, 7.0).reshape(2, 3)
POSITIVE = np.array([0.5, 1.25, 3.0])

PROGRAMS = {
    "(x + y) * z": dict(x=-2.0, y=5.0, z=-4.0),
    "x": dict(x=X),
    "1 + 2": {},
    "pi": {},
    "x * 2": dict(x=True),
    "x - y": dict(x=X, y=Y),
    "x + y ": dict(x=N[:, :1], y=np.arange(4.0)),
    "x * y + z": dict(x=np.ones((2, 1, 3)), y=np.ones((4, 1)), z=5),
    "x / y": dict(x=M, y=N),
    "x ** 2 + y ** 3": dict(x=X, y=Y),
    "x ** y": dict(x=POSITIVE, y=[0.5, 2.0, -1.0]),
    "x // y": dict(x=X, y=Y),
    "x % y": dict(x=X, y=Y),
    "-x ** 2": dict(x=X),
    "2 ** -x": dict(x=X),
    "x > y": dict(x=X, y=Y),
    "x < y < z": dict(x=X, y=Y, z=1.0),
    "x > 0 and y > 0 or not (x == y)": dict(x=X, y=Y),
    "x if x > y else y": dict(x=X, y=Y),
    "where(x > 0, x, 0)": dict(x=X),
    "where(x > 0, y, z)": dict(x=X, y=1.0, z=M[:, :1]),
    "sum(x)": dict(x=M),
    "sum(x * y)": dict(x=X, y=Y),
    "sum(x) + y": dict(x=X, y=M),
    "x - mean(x)": dict(x=X),
    "x / sum(x)": dict(x=M),
    "max(x)": dict(x=M),
    "min(x) + max(x, y)": dict(x=X, y=Y),
    "max(x, 0)": dict(x=X),
    "max(0, x, y)": dict(x=X, y=Y),
    "prod(x)": dict(x=X),
    "norm(x)": dict(x=X),
    "logsumexp(x)": dict(x=X),
    "dot(x, y)": dict(x=X, y=Y),
    "var(x) + std(x)": dict(x=X),
    "var(x, ddof=1)": dict(x=X),
    "count(x) + x": dict(x=X),
    "x[0]": dict(x=X),
    "x[-1] * y": dict(x=X, y=Y),
    "x[1:] - x[:-1] ** 2": dict(x=X),
    "x[::-1]": dict(x=X),
    "x[::2] + x[1::2]": dict(x=X),
    "x[-3:-1]": dict(x=X),
    "x[2:0:-1]": dict(x=X),
    "x[1:1]": dict(x=X),
    "x[1]": dict(x=M),
    "x[1:, 0]": dict(x=M),
    "x[:, 1:] * x[:, :-1]": dict(x=M),
    "x - x[:1]": dict(x=M),
    "x * x[:, 1:2] / x[:, -1:]": dict(x=M),
    "x[1:2] + x[:1] * y": dict(x=X, y=1.0),
    "clip(x, -1, 1)": dict(x=X),
    "clip(x, lower=-1, upper=1)": dict(x=X),
    "hypot(x, y) + arctan2(x, y)": dict(x=X, y=Y),
    "logaddexp(x, y)": dict(x=X, y=Y),
    "h = x * y; h + exp(h)": dict(x=X, y=Y),
    "def f(t) = 1 / (1 + exp(-t)); f(x) * f(y)": dict(x=X, y=Y),
    "def f(t, k=2) = t ** k; f(x) + f(y, 3) + f(x, k=4)": dict(x=X, y=Y),
    "leaky_relu(x) + elu(x) + gelu(x) + silu(x) + relu(x)": dict(x=X),
    "leaky_relu(x, 0.2) + elu(x, alpha=2)": dict(x=X),
    "sin(x) + cos(x) * tan(x) + sinh(x) - cosh(x) * tanh(x)": dict(x=X),
    "arcsin(x) + arccos(x) + arctan(x) + arcsinh(x) + arctanh(x)": dict(x=[0.1, -0.5]),
    "arccosh(x) + log(x) + log2(x) + log10(x) + log1p(x) + sqrt(x) + cbrt(x)": dict(x=[1.1, 2.5]),
    "exp(x) + exp2(x) + expm1(x) + square(x) + abs(x) + sign(x)": dict(x=X),
    "floor(x) + ceil(x) * round(x) + trunc(x)": dict(x=[0.5, 1.5, -2.5, 2.7]),
    "erf(x) + erfc(x) + normal_cdf(x) + normal_pdf(x)": dict(x=X),
    "gamma(x) + lgamma(x) + digamma(x)": dict(x=POSITIVE),
    "sigmoid(x) + softplus(x)": dict(x=X),
    "1 / x": dict(x=[0.0, -0.0, np.inf, np.nan]),
    "log(x) * 0": dict(x=[0.0, -1.0, np.inf]),
}


def assert_like(result, expected, rtol=1e-14):
    """Equal in kind, shape, element type and, but for rounding, in value."""
    expected = np.asarray(expected)
    assert np.shape(result) == expected.shape
    assert type(result) is (np.ndarray if expected.shape else float if expected.dtype == np.float64 else np.float32)
    assert np.asarray(result).dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_is_what_numpy_computes(program):
    inputs = PROGRAMS[program]
    function = gradc.compile(program, engine="interpreter")
    assert set(function.inputs) == set(inputs)
    expected = walker.evaluate(program, **inputs)
    assert_like(function(**inputs), expected)
    value, grads = function.value_and_grad(**inputs)
    assert_like(value, expected)
    for name in function.wrt:
        assert np.shape(grads[name]) == np.shape(inputs[name])


FLOAT32 = [program for program, inputs in PROGRAMS.items() if inputs and "//" not in program]


@pytest.mark.parametrize("program", FLOAT32)
def test_float32_in_is_float32_out(program):
    inputs = {name: np.asarray(value, np.float32)[()] for name, value in PROGRAMS[program].items()}
    function = gradc.compile(program, engine="interpreter")
    value, grads = function.value_and_grad(**inputs)
    assert_like(function(**inputs), walker.evaluate(program, **inputs), rtol=1e-5)
    assert np.asarray(value).dtype == np.float32
    for name, x_bar in zip(function.wrt, grads, strict=True):
        assert np.asarray(x_bar).dtype == np.float32, name


def test_a_program_in_each_engine(every_engine):
    """One program with all kinds of nodes; the others go through the interpreter, which is compared elsewhere."""
    program = "h = where(x > 0.5, x, y * exp(-x)); sum(h[1:] * h[:-1]) / mean(y) + max(x)"
    function = gradc.compile(program, engine=every_engine)
    for dtype, rtol in ((np.float64, 1e-14), (np.float32, 1e-5)):
        inputs = {"x": X.astype(dtype), "y": Y.astype(dtype)}
        value, grads = function.value_and_grad(**inputs)
        assert_like(value, walker.evaluate(program, **inputs), rtol)
        assert [x_bar.dtype for x_bar in grads] == [dtype, dtype]
        assert [x_bar.shape for x_bar in grads] == [(4,), (4,)]


# ---------------------------------------------------------------- broadcasting

SHAPES = [(), (1,), (3,), (4, 1), (4, 3), (1, 1), (2, 4, 1), (2, 1, 3), (0,), (4, 0), (1, 0)]


@pytest.mark.parametrize("left, right", list(itertools.combinations_with_replacement(SHAPES, 2)))
def test_two_shapes_meet_as_in_numpy(left, right):
    function = gradc.compile("x * y + exp(y)", engine="interpreter")
    x, y = np.full(left, 1.5), np.full(right, 0.25)
    try:
        shape = np.broadcast_shapes(left, right)
    except ValueError:
        with pytest.raises(gradc.Error) as caught:
            function(x, y)
        assert caught.value.code == "G0603" and "`x`" in caught.value.message and "`y`" in caught.value.message
        return
    value, grads = function.value_and_grad(x, y)
    assert np.shape(value) == shape
    count = int(np.prod(shape))
    assert np.shape(grads.x) == left and np.shape(grads.y) == right
    np.testing.assert_allclose(np.sum(grads.x), count * 0.25, rtol=1e-13)
    np.testing.assert_allclose(np.sum(grads.y), count * (1.5 + np.exp(0.25)), rtol=1e-13)


@pytest.mark.parametrize(
    "left, right", [((3,), (4, 3)), ((4, 1), (3,)), ((1,), (3,)), ((), (2, 2)), ((0,), (1,)), ((1, 3), (2, 1))]
)
def test_broadcasting_in_each_engine(engine, left, right):
    function = gradc.compile("x * y + exp(y)", engine=engine)
    value, grads = function.value_and_grad(np.full(left, 1.5), np.full(right, 0.25))
    count = int(np.prod(np.broadcast_shapes(left, right)))
    assert np.shape(value) == np.broadcast_shapes(left, right)
    assert np.shape(grads.x) == left and np.shape(grads.y) == right
    np.testing.assert_allclose(np.sum(grads.x), count * 0.25, rtol=1e-13)


def test_a_slice_of_one_element_broadcasts_if_it_is_there(engine):
    function = gradc.compile("x - x[2:3]", engine=engine)
    value, grads = function.value_and_grad(X)
    np.testing.assert_array_equal(value, X - X[2:3])
    np.testing.assert_array_equal(grads.x, [1.0, 1.0, -3.0, 1.0])
    with pytest.raises(gradc.Error, match="differ in `x - x"):
        function(X[:2])


def test_one_function_serves_many_shapes_in_turn(every_engine):
    function = gradc.compile("x * y", engine=every_engine)
    for x, y in [(2.0, 3.0), (X, 2.0), (X, Y), (X[:1], Y), (M, 2), (X, Y), (2.0, 3.0), (X[:0], Y[:0]), (X[:2], Y[:2])]:
        value, grads = function.value_and_grad(x, y)
        np.testing.assert_array_equal(value, np.multiply(x, y))
        assert np.shape(grads.x) == np.shape(x) and np.shape(grads.y) == np.shape(y)


# ---------------------------------------------------------------- reductions of nothing


@pytest.mark.parametrize(
    "program, value",
    [("sum(x)", 0.0), ("prod(x)", 1.0), ("norm(x)", 0.0), ("logsumexp(x)", -np.inf), ("mean(x)", np.nan),
     ("var(x)", np.nan), ("std(x)", np.nan), ("any(x > 0)", 0.0), ("all(x > 0)", 1.0), ("count(x)", 0.0)],
)  # fmt: skip
def test_reductions_of_an_empty_array(engine, program, value):
    function = gradc.compile(program, engine=engine)
    result, grads = function.value_and_grad(np.zeros(0))
    np.testing.assert_array_equal(result, value)
    assert grads.x.shape == (0,)


@pytest.mark.parametrize("program", ["max(x)", "min(x)", "max(x[3:])", "sum(exp(x - max(x)))"])
def test_an_empty_array_has_no_extreme(engine, program):
    function = gradc.compile(program, engine=engine)
    function(X)
    with pytest.raises(gradc.Error) as caught:
        function(X[:0])
    assert caught.value.code == "G0603" and "empty" in caught.value.message
