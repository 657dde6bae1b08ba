"""Losses by blocks of rows are those of all rows: for every kind of program that adds up, and for no other."""

import copy
import multiprocessing
import pickle
from functools import partial
from itertools import pairwise

import cloudpickle
import joblib
import numpy as np
import pytest
from scipy.optimize import minimize

import gradc
from gradc.interop import blocks, scipy

RNG = np.random.default_rng(0)
N = 301
DATA = {
    "X": RNG.normal(size=(N, 4)), "y": RNG.normal(size=N), "t": RNG.uniform(size=N), "k": RNG.integers(0, 3, size=N),
}  # fmt: skip
CUTS = [0, 100, 101, 290, N]

LOSSES = {
    "a mean and a penalty": ("mean((y - X @ w)**2) + sum(w**2)", {"w": RNG.normal(size=4)}),
    "a penalty alone beside a mean": ("mean(w[0] * t) + sqrt(sum(w**2)) * 0.3", {"w": RNG.normal(size=4)}),
    "a function of a mean": ("sqrt(mean((y - a*exp(-b*t))**2)) + b**2", {"a": 1.0, "b": 0.5}),
    "a logarithm of a sum": ("log(sum((y - a*t)**2)) * b", {"a": 1.0, "b": 0.5}),
    "a quotient of sums": ("sum(t*a*y) / sum((b*y)**2) + a*b", {"a": 1.0, "b": 0.5}),
    "a mean of what has more axes": ("mean((X - c)**2) + mean(t*0 + c[1])", {"c": RNG.normal(size=4)}),
    "classes": ("softmax_cross_entropy(X @ W, k) + 0.1*sum(W**2)", {"W": RNG.normal(size=(4, 3))}),
    "a vector of sums": ("sum((X.T @ (y - X @ w))**2) + sum(w**4)", {"w": RNG.normal(size=4)}),
    "an embedding": ("sum(E[k] * X[:, :2]) + sum(E**3)", {"E": RNG.normal(size=(3, 2))}),
    "a network": ("mean((y - tanh(X @ W) @ v)**2)", {"W": RNG.normal(size=(4, 3)), "v": RNG.normal(size=3)}),
    "one sum less another": ("sum(t*a) / count(t) - 2 * mean(y * a)", {"a": 0.3}),
    "a maximum of sums": ("max(sum(t*a), sum(y*a**2))", {"a": 0.3}),
    "rows along another axis": ("sum(cumsum(softmax(X * a, axis=1), axis=1)**2)", {"a": 0.7}),
    "rows moved to another axis": ("sum((X.T * t)[1:] * a)", {"a": 0.7}),
    "an integer sum": ("sum(k) * a / count(t) + mean(t*a)", {"a": 0.7}),
}


def divided(names):
    return [{name: DATA[name][i:j] for name in names} for i, j in pairwise(CUTS)]


