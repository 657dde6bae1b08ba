"""Ops on matrices over mpmath's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np


def of_stack(op: str, args: list[Any]) -> Any:
    """An op on stacks of matrices, which are arrays of numbers."""
    arrays = [np.asarray(arg, object) for arg in args]
    stack = arrays[0].shape[:-2]
    if not all(arrays[0].shape):
        raise NotImplementedError("mpmath has no empty matrices")
    if op not in MATRICES:
        raise NotImplementedError(f"mpmath has no `{op}`")
    found = [MATRICES[op](*(array[at] for array in arrays)) for at in np.ndindex(stack)]
    made = np.empty((len(found), *np.shape(found[0])), object)
    for k, one in enumerate(found):
        made[k] = one
    return made.reshape(stack + made.shape[1:])[()]


def _as_mp(x: np.ndarray) -> mpmath.matrix:
    return mpmath.matrix(x.tolist())


def _as_array(x: Any) -> np.ndarray:
    return np.array(x.tolist(), object).reshape(x.rows, x.cols)


def solve(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    if mpmath.det(_as_mp(A)) == 0:
        raise ZeroDivisionError("matrix is singular")
    return inv(A) @ B


def inv(A: np.ndarray) -> np.ndarray:
    with mpmath.extradps(20):
        return _as_array(mpmath.inverse(_as_mp(A)))


def det(A: np.ndarray) -> Any:
    return mpmath.det(_as_mp(A))


def cholesky(A: np.ndarray) -> np.ndarray:
    return _as_array(mpmath.cholesky(_as_mp(_symmetric(A))))


def _symmetric(A: np.ndarray) -> np.ndarray:
    return np.tril(A) + np.tril(A, -1).T


def _lower(A: np.ndarray) -> np.ndarray:
    return np.tril(A)


def solve_transposed(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return solve(A.T, B)


def solve_positive(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return solve(_symmetric(A), B)


def solve_lower(L: np.ndarray, B: np.ndarray) -> np.ndarray:
    return solve(_lower(L), B)


def solve_lower_transposed(L: np.ndarray, B: np.ndarray) -> np.ndarray:
    return solve(_lower(L).T, B)


def inv_positive(A: np.ndarray) -> np.ndarray:
    return inv(_symmetric(A))


def logdet(A: np.ndarray) -> Any:
    return mpmath.log(det(A)) if det(A) > 0 else mpmath.nan


def logdet_positive(A: np.ndarray) -> Any:
    return logdet(_symmetric(A))


def cofactor(A: np.ndarray) -> np.ndarray:
    """By definition: determinants without a row and a column."""
    n = len(A)
    found = np.empty((n, n), object)
    for i, j in np.ndindex(n, n):
        minor = np.delete(np.delete(A, i, 0), j, 1)
        found[i, j] = (-1) ** (i + j) * (det(minor) if n > 1 else mpmath.mpf(1))
    return found


def log_abs_det(A: np.ndarray) -> Any:
    return mpmath.log(abs(det(A)))


def det_sign(A: np.ndarray) -> Any:
    return mpmath.sign(det(A))


def eigvalsh(A: np.ndarray) -> np.ndarray:
    return np.array(list(mpmath.eigsy(_as_mp(_symmetric(A)), eigvals_only=True)), object)


def eigenvectors(A: np.ndarray) -> np.ndarray:
    return _directed(_as_array(mpmath.eigsy(_as_mp(_symmetric(A)))[1]), np.linalg.eigh(A.astype(float))[1])


def _directed(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Columns with the directions of LAPACK's: nothing else says which of a vector and its negative is meant."""
    return np.where(np.sum(vectors * others, axis=0) < 0, -vectors, vectors)


def rayleigh(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    V = eigenvectors(A)
    return np.sum(V * (B @ V), axis=0)


def spectral(A: np.ndarray, g: np.ndarray) -> np.ndarray:
    V = eigenvectors(A)
    return (V * g) @ V.T


def svd_values(A: np.ndarray) -> np.ndarray:
    return np.array(list(mpmath.svd_r(_as_mp(A), compute_uv=False)), object)


def svd_u(A: np.ndarray) -> np.ndarray:
    u, _, _ = mpmath.svd_r(_as_mp(A))
    return _directed(_as_array(u), np.linalg.svd(A.astype(float), full_matrices=False)[0])


def svd_v(A: np.ndarray) -> np.ndarray:
    _, _, v = mpmath.svd_r(_as_mp(A))
    return _directed(_as_array(v).T, np.linalg.svd(A.astype(float), full_matrices=False)[2].T)


def pinv(A: np.ndarray) -> np.ndarray:
    u, s, v = mpmath.svd_r(_as_mp(A))
    inverses = [1 / x if x > 1e-15 * max(s) else mpmath.mpf(0) for x in s]
    return (_as_array(v).T * np.array(inverses, object)) @ _as_array(u).T


def qr_q(A: np.ndarray) -> np.ndarray:
    q, _ = mpmath.qr(_as_mp(A), mode="skinny")
    return _directed(_as_array(q), np.linalg.qr(A.astype(float))[0])


def qr_r(A: np.ndarray) -> np.ndarray:
    return np.triu(qr_q(A).T @ A)


MATRICES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        solve, solve_transposed, solve_positive, solve_lower, solve_lower_transposed, inv, inv_positive, logdet,
        logdet_positive, cholesky, det, cofactor, log_abs_det, det_sign, eigvalsh, eigenvectors, rayleigh, spectral,
        svd_values, svd_u, svd_v, pinv, qr_q, qr_r,
    )
}  # fmt: skip
"""The functions above by the names of their ops."""
