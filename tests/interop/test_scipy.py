"""Objectives for SciPy: what the optimisers find, against gradc's own results by name."""

import copy
import pickle
import threading
import tracemalloc

import cloudpickle
import numpy as np
import pytest
from scipy.optimize import differential_evolution, least_squares, minimize, root

import gradc
from gradc.interop.scipy import objective

T = np.linspace(0, 4, 200)
Y = 2.5 * np.exp(-1.3 * T) + 0.5
SQUARES = "sum((y - a*exp(-b*t) - c)**2)"
DECAY = {"data": {"t": T, "y": Y}, "start": {"a": 1.0, "b": 1.0, "c": 0.0}}
RNG = np.random.default_rng(1)
X, LABELS = RNG.normal(size=(40, 5)), RNG.normal(size=(40, 3))
NET = "mean((Y - tanh(X @ W) - b)**2) + 0.1 * sum(W**2) + s**2"
NET_START = {"b": RNG.normal(size=3), "W": RNG.normal(size=(5, 3)), "s": 0.7}


@pytest.fixture
def loss(engine):
    return objective(gradc.compile(SQUARES, engine=engine), **DECAY)


@pytest.fixture
def net(engine):
    return objective(gradc.compile(NET, engine=engine), data={"X": X, "Y": LABELS}, start=NET_START)


def flat(parts):
    return np.concatenate([np.ravel(part) for part in parts])


def test_minimize(loss):
    found = minimize(loss, loss.x0, jac=True, bounds=loss.bounds, tol=1e-12)
    np.testing.assert_allclose(found.x, [2.5, 1.3, 0.5], rtol=1e-5)
    assert set(loss.unpack(found.x)) == {"a", "b", "c"}
    for options in ({"hess": loss.hess, "method": "trust-exact"}, {"hessp": loss.hessp, "method": "Newton-CG"}):
        np.testing.assert_allclose(minimize(loss, loss.x0, jac=True, **options).x, [2.5, 1.3, 0.5], rtol=1e-4)


def test_arrays_and_numbers_in_one_vector(net):
    assert net.names[:4] == ("b[0]", "b[1]", "b[2]", "W[0,0]") and net.names[-1] == "s" and net.size == 19
    function, arguments = net.function, NET_START | {"X": X, "Y": LABELS}
    value, grads = function.value_and_grad(**arguments)
    assert net(net.x0)[0] == pytest.approx(value, rel=1e-14) and net.value(net.x0) == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(net(net.x0)[1], flat(grads), rtol=1e-12)
    np.testing.assert_array_equal(net.grad(net.x0), net(net.x0)[1])
    v = RNG.normal(size=net.size)
    expected = flat(function.hvp(net.unpack(v), **arguments))
    np.testing.assert_allclose(net.hessp(net.x0, v), expected, rtol=1e-10)
    np.testing.assert_allclose(net.hess(net.x0) @ v, expected, rtol=1e-9)


