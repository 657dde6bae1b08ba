"""Jacobians and Hessians through linear systems: the columns of all directions are solved for at once."""

import numpy as np
import pytest

import gradc
from gradc.autodiff import families

PROGRAMS = {
    "solve(A, b)": "A b",
    "b @ solve(A, b) / 2": "b A",
    "solve(A, B)": "A B",
    "solve(A.T, B)[0]": "B A",
    "sum(solve(A, B)**2, axis=0)": "B",
    "solve(S, B)": "S B",
    "solve(A @ A.T + eye(3), b)": "b A",
    "solve(X.T @ X + 0.1*eye(2), X.T @ b)": "b X",
    "tanh(solve(A, exp(b)))": "b",
    "log_det = logdet(A @ A.T); b @ solve(A @ A.T, b) + log_det": "b",
    "L = cholesky(A @ A.T); solve(L, b)": "b A",
}
RANDOM = np.random.default_rng(4)
VALUES = {
    "A": RANDOM.normal(size=(3, 3)) + 3 * np.eye(3), "b": RANDOM.normal(size=3), "B": RANDOM.normal(size=(3, 2)),
    "S": RANDOM.normal(size=(2, 3, 3)) + 3 * np.eye(3), "X": RANDOM.normal(size=(3, 2)),
}  # fmt: skip


@pytest.mark.parametrize("text", PROGRAMS)
def test_columns(text, monkeypatch):
    """Every column is the derivative along a unit vector."""
    reached = []
    solved = families._Families.solved
    monkeypatch.setattr(families._Families, "solved", lambda self, node: reached.append(node) or solved(self, node))
    wrt = PROGRAMS[text].split()
    f = gradc.compile(text, wrt=wrt, engine="interpreter")
    point = [VALUES[name] for name in f.inputs]
    found = f.jacobian(*point)
    for name in wrt:
        x, block = VALUES[name], getattr(found, name)
        for k, unit in enumerate(np.eye(x.size)):
            dots = [unit.reshape(x.shape) if other == name else np.zeros_like(VALUES[other]) for other in wrt]
            along = f.jvp(tuple(dots) if len(dots) > 1 else dots[0], *point)
            column = np.reshape(block, (*np.shape(along), x.size))[..., k]
            np.testing.assert_allclose(column, along, rtol=1e-10, atol=1e-12)
    assert reached or "/ 2" in text or "log_det" in text  # of a number, backwards


@pytest.mark.parametrize(
    "text", ["b @ solve(A, b) / 2", "norm(solve(A, b))", "b @ solve(A @ A.T, b) + logdet(A @ A.T)"]
)
def test_hessians(text):
    f = gradc.compile(f"A: f64[n, n]; b: f64[n]; {text}", wrt="b")
    found = np.asarray(f.hessian(VALUES["A"], VALUES["b"]).b.b)
    columns = [f.hvp(unit, VALUES["A"], VALUES["b"]).b for unit in np.eye(3)]
    np.testing.assert_allclose(found, np.stack(columns, axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found, found.T, rtol=1e-9, atol=1e-12)
