"""Long loops in segments: the same numbers as without, in bounded memory, on every engine."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc.ir import interpret
from gradc.rewrite.segments import kept_by, segmented

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=37)
TABLE = RNG.normal(size=(37, 3))
NETWORK = "V: f64[4, 4]; W: f64[4, 3]; def step(h, x) = {u = W @ x; tanh(u + V @ h)}; "
WEIGHTS = {"V": RNG.normal(size=(4, 4)) / 3, "W": RNG.normal(size=(4, 3)), "X": TABLE}

PROGRAMS = {
    "fold": ("def step(s, x) = a*sin(s) + x; fold(step, 0, X)", {"a": 0.5, "X": ROWS}),
    "scan": ("def step(s, x) = a*sin(s) + x; sum(scan(step, X[0], X)**2)", {"a": 0.5, "X": ROWS}),
    "log of a sum": ("def step(s, x) = a*sin(s) + x; log(sum(scan(step, 0, X)**2))", {"a": 0.5, "X": ROWS}),
    "reverse": (
        "def step(s, x) = a*sin(s) + x; w @ scan(step, X[0], X, reverse=True)",
        {"a": 0.5, "X": ROWS, "w": ROWS},
    ),
    "several": (
        "def step((p, v), x) = (p + 0.1*v, v - 0.1*k*sin(p) + x); (p, v) = fold(step, (1, 0), X); p**2 + v",
        {"k": 2.0, "X": ROWS},
    ),
    "iterate": (
        "def step((p, v)) = (p + 0.1*v, v - 0.1*k*sin(p)); (p, v) = iterate(step, (x, 0), 40); p**2 + v",
        {"x": 0.3, "k": 2.0},
    ),
    "until": (
        "def newton(x) = x - (x**3 - a) / (3*x**2); def close(new, old) = abs(new - old) < 1e-12*abs(new)\n"
        "iterate(newton, a, until=close, limit=90)",
        {"a": 8.0},
    ),
    "rows by index": ("X: f64[n]; def step(s, i) = a*sin(s) + X[i]; fold(step, 0, arange(n))", {"X": ROWS, "a": 0.5}),
    "network": (NETWORK + "sum(fold(step, zeros(4), X)**2)", WEIGHTS),
    "layers": (
        NETWORK + "def two(h, x) = tanh(x + V @ h); mean((scan(two, zeros(4), scan(step, zeros(4), X)) - Y)**2)",
        WEIGHTS | {"Y": RNG.normal(size=(37, 4))},
    ),
    "batch": (
        "X: f64[n, m]; def step(s, x) = a*tanh(s) + x; sum(fold(step, zeros(m), X)**2)",
        {"a": 0.5, "X": TABLE},
    ),
    "a loop in a step": (
        "def inner(s, x) = a*sin(s) + x; def outer(s, r) = fold(inner, s, r); fold(outer, 0, X)",
        {"a": 0.5, "X": TABLE},
    ),
    "a gradient inside": (
        "def step(s, x) = s - 0.1*grad((s - sin(a*x))**4, s); sum(scan(step, 0.5, X))",
        {"a": 0.5, "X": ROWS},
    ),
}


def graph_of(name: str, transform: str) -> tuple:
    """A derivative's graph, values for its inputs, and the sizes."""
    text, point = PROGRAMS[name]
    function = gradc.compile(text)
    specialiser = function._calls.specialiser
    prepared = specialiser.prepare([point[input] for input in function.inputs])
    graph = specialiser.compilation(transform, prepared.types).derivative
    sizes = prepared.sizes(specialiser.compilation("value", prepared.types).graph)
    values = list(prepared.arrays)
    for node in graph.inputs[len(values) :]:
        values.append(
            np.cos(np.arange(np.prod(interpret.concrete(node.shape, sizes), dtype=int))).reshape(
                interpret.concrete(node.shape, sizes)
            )
        )
    return graph, dict(zip(graph.inputs, values)), sizes


