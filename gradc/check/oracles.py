"""Graphs evaluated over other numbers than floats: mpmath's of any precision, or SymPy's expressions.

Arrays are NumPy arrays of objects. The difference quotients at the end know nothing of our partials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradc.check.matrices import of_stack
from gradc.ir.graph import Node, topological
from gradc.ir.interpret import apply, concrete, loop, reference
from gradc.ir.ops import SCATTERS
from gradc.ir.sizes import evaluate as evaluate_size

Value = Any
"""A number of the arithmetic, a condition, or a NumPy array of them."""


@dataclass(frozen=True)
class Arithmetic:
    """A kind of numbers: how a float becomes one, and what the ops do to them."""

    number: Callable[[float], Any]
    function: Callable[[str], Callable[..., Any]]
    """An elementwise op over numbers."""
    reduction: Callable[[str], Callable[[list], Any]]
    """A reduction of a list of numbers."""

    def exact(self, value: Any) -> Value:
        """A NumPy value, every bit of it, in these numbers."""
        array = np.asarray(value)
        if array.dtype == bool:
            return bool(array) if array.ndim == 0 else array.astype(object)
        return np.frompyfunc(lambda x: self.number(float(x)), 1, 1)(array)

    def run(self, results: Iterable[Node], inputs: Mapping[Node, Value], sizes: Mapping[str, int]) -> list[Value]:
        """The values of nodes."""
        results = tuple(results)
        values: dict[Node, Value] = dict(inputs)
        for node in topological(results):
            if node not in values:
                values[node] = self.apply(node, [values[arg] for arg in node.args], sizes)
        return [values[node] for node in results]

    def apply(self, node: Node, args: Sequence[Value], sizes: Mapping[str, int]) -> Value:
        """One op."""
        if node.row.is_number:
            value = node.value if node.op == "const" else evaluate_size(node.attrs[0], sizes)
            number = value if node.type.dtype == "bool" else self.number(float(value))
            return np.full(concrete(node.shape, sizes), number, object) if node.shape else number
        if node.row.kind == "source":
            return self.exact(apply(node, (), sizes))
        if node.row.kind == "reduction":
            return _reduce(self.reduction(node.op), args[0], node.attrs[0])
        if node.row.kind == "matrix":
            return of_stack(node.op, list(args))
        if node.row.kind == "loop":
            step, which = node.attrs
            return loop(step, args, sizes, lambda given: self.run(step.results, given, sizes), object)[which]
        if node.row.kind != "elementwise":
            return self._move(node, args, sizes)
        function = self.function(node.op)
        return np.frompyfunc(function, len(args), 1)(*args) if node.shape else function(*args)

    def _move(self, node: Node, args: Sequence[Value], sizes: Mapping[str, int]) -> Value:
        """A movement of data, a gather or a product of arrays: NumPy does these for any numbers."""
        if node.op == "cast":
            return args[0]
        arrays = [np.asarray(arg, object) for arg in (args if node.row.is_variadic else args[:1])]
        if len(args) == 2 and not node.row.is_variadic:
            arrays.append(np.asarray(args[1], object if node.args[1].type.is_float else int))
        result = reference(node.row.numpy)(*arrays, *(concrete(attr, sizes) for attr in node.attrs))
        if node.op in SCATTERS:
            result = np.where(result == 0, self.number(0.0), result)
        return np.asarray(result, object)[()]


def _reduce(function: Callable[[list], Any], x: np.ndarray, axes: tuple[int, ...]) -> Value:
    kept = tuple(axis for axis in range(x.ndim) if axis not in axes)
    shape = tuple(x.shape[axis] for axis in kept)
    count = math.prod(shape)
    rows = np.transpose(x, kept + axes).reshape(count, x.size // count if count else 0)
    result = np.empty(count, object)
    for k, row in enumerate(rows):
        result[k] = function(list(row))
    return result.reshape(shape)[()]


# ---------------------------------------------------------------- differences


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


def step(x: Any, digits: int, order: int = 1) -> Any:
    """The step of a difference for a derivative of some order: small against x and against one."""
    scale = min(abs(x), type(x)(1)) if x != 0 else type(x)(1)
    return scale * type(x)(10) ** (-(digits // (order + 2)))


def difference(f: Callable[[Any], Any], x: Any, digits: int, order: int = 1) -> Any:
    """The derivative of some order by central differences, at a precision of `digits`.

    About `2 * digits / (order + 2)` digits are right where f is smooth.
    """
    h = step(x, digits, order)
    terms = [(-1) ** k * math.comb(order, k) * f(x + (order - 2 * k) * h) for k in range(order + 1)]
    return sum(terms[1:], terms[0]) / (2 * h) ** order
