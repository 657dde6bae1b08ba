"""Every competitor computes the same value and gradients: on the workloads, on programs, on every function."""

import numpy as np
import pytest

from bench.workloads import CASES, SCALAR
from gradc.bench import Workload, chosen
from gradc.bench.comparison import disagreement
from gradc.bench.competitors import PEERS
from gradc.bench.workload import draw
from gradc.construct.functions import FUNCTIONS
from gradc.ir.ops import OPS

SMALL = 10

COMPETITORS = [pytest.param(c, id=c.name, marks=pytest.mark.compiled if "numba" in c.name else ()) for c in chosen()]
TAPES = [PEERS["naive"], PEERS["numpy-tape"]]

PROGRAMS = [
    "(x + y) * z",
    "x: f64[n]; a: f64; sum(a * x) + sum(x) * a",
    "x: f64[n, d]; w: f64[d]; sum(exp(x * w) - w)",
    "x: f64[n, d]; b: f64[n, 1]; sum((x - b)**2)",
    "x: f64[n, d]; sum(x[1:, 0] * x[:-1, 1])",
    "x: f64[n, d]; y: f64[d, n]; sum(x.T * y + x[0, 0])",
    "x: f64[n]; x[::-1] * x[0] + 2",
    "x: f64[n]; max(x) * min(x) + prod(x[:3]) + norm(x) + logsumexp(x) + std(x)",
    "x: f64[n]; k: i64[n]; m: bool[n]; sum(x**2 if m else k * x)",
    "x: f64[n]; sum(x) if all(x > 0) and not any(x > 5) else mean(-x)",
    "def f(t) = t / (1 + abs(t)); f(x) - f(2 * y) - 3 / y",
    "clip(x, 0.3, 0.6) + max(x, 0.5) + minimum(x, y) + relu(x - 0.5) + (x % 0.25) + x // 0.1",
    "where(x < 0.5, x**3, 2**x) + x**0.5 - -y + 1 / x - x / y",
    "x: f64[n]; x - x",
    "x: f64[n]; concatenate([2 * x, x[:1], x[1:]**2]) * 2 + sum(x * arange(n))",
    "x: f64[n, d]; sum(max(x, axis=1) * prod(x, axis=-1) - mean(x, axis=1, keepdims=True))",
    "x: f64[n]; 3 + 0 * sum(x[:2])",
    "X: f64[n, d]; W: f64[d, k]; b: f64[k]; sum(max(0, X @ W + b) @ b)",
    "X: f64[n, d]; Y: f64[m, d]; einsum('nd,md->mn', X, Y) + dot(X[0], Y[1])",
    "E: f64[v, d]; k: i64[n]; sum(E[k]**2) + sum(cumsum(E, axis=0)**2)",
    "s: f64[n, d]; y: i64[n]; s[arange(n), y] * 2",
]


WRITTEN = [name for name, case in CASES.items() if case.workload.by_hand]
"""The workloads that somebody derived by hand."""


def answers(competitors, workload, inputs):
    return [competitor.prepare(workload, inputs)() for competitor in competitors]


@pytest.mark.parametrize("competitor", COMPETITORS)
@pytest.mark.parametrize("name", WRITTEN)
def test_workloads(name, competitor):
    case = CASES[name]
    for size in (SCALAR, 2, SMALL):
        if size != SCALAR or SCALAR in case.sizes:
            inputs = case.inputs(size)
            (reference,) = answers([PEERS["numpy"]], case.workload, inputs)
            assert competitor.refuses(case.workload, inputs) == ""
            (answer,) = answers([competitor], case.workload, inputs)
            assert disagreement(answer, reference, case.workload, inputs) == ""
            shapes = [np.shape(inputs[wrt]) for wrt in case.workload.wrt or inputs]
            assert [np.shape(grad) for grad in answer[1]] == shapes


@pytest.mark.parametrize("name", WRITTEN)
def test_hand_written_gradients_are_right_beyond_the_blas_limit(name):
    case = CASES[name]
    inputs = case.inputs(20_000)
    reference, by_hand = answers([PEERS["numpy-tape"], PEERS["numpy"]], case.workload, inputs)
    assert disagreement(by_hand, reference, case.workload, inputs) == ""


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
@pytest.mark.parametrize("text", PROGRAMS)
def test_tapes_take_any_program(text, tape):
    workload = Workload("program", text)
    inputs = draw(workload, SMALL)
    assert tape.refuses(workload, inputs) == ""
    answer, reference = answers([tape, interpreter()], workload, inputs)
    assert disagreement(answer, reference, workload, inputs) == ""


def interpreter():
    return next(c for c in chosen() if c.name == "gradc-interpreter")


CALLABLE = [OPS[name] for name in sorted({*OPS} & {*FUNCTIONS} - {"polygamma"}) if OPS[name].kind == "elementwise"]


UNKNOWN = {
    *(row.name for row in CALLABLE if row.scipy), "erfcinv", "erfcx", "erfinv", "exprel", "lambertw", "log_ndtr",
    "logdiffexp", "ndtri", "sinc",
}  # fmt: skip
"""Functions that no textbook's tape has."""


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
@pytest.mark.parametrize("row", CALLABLE, ids=lambda row: row.name)
def test_tapes_know_every_function(row, tape):
    rng = np.random.default_rng(1)
    names = [f"x{k}" for k in range(len(row.params))]
    inputs = {name: rng.uniform(*interval, SMALL) for name, interval in zip(names, row.domain)}
    condition = " > 0" if row.params[0] == "c" else ""
    workload = Workload(row.name, f"{row.name}({names[0]}{condition}, {', '.join(names[1:])})".replace(", )", ")"))
    if row.name in UNKNOWN:
        assert tape.refuses(workload, inputs)
        return
    answer, reference = answers([tape, interpreter()], workload, inputs)
    assert disagreement(answer, reference, workload, inputs) == ""


def test_tapes_know_polygamma():
    workload = Workload("polygamma", "polygamma(2, x)")
    inputs = {"x": np.linspace(0.5, 3.0, SMALL)}
    first, *others = answers([interpreter(), *TAPES], workload, inputs)
    assert all(disagreement(other, first, workload, inputs) == "" for other in others)


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
def test_tapes_go_deep_without_recursion(tape):
    depth = 50_000
    value, (grad,) = tape.prepare(Workload("deep", "x" + " + x" * depth), {"x": 0.5})()
    assert (value, grad) == (0.5 * (depth + 1), depth + 1)
    value, (grad,) = tape.prepare(Workload("long", "sum(x)"), {"x": np.ones(depth)})()
    assert value == depth and np.all(grad == 1)


def test_naive_tape_refuses_what_would_not_end():
    workload = Workload("large", "sum(exp(x) * x)")
    naive = PEERS["naive"]
    assert naive.refuses(workload, {"x": np.ones(10)}) == ""
    assert "2,000,000" in naive.refuses(workload, {"x": np.ones(1_000_000)})


@pytest.mark.parametrize("tape", TAPES, ids=lambda tape: tape.name)
def test_tapes_refuse_what_they_do_not_know(tape):
    workload = Workload("position", "x: f64[n]; sum(x * argmax(x))")
    assert tape.refuses(workload, draw(workload, 3)) == "does not know `argmax`"