@pytest.mark.parametrize("case", LOSSES)
def test_blocks_add_up(case):
    text, start = LOSSES[case]
    f = gradc.compile(text)
    names = [name for name in f.inputs if name in DATA]
    whole = scipy.objective(f, data={name: DATA[name] for name in names}, start=start)
    parts = blocks.objective(f, divided(names), start=start)
    x, v = whole.x0, RNG.normal(size=whole.size)
    for found, expected in zip(
        (*parts(x), parts.value(x), parts.hessp(x, v), parts.hess(x)),
        (*whole(x), whole.value(x), whole.hessp(x, v), whole.hess(x)),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_one_row_and_no_row():
    """A block of one row does not broadcast, and one of none adds nothing."""
    text, start = LOSSES["a mean and a penalty"]
    cuts = [0, 0, 1, 1, 2, N]
    parts = [{name: DATA[name][i:j] for name in ("X", "y")} for i, j in pairwise(cuts)]
    whole = scipy.objective(text, data={name: DATA[name] for name in ("X", "y")}, start=start)
    found = blocks.objective(text, parts, start=start)
    np.testing.assert_allclose(found(found.x0)[1], whole(whole.x0)[1], rtol=1e-12)


def test_engines_and_element_types(engine):
    text, start = LOSSES["a function of a mean"]
    f = gradc.compile(text, engine=engine)
    narrow = [{n: block[n].astype(np.float32) for n in block} for block in divided(("y", "t"))]
    found = blocks.objective(f, narrow, start=start)
    whole = scipy.objective(f, data={n: DATA[n].astype(np.float32) for n in ("y", "t")}, start=start)
    np.testing.assert_allclose(found(found.x0)[1], whole(whole.x0)[1], rtol=1e-10)


def loader(k):
    return divided(("X", "y"))[k]


def through_joblib(work, parts):
    return joblib.Parallel(n_jobs=2)(joblib.delayed(work)(part) for part in parts)


def test_processes():
    """Blocks that are loaded where they are needed; each process makes its kernels once."""
    text, start = LOSSES["a mean and a penalty"]
    loaders = [partial(loader, k) for k in range(len(CUTS) - 1)]
    here = blocks.objective(text, loaders, start=start)
    expected = minimize(here, here.x0, jac=True).x
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        loss = blocks.objective(text, loaders, start=start, map=pool.map)
        np.testing.assert_array_equal(minimize(loss, loss.x0, jac=True).x, expected)
    loss = blocks.objective(text, loaders, start=start, map=through_joblib)
    np.testing.assert_array_equal(loss(loss.x0)[1], here(here.x0)[1])


@pytest.mark.parametrize("through", [pickle, cloudpickle, copy.copy, copy.deepcopy])
def test_copies(through):
    text, start = LOSSES["a quotient of sums"]
    loss = blocks.objective(text, divided(("t", "y")), start=start)
    made = through(loss) if callable(through) else through.loads(through.dumps(loss))
    np.testing.assert_array_equal(made(made.x0)[1], loss(loss.x0)[1])


def test_fixed_parameters_bounds_and_shared_data():
    loss = blocks.objective(
        "mean((y - X @ w - c)**2 * s) + m[0]", divided(("X", "y")), start={"w": np.zeros(4)}, fixed={"c": 0.5},
        data={"m": [2.0, 3.0], "s": 1.5}, bounds={"w": (-0.01, 0.01)},
    )  # fmt: skip
    found = minimize(loss, loss.x0, jac=True, bounds=loss.bounds)
    assert np.abs(found.x).max() <= 0.01 and loss.unpack(found.x)["c"] == 0.5


def objective(text, start, names=None, **options):
    f = gradc.compile(text)
    parts = divided(names or [name for name in f.inputs if name in DATA])
    return blocks.objective(f, parts, start=start, **options)


A, W = {"a": 1.0}, {"w": np.zeros(4)}
ROWS = {
    "differences of rows": lambda: objective("sum((t[1:] - t[:-1]) * a)", A),
    "rows in reverse": lambda: objective("sum(t[::-1] * y * a)", A),
    "a running sum": lambda: objective("sum(cumsum(t) * a)", A),
    "a running sum of a matrix": lambda: objective("sum(cumsum(X, axis=0) * a)", A),
    "the largest row": lambda: objective("max(t * a)", A),
    "a product of rows": lambda: objective("prod(t * a)", A),
    "a norm": lambda: objective("norm(y - a*t) + a", A),
    "a stable logarithm": lambda: objective("log(sum(exp(a*t)))", A),
    "softmax over rows": lambda: objective("sum(softmax(X * a, axis=0)[:, 0])", A),
    "centred rows": lambda: objective("sum((y - mean(y) - a*t)**2)", A),
    "a variance": lambda: objective("var(y - a*t)", A),
    "rows by rows": lambda: objective("sum(X @ X.T) * a", A),
    "sorted rows": lambda: objective("sum(sort(t) * a)", A),
    "row numbers": lambda: objective("sum(t * a * arange(count(t)))", A),
    "one row": lambda: objective("t[0] * a + sum(y)", A),
    "a value for each row": lambda: objective("y - a*t", A),
    "a sum that is an array": lambda: objective("X.T @ (y * a)", A),
    "nothing over rows": lambda: objective("a**2 + y[0] * 0", A),
    "a number of rows in the program": lambda: objective("y: f64[301]; sum(y * a)", A),
    "rows of different names": lambda: objective("y: f64[n]; t: f64[m]; sum(y * a) + sum(t)", A),
    "a parameter for each row": lambda: objective("sum((y - u)**2)", {"u": np.zeros(N)}),
    "data for each row": lambda: objective("sum((y - a*t)**2)", A, ["y"], data={"t": DATA["t"]}),
    "a block without a name": lambda: blocks.objective(
        "sum(y * t * a)", [{"y": [1.0], "t": [1.0]}, {"y": [1.0]}], start=A
    ),
    "blocks of different lengths": lambda: blocks.objective("sum(y * t * a)", [{"y": [1.0], "t": [1.0, 2.0]}], start=A),
    "NaN in a block": lambda: blocks.objective("sum(y * a)", [{"y": [1.0]}, {"y": [1.0, np.nan]}], start=A),
    "no blocks": lambda: blocks.objective("sum(y * a)", [], start=A),
    "a block that is no mapping": lambda: blocks.objective("sum(y * a)", [[1.0]], start=A),
    "a number in a block": lambda: blocks.objective("sum(y * a)", [{"y": 1.0}], start=A),
    "an unknown name in a block": lambda: blocks.objective("sum(y * a)", [{"z": [1.0]}], start=A),
}


def test_messages(golden):
    rendered = []
    for title, call in ROWS.items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden("messages/rows.txt", "\n".join(rendered))
