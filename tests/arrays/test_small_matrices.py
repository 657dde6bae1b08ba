"""Small matrices of known size, and stacks of them: written out as their elements, on every engine."""

import numpy as np
import pytest

import gradc
from gradc.ir.graph import topological
from gradc.loops.ir import Allocate, For, every
from gradc.rewrite import unroll
from gradc.runtime import kernel
from tests.emit import plain

rng = np.random.default_rng(0)
N, M = 7, 5

PROGRAMS = {
    "products": (
        'A: f64[n, 3, 3]; b: f64[n, 3]; einsum("nij,nj->ni", A, b)',
        {"A": (N, 3, 3), "b": (N, 3)},
        lambda A, b: np.einsum("nij,nj->ni", A, b),
    ),
    "stack": ("A: f64[n, 3, 3]; B: f64[n, 3, 3]; A @ B @ A", {"A": (N, 3, 3), "B": (N, 3, 3)}, lambda A, B: A @ B @ A),
    "one": ("A: f64[3, 3]; trace(A @ A.T) * A", {"A": (3, 3)}, lambda A: np.trace(A @ A.T) * A),
    "cloud": ("R: f64[3, 3]; P: f64[n, 3]; P @ R.T", {"R": (3, 3), "P": (N, 3)}, lambda R, P: P @ R.T),
    "cross": ("a: f64[n, 3]; b: f64[n, 3]; cross(a, b)", {"a": (N, 3), "b": (N, 3)}, np.cross),
    "norm": ("P: f64[n, 3]; norm(P, axis=1)", {"P": (N, 3)}, lambda P: np.linalg.norm(P, axis=1)),
    "softmax": (
        "X: f64[n, 4]; softmax(X, axis=1)",
        {"X": (N, 4)},
        lambda X: np.exp(X) / np.sum(np.exp(X), axis=1, keepdims=True),
    ),
    "largest": ("X: f64[n, 4]; max(X, axis=1) * min(X)", {"X": (N, 4)}, lambda X: X.max(axis=1) * X.min()),
    "distances": (
        "P: f64[n, 3]; Q: f64[m, 3]; sqrt(sum((P[:, None, :] - Q[None, :, :])**2, axis=2))",
        {"P": (N, 3), "Q": (M, 3)},
        lambda P, Q: np.linalg.norm(P[:, None] - Q, axis=2),
    ),
    "parts": (
        "A: f64[n, 4, 4]; y = (A @ A)[:, :3, ::2]; concatenate([y, A[:, 3:, :2]], axis=1)",
        {"A": (N, 4, 4)},
        lambda A: np.concatenate([(A @ A)[:, :3, ::2], A[:, 3:, :2]], axis=1),
    ),
    "columns": (
        "X: f64[n, d]; P = X[:, :3]; P * sum(P**2, axis=1, keepdims=True)",
        {"X": (N, 6)},
        lambda X: X[:, :3] * np.sum(X[:, :3] ** 2, axis=1, keepdims=True),
    ),
    "rebuilt": (
        "x: f64[n]; y: f64[n]; reshape(stack([x, y, x*y, 1+x], 1), (-1, 2, 2)) @ [[1, 2], [3, 4]]",
        {"x": (N,), "y": (N,)},
        lambda x, y: np.stack([x, y, x * y, 1 + x], 1).reshape(-1, 2, 2) @ np.array([[1, 2], [3, 4]]),
    ),
    "cut": (
        "s: f64[6]; S = s[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]]; S @ S",
        {"s": (6,)},
        lambda s: s[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]] @ s[[[0, 1, 2], [1, 3, 4], [2, 4, 5]]],
    ),
    "diagonal": ("A: f64[n, 3, 3]; einsum('nii->ni', A @ A)", {"A": (N, 3, 3)}, lambda A: np.einsum("nii->ni", A @ A)),
    "running": ("X: f64[n, 3]; cumsum(X**2, axis=1) * sum(X)", {"X": (N, 3)}, lambda X: np.cumsum(X**2, 1) * X.sum()),
    "moments": ("X: f64[n, 3]; X.T @ X", {"X": (N, 3)}, lambda X: X.T @ X),
    "wide": ("X: f64[n, 3]; W: f64[3, d]; tanh(X @ W)", {"X": (N, 3), "W": (3, 20)}, lambda X, W: np.tanh(X @ W)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def other_engines(monkeypatch):
    monkeypatch.setitem(kernel.ENGINES, "plain", plain.engine)
    monkeypatch.setitem(kernel.ENGINES, "loops", kernel.looped)


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradients(name):
    text, shapes, numpy = PROGRAMS[name]
    point = {key: rng.normal(size=shape) for key, shape in shapes.items()}
    exact, bars = gradc.compile(text, engine="interpreter").value_and_grad(**point)
    np.testing.assert_allclose(exact, numpy(**point), 1e-12, 1e-13)
    for engine in ("native", "plain", "loops"):
        value, grads = gradc.compile(text, engine=engine).value_and_grad(**point)
        np.testing.assert_allclose(value, exact, 1e-12, 1e-13)
        for got, expected in zip(grads, bars):
            np.testing.assert_allclose(got, expected, 1e-11, 1e-12)


def test_a_chain_is_one_loop_without_arrays():
    f = gradc.compile("A: f64[n, 3, 3]; B: f64[n, 3, 3]; p: f64[n, 3]; q = (A @ B) @ p[:, :, None]; sum(q**2, axis=1)")
    statements = list(every(f.stages.loops.body))
    assert sum(isinstance(statement, For) for statement in statements) == 1
    made = {statement.array for statement in statements if isinstance(statement, Allocate)}
    assert made == {"value", "A_bar", "B_bar", "p_bar"}


def test_what_is_too_large_stays_in_loops(monkeypatch):
    text = "A: f64[n, 3, 3]; B: f64[n, 3, 3]; A @ B"
    monkeypatch.setattr(unroll, "WEIGHT", 20)
    point = rng.normal(size=(2, N, 3, 3))
    np.testing.assert_allclose(gradc.compile(text)(*point), point[0] @ point[1], 1e-12)
    assert any(node.op == "sum" for node in topological(gradc.compile(text).stages.lowered.results))


def test_large_axes_are_products_of_matrices():
    f = gradc.compile("X: f64[n, 8]; W: f64[8, 30]; sum(tanh(X @ W))")
    assert any(node.op == "contract" for node in topological(f.stages.lowered.results))


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e-140, 1.0, 1e140, 1e160, 1e200, 0.0, np.inf, np.nan])
def test_length_of_short_vectors(scale):
    x = np.array([[3.0, 4.0], [0.0, 1.0]]) * scale if scale == scale and scale != np.inf else np.full((2, 2), scale)
    length, grads = gradc.compile("x: f64[n, 2]; norm(x, axis=1)").value_and_grad(x)
    np.testing.assert_allclose(length, np.hypot(x[:, 0], x[:, 1]), 1e-15)
    if scale == 0:
        assert not grads.x.any()


