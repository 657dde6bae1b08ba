"""Arguments with parts, defaults, data in closures, sizes that a function asks for, and what a function offers."""

import pickle
from typing import NamedTuple

import numpy as np
import pytest

import gradc
from gradc.ir.types import Type

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(50, 3)), RNG.normal(size=50)
LARGE = RNG.normal(size=1000)


def network(params, x):
    for W, b in params:
        x = np.tanh(x @ W + b)
    return np.sum(x**2)


def two_layers():
    return [(RNG.normal(size=(3, 4)), RNG.normal(size=4)), (RNG.normal(size=(4, 2)), RNG.normal(size=2))]


def test_gradients_have_the_structure_of_the_argument(engine):
    params = two_layers()
    f = gradc.compile(network, wrt="params", engine=engine)
    value, grads = f.value_and_grad(params, X)
    assert value == pytest.approx(network(params, X))
    assert [[part.shape for part in layer] for layer in grads.params] == [[(3, 4), (4,)], [(4, 2), (2,)]]
    step = 1e-6
    moved = [(W + step * dW, b + step * db) for (W, b), (dW, db) in zip(params, grads.params)]
    squares = sum(np.sum(part**2) for layer in grads.params for part in layer)
    assert (f(moved, X) - value) / step == pytest.approx(squares, rel=1e-3)
    assert f.jvp({"params": grads.params}, params, X) == pytest.approx(squares)
    assert f.hvp([params], params, X).params[0][0].shape == (3, 4)
    assert f.vjp(2.0, params, X).params[1][1] == pytest.approx(2 * grads.params[1][1])
    f.forward(params, X)
    assert f.backward(2.0).params[1][1] == pytest.approx(2 * grads.params[1][1])


class Model(NamedTuple):
    slope: float
    offset: np.ndarray


def test_dicts_and_named_tuples():
    f = gradc.compile(lambda p, x: np.sum((p["w"] * x + p["b"]["c"]) ** 2), engine="interpreter", wrt="p")
    found = f.grad({"w": 2.0, "b": {"c": np.ones(3)}}, np.arange(3.0)).p
    assert found["w"] == 26.0 and found["b"]["c"].tolist() == [2.0, 6.0, 10.0]
    g = gradc.compile(lambda m: m.slope * np.sum(m.offset), engine="interpreter")
    found = g.grad(Model(2.0, np.ones(2))).m
    assert type(found) is Model and found.slope == 2.0 and found.offset.tolist() == [2.0, 2.0]


def test_hessian_of_parts():
    f = gradc.compile(lambda p: p[0] ** 2 * p[1], engine="interpreter")
    rows = f.hessian([3.0, 5.0]).p
    assert rows[0].p == [10.0, 6.0] and rows[1].p == [6.0, 0.0]
    assert f.jacobian([3.0, 5.0]).p == [30.0, 9.0]


def test_values_that_are_no_numbers_are_seen_as_they_are():
    def f(x, kind, flag=True, scale=None):
        y = np.exp(x) if kind == "exp" else x**2
        return np.sum(y if flag else -y) * (1.0 if scale is None else scale)

    f = gradc.compile(f, engine="interpreter")
    assert f(2.0, "square") == 4.0 and f(2.0, "square", flag=False) == -4.0 and f(2.0, "square", scale=3.0) == 12.0
    assert f.grad(2.0, "square").x == 4.0 and f.grad(0.0, "exp")._asdict() == {"x": 1.0}
    with pytest.raises(gradc.Error, match="wrt names `kind`"):
        gradc.compile(lambda x, kind: x, wrt="kind").grad(1.0, "exp")


def test_whole_numbers_that_are_asked_for():
    calls = []

    def f(x, n):
        calls.append(n)
        for _ in range(n):
            x = np.sin(x)
        return x

    f = gradc.compile(f, engine="interpreter")
    assert f(1.0, 3) == np.sin(np.sin(np.sin(1.0))) and f(1.0, 0) == 1.0
    assert f.grad(1.0, 2)._asdict() == {"x": pytest.approx(np.cos(np.sin(1.0)) * np.cos(1.0))}
    count = len(calls)
    assert f(2.0, 3) == np.sin(np.sin(np.sin(2.0))) and len(calls) == count
    with pytest.raises(gradc.Error, match="nothing to differentiate"):
        gradc.compile(lambda n: sum(range(n)), engine="interpreter").grad(3)


def test_integers_are_floats_unless_they_are_indices():
    f = gradc.compile(lambda x: np.sum(x**2), engine="interpreter")
    assert f.grad(np.array([1, 2])).x.tolist() == [2.0, 4.0]
    g = gradc.compile(lambda s, y: np.sum(s[np.arange(len(y)), y]), engine="interpreter")
    assert g.grad(np.ones((2, 3)), np.array([2, 0]))._asdict()["s"].tolist() == [[0, 0, 1], [1, 0, 0]]
    h = gradc.compile(lambda x, mask: np.sum(np.where(mask, x, 0.0)), engine="interpreter")
    assert h.grad(np.ones(3), np.array([True, False, True]))._asdict()["x"].tolist() == [1.0, 0.0, 1.0]


