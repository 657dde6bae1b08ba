"""What ops on matrices mean: NumPy's and SciPy's functions, for one matrix of a stack after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any

import numpy as np


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of matrices as one of stacks of them. What NumPy says of a matrix without an answer gets the number
    of that matrix. The stack is not empty."""

    @wraps(function)
    def of_stack(*arrays: Any) -> np.ndarray:
        stack = np.shape(arrays[0])[:-2]
        flat = [np.reshape(array, (prod(stack), *np.shape(array)[-2:])) for array in arrays]
        found = []
        for k, matrices in enumerate(zip(*flat)):
            try:
                found.append(function(*matrices))
            except np.linalg.LinAlgError as error:
                which = f"matrix {k} of the stack" if stack else "the matrix"
                raise np.linalg.LinAlgError(f"{which} {str(error).removeprefix('the matrix ')}") from None
        return np.reshape(np.asarray(found), (*stack, *np.shape(found[0])))

    return of_stack


SINGULAR = "is singular"
INDEFINITE = "is not positive definite"
NO_CONVERGENCE = "has eigenvalues or singular values that are not found"


def _factored(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LAPACK's factors of the transpose, and its pivots."""
    from scipy.linalg import get_lapack_funcs

    factors, pivots, _ = get_lapack_funcs("getrf", (A,))(A.T) if A.size else (A.T, np.empty(0), 0)
    return factors, pivots


def _decomposed(A: np.ndarray, function: Callable[..., Any], **options: bool) -> Any:
    """What NumPy makes of a matrix by iteration, which need not come to an end. NaN for one that has a NaN or an
    infinity."""
    if not np.all(np.isfinite(A)):
        found = function(np.zeros_like(A), **options)
        return tuple(each + np.nan for each in found) if isinstance(found, tuple) else found + np.nan
    try:
        return function(A, **options)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(NO_CONVERGENCE) from None


@_each
def lu(A):
    factors, pivots = _factored(A)
    return np.concatenate([factors.T, pivots[None] + 1]).astype(A.dtype)


def _solved(F: np.ndarray, B: np.ndarray, trans: int) -> np.ndarray:
    from scipy.linalg import get_lapack_funcs

    if not B.size:
        return B
    _regular(F[:-1])
    return get_lapack_funcs("getrs", (F,))(F[:-1].T, F[-1].astype(np.int32) - 1, B.T, trans=trans)[0].T


def _regular(triangle: np.ndarray) -> None:
    if np.any(np.diagonal(triangle) == 0):
        raise np.linalg.LinAlgError(SINGULAR)


@_each
def lu_solve(F, B):
    return _solved(F, B, 1)


@_each
def lu_solve_transposed(F, B):
    return _solved(F, B, 0)


@_each
def lu_inverse(F):
    return _solved(F, np.eye(F.shape[1], dtype=F.dtype), 1).T


@_each
def solve(A, B):
    return lu_solve(lu(A), B.T).T


@_each
def solve_transposed(A, B):
    return lu_solve_transposed(lu(A), B.T).T


@_each
def inv(A):
    return lu_inverse(lu(A))


@_each
def logdet(A):
    sign, logarithm = np.linalg.slogdet(A)
    return A.dtype.type(np.nan if sign < 0 else logarithm)


@_each
def cholesky_factor(A):
    return np.where(np.tri(len(A), dtype=bool), cholesky(A), A)


@_each
def cholesky(A):
    if not np.all(np.isfinite(np.tril(A))):
        return np.tril(np.full_like(A, np.nan))
    try:
        return np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError(INDEFINITE) from None


@_each
def cholesky_inverse(L):
    half = _triangular(L, np.eye(len(L), dtype=L.dtype), 0)
    return half.T @ half


@_each
def inv_positive(A):
    return cholesky_inverse(cholesky(A))


@_each
def logdet_positive(A):
    return 2 * np.sum(np.log(np.diagonal(cholesky(A))))


@_each
def solve_positive(A, B):
    L = cholesky(A)
    return _triangular(L, _triangular(L, B, 0), 1)


def _triangular(L: np.ndarray, B: np.ndarray, trans: int) -> np.ndarray:
    from scipy.linalg import get_lapack_funcs

    if not B.size:
        return B
    _regular(L)
    return get_lapack_funcs("trtrs", (L,))(L.T, B, lower=0, trans=1 - trans)[0]


@_each
def solve_lower(L, B):
    return _triangular(L, B, 0)


@_each
def solve_lower_transposed(L, B):
    return _triangular(L, B, 1)


@_each
def forward_solve(L, B):
    return _triangular(L, B.T, 0).T


@_each
def back_solve(L, B):
    return _triangular(L, B.T, 1).T


@_each
def det(A):
    return np.linalg.det(A) if A.size else A.dtype.type(1)


@_each
def cofactor(A):
    """By singular values: A may be singular."""
    u, s, v = _decomposed(A, np.linalg.svd)
    others = np.array([np.prod(np.delete(s, k)) for k in range(len(s))])
    return np.linalg.det(u) * np.linalg.det(v) * (u * others) @ v if A.size else A


@_each
def eigvalsh(A):
    return _decomposed(np.tril(A), np.linalg.eigh)[0]


@_each
def eigenvectors(A):
    return _decomposed(np.tril(A), np.linalg.eigh)[1]


@_each
def rayleigh(A, B):
    V = eigenvectors(A)
    return np.sum(V * (B @ V), axis=0)


@_each
def spectral(A, g):
    """V @ diag(g) @ V.T for a matrix g of one row."""
    V = eigenvectors(A)
    return (V * g) @ V.T


@_each
def eigh_factor(A):
    values, vectors = _decomposed(np.tril(A), np.linalg.eigh)
    return np.concatenate([vectors.T, values[None]])


@_each
def svd_values(A):
    return _decomposed(A, np.linalg.svd, full_matrices=False)[1]


@_each
def svd_u(A):
    return _decomposed(A, np.linalg.svd, full_matrices=False)[0]


@_each
def svd_v(A):
    return _decomposed(A, np.linalg.svd, full_matrices=False)[2].T


@_each
def svd_factor(A):
    u, s, v = _decomposed(A, np.linalg.svd, full_matrices=False)
    return np.concatenate([u, s[None], v.T])


@_each
def pinv(A):
    return _decomposed(A, np.linalg.pinv)


@_each
def qr_q(A):
    return np.linalg.qr(A)[0]


@_each
def qr_r(A):
    return np.linalg.qr(A)[1]


@_each
def qr_factor(A):
    q, r = np.linalg.qr(A.T)
    return np.concatenate([q, r.T])


@_each
def log_abs_det(A):
    return np.linalg.slogdet(A)[1]


@_each
def det_sign(A):
    return np.linalg.slogdet(A)[0]
