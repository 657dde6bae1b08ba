"""Functions of other libraries that are no functions here, and what to write for them."""

from __future__ import annotations

INSTEAD = {
    "flatten": "write `reshape(x, -1)`",
    "ravel": "write `reshape(x, -1)`",
    "swapaxes": "write `transpose(x, axes)`, with all axes in their new order",
    "moveaxis": "write `transpose(x, axes)`, with all axes in their new order",
    "zeros": "write 0: numbers broadcast",
    "ones": "write 1: numbers broadcast",
    "zeros_like": "write 0: numbers broadcast",
    "ones_like": "write 1: numbers broadcast",
    "full": "write the number: numbers broadcast",
    "eye": "write `one_hot(arange(n), n)`",
    "identity": "write `one_hot(arange(n), n)`",
    "linspace": "write `a + (b - a) * arange(n) / (n - 1)`",
    "tensordot": 'write `einsum`, as in `einsum("ij,jk->ik", A, B)`',
    "inner": "write `x @ y`",
    "vdot": "write `x @ y`",
    "diff": "write `x[1:] - x[:-1]`",
    "tile": "write `x + 0 * y`, with a y of the shape wanted: arrays broadcast",
    "repeat": "write `take(x, indices, axis)`",
    "concat": "write `concatenate([x, y], axis)`",
    "hstack": "write `concatenate([x, y], axis)`",
    "vstack": "write `concatenate([x, y], axis)`",
    "average": "write `sum(w * x) / sum(w)`",
    **dict.fromkeys(("sort", "argsort", "median", "percentile", "quantile"), "gradc does not sort"),
    **dict.fromkeys(
        ("inv", "det", "slogdet", "solve", "cholesky", "eig", "eigh", "svd", "qr", "lstsq", "pinv"),
        "gradc has no linear algebra beyond products yet",
    ),
}
"""By name: what to do without them."""