def test_sizes_stay_open_until_they_are_asked_for():
    calls = []

    def mean(x):
        calls.append(x.shape)
        return np.sum(x) / x.shape[0]

    f = gradc.compile(mean, engine="interpreter")
    assert [f(np.arange(float(n))) for n in (3, 5, 9)] == [1.0, 2.0, 4.0] and len(calls) == 1

    def pairs(x):
        calls.append(len(x))
        return sum(x[i] * x[j] for i in range(len(x)) for j in range(i))

    g = gradc.compile(pairs, engine="interpreter")
    calls.clear()
    assert g(np.ones(3)) == 3.0 and g(np.ones(5)) == 10.0 and g(np.ones(3)) == 3.0 and calls == [3, 5]


def test_data_of_the_closure(engine):
    scale = np.array([1.0, 2.0, 3.0])
    f = gradc.compile(lambda x: np.sum((x - LARGE) ** 2) + np.sum(scale), engine=engine)
    x = np.zeros(1000)
    assert f(x) == pytest.approx(np.sum(LARGE**2) + 6)
    np.testing.assert_allclose(f.grad(x).x, -2 * LARGE)
    np.testing.assert_allclose(f.grad(x).x, -2 * LARGE)
    assert "def value(x, LARGE)" in f.source
    with pytest.raises(gradc.Error, match="G0603"):
        f(np.zeros(999))


def loss(w, x, y, *, power=2.0):
    return np.mean((x @ w - y) ** power)


def test_what_a_function_offers(engine):
    f = gradc.compile(loss, wrt="w", engine=engine)
    assert f.inputs == ("w", "x", "y") and f.__name__ == "loss" and "def loss" in f.text
    w = np.array([1.0, -1.0, 0.5])
    expected = 2 * X.T @ (X @ w - Y) / 50
    for _ in range(3):
        np.testing.assert_allclose(f.grad(w, X, Y).w, expected)
    np.testing.assert_allclose(f.hessian(w, x=X, y=Y).w.w, 2 * X.T @ X / 50, atol=1e-12)
    bound = f.bind(x=X, y=Y)
    assert bound.inputs == ("w",) and bound(w) == pytest.approx(loss(w, X, Y))
    np.testing.assert_allclose(bound.grad(w).w, expected)
    assert "x @ w" in f.source and "contract" in str(f.stages["graph"])
    assert list(f.stages) == list(gradc.compile("x").stages) and all(str(f.stages[name]) for name in ("graph", "loops"))
    again = pickle.loads(pickle.dumps(f))
    assert again(w, X, Y) == f(w, X, Y)
    out = np.empty(3)
    f.grad(w, X, Y, out=[out])
    np.testing.assert_allclose(out, expected)
    assert f(w, X, Y, power=4.0) == pytest.approx(loss(w, X, Y, power=4.0))
    g = gradc.compile(loss, wrt="power", engine=engine)
    above = Y - 10  # so that the base is positive
    expected = np.mean((X @ w - above) ** 2 * np.log(X @ w - above))
    assert "power" in g.inputs and g.grad(w, X, above, power=2.0).power == pytest.approx(expected)


def test_stages_before_the_first_call():
    f = gradc.compile(lambda x, y: np.sum(x * y), engine="interpreter")
    assert "input x : f64" in str(f.stages["graph"])
    assert "input W : f64[" in str(gradc.compile(lambda W: W @ W.T, engine="interpreter").stages["graph"])


@gradc.function
def decorated(x):
    """The sum of squares."""
    return np.sum(x**2)


@gradc.function(wrt="a", engine="interpreter")
def with_options(a, b):
    return a * b


def test_the_decorator():
    assert decorated(np.array([1.0, 2.0])) == 5.0 and decorated.__name__ == "decorated"
    assert decorated.__doc__.startswith("The sum of squares.") and with_options.wrt == ("a",)
    assert with_options.grad(2.0, 3.0)._asdict() == {"a": 3.0} and with_options.engine == "interpreter"
    assert pickle.loads(pickle.dumps(decorated))(2.0) == 4.0


def test_functions_call_each_other():
    text = gradc.compile("exp(-x**2)", engine="interpreter")
    f = gradc.compile(lambda x: decorated(text(x)) + x, engine="interpreter")
    x = 0.5
    assert f(x) == pytest.approx(np.exp(-2 * x**2) + x)
    assert f.grad(x).x == pytest.approx(-4 * x * np.exp(-2 * x**2) + 1)
    newton = gradc.compile(lambda x: x - text.grad(x).x, engine="interpreter")
    assert newton(x) == pytest.approx(x + 2 * x * np.exp(-(x**2)))