@pytest.mark.parametrize("transform", ["value_and_grad", "jvp", "hvp"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_segments_give_the_same(name: str, transform: str) -> None:
    graph, values, sizes = graph_of(name, transform)
    plain = interpret.run(graph.results, values, sizes)
    roots = segmented(graph.results, 1)
    if transform != "jvp":
        assert kept_by(graph.results)
        assert roots != list(graph.results)
    for one, other in zip(plain, interpret.run(roots, values, sizes)):
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 15, 16, 17])
def test_any_number_of_steps(count: int) -> None:
    """Of segments there may be none, and steps may be left or not."""
    text = "X: f64[n, 2]; def step(s, x) = a*sin(s) + x; sum(scan(step, zeros(2), X)**2) + a"
    X = RNG.normal(size=(count, 2))
    wanted = gradc.compile(text, engine="interpreter").grad(X=X, a=0.5)
    specialiser = gradc.compile(text)._calls.specialiser
    graph = specialiser.compilation("value_and_grad", specialiser.prepare([X, 0.5]).types).derivative
    names = {size for node in graph.inputs for size in node.shape if isinstance(size, str)}
    values = dict(zip(graph.inputs, [X, 0.5]))
    _, *grads = interpret.run(segmented(graph.results, 1), values, dict.fromkeys(names, count))
    np.testing.assert_allclose(grads[0], wanted.X, rtol=1e-12)
    np.testing.assert_allclose(grads[1], wanted.a, rtol=1e-12)


@pytest.mark.parametrize("engine", ["native", "numba", "interpreter"])
def test_a_call_goes_in_segments_where_it_has_to(engine: str) -> None:
    text = "def step(s, x) = a*sin(s) + x; sum(scan(step, X[0], X)**2)"
    free, bound = gradc.compile(text), gradc.compile(text, engine=engine, memory="20 kB")
    for count in (100, 2000):
        X = RNG.normal(size=count)
        for one, other in zip(free.grad(a=0.5, X=X), bound.grad(a=0.5, X=X)):
            np.testing.assert_allclose(other, one, rtol=1e-12)
        made = {reach for _, _, reach in bound._calls._specialised}
        assert made == ({"checked"} if count == 100 else {"checked", "segments"})
    if engine != "numba":
        np.testing.assert_allclose(bound.vjp(2.0, a=0.5, X=X).a, 2 * free.grad(a=0.5, X=X).a, rtol=1e-12)


