"""Who runs in the interpreter that has gradc: gradc itself, functions written by hand, and what the machine can do."""

from __future__ import annotations

import ctypes
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.race.libraries import Case, Declined, Prepared

C_FILE = Path(__file__).with_name("by_hand.c")
C_COMPILER = ("gcc", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC")
C_NAMES = ("neuron", "gelu", "black-scholes", "exponential-fit", "rosenbrock", "log-sum-exp", "sum-of-squares",
           "logistic-regression", "k-means")  # fmt: skip
"""The programs in by_hand.c, by the names of `bench.workloads`."""

NAIVE_ELEMENTS = 1_000
"""Up to this many elements the naive tape answers within a second."""

NOT_WRITTEN = "nobody wrote this program by hand"


def gradc(case: Case, engine: str = "native") -> Prepared:
    import gradc

    names = list(case.inputs)
    function = gradc.compile(case.text, wrt=[names[k] for k in case.wrt], engine=engine)
    values = tuple(case.values)
    return Prepared(lambda: function.value_and_grad(*values), value=lambda: function(*values))


def numpy(case: Case) -> Prepared:
    from bench.workloads import CASES

    function = CASES[case.workload].workload.by_hand
    if function is None:
        raise Declined(NOT_WRITTEN)
    return Prepared(partial(function, *case.values))


def naive(case: Case) -> Prepared:
    """A tape of numbers with closures, for numbers and small arrays: it takes one element at a time."""
    if any(np.size(x) > NAIVE_ELEMENTS for x in case.values):
        raise Declined(f"takes {NAIVE_ELEMENTS:,} elements at most")
    from gradc.bench import Workload
    from gradc.bench.competitors import PEERS

    names = list(case.inputs)
    workload = Workload(case.workload, case.text, tuple(names[k] for k in case.wrt))
    refused = PEERS["naive"].refuses(workload, case.inputs)
    if refused:
        raise Declined(refused)
    return Prepared(PEERS["naive"].prepare(workload, case.inputs))


def numba(case: Case) -> Prepared:
    from bench.race.by_numba import WRITTEN

    function = WRITTEN.get(case.workload)
    if function is None or case.is_of_numbers:
        raise Declined(NOT_WRITTEN)
    return Prepared(partial(function, *case.values))


def c(case: Case) -> Prepared:
    """gcc's own time is part of the first call."""
    if case.workload not in C_NAMES or case.is_of_numbers:
        raise Declined(NOT_WRITTEN)
    given = [np.ascontiguousarray(np.atleast_1d(x), dtype=float) for x in case.values]
    results = [np.empty(np.shape(given[k])) for k in case.wrt]
    is_total = case.workload not in ("neuron", "gelu", "black-scholes")
    results.insert(0, np.empty(1 if is_total else given[0].shape))
    sizes = [length for x in given for length in x.shape]
    function = compiled()[case.workload.replace("-means", "means").replace("-", "_")]
    arguments = (
        (ctypes.c_long * len(sizes))(*sizes),
        *((ctypes.c_void_p * len(arrays))(*(x.ctypes.data for x in arrays)) for arrays in (given, results)),
    )
    shapes = [() if is_total else given[0].shape, *(np.shape(case.values[k]) for k in case.wrt)]

    def answer(nothing: Any, alive: Any = given) -> list[np.ndarray]:
        return [x.reshape(shape) for x, shape in zip(results, shapes)]

    return Prepared(partial(function, *arguments), answer)


@cache
def compiled() -> ctypes.CDLL:
    """The library of by_hand.c; `Declined` where there is no compiler."""
    if shutil.which(C_COMPILER[0]) is None:
        raise Declined("there is no gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "by_hand.so"
        subprocess.run([*C_COMPILER, "-o", str(library), str(C_FILE), "-lm"], check=True, capture_output=True)
        return ctypes.CDLL(str(library))


# ---------------------------------------------------------------- what the machine can do

SIDE = 1024
"""Rows and columns of the matrices whose product shows the peak."""
SMALL = 4_000_000
"""Up to this many bytes one thread copies sooner than several have started."""


def roofline(case: Case) -> Prepared:
    """As many bytes as inputs, value and gradients have are read or written by copying, half of each array to its other
    half; or matrices are multiplied, for as many operations as the program's products have, if that takes longer."""
    sizes = [np.asarray(x).nbytes for x in (*case.values, *(case.values[k] for k in case.wrt))]
    if case.workload in ("neuron", "gelu", "black-scholes"):
        sizes.append(np.asarray(case.values[0]).nbytes)
    halves = [np.split(np.ones(size // 16 * 2), 2) for size in sizes if size >= 16]
    if not halves:
        raise Declined("nothing to copy")
    copy = partial(_copy, halves)
    if sum(sizes) > SMALL and _processors() > 1:
        copy = partial(_copy_in_threads, halves, ThreadPoolExecutor(_processors()), _processors())
    scale = case.operations / (2 * SIDE**3)
    if scale and scale * _product_seconds() > _least(copy):
        return Prepared(_product, lambda given: (), scale=scale)
    return Prepared(copy, lambda given: ())


SQUARE = np.ones((SIDE, SIDE))


def _product() -> None:
    SQUARE @ SQUARE


@cache
def _product_seconds() -> float:
    return _least(_product)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _copy(pairs: list[list[np.ndarray]]) -> None:
    for target, source in pairs:
        np.copyto(target, source)


def _copy_in_threads(pairs: list[list[np.ndarray]], pool: ThreadPoolExecutor, count: int) -> None:
    parts = [[[half[k * half.size // count : (k + 1) * half.size // count] for half in pair] for pair in pairs]
             for k in range(count)]  # fmt: skip
    list(pool.map(_copy, parts))


def _least(call: Callable[[], Any], repeats: int = 5) -> float:
    """Seconds of the fastest of some calls."""
    found = math.inf
    for _ in range(repeats):
        start = perf_counter()
        call()
        found = min(found, perf_counter() - start)
    return found


HERE: dict[str, tuple[str, Callable[[Case], Prepared]]] = {
    "gradc": ("gradc", gradc),
    "roofline": ("numpy", roofline),
    "NumPy by hand": ("numpy", numpy),
    "Numba by hand": ("numba", numba),
    "C by hand": ("numpy", c),
    "naive tape": ("gradc", naive),
}
"""By the name in the tables: the distribution whose version is told, and what prepares a case."""

ALSO_IMPORTED = {"gradc": ("llvmlite.binding", "scipy.linalg.cython_blas"), "NumPy by hand": ("bench.workloads",)}