def test_the_gradient_is_written_in_place():
    """A call makes the gradient that it returns, and nothing else of its size."""
    n = 200_000
    loss = objective("sum(x * w**2) + sum(v**2) * s", data={"x": np.ones(n)},
                     start={"w": np.ones(n), "s": 1.0, "v": np.ones(n)})  # fmt: skip
    x = loss.x0
    loss(x)
    tracemalloc.start()
    loss(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * loss.size + 20_000


def test_fixed_parameters_and_bounds(engine):
    loss = objective(
        gradc.compile(SQUARES, engine=engine), data={"t": T, "y": Y}, start={"b": 0.5, "a": 1.0},
        fixed={"c": 0.25}, bounds={"b": (0, 0.8), "a": (None, 9.0)},
    )  # fmt: skip
    found = minimize(loss, loss.x0, jac=True, bounds=loss.bounds)
    assert found.x[0] == 0.8 and loss.unpack(found.x) == {"b": found.x[0], "a": found.x[1], "c": 0.25}
    assert loss.bounds.lb.tolist() == [0, -np.inf] and loss.bounds.ub.tolist() == [0.8, 9.0]
    np.testing.assert_array_equal(loss.pack({"a": 3.0}), [0.5, 3.0])
    np.testing.assert_array_equal(loss.pack(loss.unpack(found.x)), found.x)


def test_bounds_for_every_element():
    loss = objective("sum((w - t)**2)", data={"t": [1.0, 2.0]}, start={"w": [0.0, 0.0]},
                     bounds={"w": ([-1, -2], [None, 1.5][1])})  # fmt: skip
    found = minimize(loss, loss.x0, jac=True, bounds=loss.bounds)
    np.testing.assert_allclose(found.x, [1.0, 1.5])
    assert differential_evolution(
        objective("(w - 0.5)**2", start={"w": 0.0}, bounds={"w": (-1, 1)}).value, [(-1, 1)], seed=1
    ).x[0] == pytest.approx(0.5)


def test_least_squares_and_root(engine):
    residuals = objective(gradc.compile("(y - a*exp(-b*t) - c) / s", engine=engine),
                          data={"t": T, "y": Y, "s": 0.1}, start=DECAY["start"])  # fmt: skip
    found = least_squares(residuals.value, residuals.x0, jac=residuals.jac, bounds=residuals.bounds)
    np.testing.assert_allclose(found.x, [2.5, 1.3, 0.5], rtol=1e-6)
    by_name = residuals.function.jacobian(t=T, y=Y, s=0.1, **DECAY["start"])
    np.testing.assert_allclose(residuals.jac(residuals.x0), np.stack(by_name, axis=1), rtol=1e-12)
    system = objective(gradc.compile("A @ x + 0.1 * x**3 - y", engine=engine),
                       data={"A": np.diag([2.0, 3.0]) + 0.5, "y": [1.0, -2.0]}, start={"x": np.zeros(2)})  # fmt: skip
    solution = root(system, system.x0, jac=True)
    assert solution.success and np.abs(system.value(solution.x)).max() < 1e-9


def test_a_wide_jacobian_goes_row_by_row():
    residuals = objective("X @ w", data={"X": X[:2]}, start={"w": np.zeros(5)})
    np.testing.assert_array_equal(residuals.jac(residuals.x0), X[:2])


def test_element_types():
    """Parameters compute in float64, whatever the data are; declared otherwise, they are converted."""
    narrow = {"t": T.astype(np.float32), "y": Y.astype(np.float32)}
    wide = {name: data.astype(np.float64) for name, data in narrow.items()}
    start = DECAY["start"]
    got, expected = (objective(SQUARES, data=data, start=start)(np.ones(3)) for data in (narrow, wide))
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-13)
    declared = objective("w: f32[3]; sum(w**2)", start={"w": np.ones(3)})
    np.testing.assert_array_equal(declared(declared.x0)[1], [2.0, 2.0, 2.0])


@pytest.mark.parametrize("through", [pickle, cloudpickle, copy.copy, copy.deepcopy])
def test_copies(loss, through):
    made = through(loss) if callable(through) else through.loads(through.dumps(loss))
    np.testing.assert_array_equal(made(made.x0)[1], loss(loss.x0)[1])
    assert made.names == loss.names and made.function.engine == loss.function.engine


def test_threads_share_an_objective(loss):
    points = RNG.normal(size=(8, 3))
    expected = [loss(x)[1] for x in points]
    found = [None] * len(points)

    def work(k):
        for _ in range(50):
            found[k] = loss(points[k])[1]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(points))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    np.testing.assert_array_equal(found, expected)


def test_bound_functions_and_texts_are_taken():
    bound = gradc.compile(SQUARES).bind(t=T)
    loss = objective(bound, data={"y": Y}, start=DECAY["start"])
    expected = objective(SQUARES, **DECAY)(loss.x0)[1]
    for made in (loss, pickle.loads(pickle.dumps(loss))):
        np.testing.assert_array_equal(made(loss.x0)[1], expected)


