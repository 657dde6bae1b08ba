"""`fold`, `scan` and `iterate`: values against loops in Python, gradients against differences, the other mode and the
other engines, to second order."""

import time
from itertools import count

import numpy as np
import pytest

import gradc
from gradc.construct import derivatives, recurrences
from gradc.ir.graph import Graph
from gradc.ir.reader import read_graph
from gradc.ir.text import print_graph
from gradc.ir.verify import verify
from gradc.loops.evaluate import run
from gradc.loops.reader import read_kernel
from gradc.loops.text import print_kernel
from gradc.loops.verify import verify_kernel
from gradc.schedule.verify import verify_plan

RNG = np.random.default_rng(7)


def rows(*shape):
    return RNG.normal(size=shape)


def folded(step, state, *arrays, back=False):
    order = range(len(arrays[0]))
    states = []
    for k in reversed(order) if back else order:
        state = step(state, *(array[k] for array in arrays))
        states.append(state)
    return states


def leapfrog(p0, v0, A, dt):
    states = folded(lambda s, a: (s[0] + dt * s[1], s[1] + dt * a), (p0, v0), A)
    return states[-1][0] * states[-1][1]


def garch(w, a, b, R):
    h, total = 1.0, 0.0
    for r in R:
        h = w + a * r**2 + b * h
        total += np.log(h) + r**2 / h
    return total


def rnn(W, V, X):
    (last,) = folded(lambda h, x: np.tanh(W @ x + V @ h), np.zeros(3), X)[-1:]
    return np.sum(last**2)


def batch(W, V, X):
    return np.sum(np.square(folded(lambda h, x: np.tanh(x @ W + h @ V), np.zeros((2, 3)), X)))


def lstm(W, U, b, X):
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def step(state, x):
        h, c = state
        z = W @ x + U @ h + b
        c = sigmoid(z[:2]) * c + sigmoid(z[2:4]) * np.tanh(z[4:6])
        return sigmoid(z[6:]) * np.tanh(c), c

    return np.sum(folded(step, (np.zeros(2), np.zeros(2)), X)[-1][0])


def newton(a):
    x = a
    for _ in range(6):
        x = 0.5 * (x + a / x)
    return x


def climbed(x, y):
    for _ in range(3):
        y = y + 0.1 * (x - 4 * y**3)
    return x * y


def nested(x0, X):
    return folded(lambda s, x: s * folded(lambda t, y: np.tanh(t + y * x0), s, x)[-1], 1.0, X)[-1]


