"""Hessians of programs with kinks, at points where they are smooth: every form has the columns of `hvp`."""

import numpy as np
import pytest

import gradc

OF_A_VECTOR = (
    "sum(abs(x))**2", "log(sum(abs(x)))", "exp(0.1*sum(abs(x)))", "prod(abs(x))", "std(abs(x))", "var(x) + var(abs(x))",
    "norm(sqrt(1 + x**2))", "norm(abs(x) + 1)", "norm(log1p(x**2))", "norm(x)", "norm(x)**3 * sum(x)",
    "softmax(abs(x)) @ x", "sum(abs(x))*sum(x**2)", "sum(x*abs(x))**2", "sum(exp(-abs(x)))**2",
    "sum(x/(1 + abs(x)))**2",
    "sum(softsign(x))**2", "sum(cumsum(abs(x)))**2", "sum(sign(x)*x**2)**2", "max(abs(x))**2*sum(x)",
    "sum(abs(x)[1:])**2", "sum(abs(x)[::-1]*x)**2", "sum(hypot(x, 2*x[::-1]))**2", "sum(hypot(x, 1))**2",
    "sum(sqrt(x**2*abs(x)))**2", "sum(concatenate([abs(x), x**2]))**2", "logsumexp(abs(x) - x)", "sum(max(x, 2*x))**2",
    "sum(where(abs(x) > 1, abs(x), x**2))**2", "abs(sum(x))*sum(abs(x))", "sum(abs(x[[0, 2, 0]]))**2",
    "sum(outer(abs(x), abs(x))**2)", "sum(relu(x) + elu(-x))**2", "sum(clip(abs(x), 0.1, 1)*x)**2",
)  # fmt: skip
POINTS = ([0.3, -2.0, 0.5], [-1.0, 0.5, 2.0], [1.5, 0.25, -0.75])

OF_SEVERAL = {
    "x: f64[n, k]; sum(norm(x, axis=1))**2": [(3, 2)],
    "x: f64[n, k]; logsumexp(norm(x, axis=1))": [(3, 2)],
    "x: f64[n, k]; sum(abs(x), axis=0) @ sum(abs(x), axis=0)": [(2, 3)],
    "x: f64[n, k]; sum(abs(x @ x.T))**2": [(2, 3)],
    "x: f64[n]; y: f64[n]; sum(hypot(x, y))**2": [(3,), (3,)],
    "x: f64[n]; w: f64[n]; sum(sqrt(x**2*w**2))**2": [(3,), (3,)],
    "X: f64[n, d]; y: f64[n]; w: f64[d]; sqrt(mean((y - X@w)**2)) + sum(abs(w))**2": [(4, 2), (4,), (2,)],
    "x: f64[n]; a: f64; sum(abs(x - a))*sum(abs(x))": [(3,), ()],
    "x: f64[n]; A: f64[n, n]; norm(A @ abs(x)) * sum(abs(A))": [(2,), (2, 2)],
    "x: f64[n]; y: f64[m]; sum(abs(x[:, None] - y))**2": [(3,), (2,)],
}  # fmt: skip


def columns(f, *point):
    """The Hessian of all inputs in one, column by column."""
    sizes = [np.size(part) for part in point]
    found = []
    for unit in np.eye(sum(sizes)):
        parts = np.split(unit, np.cumsum(sizes)[:-1])
        given = [np.reshape(part, np.shape(x)) if np.ndim(x) else float(part[0]) for part, x in zip(parts, point)]
        dots = f.hvp(tuple(given) if len(given) > 1 else given[0], *point)
        found.append(np.concatenate([np.ravel(dot) for dot in dots]))
    return np.stack(found, axis=1)


def flat(blocks, *point):
    """Blocks of a Hessian as one matrix."""
    rows = [[np.reshape(block, (np.size(x), np.size(y))) for y, block in zip(point, line)]
            for x, line in zip(point, blocks)]  # fmt: skip
    return np.block(rows)


def agree(f, *point):
    expected = columns(f, *point)
    close = dict(rtol=1e-9, atol=1e-11 * (1 + np.abs(expected).max()))
    np.testing.assert_allclose(flat(f.hessian(*point), *point), expected, **close)
    np.testing.assert_allclose(flat(f.value_grad_and_hessian(*point)[2], *point), expected, **close)
    diagonal = np.concatenate([np.ravel(part) for part in f.hessian(*point, diagonal=True)])
    np.testing.assert_allclose(diagonal, np.diag(expected), **close)


@pytest.mark.parametrize("text", OF_A_VECTOR)
def test_of_a_vector(text):
    f = gradc.compile(f"x: f64[n]; {text}", engine="interpreter")
    inner = gradc.compile(f"x: f64[3]; u = {text}; hessian(u, x)", engine="interpreter")
    for point in map(np.array, POINTS):
        agree(f, point)
        np.testing.assert_allclose(inner(point), columns(f, point), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("text", OF_SEVERAL)
def test_of_several_arrays(text):
    f = gradc.compile(text, engine="interpreter")
    random = np.random.default_rng(3)
    point = [random.normal(size=shape) if shape else 0.3 for shape in OF_SEVERAL[text]]
    agree(f, *point)


@pytest.mark.parametrize("text", ["sum(abs(x))**2", "sum(softsign(x))**2", "norm(abs(x) + 1)"])
def test_native_kernels(text):
    f = gradc.compile(f"x: f64[n]; {text}")
    agree(f, np.array(POINTS[0]))
    sparse = f.hessian(np.array(POINTS[0]), sparse=True).toarray()
    np.testing.assert_allclose(sparse, columns(f, np.array(POINTS[0])), rtol=1e-9, atol=1e-12)