def test_memory_is_bounded() -> None:
    """200,000 steps of a state of 100 numbers would keep 320 MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("memory is measured by /proc")
    f = gradc.compile("def step(s, x) = 0.9*tanh(s) + x*w; sum(scan(step, zeros(100), X)**2)", memory="16 MiB")
    w, X = np.linspace(0, 1, 100), RNG.normal(size=200_000)
    f.grad(w=w, X=X)
    Path("/proc/self/clear_refs").write_text("5")

    def peak() -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))

    before = peak()
    f.grad(w=w, X=X)
    assert peak() - before < 40_000


def test_a_budget_that_cannot_be_met() -> None:
    text = "def step(s, x) = a*sin(s) + x; fold(step, 0, X)"
    f = gradc.compile(text, memory="1 KiB", engine="interpreter")
    with pytest.raises(gradc.Error, match=r"of 100,000 steps needs .* KiB, and may take 1 KiB") as caught:
        f.grad(a=0.5, X=np.ones(100_000))
    assert caught.value.code == "G0504"
    assert "memory=" in caught.value.help
    amount = caught.value.help.split('"')[1]
    gradc.compile(text, memory=amount, engine="interpreter").grad(a=0.5, X=np.ones(1000))
    with pytest.raises(gradc.Error) as caught:
        gradc.compile("X: f64[100000]; " + text, memory="1 KiB").grad(a=0.5, X=np.ones(100_000))
    assert caught.value.code == "G0504"


@pytest.mark.parametrize(
    "amount", ["lots", "", "-1", "0", 0, -5, True, 1.5, "1e999 MB", [], "64 MiBs", float("nan")], ids=str
)
def test_what_is_no_amount(amount: object) -> None:
    with pytest.raises(gradc.Error) as caught:
        gradc.compile("x**2", memory=amount)
    assert caught.value.code == "G0604"


@pytest.mark.parametrize(("amount", "count"), [("64 MiB", 2**26), ("64MB", 64_000_000), ("1.5kib", 1536), (4096, 4096)])
def test_amounts(amount: object, count: int) -> None:
    assert gradc.compile("x**2", memory=amount)._calls.specialiser.memory == count


def test_modules_and_numba_code_have_both_ways() -> None:
    import numba

    text = "X: f64[n]; def step(s, x) = a*sin(s) + x; sum(scan(step, X[0], X)**2)"
    f = gradc.compile(text, memory="4 kB")
    X = RNG.normal(size=900)
    wanted = gradc.compile(text).grad(X=X, a=0.5)
    kernel = f.kernel.value_and_grad
    _, (X_bar, a_bar) = numba.njit(lambda X, a: kernel(X, a))(X, 0.5)
    np.testing.assert_allclose(X_bar, wanted.X, rtol=1e-12)
    np.testing.assert_allclose(a_bar, wanted.a, rtol=1e-12)
    namespace: dict = {}
    exec(f.source.replace("from numba import njit", "njit = lambda *_, **__: lambda f: f"), namespace)
    for count in (10, 900):
        _, (X_bar, a_bar) = namespace["value_and_grad"](X[:count], 0.5)
        np.testing.assert_allclose(X_bar, gradc.compile(text).grad(X=X[:count], a=0.5).X, rtol=1e-12)


def test_the_schedule_tells_the_rule() -> None:
    text = "X: f64[n]; def step(s, x) = a*sin(s) + x; fold(step, 0, X)"
    plain = str(gradc.compile(text).stages["schedule"])
    assert "of every step: n * 16 bytes" in plain
    assert "more than 256 MiB, in segments of about sqrt(n) steps" in plain
    long = str(gradc.compile(text, memory="1 kB").stages["schedule"])
    assert "segments = n // segment" in long
    assert "s at the beginning of each segment: sqrt(n) * 8 bytes" in long


def test_a_function_keeps_its_budget() -> None:
    import pickle

    f = pickle.loads(pickle.dumps(gradc.compile("x**2", memory="4 kB")))
    assert f._calls.specialiser.memory == 4000


@pytest.mark.parametrize("engine", ["native", "interpreter"])
def test_a_limit_costs_nothing(engine: str) -> None:
    """Loops end where their condition holds, those over segments too."""
    text = """
        def newton(x) = x - (x**3 - a) / (3*x**2); def close(new, old) = abs(new - old) < 1e-12*abs(new)
        iterate(newton, a, until=close, limit=LIMIT)"""
    limit = 10**8 if engine == "native" else 10**6
    f = gradc.compile(text.replace("LIMIT", str(limit)), engine=engine)
    started = time.perf_counter()
    value, grads = f.value_and_grad(8.0)
    assert value == 2.0
    assert grads.a == pytest.approx(1 / 12, rel=1e-14)
    assert f.hvp(1.0, 8.0).a == pytest.approx(-1 / 144, rel=1e-14)
    assert time.perf_counter() - started < 20
    with pytest.raises(gradc.Error, match="reaches its limit") as caught:
        gradc.compile(text.replace("LIMIT", "3"), engine=engine).hvp(1.0, 8.0)
    assert caught.value.code == "G0610"


def test_the_guard_of_a_condition_is_part_of_the_loop() -> None:
    text = """
        def newton(x) = x - (x**3 - a) / (3*x**2); def close(new, old) = abs(new - old) < 1e-12*abs(new)
        iterate(newton, a, until=close, limit=100)"""
    schedule = str(gradc.compile(text).stages["schedule"])
    assert schedule.count("step by step until") == 1
