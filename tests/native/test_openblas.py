"""OpenBLAS's own threads rest while a routine runs, and have as many as before after it."""

import ctypes
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gradc
from gradc.loops.compiled import lapack_file
from gradc.native import openblas
from gradc.native.target import is_possible

pytestmark = pytest.mark.skipif(not is_possible(), reason="LLVM does not know this machine")

RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(60, 60))
POSITIVE = MATRIX @ MATRIX.T + np.eye(60)


@pytest.fixture
def count(monkeypatch):
    """How many threads OpenBLAS has; three in this test."""
    library = ctypes.CDLL(lapack_file())
    for prefix in openblas.PREFIXES:
        get, set = (getattr(library, f"{prefix}_{verb}_num_threads", None) for verb in ("get", "set"))
        if get and set:
            before = get()
            set(3)
            yield get
            set(before)
            return
    pytest.skip("SciPy has no OpenBLAS here")


@pytest.fixture(scope="module")
def likelihood():
    f = gradc.compile("A: f64[n, n]; logdet(A, assume_a='pos')", engine="native")
    f.value_and_grad(POSITIVE)
    return f


def test_as_many_as_before(count, likelihood):
    value, _ = likelihood.value_and_grad(POSITIVE)
    assert value == pytest.approx(np.linalg.slogdet(POSITIVE)[1])
    assert count() == 3
    with pytest.raises(gradc.Error, match="not positive definite"):
        likelihood(-POSITIVE)
    assert count() == 3


def test_one_while_a_routine_runs(count):
    functions = openblas.code()
    alone, together = (ctypes.CFUNCTYPE(None)(functions.address(name)) for name in ("alone", "together"))
    alone()
    assert count() == 1
    alone()
    together()
    assert count() == 1
    together()
    assert count() == 3


def test_from_many_threads(count, likelihood):
    expected = likelihood(POSITIVE)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: likelihood(POSITIVE), range(400)))
    assert found == [expected] * 400
    assert count() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_a_routine_runs(count, likelihood):
    functions = openblas.code()
    alone, together = (ctypes.CFUNCTYPE(None)(functions.address(name)) for name in ("alone", "together"))
    alone()
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        assert pool.apply_async(_seen, (POSITIVE.shape,)).get(60) == (3, True)
    together()
    assert count() == 3


def _seen(shape):
    library = ctypes.CDLL(lapack_file())
    get = next(g for p in openblas.PREFIXES if (g := getattr(library, f"{p}_get_num_threads", None)))
    value = gradc.compile("A: f64[n, n]; logdet(A, assume_a='pos')", engine="native")(np.eye(shape[0]))
    return get(), value == 0.0
