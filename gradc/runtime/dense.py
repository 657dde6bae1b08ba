"""Dense Jacobians and Hessians, one product with a unit vector at a time: for programs with an op that `matrices.py`
cannot take many directions through at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradc.language.diagnostics import Error

MAX_DENSE_ELEMENTS = 2**27
"""The largest dense Jacobian or Hessian (1 GiB of float64); beyond it `jvp`, `vjp` and `hvp` serve (G0503)."""

Shape = tuple[int, ...]


def jacobian(
    vjp: Callable[[np.ndarray], Sequence[Any]],
    jvp: Callable[[list[np.ndarray]], Any],
    out_shape: Shape,
    inputs: Sequence[np.ndarray],
) -> list[np.ndarray]:
    """One block for each input, of the result's shape followed by the input's.

    Row by row where the result has fewer elements than the inputs together, otherwise column by column.
    """
    rows, columns = int(np.prod(out_shape)), sum(x.size for x in inputs)
    check_dense(rows * columns, "Jacobian")
    blocks = [np.empty((rows, x.size), x.dtype) for x in inputs]
    if rows <= columns:
        for row, (upstream,) in _units([out_shape]):
            for block, x_bar in zip(blocks, vjp(upstream)):
                block[row] = np.ravel(x_bar)
    else:
        columns_of_blocks = (block[:, column] for block in blocks for column in range(block.shape[1]))
        for column, (_, tangents) in zip(columns_of_blocks, _units([x.shape for x in inputs])):
            column[:] = np.ravel(jvp(tangents))
    return [block.reshape(out_shape + x.shape) for block, x in zip(blocks, inputs)]


def hessian(hvp: Callable[[list[np.ndarray]], Sequence[Any]], inputs: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
    """Blocks by pairs of inputs, of the first one's shape followed by the second one's."""
    check_dense(sum(x.size for x in inputs) ** 2, "Hessian")
    blocks = [[np.empty((x.size, other.size), x.dtype) for other in inputs] for x in inputs]
    rows_of_blocks = ([block[row] for block in line] for line, x in zip(blocks, inputs) for row in range(x.size))
    for row, (_, tangents) in zip(rows_of_blocks, _units([x.shape for x in inputs])):
        for part, x_bar_dot in zip(row, hvp(tangents)):
            part[:] = np.ravel(x_bar_dot)
    return [[block.reshape(x.shape + y.shape) for block, y in zip(line, inputs)] for line, x in zip(blocks, inputs)]


def _units(shapes: Sequence[Shape]) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Arrays of these shapes that are zero but for one element, which goes through all of them in turn.

    The arrays are the same ones each time.
    """
    arrays = [np.zeros(shape) for shape in shapes]
    position = 0
    for array in arrays:
        flat = array.reshape(-1)
        for k in range(array.size):
            flat[k] = 1.0
            yield position, arrays
            flat[k] = 0.0
            position += 1


PRODUCTS = {"Jacobian": "`vjp` or `jvp`", "Hessian": "`hvp`", "Gauss-Newton matrix": "`jvp` and `vjp`"}
"""What never forms a matrix."""
METHODS = {"Jacobian": "jacobian", "Hessian": "hessian", "Gauss-Newton matrix": "gauss_newton"}
"""What gives it."""


def check_dense(elements: int, what: str) -> None:
    """Raise `Error` G0503 for a dense matrix that would be too large."""
    if elements > MAX_DENSE_ELEMENTS:
        raise Error(
            "G0503", f"a dense {what} would have {elements:,} elements; the limit is {MAX_DENSE_ELEMENTS:,}",
            help=f"`{METHODS[what]}(..., sparse=True)` has only the entries that can differ from zero;"
            f" {PRODUCTS[what]} never form it",
        )  # fmt: skip


def check_products(elements: int, what: str) -> None:
    """Raise `Error` G0503 where a sparse matrix takes products with too many vectors."""
    if elements > MAX_DENSE_ELEMENTS:
        raise Error(
            "G0503",
            f"a sparse {what} would take products of {elements:,} elements; the limit is {MAX_DENSE_ELEMENTS:,}",
            help=f"too few of its entries are zero: use {PRODUCTS[what]}, which never form it",
        )