CASES = {
    "one state": (
        "def step(h, x) = tanh(a*h + x); fold(step, h0, X)", dict(a=0.5, h0=0.2, X=rows(5)),
        lambda a, h0, X: folded(lambda h, x: np.tanh(a * h + x), h0, X)[-1],
    ),
    "tuple": (
        "def step((p, v), a) = (p + dt*v, v + dt*a); (p, v) = fold(step, (p0, v0), A); p*v",
        dict(p0=0.3, v0=1.1, A=rows(4), dt=0.1), leapfrog,
    ),
    "all states": (
        "def step(h, x, y) = h*cos(x) + y; sum(scan(step, h0, X, Y)**3)", dict(h0=0.4, X=rows(4), Y=rows(4)),
        lambda h0, X, Y: np.sum(np.power(folded(lambda h, x, y: h * np.cos(x) + y, h0, X, Y), 3)),
    ),
    "backwards": (
        "def step(h, x) = h*h + x; S = scan(step, h0, X, reverse=True); sum(S*X) + S[0]", dict(h0=0.4, X=rows(4) / 2),
        lambda h0, X: (lambda S: np.sum(S * X) + S[0])(
            np.array(folded(lambda h, x: h * h + x, h0, X, back=True)[::-1])),
    ),
    "garch": (
        "def step((h, t), r) = {n = w + a*r**2 + b*h; (n, t + log(n) + r**2/n)}; (h, t) = fold(step, (1, 0), R); t",
        dict(w=0.1, a=0.2, b=0.7, R=rows(6)), garch,
    ),
    "branches": (
        "def step(s, x) = where(x > 0, s*sqrt(x), 2*s) if s < 3 else s/2; fold(step, s0, X)",
        dict(s0=1.0, X=np.array([0.5, -1.0, 4.0, -2.0, -3.0])),
        lambda s0, X: folded(
            lambda s, x: (s * np.sqrt(x) if x > 0 else 2 * s) if s < 3 else s / 2, s0, X)[-1],
    ),
    "gradient inside": (
        "def climb((x, y)) = (x, y + 0.1 * grad(x * y - y**4, y)); (x, y) = iterate(climb, (x, y), 3); x * y",
        dict(x=0.8, y=0.3), climbed,
    ),
    "rnn": (
        "def step(h, x) = {u = W @ x; tanh(u + V @ h)}; sum(fold(step, zeros(3), X)**2)",
        dict(W=rows(3, 2), V=rows(3, 3), X=rows(4, 2)), rnn,
    ),
    "batch": (
        "def step(h, x) = tanh(x @ W + h @ V); sum(scan(step, zeros((2, 3)), X)**2)",
        dict(W=rows(2, 3), V=rows(3, 3), X=rows(4, 2, 2)), batch,
    ),
    "lstm": (
        """def step((h, c), x) = {
             z = W @ x + U @ h + b
             n = sigmoid(z[:2])*c + sigmoid(z[2:4])*tanh(z[4:6])
             (sigmoid(z[6:])*tanh(n), n)
           }
           (h, c) = fold(step, (zeros(2), zeros(2)), X); sum(h)""",
        dict(W=rows(8, 3), U=rows(8, 2), b=rows(8), X=rows(4, 3)), lstm,
    ),
    "matrix state": (
        "def step(P, q) = F @ P @ F.T + q*eye(2); trace(fold(step, P0, Q))",
        dict(F=rows(2, 2), P0=rows(2, 2), Q=rows(3)),
        lambda F, P0, Q: np.trace(folded(lambda P, q: F @ P @ F.T + q * np.eye(2), P0, Q)[-1]),
    ),
    "states that change places": (
        "def step((a, b), x) = (b, a*x); (p, q) = fold(step, (A, B), X); sum(p*A) + sum(q)",
        dict(A=rows(3), B=rows(3), X=rows(3)),
        lambda A, B, X: (lambda s: np.sum(s[0] * A) + np.sum(s[1]))(
            folded(lambda s, x: (s[1], s[0] * x), (A, B), X)[-1]),
    ),
    "so many times": ("def step(x) = 0.5*(x + a/x); iterate(step, a, 6)", dict(a=2.5), newton),
    "a fold in a fold": (
        "def inner(t, y) = tanh(t + y*x0); def step(s, x) = s*fold(inner, s, x); fold(step, 1, X)",
        dict(x0=0.7, X=rows(3, 2)), nested,
    ),
    "indices": (
        "def step(s, k) = s*w[k] + w[0]; fold(step, 1, I)", dict(w=rows(3), I=np.array([2, 0, 1, 1])),
        lambda w, I: folded(lambda s, k: s * w[k] + w[0], 1.0, I)[-1],
    ),
    "whole arrays in a step": (
        "def step(s, x) = sort(s) + a*cumsum(x); sum(fold(step, zeros(3), X)**2)", dict(a=0.4, X=rows(4, 3)),
        lambda a, X: np.sum(folded(lambda s, x: np.sort(s) + a * np.cumsum(x), np.zeros(3), X)[-1] ** 2),
    ),
    "nothing of the state": (
        "def step(s, x) = a*x[0]*x[1]; sum(scan(step, 0, X)**2) + fold(step, 0, X)", dict(a=0.4, X=rows(4, 2)),
        lambda a, X: np.sum((a * X[:, 0] * X[:, 1]) ** 2) + a * X[-1, 0] * X[-1, 1],
    ),
    "nothing but a sum": (
        "def step(s, x) = s + a*sum(x); fold(step, a, X)", dict(a=0.4, X=rows(4, 2)),
        lambda a, X: a + a * np.sum(X),
    ),
    "a derivative in a step": (
        "def step(s, x) = s*x + grad(sin(s)*x, s); fold(step, s0, X)", dict(s0=0.3, X=rows(4)),
        lambda s0, X: folded(lambda s, x: s * x + np.cos(s) * x, s0, X)[-1],
    ),
    "no rows": (
        "def step(s, x) = s*x; fold(step, s0, X)", dict(s0=3.0, X=np.zeros(0)), lambda s0, X: s0,
    ),
}  # fmt: skip
"""Programs, arguments, and what they mean."""

programs = pytest.mark.parametrize("name", CASES, ids=lambda name: name.replace(" ", "-"))


def moved(given, along, by):
    return {key: value + by * along[key] if key in along else value for key, value in given.items()}


@programs
def test_values_and_gradients(name):
    text, given, meaning = CASES[name]
    f = gradc.compile(text, engine="interpreter")
    assert f(**given) == pytest.approx(meaning(**given), rel=1e-12)
    along = {key: rows(*np.shape(given[key])) for key in f.wrt}
    grads = f.grad(**given)
    slope = sum(np.sum(grads[key] * along[key]) for key in f.wrt)
    step = 1e-6
    ahead, behind = (meaning(**moved(given, along, by)) for by in (step, -step))
    assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-6, abs=1e-8)
    assert f.jvp(along, **given) == pytest.approx(slope, rel=1e-10)
    curved = f.hvp(along, **given)
    ahead, behind = (f.grad(**moved(given, along, by)) for by in (step, -step))
    for key in f.wrt:
        assert curved[key] == pytest.approx((ahead[key] - behind[key]) / (2 * step), rel=2e-5, abs=1e-6)