def test_derivatives_of_functions_that_are_called():
    @gradc.function(wrt="params", engine="interpreter")
    def inner(params, x):
        return sum(params[0] * x[k] ** 2 for k in range(len(x))) + params[1]

    def step(p, x):
        a, b = inner.grad([p, 1.0], x).params
        return inner([p - 0.1 * a, b], x)

    f = gradc.compile(step, engine="interpreter")
    x = np.array([1.0, 2.0])
    assert f(2.0, x) == pytest.approx(5 * (2.0 - 0.5) + 1) and f.grad(2.0, x).p == pytest.approx(5.0)
    assert f(2.0, np.ones(3)) == pytest.approx(3 * (2.0 - 0.3) + 1)


def test_functions_call_each_other_with_numbers():
    """They are compiled while the other one is traced."""
    inner = gradc.compile(lambda x: np.sum(x**2))
    third = gradc.compile("x**2 + 1")
    assert gradc.compile(lambda x: x * inner(np.ones(3)) * third(2.0)).value_and_grad(2.0) == (30.0, (15.0,))


def test_functions_call_each_other_with_arrays_of_values():
    """NumPy's functions that look at values take traced ones there, too."""
    inner = gradc.compile(lambda a, b: np.sum(np.array([a, b]) ** 2))
    assert gradc.compile(lambda x: inner(x, 2 * x)).value_and_grad(1.5) == (11.25, (15.0,))
    bound = inner.bind(b=1.0)
    assert gradc.compile(lambda x: bound(x)).value_and_grad(2.0) == (5.0, (4.0,))


def test_stages_follow_the_arguments():
    f = gradc.compile(lambda p: p["a"] * 2 + p["b"])
    f({"a": 1.0, "b": 2.0})
    assert {name: str(type) for name, type in f.types.items()} == {"p_a": "f64", "p_b": "f64"}
    point = {"a": np.ones(3), "b": 2.0}
    assert f(point).tolist() == [4.0] * 3
    assert {name: str(type) for name, type in f.types.items()} == {"p_a": "f64[n]", "p_b": "f64"}
    assert "input p_a : f64[n]" in str(f.stages["graph"])
    assert f.stages["graph"](point).tolist() == [4.0] * 3


def test_source_for_types():
    f = gradc.compile(lambda x: x * 2)
    f(1.0)
    assert "for i in range(n)" not in f.source
    assert "for i in range(n)" in f.source_for([Type("f64", ("n",))])


def countdown(x, n):
    return x if n == 0 else x * countdown(x, n - 1)


def mean(x):
    return np.mean(x) + even(x[0], 4)


def even(x, n):
    return x if n == 0 else odd(2.0 * x, n - 1)


def odd(x, n):
    return even(x + 1.0, n - 1)


def test_functions_call_themselves():
    assert gradc.compile(countdown, engine="interpreter").grad(2.0, 3)._asdict() == {"x": 32.0}
    x = np.array([1.0, 2.0])  # a function named like the one of NumPy's that it calls
    assert gradc.compile(mean, engine="interpreter")(x) == mean(x)


def test_arrays_of_the_closure_stay_the_callers_own():
    data = np.ones(300)
    f = gradc.compile(lambda x: np.sum(x * data), engine="interpreter")
    assert f(2.0) == 600.0
    data[0] = 5.0


def test_lists_of_labels():
    f = gradc.compile(lambda s, y: np.sum(s[np.arange(len(y)), y]), engine="interpreter", wrt="s")
    assert f.grad(np.ones((2, 3)), [2, 0]).s.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_methods_and_partials():
    from functools import partial

    class Fit:
        degree = 2

        def residual(self, c, t):
            return np.sum((c[0] + c[1] * t**self.degree) ** 2)

        def __call__(self, c, t):
            return self.residual(c, t)

    c, t = np.array([1.0, 2.0]), np.arange(3.0)
    for function in (Fit().residual, Fit(), partial(Fit().residual, t=t), lambda c, t: Fit().residual(c, t)):
        f = gradc.compile(function, engine="interpreter")
        assert f(c, t=t) == pytest.approx(Fit().residual(c, t))


def test_many_operations():
    def f(x):
        for _ in range(20_000):
            x = x * 1.0001 + 0.0001
        return x

    f = gradc.compile(f, engine="interpreter")
    assert f.grad(1.0).x == pytest.approx(1.0001**20_000)


@pytest.mark.compiled
def test_inside_numba():
    from numba import njit

    f = gradc.compile(lambda x, y: np.sum(x * np.exp(y)))

    @njit
    def g(x, y):
        return f.value_and_grad(x, y)[1][0]

    np.testing.assert_allclose(g(np.ones(3), np.zeros(3)), np.ones(3))


def test_check_and_trace():
    from gradc.check.check import check

    assert check(lambda x, y: x * np.exp(y), {"x": 1.5, "y": 0.5}).passed
    trace = gradc.trace(lambda x, y: (x + y) * 2.0, x=1.0, y=2.0)
    assert trace.value == 6.0 and trace.grads.x == 2.0
