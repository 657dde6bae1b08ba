"""Objectives and elementwise functions over Dask arrays: by threads, and by two processes, of which one is killed."""

import copy
import logging
import os
import pickle
import signal

import dask
import dask.array as da
import distributed
import numpy as np
import pytest
from scipy.optimize import minimize

import gradc
from gradc.interop import blocks, scipy
from gradc.interop import dask as over_dask

RNG = np.random.default_rng(0)
N = 4_000
X, NOISE = RNG.normal(size=(N, 3)), RNG.normal(size=N)
Y = X @ [1.0, -2.0, 0.5] + 0.1 * NOISE
TEXT = "mean((y - X @ w - c)**2) + 0.01 * sum(w**2)"
START = {"w": np.zeros(3), "c": 0.0}
CHUNKS = (1_000, 7, 1_993, 1_000)


def arrays():
    return {"X": da.from_array(X, chunks=(CHUNKS, -1)), "y": da.from_array(Y, chunks=500)}


@pytest.fixture(scope="module")
def here():
    return scipy.objective(TEXT, data={"X": X, "y": Y}, start=START)


def test_value_gradient_and_products(here):
    loss = over_dask.objective(TEXT, data=arrays(), start=START, bounds={"w": (None, 0.9)})
    x, v = RNG.normal(size=(2, 4))
    for found, expected in zip(
        (*loss(x), loss.value(x), loss.hessp(x, v), loss.hess(x)),
        (*here(x), here.value(x), here.hessp(x, v), here.hess(x)),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-11)
    found = minimize(loss, loss.x0, jac=True, bounds=loss.bounds)
    assert loss.unpack(found.x)["w"][0] == 0.9
    for made in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        np.testing.assert_array_equal(made(x)[1], loss(x)[1])


def test_arrays_of_numpy_with_rows_and_without():
    """What has a number for each row is taken apart as well; what has not goes to every block."""
    data = {"t": da.from_array(Y, chunks=900), "y": Y, "m": [2.0, 3.0], "s": 1.5}
    start, text = {"a": 1.5}, "sum((y - a*t)**2) * s + m[1] * a"
    loss = over_dask.objective(text, data=data, start=start)
    whole = scipy.objective(text, data=data | {"t": Y}, start=start)
    np.testing.assert_allclose(loss(loss.x0)[1], whole(whole.x0)[1], rtol=1e-12)


@pytest.fixture(scope="module")
def cluster():
    with dask.config.set({"distributed.worker.memory.terminate": False}):
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL
        ) as made:
            yield made


def compiled_programs():
    return len(blocks._loaded)


def test_two_processes_and_a_killed_one(cluster, here):
    with distributed.Client(cluster) as client:
        loss = over_dask.objective(TEXT, data=arrays(), start=START)
        before = minimize(loss, loss.x0, jac=True)
        np.testing.assert_allclose(before.x, minimize(here, here.x0, jac=True).x, rtol=1e-6)
        found = client.run(compiled_programs)
        assert len(found) == 2 and set(found.values()) <= {0, 1} and max(found.values()) == 1
        x = RNG.normal(size=4)
        expected = loss(x)
        pids = client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        after = loss(x)
        assert after[0] == expected[0]
        np.testing.assert_array_equal(after[1], expected[1])


def test_elementwise_by_blocks():
    f = gradc.compile("s * exp(-r * t) + u")
    g = over_dask.elementwise(f)
    t, u = RNG.uniform(size=(50, 6)), RNG.uniform(size=6)
    at = {"s": 2.0, "r": 0.5}
    lazy = {"t": da.from_array(t, chunks=(20, 4)), "u": u}
    values = g(**at, **lazy)
    assert values.chunks == ((20, 20, 10), (4, 2))
    np.testing.assert_array_equal(values.compute(), f(**at, t=t, u=u))
    found, expected = g.grad(**at, **lazy), f.grad(**at, t=t, u=u)
    assert found._fields == f.wrt
    for name in f.wrt:
        np.testing.assert_allclose(found[name].compute(), expected[name], rtol=1e-12)
        assert found[name].shape == np.shape(expected[name])
    bound = over_dask.elementwise(f.bind(s=2.0, u=0.0))
    np.testing.assert_array_equal(bound(0.5, lazy["t"]).compute(), f(2.0, 0.5, t, 0.0))


BAD = {
    "no Dask array": lambda: over_dask.objective(TEXT, data={"X": X, "y": Y}, start=START),
    "NaN in data": lambda: over_dask.objective(
        "sum(y * c)", data={"y": da.where(da.arange(50, chunks=20) == 41, np.nan, 1.0)}, start={"c": 1.0}
    ),
    "unknown chunks": lambda: over_dask.objective(
        "sum(y * c)", data={"y": (d := da.from_array(Y, chunks=500))[d > 0]}, start={"c": 1.0}
    ),
    "different lengths": lambda: over_dask.objective(TEXT, data=arrays() | {"y": da.zeros(7)}, start=START),
    "what mixes rows": lambda: over_dask.objective("sum(sort(y) * c)", data={"y": da.zeros(7)}, start={"c": 1.0}),
    "a sum by blocks": lambda: over_dask.elementwise("exp(-t) / sum(t)")(da.zeros(7)),
    "a missing argument": lambda: over_dask.elementwise("exp(-t) * s")(da.zeros(7)),
    "text": lambda: over_dask.elementwise("exp(-t) * s")(da.zeros(7), "1"),
}


def test_messages(golden):
    rendered = []
    for title, call in BAD.items():
        with pytest.raises(gradc.Error) as caught:
            call()
        rendered.append(f"== {title}\n{caught.value}\n")
    golden("messages/dask.txt", "\n".join(rendered))