@programs
def test_stages_are_well_formed(name):
    text, given, _ = CASES[name]
    f = gradc.compile(text)
    for transform in ("value_and_grad", "hvp"):
        compilation = f._calls.specialiser.compilation(transform, f._calls.prepare(f._calls.bind((), given)).types)
        for stage in ("graph", "rewritten", "adjoint", "derivative", "lowered"):
            graph = getattr(compilation, stage)
            verify(graph, stage)
            again = read_graph(print_graph(graph))
            assert isinstance(again, Graph)
            assert [node is one for node, one in zip(again.results, graph.results)] == [True] * len(graph.results)
        verify_plan(compilation.schedule)
        verify_kernel(compilation.loops)
        shown = print_kernel(compilation.loops)
        assert print_kernel(read_kernel(shown)) == shown


@programs
def test_native_code(name):
    text, given, _ = CASES[name]
    reference, native = gradc.compile(text, engine="interpreter"), gradc.compile(text)
    along = {key: rows(*np.shape(given[key])) for key in native.wrt}
    pairs = [
        (reference.value_and_grad(**given), native.value_and_grad(**given)),
        ((0, reference.hvp(along, **given)), (0, native.hvp(along, **given))),
    ]
    for (value, grads), (found, own) in pairs:
        assert found == pytest.approx(value, rel=1e-12)
        for one, other in zip(grads, own):
            assert np.asarray(other) == pytest.approx(np.asarray(one), rel=1e-9, abs=1e-11)


ENDS = {
    "newton": (
        "def step(x) = 0.5*(x + a/x); def done(x) = abs(x*x - a) < 1e-12; iterate(step, a, until=done, limit=20)",
        dict(a=2.0), 2**0.5, dict(a=0.5 / 2**0.5),
    ),
    "new and old": (
        "def step(x) = cos(a*x); def close(x, y) = abs(x - y) < 1e-13; iterate(step, 1, until=close, limit=500)",
        dict(a=0.5), 0.9003672225891466, None,
    ),
    "at once": (
        "def step(x) = 1/x; def done(x) = x < 5; iterate(step, a, until=done)", dict(a=0.0), 0.0, dict(a=1.0),
    ),
}  # fmt: skip


EARLY = {
    "a vector": (
        "def step(x) = tanh(W @ x + b); def close(x, y) = sum((x - y)**2) < 1e-26; "
        "sum(iterate(step, zeros(3), until=close, limit=90))", dict(W=0.3 * rows(3, 3), b=rows(3)),
    ),
    "a long vector": (
        "def step(x) = tanh(W @ x + b); def close(x, y) = sum((x - y)**2) < 1e-24; "
        "sum(iterate(step, zeros(12), until=close, limit=90))", dict(W=0.1 * rows(12, 12), b=rows(12)),
    ),
    "two states": (
        "def step((x, y)) = (0.5*(x + y), sqrt(x*y)); def close((x, y)) = abs(x - y) < 1e-14*x; "
        "(u, v) = iterate(step, (a, b), until=close, limit=30); u", dict(a=1.0, b=2.5),
    ),
    "in each step of a fold": (
        "def newton(y) = y - (y**3 + y - a)/(3*y**2 + 1); def close(p, q) = abs(p - q) < 1e-13; "
        "def outer(s, x) = s*x + 0.1*iterate(newton, x, until=close, limit=50); fold(outer, 1.0, X)",
        dict(a=0.7, X=rows(3)),
    ),
}  # fmt: skip
"""Iterations that end early: in each engine there is one answer, and loops are left."""


@pytest.mark.parametrize("name", EARLY, ids=lambda name: name.replace(" ", "-"))
def test_ends_before_the_limit(name):
    text, given = EARLY[name]
    reference, native, emitted = (gradc.compile(text, engine=engine) for engine in ("interpreter", "native", "numba"))
    along = {key: rows(*np.shape(given[key])) for key in native.wrt}
    value, grads = reference.value_and_grad(**given)
    for f in native, emitted:
        found, own = f.value_and_grad(**given)
        assert found == pytest.approx(value, rel=1e-12)
        assert all(np.allclose(one, other, rtol=1e-10, atol=1e-13) for one, other in zip(own, grads))
    curved = native.hvp(along, **given)
    assert all(np.allclose(one, other, rtol=1e-9) for one, other in zip(curved, reference.hvp(along, **given)))
    ahead, behind = (reference(**moved(given, along, by)) for by in (1e-6, -1e-6))
    assert native.jvp(along, **given) == pytest.approx((ahead - behind) / 2e-6, rel=1e-7)
    call = native._calls
    compilation = call.specialiser.compilation("value_and_grad", call.prepare(call.bind((), given)).types)
    verify_kernel(compilation.loops)
    shown = print_kernel(compilation.loops)
    assert print_kernel(read_kernel(shown)) == shown
    assert "leave if" in shown and "to -1 by -1" in shown and "in taken" in shown
    evaluated = run(compilation.loops, [given[node.name] for node in compilation.loops.inputs])
    assert evaluated[0] == pytest.approx(value, rel=1e-12)
    assert np.allclose(evaluated[1], grads[0], rtol=1e-10)


