"""The reference meaning: a graph evaluated with NumPy, op by op."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import gradc.ir.reference  # noqa: F401 (before any thread needs it: a fork in the middle of an import hangs the child)
from gradc.ir.ending import condition_of
from gradc.ir.graph import Node, numbers_of, topological
from gradc.ir.sizes import Derived, Size, evaluate
from gradc.ir.step import LoopStep
from gradc.ir.types import DTYPES, Type

Compute = Callable[[dict[Node, Any]], list[Any]]


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
    if node.op == "loop":
        step, which = node.attrs
        return loop(step, args, sizes)[which]
    dtype = DTYPES[node.type.dtype]
    if node.op == "const":
        value = number(node)
        return np.broadcast_to(value, concrete(node.shape, sizes)) if node.shape else value
    if node.op == "table":
        return np.array(numbers_of(node), dtype).reshape(node.shape)
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
    elif row.is_variadic:
        result = function(*args, *(concrete(attr, sizes) for attr in node.attrs))
    elif row.kind == "movement":
        result = function(args[0], *(a if node.op == "cast" else concrete(a, sizes) for a in node.attrs))
    elif row.kind == "matrix":
        shape = concrete(node.shape, sizes)
        result = np.empty(shape) if 0 in np.shape(args[0])[:-2] else _of_matrices(node, function, args)
    else:
        result = function(*args)
    result = np.asarray(result)
    return (result if result.dtype == dtype else result.astype(dtype))[()]


def loop(
    step: LoopStep, args: Sequence[Any], sizes: Mapping[str, int], compute: Compute | None = None, kind: Any = None
) -> list[Any]:
    """All results of a loop: the last states, and what the steps emit, one below the other. Other numbers than floats
    have a way to `compute` the results of a step, and are a `kind` of element for NumPy."""
    first, second = len(step.states), len(step.states) + len(step.rows)
    starts, rows, captured = args[:first], args[first:second], args[second:]
    count = evaluate(step.size, sizes)
    stacks = [
        np.zeros(concrete(step.stacked(node.type).shape, sizes), kind or DTYPES[node.type.dtype])
        for node in step.emitted
    ]
    states = list(starts)
    if compute is None:
        body = Run(step.results)
        compute = partial(body.values, sizes=sizes)
    fixed = dict(zip(step.captured, captured))
    may_end = any(node.type.dtype == "bool" for node in (*step.states, *step.rows))
    condition = condition_of(step) if may_end else None
    order: Sequence[int] = range(count)
    if condition in step.rows and not stacks:  # where it holds nothing changes
        order = np.flatnonzero(~np.asarray(rows[step.rows.index(condition)], bool)).tolist()
    for k in reversed(order) if step.backwards else order:
        given = fixed | dict(zip(step.states, states)) | {node: row[k] for node, row in zip(step.rows, rows)}
        is_over = condition in step.states and given[condition]
        if is_over and not stacks:
            break
        found = compute(given)
        states = found[:first]
        for stack, value in zip(stacks, found[first:]):
            stack[k] = value
        if is_over and not step.rows:  # all further steps are like this one
            rest = slice(k) if step.backwards else slice(k, None)
            for stack in stacks:
                stack[rest] = stack[k]
            break
    return [*states, *stacks]


class Run:
    """What computes some nodes, again and again: their order, and what is needed for how long."""

    def __init__(self, results: Iterable[Node]):
        self.results = tuple(results)
        self.order = topological(self.results)
        last_use = {arg: node for node in self.order for arg in node.args}
        keep = set(self.results)
        self.dropped = {
            node: [arg for arg in set(node.args) if last_use[arg] is node and arg not in keep] for node in self.order
        }
        self.loops = {node for node in self.order if node.op == "loop"}

    def values(self, inputs: Mapping[Node, Any], sizes: Mapping[str, int]) -> list[Any]:
        """The values of the nodes. Intermediate values are dropped after their last use."""
        values: dict[Node, Any] = {}
        loops: dict[tuple[Any, ...], list[Any]] = {}
        for node in self.order:
            if node.op == "input":
                values[node] = inputs[node]
            elif node in self.loops:
                step, which = node.attrs
                if (step, node.args) not in loops:
                    loops[step, node.args] = loop(step, tuple(values[arg] for arg in node.args), sizes)
                values[node] = loops[step, node.args][which]
            else:
                values[node] = apply(node, tuple([values[arg] for arg in node.args]), sizes)
            for arg in self.dropped[node]:
                del values[arg]
        return [values[node] for node in self.results]


def _of_matrices(node: Node, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """An op on matrices; where one has no answer, the message names it if it is an input."""
    try:
        return function(*args)
    except np.linalg.LinAlgError as error:
        found = node.args[0]
        if found.op != "input":
            raise
        named = re.sub("^(the matrix|matrix [0-9]+ of the stack)", rf"\1 `{found.name}`", str(error))
        raise np.linalg.LinAlgError(named) from None


def run(results: Iterable[Node], inputs: Mapping[Node, Any], sizes: Mapping[str, int]) -> list[Any]:
    """The values of nodes."""
    with np.errstate(all="ignore"):
        return Run(results).values(inputs, sizes)


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