BAD = {
    "an unknown input": lambda: objective(SQUARES, data={"t": T, "y": Y}, start={"a": 1, "bb": 1, "c": 0}),
    "unknown data": lambda: objective(SQUARES, data={"time": T, "y": Y}, start=DECAY["start"]),
    "no value": lambda: objective(SQUARES, data={"y": Y}, start={"a": 1.0, "c": 0.0}),
    "fixed and free": lambda: objective(SQUARES, **DECAY, fixed={"c": 0.5}),
    "data and fixed": lambda: objective(SQUARES, data={"t": T, "y": Y, "c": 1}, start={"a": 1, "b": 1}, fixed={"c": 1}),
    "inverted bounds": lambda: objective(SQUARES, **DECAY, bounds={"b": (2, 1)}),
    "an inverted bound of an element": lambda: objective(
        "sum(W)", start={"W": np.zeros((2, 2))}, bounds={"W": (np.zeros((2, 2)), np.array([[1, 1], [-1, 1]]))}
    ),
    "outside of the bounds": lambda: objective(SQUARES, **DECAY, bounds={"c": (0.5, None)}),
    "a bound of another shape": lambda: objective(SQUARES, **DECAY, bounds={"c": ([0, 1], None)}),
    "a bound that is NaN": lambda: objective(SQUARES, **DECAY, bounds={"c": (np.nan, None)}),
    "one number as bounds": lambda: objective(SQUARES, **DECAY, bounds={"c": 0}),
    "bounds of data": lambda: objective(SQUARES, **DECAY, bounds={"t": (0, 1)}),
    "bounds of what is fixed": lambda: objective(
        SQUARES, data={"t": T, "y": Y}, start={"a": 1, "b": 1}, fixed={"c": 1}, bounds={"c": (0, 2)}
    ),
    "shapes of data": lambda: objective(SQUARES, data={"t": T, "y": Y[1:]}, start=DECAY["start"]),
    "the shape of a parameter": lambda: objective("sum(X @ w)", data={"X": X}, start={"w": np.zeros(4)}),
    "NaN in data": lambda: objective(SQUARES, data={"t": T, "y": np.where(T > 2, np.nan, Y)}, start=DECAY["start"]),
    "infinity in a matrix": lambda: objective(
        "sum(X @ w)", data={"X": np.diag([1, np.inf])}, start={"w": np.zeros(2)}
    ),
    "NaN at the start": lambda: objective(SQUARES, data={"t": T, "y": Y}, start={"a": np.nan, "b": 1, "c": 0}),
    "text as data": lambda: objective(SQUARES, data={"t": T, "y": "y.csv"}, start=DECAY["start"]),
    "nothing to fit": lambda: objective("sum(x)", data={"x": T}, start={}),
    "a list as start": lambda: objective("sum(x)", start=[1.0]),
    "a list as bounds": lambda: objective("sum(x)", start={"x": [1.0]}, bounds=[(0, 2)]),
    "integers to fit": lambda: objective("sum(x[k])", data={"x": T}, start={"k": 1}),
    "a vector of another size": lambda: objective(SQUARES, **DECAY)([1.0, 2.0]),
    "a value for another shape": lambda: objective(SQUARES, **DECAY).pack({"a": [1.0, 2.0]}),
    "a value for nothing": lambda: objective(SQUARES, **DECAY).pack({"aa": 1.0}),
    "another value for what is fixed": lambda: objective(
        "a*b", start={"a": 1.0}, fixed={"b": 2.0}
    ).pack({"b": 3.0}),
}  # fmt: skip


def test_messages(golden):
    rendered = []
    for title, call in BAD.items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden("messages/objectives.txt", "\n".join(rendered))


def test_nan_in_data_may_be_meant():
    text = "sum(where(y == y, (y - a)**2, 0))"
    data = {"y": [1.0, np.nan, 3.0]}
    assert objective(text, data=data, start={"a": 1.0}, check_finite=False)(np.array([1.0]))[0] == 4.0


def test_sparse_jacobians_and_hessians_have_the_parameters_order():
    text = "concatenate([x[1:] - x[:-1]**2, y * x, [c * x[0]]])"
    start = {"y": np.array([1.0, 2.0, 3.0]), "c": 2.0, "x": np.array([0.5, 1.5, 2.5])}
    residuals = objective(text, start=start)
    sparse = residuals.sparse_jac(residuals.x0)
    assert sparse.format == "csr" and sparse.nnz == 12
    np.testing.assert_allclose(sparse.toarray(), residuals.jac(residuals.x0), rtol=1e-14)
    unit = np.zeros(residuals.size)
    for k in range(residuals.size):
        unit[k] = 1e-6
        column = (residuals.value(residuals.x0 + unit) - residuals.value(residuals.x0 - unit)) / 2e-6
        np.testing.assert_allclose(sparse.toarray()[:, k], column, atol=1e-8)
        unit[k] = 0
    loss = objective(f"sum(({text})**2)", start=start)
    hessian = loss.sparse_hess(loss.x0)
    np.testing.assert_allclose(hessian.toarray(), loss.hess(loss.x0), rtol=1e-13)
    np.testing.assert_allclose(hessian @ np.arange(7.0), loss.hessp(loss.x0, np.arange(7.0)), rtol=1e-12)
    fit = least_squares(residuals.value, residuals.x0, jac=residuals.sparse_jac)
    assert fit.cost < 1e-12
