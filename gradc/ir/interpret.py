"""The reference meaning: a graph evaluated with NumPy, op by op."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

import gradc.ir.reference  # noqa: F401 (before any thread needs it: a fork in the middle of an import hangs the child)
from gradc.ir.graph import Graph, Node, topological
from gradc.ir.sizes import Derived, Size, evaluate
from gradc.ir.types import DTYPES, Type


@cache
def reference(dotted: str) -> Callable[..., Any]:
    """The function a row of the op table names."""
    module, name = dotted.rsplit(".", 1)
    return getattr(import_module(module), name)


def concrete(attr: Any, sizes: Mapping[str, int]) -> Any:
    """An attribute with its sizes as numbers."""
    if isinstance(attr, tuple):
        return tuple(concrete(part, sizes) for part in attr)
    return evaluate(attr, sizes) if isinstance(attr, Derived) or attr in sizes else attr


def number(node: Node) -> Any:
    """The number of a `const`, whatever its shape, in its element type."""
    return DTYPES[node.type.dtype].type(node.value)


def apply(node: Node, args: tuple[Any, ...], sizes: Mapping[str, int]) -> Any:
    """One op on NumPy values."""
    dtype = DTYPES[node.type.dtype]
    if node.op == "const":
        value = number(node)
        return np.broadcast_to(value, concrete(node.shape, sizes)) if node.shape else value
    if node.op == "size":
        return dtype.type(evaluate(node.attrs[0], sizes))
    if node.op == "iota":
        axis, type = node.attrs
        shape = concrete(type.shape, sizes)
        along = np.arange(shape[axis], dtype=dtype).reshape([-1 if k == axis else 1 for k in range(len(shape))])
        return np.broadcast_to(along, shape)
    row = node.row
    function = reference(row.numpy)
    if row.kind == "reduction":
        result = function(args[0], axis=node.attrs[0])
    elif row.kind == "contraction":
        absent = tuple(arg.op == "mask" for arg in node.args)
        result = function(*args, *node.attrs, absent)
    elif row.kind == "scan":
        result = function(*args, *node.attrs)
    elif row.kind == "gather":
        result = function(*args, *(concrete(attr, sizes) for attr in node.attrs))
    elif row.kind == "movement":
        result = function(args[0], *(a if node.op == "cast" else concrete(a, sizes) for a in node.attrs))
    else:
        result = function(*args)
    result = np.asarray(result)
    return (result if result.dtype == dtype else result.astype(dtype))[()]


def run(results: Iterable[Node], inputs: Mapping[Node, Any], sizes: Mapping[str, int]) -> list[Any]:
    """The values of nodes. Intermediate values are dropped after their last use."""
    results = tuple(results)
    order = topological(results)
    last_use = {arg: node for node in order for arg in node.args}
    keep = set(results)
    values: dict[Node, Any] = {}
    with np.errstate(all="ignore"):
        for node in order:
            args = tuple(values[arg] for arg in node.args)
            values[node] = inputs[node] if node.op == "input" else apply(node, args, sizes)
            for arg in set(node.args):
                if last_use[arg] is node and arg not in keep:
                    del values[arg]
    return [values[node] for node in results]


def every_value(graph: Graph, inputs: Mapping[Node, Any], sizes: Mapping[str, int]) -> dict[Node, Any]:
    """The value of each node of a graph."""
    order = topological(graph.results)
    return dict(zip(order, run(order, inputs, sizes)))


def evaluate_constant(node: Node) -> Any:
    """The value of a node that depends on no input and on no size by name."""
    return run((node,), {}, {})[0]


def bind_sizes(types: Iterable[tuple[Type, tuple[int, ...]]]) -> dict[str, int]:
    """The named sizes, read off the shapes of the inputs."""
    sizes: dict[str, int] = {}
    for type, shape in types:
        for size, actual in zip(type.shape, shape):
            if isinstance(size, str):
                sizes.setdefault(size, actual)
    return sizes


def fits(size: Size, actual: int, sizes: Mapping[str, int]) -> bool:
    return evaluate(size, sizes) == actual
