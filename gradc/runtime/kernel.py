"""From a compilation to something that runs: one `run` for each engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradc.compiler import Compilation
from gradc.ir import interpret
from gradc.ir.graph import Graph, topological
from gradc.ir.ops import bits
from gradc.ir.sizes import evaluate
from gradc.ir.types import Type
from gradc.native import engine, target
from gradc.native.library import product_name
from gradc.runtime.results import detach

CONTRACTING = bits({"contract"})

Run = Callable[[Sequence[Any], dict[str, int]], Sequence[Any]]
"""From arrays in the order of the graph's inputs, and the sizes by name, to the outputs, which are the caller's own."""


def interpreter(compilation: Compilation) -> Run:
    """NumPy, op by op: answers at once, compiles nothing."""
    run = interpreted(compilation.derivative)
    if compilation.reach != "checked" or not compilation.kept:
        return run

    def checked(arrays: Sequence[Any], sizes: dict[str, int]) -> Sequence[Any]:
        if compilation.is_too_much(sizes):
            raise ValueError("loops keep more than they may")
        return run(arrays, sizes)

    return checked


def interpreted(graph: Graph) -> Run:
    """A graph evaluated with NumPy. Raises IndexError where a computed index is out of range."""
    checks = graph.computed_indices

    def run(arrays: Sequence[Any], sizes: dict[str, int]) -> Sequence[Any]:
        found = interpret.run(graph.roots, dict(zip(graph.inputs, arrays)), sizes)
        for check, indices in zip(checks, found):
            size = evaluate(check.size, sizes)
            if np.any((indices < (-size if check.from_end else 0)) | (indices >= size)):
                raise IndexError(f"an index in {check.text} is out of range for size {size}")
        return detach(found[len(checks) :], arrays)

    return run


def looped(compilation: Compilation) -> Run:
    """The loop IR, statement by statement: what kernels mean. Slow."""
    from gradc.loops import evaluate

    kernel = compilation.loops

    def run(arrays: Sequence[Any], sizes: dict[str, int]) -> Sequence[Any]:
        return evaluate.run(kernel, arrays)

    return run


def numba(compilation: Compilation) -> Run:
    """The emitted Python, compiled by Numba for exactly these types at the first call."""
    from gradc.runtime import jit

    function = jit.compiled(compilation)
    flat = {
        "value": lambda result: (result,),
        "value_and_grad": lambda result: (result[0], *result[1]),
        "values_and_grad": lambda result: (*result[0], *result[1]),
    }.get(compilation.transform, lambda result: result)

    narrow = [k for k, node in enumerate(compilation.derivative.results) if node.type == Type("f32")]

    def run(arrays: Sequence[Any], sizes: dict[str, int]) -> Sequence[Any]:
        outputs = flat(function(*arrays))
        if not narrow:
            return outputs
        outputs = list(outputs)
        for k in narrow:  # Numba hands scalars out as Python floats
            outputs[k] = np.float32(outputs[k])
        return outputs

    return run


def native(compilation: Compilation) -> Run:
    """The loops, compiled by LLVM, or read from disk; the emitted Python where LLVM cannot compile for the machine."""
    if not target.is_possible():
        return numba(compilation)
    return engine.NativeKernel(
        engine.kept(compilation.key, lambda: engine.build(compilation.loops), lambda: _products(compilation.graph))
    )


def _products(graph: Graph) -> list[str]:
    """The names of what kernels call that multiply the matrices of a program."""
    if not any(root.ops & CONTRACTING for root in graph.roots):
        return []
    products = [node for node in topological(graph.roots) if node.op == "contract"]
    of_matrices = [node for node in products if min(x.type.rank for x in (node, *node.args)) > 1]
    return sorted({product_name(node.type.dtype, target.vector_doubles()) for node in of_matrices})


ENGINES: dict[str, Callable[[Compilation], Run]] = {"native": native, "numba": numba, "interpreter": interpreter}
"""How to run a compilation, by the name of the engine."""

RUNNABLE: dict[str, Callable[[Compilation], Run]] = {
    "graph": lambda compilation: interpreted(compilation.graph),
    "rewritten": lambda compilation: interpreted(compilation.rewritten),
    "adjoint": lambda compilation: interpreted(compilation.adjoint),
    "derivative": lambda compilation: interpreted(compilation.derivative),
    "lowered": lambda compilation: interpreted(compilation.lowered),
    "loops": looped,
    "python": numba,
    "llvm": native,
}
"""How to run a stage of `compiler.STAGES`, where that has a meaning."""

CHECKING_ENGINES = ("native", "numba")
"""Engines whose kernels themselves check that sizes fit, with a ValueError."""
