"""Small systems by elimination: as accurate as LAPACK on ill-conditioned matrices, whatever the scale."""

import mpmath
import numpy as np
import pytest

from gradc.ir.graph import input_node
from gradc.ir.interpret import run
from gradc.ir.types import Type
from gradc.rewrite import elimination

STACK = 12
EPS = np.finfo(float).eps


def nodes(name: str, rows: int, columns: int) -> elimination.Rows:
    return [[input_node(f"{name}{i}{j}", Type("f64", (STACK,))) for j in range(columns)] for i in range(rows)]


def computed(op: str, *stacks: np.ndarray) -> np.ndarray:
    """An op of the table, element by element, of stacks of matrices."""
    given = [nodes(name, *stack.shape[1:]) for name, stack in zip("ab", stacks)]
    values = {
        node: stack[:, i, j]
        for rows, stack in zip(given, stacks)
        for i, row in enumerate(rows)
        for j, node in enumerate(row)
    }
    found = elimination.OPS[op](*given)
    if not isinstance(found, list):
        return np.asarray(run([found], values, {})[0])
    flat = run([node for row in found for node in row], values, {})
    columns = [np.broadcast_to(value, STACK) for value in flat]
    return np.stack(columns, 1).reshape(STACK, len(found), -1)


def matrices(n: int, condition: float) -> np.ndarray:
    """Random ones of this condition, of all scales."""
    rng = np.random.default_rng(n)
    left, right = (np.linalg.qr(rng.normal(size=(STACK, n, n)))[0] for _ in range(2))
    scales = 10.0 ** rng.uniform(-150, 150, size=(STACK, 1, 1))
    return scales * ((left * np.geomspace(1, 1 / condition, n)) @ right)


def exactly(op, stack: np.ndarray) -> np.ndarray:
    """In 60 digits."""
    with mpmath.workdps(60):
        return np.array([np.array(op(mpmath.matrix(each.tolist())).tolist(), float) for each in stack])


@pytest.mark.parametrize("condition", [10, 1e7, 1e12])
@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
def test_solutions_and_inverses(n, condition):
    A = matrices(n, condition)
    inverse = exactly(lambda a: a**-1, A)
    size = np.abs(inverse).max(axis=(1, 2), keepdims=True)
    ours = np.abs(computed("inv", A) - inverse) / size
    lapack = np.abs(np.linalg.inv(A) - inverse) / size
    assert ours.max() <= 3 * lapack.max() + 10 * EPS
    b = np.ones((STACK, n, 1))
    solved = computed("solve", A, b)
    residual = np.abs(A @ solved - b).max(axis=(1, 2)) / np.abs(A).max(axis=(1, 2)) / np.abs(solved).max(axis=(1, 2))
    assert residual.max() < 10 * n * EPS
    turned = computed("solve_transposed", A, b)
    np.testing.assert_allclose(turned, computed("solve", A.transpose(0, 2, 1), b), 1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_determinants(n):
    A = matrices(n, 1e3) if n > 1 else np.random.default_rng(0).normal(size=(STACK, 1, 1))
    sign, size = np.linalg.slogdet(A)
    np.testing.assert_allclose(computed("logdet", A), np.where(sign < 0, np.nan, size), 1e-12, 1e-12)
    B = np.random.default_rng(1).integers(-3, 4, size=(STACK, n, n)).astype(float)
    np.testing.assert_allclose(computed("det", B), np.linalg.det(B), 1e-11, 1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_positive_definite(n):
    X = np.random.default_rng(n).normal(size=(STACK, n, n + 2))
    A, b = X @ X.transpose(0, 2, 1), np.ones((STACK, n, 2))
    L = np.linalg.cholesky(A)
    np.testing.assert_allclose(computed("cholesky", A), L, 1e-11, 1e-13)
    np.testing.assert_allclose(A @ computed("solve_positive", A, b), b, 1e-9, 1e-9)
    np.testing.assert_allclose(A @ computed("inv_positive", A), np.broadcast_to(np.eye(n), A.shape), 1e-8, 1e-8)
    np.testing.assert_allclose(computed("logdet_positive", A), np.linalg.slogdet(A)[1], 1e-11, 1e-11)
    np.testing.assert_allclose(L @ computed("solve_lower", L, b), b, 1e-11, 1e-11)
    np.testing.assert_allclose(L.transpose(0, 2, 1) @ computed("solve_lower_transposed", L, b), b, 1e-11, 1e-11)


def test_exchanges_of_rows():
    A = np.broadcast_to(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 4.0], [8.0, 0.0, 0.0]]), (STACK, 3, 3))
    np.testing.assert_array_equal(computed("det", A), 64.0)
    np.testing.assert_array_equal(computed("inv", A), np.linalg.inv(A))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_cofactors(n):
    A = np.random.default_rng(n).normal(size=(STACK, n, n))
    expected = np.linalg.det(A)[:, None, None] * np.linalg.inv(A).transpose(0, 2, 1)
    np.testing.assert_allclose(computed("cofactor", A), expected, 1e-11, 1e-12)
    assert np.isfinite(computed("cofactor", np.zeros((STACK, n, n)))).all()