def test_of_many_steps_only_those_are_done_that_are_needed():
    text = "def step(x) = 0.5*(x + a/x); def done(x) = abs(x*x - a) < 1e-9*a; iterate(step, a, until=done, limit=10**8)"
    f = gradc.compile(text)
    started = time.perf_counter()
    assert f(2.0) == pytest.approx(2**0.5)
    assert time.perf_counter() - started < 20
    assert "until done holds" in str(f.stages["schedule"])


@pytest.mark.parametrize("engine", ["native", "interpreter"])
@pytest.mark.parametrize("name", ENDS, ids=lambda name: name.replace(" ", "-"))
def test_until(name, engine):
    text, given, value, grads = ENDS[name]
    found, own = gradc.compile(text, engine=engine).value_and_grad(**given)
    assert found == pytest.approx(value, rel=1e-9)
    if grads is None:  # of a fixed point
        x, a = value, given["a"]
        grads = {"a": -x * np.sin(a * x) / (1 + a * np.sin(a * x))}
    assert own._asdict() == pytest.approx(grads, rel=1e-9)


@pytest.mark.parametrize("engine", ["native", "interpreter"])
def test_an_end_that_never_comes(engine):
    f = gradc.compile("def step(x) = 2*x; def done(x) = x < 0; iterate(step, a, until=done, limit=10)", engine=engine)
    with pytest.raises(gradc.Error) as caught:
        f(3.0)
    assert caught.value.code == "G0610"
    assert "3072" in str(caught.value)


MISTAKES = {
    "def step(h, x) = h + x*a; fold(step, 0, X)": ("G0206", dict(X=np.ones((3, 2)), a=1.0)),
    "def step(h, x) = (h, x); fold(step, 0, X)": ("G0206", dict(X=np.ones(3))),
    "def step((a, b), x) = a*x; fold(step, (0, 1), X)": ("G0206", dict(X=np.ones(3))),
    "X: f64[3]; Y: f64[2]; def step(h, x, y) = h + x*y; fold(step, 0, X, Y)": (
        "G0203", dict(X=np.ones(3), Y=np.ones(2))),
    "def step(h, x, y) = h + x*y; fold(step, 0, X, Y)": ("G0603", dict(X=np.ones(3), Y=np.ones(2))),
    "def step(h) = h*x; fold(step, 1)": ("G0303", dict(x=1.0)),
    "def step(h, x) = h*x; fold(step, 1, 2)": ("G0202", {}),
    "def step(h) = h*x; fold(step, 1, X)": ("G0303", dict(X=np.ones(3), x=1.0)),
    "def step(h, x) = h*x; fold(step, 1, X, reverse=1)": ("G0204", dict(X=np.ones(3))),
    "def step(h) = h*x; iterate(step, 1, k)": ("G0204", dict(k=3.0, x=1.0)),
    "def step(h) = h*x; iterate(step, 1, -3)": ("G0204", dict(x=1.0)),
    "def step(h, x) = h*x; fold(step, 1, X[X > 0])": ("G0204", dict(X=np.ones(3))),
    "def step(h, x) = h*x; sum(fold(step, v[v > 0], X))": ("G0204", dict(v=np.ones(3), X=np.ones(3))),
    "def step(h) = h*x; iterate(step, 1)": ("G0303", dict(x=1.0)),
    "def step(h) = h*x; def done(h) = [h, 1] < 2; iterate(step, 1, until=done)": ("G0202", dict(x=1.0)),
    "def step(h, x) = h*step(h, x); fold(step, 1, X)": ("G0306", {}),
    "fold(stp, 1, X)": ("G0302", {}),
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes(text):
    code, given = MISTAKES[text]
    with pytest.raises(gradc.Error) as caught:
        gradc.compile(text)(**given)
    assert caught.value.code == code


def test_states_are_not_taken_for_variables_of_derivatives(monkeypatch):
    """Both are inputs with numbered names, of two counters that may say the same."""
    monkeypatch.setattr(recurrences, "_numbers", count(0))
    monkeypatch.setattr(derivatives, "_numbers", count(1))
    text, inputs, expected = CASES["gradient inside"]
    assert gradc.compile(text, engine="interpreter")(**inputs) == pytest.approx(expected(**inputs))
