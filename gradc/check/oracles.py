"""Graphs over mpmath numbers, at any precision: values, and derivatives by difference quotients.

Arrays are NumPy arrays of objects; conditions are bools. The difference quotients know nothing of our partials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf

from gradc.check.reals import function, is_nan
from gradc.ir import reference
from gradc.ir.graph import Node, topological
from gradc.ir.interpret import concrete
from gradc.ir.sizes import evaluate as evaluate_size

Value = Any
"""An mpf, a bool, or a NumPy array of them."""

REDUCTIONS: dict[str, Callable[[list], Any]] = {
    "sum": mpmath.fsum,
    "prod": mpmath.fprod,
    "max": lambda xs: next(filter(is_nan, xs), None) or max(xs),
    "min": lambda xs: next(filter(is_nan, xs), None) or min(xs),
    "any": any,
    "all": all,
    "norm": lambda xs: mpmath.sqrt(mpmath.fsum(x * x for x in xs)),
    "logsumexp": lambda xs: _logsumexp(xs),
}
"""Reductions of a list of numbers."""


def _logsumexp(xs: list) -> Any:
    largest = REDUCTIONS["max"](xs)
    if not mpmath.isfinite(largest):
        return largest
    rest = list(xs)
    rest.remove(largest)
    return largest + mpmath.log1p(mpmath.fsum(mpmath.exp(x - largest) for x in rest))


def exact(value: Any) -> Value:
    """A NumPy value, every bit of it, as mpmath numbers."""
    array = np.asarray(value)
    if array.dtype == bool:
        return bool(array) if array.ndim == 0 else array.astype(object)
    if array.dtype == object:
        return array[()]
    convert = np.frompyfunc(lambda x: mpf(float(x)), 1, 1)
    return convert(array)


def run(results: Iterable[Node], inputs: Mapping[Node, Value], sizes: Mapping[str, int]) -> list[Value]:
    """The values of nodes, at mpmath's current precision."""
    results = tuple(results)
    values: dict[Node, Value] = {}
    for node in topological(results):
        values[node] = inputs[node] if node.op == "input" else apply(node, [values[arg] for arg in node.args], sizes)
    return [values[node] for node in results]


def apply(node: Node, args: Sequence[Value], sizes: Mapping[str, int]) -> Value:
    """One op."""
    if node.op in ("const", "size"):
        value = node.value if node.op == "const" else evaluate_size(node.attrs[0], sizes)
        number = value if node.type.dtype == "bool" else mpf(value)
        return np.full(concrete(node.shape, sizes), number, object) if node.shape else number
    kind = node.row.kind
    if kind == "reduction":
        return _reduce(node.op, args[0], node.attrs[0])
    if kind == "movement":
        return _move(node, args[0], sizes)
    if node.shape:
        return np.frompyfunc(function(node.op), len(args), 1)(*args)
    return function(node.op)(*args)


def _reduce(op: str, x: np.ndarray, axes: tuple[int, ...]) -> Value:
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    shape = tuple(x.shape[axis] for axis in kept)
    rows = np.transpose(x, kept + axes).reshape(int(np.prod(shape)), -1)
    result = np.empty(len(rows), object)
    for k, row in enumerate(rows):
        result[k] = REDUCTIONS[op](list(row))
    return result.reshape(shape)[()]


def _move(node: Node, x: Value, sizes: Mapping[str, int]) -> Value:
    if node.op == "cast":
        return x
    if node.op == "pad":
        parts, shape = (concrete(attr, sizes) for attr in node.attrs)
        result = np.full(shape, mpf(0), object)
        result[reference.slices(parts)] = x
        return result
    return getattr(reference, node.row.numpy.rsplit(".", 1)[1], np.transpose)(
        np.asarray(x, object), *(concrete(attr, sizes) for attr in node.attrs)
    )[()]


# ---------------------------------------------------------------- precision


def digits_for(values: Iterable[Any], least: int = 60) -> int:
    """Decimal digits with which cancellation cannot fool us at these numbers.

    Numbers of size 1e-300 need three times as many digits as one, and so does exp(-1000).
    """
    reach = 0.0
    for value in values:
        for x in np.abs(np.asarray(value, float)).flat:
            if x != 0 and np.isfinite(x):
                reach = max(reach, abs(np.log10(x)), 0.44 * min(x, 1100.0) * min(max(x, 1.0), 30.0))
    return least + int(3 * reach)


# ---------------------------------------------------------------- differences


def step(x: Any, digits: int, order: int = 1) -> Any:
    """The step of a difference for a derivative of some order: small against x and against one."""
    scale = min(abs(x), mpf(1)) if x != 0 else mpf(1)
    return scale * mpf(10) ** (-(digits // (order + 2)))


def difference(f: Callable[[Any], Any], x: Any, digits: int, order: int = 1) -> Any:
    """The derivative of some order by central differences; about `2 * digits / (order + 2)` digits are right
    where f is smooth."""
    h = step(x, digits, order)
    terms = ((-1) ** k * math.comb(order, k) * f(x + (order - 2 * k) * h) for k in range(order + 1))
    return mpmath.fsum(terms) / (2 * h) ** order


def one_sided(f: Callable[[Any], Any], x: Any, digits: int) -> tuple[Any, Any]:
    """The difference quotients to the left and to the right; they differ at a kink, and explode at a jump."""
    h = step(x, digits)
    here = f(x)
    return (here - f(x - h)) / h, (f(x + h) - here) / h