@pytest.mark.parametrize("text", ["norm(A)", "sqrt(sum(A**2))", "A / sqrt(sum(A**2, axis=0))", "sqrt(sum(A)) * exp(A)"])
def test_roots_of_sums_along_a_direction(text):
    """Kernels repeat the root of a sum where they need it, whatever the passes before have made of it."""
    f, A = gradc.compile(text), np.arange(1.0, 10.0).reshape(3, 3)
    (flow,) = f.grad(A)
    np.testing.assert_allclose(np.sum(f.jvp({"A": A**2}, A)), np.sum(flow * A**2), 1e-12, 1e-12)


def test_pieces_that_fill_an_array_are_stored():
    source = gradc.compile("x: f64[n]; y: f64[m]; concatenate([exp(x), y])").source
    assert "+=" not in source and "zeros" not in source
    x, y = rng.normal(size=3), rng.normal(size=4)
    got = gradc.compile("x: f64[n]; y: f64[m]; concatenate([exp(x), y])")(x, y)
    np.testing.assert_allclose(got, np.concatenate([np.exp(x), y]), 1e-15)


INPUTS = "A: f64[n, 3, 3]; b: f64[n, 3]; "
SYSTEMS = {
    "solve": ("solve(A, b[:, :, None])[:, :, 0]", lambda A, b: np.linalg.solve(A, b[..., None])[..., 0]),
    "inv": ("inv(A) @ b[:, :, None]", lambda A, b: np.linalg.solve(A, b[..., None])),
    "logdet": ("logdet(A) * b[:, 0]", lambda A, b: np.linalg.slogdet(A)[1] * b[:, 0]),
    "cholesky": ("cholesky(A @ matrix_transpose(A))", lambda A, b: np.linalg.cholesky(A @ A.transpose(0, 2, 1))),
    "Mahalanobis": (
        "sum(b * (inv(A @ matrix_transpose(A)) @ b[:, :, None])[:, :, 0], axis=1)",
        lambda A, b: np.sum(np.linalg.solve(A, b[..., None]) ** 2, axis=(1, 2)),
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_small_systems(name):
    text, numpy = SYSTEMS[name]
    text = INPUTS + text
    A = np.eye(3) + 0.3 * rng.normal(size=(N, 3, 3))
    b = rng.normal(size=(N, 3))
    exact, bars = gradc.compile(text, engine="interpreter").value_and_grad(A, b)
    np.testing.assert_allclose(exact, numpy(A, b), 1e-10, 1e-12)
    f = gradc.compile(text)
    assert not any(node.row.kind == "matrix" for node in topological(f.stages.lowered.results))
    for engine in ("native", "plain"):
        value, grads = gradc.compile(text, engine=engine).value_and_grad(A, b)
        np.testing.assert_allclose(value, exact, 1e-10, 1e-12)
        for got, expected in zip(grads, bars):
            np.testing.assert_allclose(got, expected, 1e-9, 1e-11)


def test_singular_matrices():
    """One alone is an error; in a stack the others have their answers."""
    with pytest.raises(gradc.Error, match="singular"):
        gradc.compile("A: f64[2, 2]; inv(A)")(np.ones((2, 2)))
    stack = np.array([np.eye(2), np.ones((2, 2))])
    found = gradc.compile("A: f64[n, 2, 2]; inv(A)")(stack)
    np.testing.assert_array_equal(found[0], np.eye(2))
    assert not np.isfinite(found[1]).any()
