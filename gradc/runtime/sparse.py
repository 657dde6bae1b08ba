"""Sparse Jacobians and Hessians of a call: a few products with vectors at once, and where each entry is read in them.

What the pattern and its colours take is done once for arguments of the same types and shapes, and the same arrays of
indices where those say which elements are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gradc.ir import interpret
from gradc.ir.sizes import evaluate
from gradc.ir.types import DTYPES
from gradc.language.diagnostics import Error, out_of_memory
from gradc.runtime import dense

if TYPE_CHECKING:
    from gradc.runtime.arguments import Arguments

MAX_PATTERNS = 100
"""How many patterns a function keeps."""


class SparsePlan(NamedTuple):
    """How calls with arguments of some types and shapes get a sparse matrix."""

    transform: str
    seeds: list[np.ndarray]
    """The vectors of all products, for each array that has some: one for each colour along the first axis."""
    places: np.ndarray
    """Where the entries are read in the products, those of one vector after those of another."""
    indices: np.ndarray
    indptr: np.ndarray
    shape: tuple[int, int]

    def matrix(self, products: Sequence[Any]) -> Any:
        """The matrix in CSR format, from what the kernel gives."""
        from scipy.sparse import csr_array

        count = len(self.seeds[0])
        parts = [np.reshape(part, (count, -1)) for part in products]
        flat = (parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)).ravel()
        return csr_array((flat[self.places], self.indices.copy(), self.indptr.copy()), shape=self.shape)


def run(calls: Any, bound: Sequence[Any], what: str) -> tuple[Sequence[Any], Any]:
    """The value, and for a Hessian the gradients; and the matrix."""
    prepared = calls.prepare(bound)
    if not calls.wrt:
        return _of_nothing(calls, prepared, what)
    plan = _known(calls, prepared, what)
    outputs = _products(calls, plan, prepared)
    first = 1 + len(calls.wrt) if what == "Hessian" else 1
    return outputs[:first], plan.matrix(outputs[first:])


def _of_nothing(calls: Any, prepared: Arguments, what: str) -> tuple[Sequence[Any], Any]:
    """The same for a program without an input to differentiate."""
    from scipy.sparse import csr_array

    outputs = calls.run_prepared("value", prepared, [])
    return outputs, csr_array((0 if what == "Hessian" else np.size(outputs[0]), 0))


def _products(calls: Any, plan: SparsePlan, prepared: Arguments) -> Sequence[Any]:
    """What the kernel gives; op by op where it has an op that takes one vector at a time only."""
    from gradc.autodiff.families import NoFamily, many_size

    try:
        _, run = calls.specialise(plan.transform, prepared.types)
    except NoFamily:
        return _one_by_one(calls, plan, prepared)
    graph = calls.planned(plan.transform, prepared.types).graph
    count = len(plan.seeds[0])
    try:
        outputs: Sequence[Any] = run([*prepared.arrays, *plan.seeds], prepared.bound(graph) | {many_size(graph): count})
    except (ValueError, IndexError):
        prepared.sizes(graph)  # which says what does not fit
        raise
    except MemoryError:
        raise out_of_memory() from None
    return outputs


def _one_by_one(calls: Any, plan: SparsePlan, prepared: Arguments) -> Sequence[Any]:
    """The same, one product at a time."""
    transform = plan.transform.removesuffix("s")
    values = calls.run_prepared("value_and_grad" if transform == "hvp" else "value", prepared, [])
    names = [f"a vector of {transform}" for _ in plan.seeds]
    lines = [calls.run_prepared(transform, prepared, list(zip(names, vectors))) for vectors in zip(*plan.seeds)]
    return [*values, *(np.stack(parts) for parts in zip(*lines))]


def _known(calls: Any, prepared: Arguments, what: str) -> SparsePlan:
    """The plan for these arguments, made once."""
    from gradc.autodiff import patterns

    compilation = calls.planned("value_and_grad" if what == "Hessian" else "value", prepared.types)
    graph = compilation.derivative if what == "Hessian" else compilation.rewritten
    results = graph.results[1:] if what == "Hessian" else graph.results
    key = what, prepared.types
    nodes = calls.index_nodes.get(key)
    if nodes is None:
        nodes = calls.index_nodes[key] = patterns.index_nodes(results)
    indices: dict[Any, np.ndarray] = {}
    if nodes:
        sizes = prepared.sizes(compilation.graph)
        indices = dict(zip(nodes, interpret.run(nodes, dict(zip(graph.inputs, prepared.arrays)), sizes)))
    shapes = tuple([np.shape(array) for array in prepared.arrays])
    full = (*key, shapes, tuple([np.asarray(each).tobytes() for each in indices.values()]))
    found = calls.patterns.get(full)
    if found is None:
        sizes = prepared.sizes(compilation.graph)
        try:
            found = _plan(calls, prepared, what, patterns.pattern(results, compilation.wrt_nodes, sizes, indices))
        except patterns.TooLarge:
            raise Error(
                "G0503", f"the sparse {what} would have more than {patterns.MAX_ENTRIES:,} entries",
                help=f"use {dense.PRODUCTS[what]}, which never form it",
            ) from None  # fmt: skip
        if len(calls.patterns) >= MAX_PATTERNS:
            calls.patterns.clear()
        calls.patterns[full] = found
    plan: SparsePlan = found
    return plan


def _plan(calls: Any, prepared: Arguments, what: str, pattern: Any) -> SparsePlan:
    from gradc.autodiff import colouring

    inputs = calls.wrt_arrays(prepared)
    if what == "Hessian":
        pattern = _symmetric(pattern)
        colours = colouring.star(pattern)
        rows, columns = _entries(pattern)
        here = colouring.readable(pattern, colours)
        places = np.where(here, colours[columns] * pattern.shape[1] + rows, colours[rows] * pattern.shape[1] + columns)
        return _with_seeds("hvps", inputs, colours, places, pattern, what)
    rows, columns = _entries(pattern)
    colours = colouring.columns_apart(pattern)
    most = int(np.bincount(columns).max(initial=0))  # rows need at least as many colours
    if 2 * most < colours.max(initial=-1) + 1:
        others = colouring.columns_apart(pattern.T.tocsr())
        if 2 * others.max(initial=-1) < colours.max():
            graph = calls.planned("value", prepared.types).graph
            type, sizes = graph["value"].type, prepared.bound(graph)
            value = np.empty([evaluate(size, sizes) for size in type.shape], DTYPES[type.dtype])
            return _with_seeds("vjps", [value], others, others[rows] * pattern.shape[1] + columns, pattern, what)
    return _with_seeds("jvps", inputs, colours, colours[columns] * pattern.shape[0] + rows, pattern, what)


def _symmetric(pattern: Any) -> Any:
    """The pattern with its mirror image."""
    from scipy.sparse import csr_array

    whole = csr_array(pattern + pattern.T)
    whole.sort_indices()
    return whole


def _entries(pattern: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rows and the columns of the entries, in order."""
    rows = np.repeat(np.arange(pattern.shape[0], dtype=np.int64), np.diff(pattern.indptr))
    return rows, pattern.indices.astype(np.int64)


def _with_seeds(
    transform: str, arrays: Sequence[np.ndarray], colours: np.ndarray, places: np.ndarray, pattern: Any, what: str
) -> SparsePlan:
    """The plan with its vectors: one for each colour, of ones where the colour is."""
    count = int(colours.max(initial=0)) + 1
    dense.check_products(count * max(pattern.shape), what)
    seeds, first = [], 0
    for array in arrays:
        own = colours[first : first + array.size]
        first += array.size
        seed = np.zeros((count, array.size), array.dtype)
        seed[own, np.arange(array.size)] = 1
        seeds.append(seed.reshape((count, *array.shape)))
    return SparsePlan(transform, seeds, places, pattern.indices, pattern.indptr, pattern.shape)
