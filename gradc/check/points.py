"""Points for programs of which nobody gave one: numbers and arrays of the types that the program suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc.function import Function
from gradc.ir.graph import Graph
from gradc.ir.sizes import evaluate, names
from gradc.ir.types import DTYPES
from gradc.runtime.arguments import RELATIONS

DRAWN_SIZE = 3
"""The size of arrays, where the program demands no other."""

MAX_DRAWS = 50

MAX_SIZE = 100
"""How far sizes are searched for which a demand holds."""


def drawn(f: Function) -> dict[str, Any]:
    """A point at which the value and the gradient are finite, drawn with a fixed seed."""
    rng = np.random.default_rng(0)
    graph = f.stages.graph
    sizes = sizes_for(graph, {name: DRAWN_SIZE for node in graph.inputs for size in node.shape for name in names(size)})
    point: dict[str, Any] = {}
    for _ in range(MAX_DRAWS):
        for node in graph.inputs:
            shape = tuple(evaluate(size, sizes) for size in node.shape)
            values = rng.uniform(0.2, 2.0, shape) if node.type.is_float else rng.integers(0, 2, shape)
            values = np.asarray(values, DTYPES[node.type.dtype])
            point[node.name] = values if shape else values.item()
        value, grads = f.value_and_grad(**point)
        if np.all(np.isfinite(value)) and all(np.all(np.isfinite(grad)) for grad in grads):
            break
    return point


def sizes_for(graph: Graph, wanted: Mapping[str, int]) -> dict[str, int]:
    """Numbers for the names of sizes: those that are wanted, but where the program demands others, as `x[7]` does."""
    sizes = dict(wanted)
    for check in graph.checks:
        for name in (*names(check.left), *names(check.right)):
            known = sizes[name]
            for number in (known, *range(1, MAX_SIZE)):
                sizes[name] = number
                if RELATIONS[check.relation](evaluate(check.left, sizes), evaluate(check.right, sizes)):
                    break
            else:
                sizes[name] = known
                continue
            break
    return sizes
