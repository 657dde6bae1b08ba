"""Jacobians and Hessians of a call: blocks as a kernel gives them, filled up with zeros or compact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradc.autodiff.families import NoFamily
from gradc.autodiff.transforms import whole
from gradc.ir.ops import others
from gradc.ir.sizes import evaluate, product
from gradc.runtime import arguments, dense
from gradc.runtime.arguments import Arguments

if TYPE_CHECKING:
    from gradc.autodiff.matrices import MatrixBlock

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


class Compact:
    """A block of a Jacobian or Hessian without the zeros that the program's structure shows: what `compact=True` gives.

    pairs: an axis of the first array and one of the second each; where their indices differ, the block is zero.
    values: the block where they are equal: the axes of the first array, then those of the second that are in no pair.
        Of an elementwise program, the derivative at every element. A block that is zero has read-only zeros.
    shape: that of the block with its zeros, which `toarray()` and `np.asarray(...)` give.

    >>> import numpy as np
    >>> block = gradc.compile("a * x**2", wrt="x").jacobian(3.0, [1.0, 2.0], compact=True).x
    >>> block.values, block.pairs, block.shape
    (array([ 6., 12.]), ((0, 0),), (2, 2))
    >>> block.toarray()
    array([[ 6.,  0.],
           [ 0., 12.]])
    """

    def __init__(self, values: Any, pairs: Pairs, first: Shape, second: Shape):
        self.values, self.pairs = values, pairs
        self.shape = first + second
        self._rank = len(first)

    def toarray(self) -> Any:
        """The block with its zeros, an array of its own."""
        if not self.pairs:
            return np.array(self.values)
        full = np.zeros(self.shape, np.asarray(self.values).dtype)
        self._diagonal(full)[...] = self.values
        return full

    def _diagonal(self, full: np.ndarray) -> np.ndarray:
        """Those elements of an array whose indices along pairs are equal."""
        strides, rank = list(full.strides), self._rank
        for axis, other in self.pairs:
            strides[axis] += strides[rank + other]
        paired = {rank + other for _, other in self.pairs}
        kept = [axis for axis in range(full.ndim) if axis not in paired]
        return np.lib.stride_tricks.as_strided(
            full, [full.shape[axis] for axis in kept], [strides[axis] for axis in kept]
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a compact block becomes an array by a copy only")
        return np.asarray(self.toarray(), dtype)

    def _transposed(self, dtype: Any) -> Compact:
        """The same with the first array second, in its element type."""
        rank, first = self._rank, self.shape[: self._rank]
        second = self.shape[rank:]
        along = {axis: other for axis, other in self.pairs}
        left = [axis for axis in range(len(second)) if axis not in along.values()]
        of_second = {other: axis for axis, other in along.items()} | {axis: rank + k for k, axis in enumerate(left)}
        order = [of_second[axis] for axis in range(len(second))]
        order += [axis for axis in range(rank) if axis not in along]
        pairs = tuple(sorted((other, axis) for axis, other in self.pairs))
        values = np.asarray(self.values).astype(dtype, copy=False)
        return Compact(values.transpose(order) if order else values[()], pairs, second, first)

    def __repr__(self) -> str:
        return f"Compact(values={self.values!r}, pairs={self.pairs}, shape={self.shape})"


def full(block: Compact) -> Any:
    """A block with its zeros; what a kernel gives as it is."""
    values = block.values
    if block.pairs or not np.ndim(values) or not values.flags.writeable or not values.flags.c_contiguous:
        return np.ascontiguousarray(block.toarray()) if block.shape else values
    return values


# ---------------------------------------------------------------- from a call to blocks


class MatrixPlan(NamedTuple):
    """How calls with arguments of some types and shapes get a matrix."""

    transform: str
    blocks: list[MatrixBlock]
    shapes: list[Shape]
    """Those of the inputs that derivatives are for."""
    dtypes: list[Any]
    is_whole: bool
    """Whether the kernel gives the matrix itself, with its zeros and both of what mirrors each other."""


SQUARE = {"Hessian": "hessian", "Gauss-Newton matrix": "gauss_newton"}
"""The matrices of inputs by inputs, and the transforms that give them."""

FILLED_UP_TO = 100_000
"""Elements of a matrix up to which its kernel fills in the zeros. Those of larger ones come from the system."""

MAX_PLANS = 1_000
"""How many shapes of arguments are remembered."""


def plan(calls: Any, bound: Sequence[Any], what: str, compact: bool) -> MatrixPlan | None:
    """The plan of a call; None where the program has an op that many directions cannot go through at once. Raises
    `Error` G0503 for a matrix that would be too large."""
    key = arguments.ready_key(bound)
    key = key and (what, compact, key, tuple([np.shape(value) for value in bound]))
    found = calls.plans.get(key) if key is not None else None
    if found is None:
        found = _plan(calls, calls.prepare(bound), what, compact)
        if key is not None and found is not None:
            if len(calls.plans) >= MAX_PLANS:
                calls.plans.clear()
            calls.plans[key] = found
    return found


def _plan(calls: Any, prepared: Arguments, what: str, compact: bool) -> MatrixPlan | None:
    inputs = calls.wrt_arrays(prepared)
    graph = calls.planned("value", prepared.types).graph
    columns = sum(x.size for x in inputs)
    rows = columns if what in SQUARE else evaluate(product(graph["value"].shape), prepared.bound(graph))
    if not compact:
        dense.check_dense(rows * columns, what)
    try:
        transform = SQUARE[what] if what in SQUARE else _cheaper(calls, prepared)
        compilation = calls.planned(transform, prepared.types)
        blocks, sizes = compilation.blocks, prepared.bound(compilation.graph)
    except NoFamily:
        return None
    for each in blocks:
        if each.node is not None:
            dense.check_dense(evaluate(product(each.node.shape), sizes), what)
    is_whole = not compact and all(each.is_whole for each in blocks) and (what not in SQUARE or len(inputs) == 1)
    if not compact and not is_whole and rows * columns <= FILLED_UP_TO:
        transform, is_whole = whole(transform), True
    return MatrixPlan(transform, blocks, [x.shape for x in inputs], [x.dtype for x in inputs], is_whole)


def _cheaper(calls: Any, prepared: Arguments) -> str:
    """Tangents or cotangents, by how many of them there are."""
    compilation = calls.planned("jacobian_forward", prepared.types)
    sizes = prepared.bound(compilation.graph)
    result = compilation.rewritten["value"].shape
    tangents, cotangents = 0, 0
    for each, node in zip(compilation.blocks, compilation.wrt_nodes):
        paired = dict(each.pairs)
        along = others(node.type.rank, tuple(paired.values()))
        across = others(len(result), tuple(paired))
        tangents += evaluate(product(tuple(node.shape[axis] for axis in along)), sizes)
        cotangents = max(cotangents, evaluate(product(tuple(result[axis] for axis in across)), sizes))
    return "jacobian_backward" if cotangents < tangents else "jacobian_forward"


def jacobian(plan: MatrixPlan, first: Shape, outputs: Sequence[Any]) -> list[Compact]:
    """The block for each input, of what a kernel gives behind the value, which has the shape `first`."""
    given = iter(outputs)
    return [
        _block(each, given, first, shape, dtype) for each, shape, dtype in zip(plan.blocks, plan.shapes, plan.dtypes)
    ]


def hessian(plan: MatrixPlan, outputs: Sequence[Any]) -> list[list[Compact]]:
    """A line of blocks for each input, of what a kernel gives behind the gradients."""
    shapes, given = plan.shapes, iter(outputs)
    lines: list[list[Any]] = [[None] * len(shapes) for _ in shapes]
    for each in plan.blocks:
        found = _block(each, given, shapes[each.of], shapes[each.by], plan.dtypes[each.of])
        lines[each.of][each.by] = found
        if each.of != each.by:
            lines[each.by][each.of] = found._transposed(plan.dtypes[each.by])
    return lines


def _block(each: MatrixBlock, given: Iterator[Any], first: Shape, second: Shape, dtype: Any) -> Compact:
    """What a kernel gives for a block, or zeros where it gives none."""
    if each.node is None:
        zero = np.zeros((), dtype)
        return Compact(np.broadcast_to(zero, first + second) if first + second else zero[()], (), first, second)
    return Compact(next(given), each.pairs, first, second)


def products(value: Any, blocks: Sequence[Compact]) -> tuple[list[Any], list[list[Compact]]]:
    """The transposed Jacobian times the value, and times the Jacobian, of its blocks with their zeros."""
    rank = np.ndim(value)
    parts = [(np.reshape(block.values, (np.size(value), -1)), block.shape[rank:]) for block in blocks]
    bars = [(part.T @ np.ravel(value)).reshape(shape)[()] for part, shape in parts]
    lines = [
        [Compact((part.T @ other).reshape(shape + its)[()], (), shape, its) for other, its in parts]
        for part, shape in parts
    ]
    return bars, lines


def own_elements(block: Compact) -> Any:
    """Of a block for an input and itself, the elements on the diagonal."""
    shape = block.shape[: len(block.shape) // 2]
    size = int(np.prod(shape))
    return np.diagonal(np.reshape(block.values, (size, size))).reshape(shape).copy()[()]
