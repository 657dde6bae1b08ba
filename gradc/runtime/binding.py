"""Data bound to some inputs of a function: checked and converted once, for all calls that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradc.ir.graph import Graph, IndexCheck, Node, topological
from gradc.ir.sizes import Size, names
from gradc.ir.types import DTYPES
from gradc.language.diagnostics import Error, out_of_memory
from gradc.program import Signature
from gradc.runtime import arguments
from gradc.runtime.arguments import Arguments, is_weak
from gradc.runtime.specialise import Specialiser

SUPPOSED_RANKS = (0, 1, 2)
"""The ranks that the other inputs may have, as far as the check of bound sizes looks."""


def converted(signature: Signature, name: str, value: Any) -> Any:
    """One argument as kernels read it, and nobody else's: a read-only copy. Python numbers stay what they are, because
    their element type is that of the arrays they meet."""
    try:
        (array,) = arguments.prepare(replace(signature, inputs=(name,)), [value]).arrays
        return value if is_weak(value) else own(np.array(array))
    except MemoryError:
        raise out_of_memory() from None


def own(array: Any) -> Any:
    """An array that nobody writes into; a NumPy scalar for one without axes."""
    if np.ndim(array) == 0:
        return array[()] if isinstance(array, np.ndarray) else array
    array.setflags(write=False)
    return array


def check_together(specialiser: Specialiser, data: Mapping[str, Any]) -> None:
    """Raise `Error` where bound data do not fit together, whatever the other inputs are.

    That is certain where the program declares the others. Elsewhere they are supposed to be numbers, vectors and
    matrices in turn: what none of them avoids is an error now, the rest is found in the call.
    """
    signature = specialiser.program.signature
    others = [name for name in signature.inputs if name not in data]
    certain = all(name in signature.declared for name in others)
    found: Error | None = None
    for rank in SUPPOSED_RANKS[:1] if certain else SUPPOSED_RANKS:
        values = [data[name] if name in data else _supposed(signature, name, rank) for name in signature.inputs]
        prepared = arguments.prepare(signature, values)
        try:
            graph = specialiser.compilation("value", prepared.types).graph
        except Error:
            if certain:
                raise
            continue  # the others cannot be of this rank
        try:
            _check_known(graph, prepared, data)
        except Error as error:
            found = found or error
        else:
            return
    if found is not None:
        raise found


def _supposed(signature: Signature, name: str, rank: int) -> np.ndarray:
    """Some array that the input may be."""
    declared = signature.declared.get(name)
    if declared is not None:
        return np.zeros([size if isinstance(size, int) else 2 for size in declared.shape], DTYPES[declared.dtype])
    return np.zeros((2,) * rank, np.int64 if name in signature.integers else np.float64)


def _check_known(graph: Graph, prepared: Arguments, data: Iterable[str]) -> None:
    """The checks of a call, of those sizes and indices that bound data alone determine."""
    bound = set(data)
    inputs = [node for node in graph.inputs if node.name in bound]
    while True:
        known = {size for node in inputs for size in node.shape if isinstance(size, str)}
        left = [node for node in inputs if _determined(node.shape, known)]
        if left == inputs:
            break
        inputs = left
    checks = tuple(check for check in graph.checks if _determined((check.left, check.right), known))
    indices = tuple(check for check in graph.index_checks if _computable(check, inputs, known))
    part = Graph(tuple(inputs), graph.outputs, checks, indices, graph.joined)
    places = [k for k, node in enumerate(graph.inputs) if node in inputs]
    Arguments([prepared.arrays[k] for k in places], tuple(prepared.types[k] for k in places)).sizes(part)


def _determined(asked: Iterable[Size], known: set[str]) -> bool:
    """Whether these names of sizes are all that some sizes depend on."""
    return all(known.issuperset(names(size)) for size in asked)


def _computable(check: IndexCheck, inputs: Sequence[Node], known: set[str]) -> bool:
    """Whether the indices, and the size that they must fit, depend on these inputs and sizes only."""
    below = topological((check.node,))
    sizes = (size for node in below for size in node.shape)
    return _determined((check.size, *sizes), known) and all(node in inputs for node in below if node.op == "input")
