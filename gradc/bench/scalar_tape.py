"""The naive scalar tape: the class that everyone writes first to learn backpropagation.

Each number is a `TapeValue` that remembers its parents and a closure that hands its gradient to them; `backward`
sorts the values and calls the closures in reverse (after A. Karpathy's micrograd, 2020). Arrays are lists of
such values. A closure is handed the gradient instead of referring to its own value, which spares the cyclic
garbage of the original and makes this tape a little faster.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from gradc.bench.program import Step, elements_computed, steps_of, unknown_op
from gradc.bench.textbook import NUMBERS, Rule, rules
from gradc.bench.workload import Answer, Inputs, Workload
from gradc.ir.interpret import reference
from gradc.ir.ops import OPS, others

MAX_VALUES = 1_000_000
"""The largest tape that is tried: about 1 GiB, and some ten seconds for a call."""


class TapeValue:
    """A number on the tape."""

    __slots__ = ("data", "grad", "hand_on", "parents")

    def __init__(
        self, data: float, parents: tuple[TapeValue, ...] = (), hand_on: Callable[[float], None] | None = None
    ):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.hand_on = hand_on

    def __add__(self, other: Any) -> TapeValue:
        other = other if isinstance(other, TapeValue) else TapeValue(other)

        def hand_on(grad: float) -> None:
            self.grad += grad
            other.grad += grad

        return TapeValue(self.data + other.data, (self, other), hand_on)

    def __mul__(self, other: Any) -> TapeValue:
        other = other if isinstance(other, TapeValue) else TapeValue(other)

        def hand_on(grad: float) -> None:
            self.grad += other.data * grad
            other.grad += self.data * grad

        return TapeValue(self.data * other.data, (self, other), hand_on)

    def __sub__(self, other: Any) -> TapeValue:
        other = other if isinstance(other, TapeValue) else TapeValue(other)

        def hand_on(grad: float) -> None:
            self.grad += grad
            other.grad -= grad

        return TapeValue(self.data - other.data, (self, other), hand_on)

    def __truediv__(self, other: Any) -> TapeValue:
        other = other if isinstance(other, TapeValue) else TapeValue(other)
        quotient = self.data / other.data

        def hand_on(grad: float) -> None:
            self.grad += grad / other.data
            other.grad -= grad * quotient / other.data

        return TapeValue(quotient, (self, other), hand_on)

    def __neg__(self) -> TapeValue:
        def hand_on(grad: float) -> None:
            self.grad -= grad

        return TapeValue(-self.data, (self,), hand_on)

    def __radd__(self, other: Any) -> TapeValue:
        return self + other

    def __rmul__(self, other: Any) -> TapeValue:
        return self * other

    def __rsub__(self, other: Any) -> TapeValue:
        return TapeValue(other) - self

    def __rtruediv__(self, other: Any) -> TapeValue:
        return TapeValue(other) / self

    def backward(self) -> None:
        """Add the derivatives of this value to the `grad` of everything it was computed from."""
        order: list[TapeValue] = []
        visited: set[TapeValue] = set()
        stack: list[tuple[TapeValue, bool]] = [(self, False)]
        while stack:
            value, expanded = stack.pop()
            if expanded:
                order.append(value)
            elif value not in visited:
                visited.add(value)
                stack.append((value, True))
                stack.extend((parent, False) for parent in value.parents)
        self.grad = 1.0
        for value in reversed(order):
            if value.hand_on is not None:
                value.hand_on(value.grad)


def data_of(x: Any) -> Any:
    return x.data if isinstance(x, TapeValue) else x


def exp(x: Any) -> Any:
    if not isinstance(x, TapeValue):
        return math.exp(x)
    y = math.exp(x.data)

    def hand_on(grad: float) -> None:
        x.grad += y * grad

    return TapeValue(y, (x,), hand_on)


def operation(rule: Rule) -> Callable[..., Any]:
    """A function of values and numbers from a function of numbers and its partials."""
    forward, partials = rule

    def apply(*args: Any) -> Any:
        data = [data_of(arg) for arg in args]
        out = forward(*data)
        parents = tuple(arg for arg, d in zip(args, partials) if d is not None and isinstance(arg, TapeValue))
        if not parents:
            return out

        def hand_on(grad: float) -> None:
            for arg, derivative in zip(args, partials):
                if derivative is not None and isinstance(arg, TapeValue):
                    arg.grad += derivative(*data, out) * grad

        return TapeValue(out, parents, hand_on)

    return apply


def on_data(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of values and numbers that has no derivative: comparisons and logic."""
    return lambda *args: function(*map(data_of, args))


# ---------------------------------------------------------------- reductions of a list


def extreme(choose: Callable[[Iterable[Any]], Any], xs: Sequence[Any]) -> Any:
    best = choose(map(data_of, xs))
    winners = [x for x in xs if data_of(x) == best]

    def hand_on(grad: float) -> None:
        for x in winners:
            if isinstance(x, TapeValue):
                x.grad += grad / len(winners)

    return TapeValue(best, tuple(x for x in winners if isinstance(x, TapeValue)), hand_on)


def logsumexp(xs: Sequence[Any]) -> Any:
    largest = max(map(data_of, xs))
    return LOG(sum(exp(x - largest) for x in xs)) + largest


def norm(xs: Sequence[Any]) -> Any:
    return SQRT(sum(x * x for x in xs))


RULES = rules(NUMBERS)
LOG, SQRT = operation(RULES["log"]), operation(RULES["sqrt"])

ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **{name: operation(rule) for name, rule in RULES.items()},
    **{name: on_data(getattr(operator, name)) for name in ("lt", "le", "gt", "ge", "eq", "ne")},
    "and": on_data(lambda x, y: bool(x) and bool(y)),
    "or": on_data(lambda x, y: bool(x) or bool(y)),
    "not": on_data(operator.not_),
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "square": lambda x: x * x,
    "exp": exp,
    "where": lambda c, x, y: x if data_of(c) else y,
}
REDUCTIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": sum,
    "prod": math.prod,
    "max": partial(extreme, max),
    "min": partial(extreme, min),
    "logsumexp": logsumexp,
    "norm": norm,
    "any": lambda xs: any(map(data_of, xs)),
    "all": lambda xs: all(map(data_of, xs)),
}


# ---------------------------------------------------------------- a program over lists of values


def _elementwise(step: Step, shapes: list[tuple[int, ...]]) -> Callable[..., Any]:
    function = ELEMENTWISE[step.op]
    return function if step.shape == () else lambda *lists: list(map(function, *lists))


def _reduction(step: Step, shapes: list[tuple[int, ...]]) -> Callable[..., Any]:
    function = REDUCTIONS[step.op]
    (shape,), (axes,) = shapes, step.attrs
    if step.shape == ():
        return function
    kept = others(len(shape), axes)
    numbered = np.arange(math.prod(shape)).reshape(shape)
    rows = numbered.transpose(*kept, *axes).reshape(math.prod(step.shape), -1).tolist()
    return lambda xs: [function([xs[k] for k in row]) for row in rows]


def _movement(step: Step, shapes: list[tuple[int, ...]]) -> Callable[..., Any]:
    if step.op == "cast":
        return (lambda x: x) if step.shape else (lambda x: x if isinstance(x, TapeValue) else float(x))
    (shape,) = shapes
    if step.op == "cumsum":
        return _running_sums(shape, *step.attrs)
    from_one = 1 + np.arange(math.prod(shape)).reshape(shape)  # so that 0 marks what `pad` adds
    indices = (np.reshape(reference(OPS[step.op].numpy)(from_one, *step.attrs), -1) - 1).tolist()
    if step.op == "pad":
        return lambda xs: [xs[k] if k >= 0 else 0.0 for k in indices]
    if shape == ():
        return lambda x: [x] * len(indices)
    if step.shape == ():
        return lambda xs: xs[indices[0]]
    return lambda xs: [xs[k] for k in indices]


def _running_sums(shape: tuple[int, ...], axis: int, backwards: bool) -> Callable[[list[Any]], list[Any]]:
    lines = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), axis, -1).reshape(-1, shape[axis])
    orders = (lines[:, ::-1] if backwards else lines).tolist()

    def add_up(xs: list[Any]) -> list[Any]:
        sums = list(xs)
        for order in orders:
            for k, total in zip(order, accumulate(xs[k] for k in order)):
                sums[k] = total
        return sums

    return add_up


def _contraction(step: Step, shapes: list[tuple[int, ...]]) -> Callable[..., Any]:
    x_labels, y_labels, labels = step.attrs
    sizes = dict(zip(x_labels + y_labels, shapes[0] + shapes[1]))
    order = (*labels, *(label for label in sizes if label not in labels))
    sides = (_positions(own, order, sizes).reshape(math.prod(step.shape), -1).tolist() for own in (x_labels, y_labels))
    terms = [list(zip(*row)) for row in zip(*sides)]

    def product(xs: list[Any], ys: list[Any]) -> Any:
        sums = [sum(xs[i] * ys[j] for i, j in row) for row in terms]
        return sums if step.shape else sums[0]

    return product


def _positions(own: tuple[int, ...], order: tuple[int, ...], sizes: dict[int, int]) -> Any:
    """For each combination of labels in order, which element it is of a flat list with labels of its own."""
    numbered = np.arange(math.prod(sizes[label] for label in own)).reshape([sizes[label] for label in own])
    present = [label for label in order if label in own]
    arranged = numbered.transpose([own.index(label) for label in present])
    shape = [sizes[label] if label in own else 1 for label in order]
    return np.broadcast_to(arranged.reshape(shape), [sizes[label] for label in order])


def _gather(step: Step, shapes: list[tuple[int, ...]]) -> Callable[..., Any]:
    shape, index_shape = shapes
    numbered = np.arange(math.prod(shape)).reshape(shape)
    read = reference(OPS[step.op].numpy)

    def pick(xs: list[Any], index: Any) -> Any:
        at = np.reshape(np.asarray(index, dtype=np.int64), index_shape)
        chosen = np.reshape(read(numbered, at, *step.attrs), -1).tolist()
        return [xs[k] for k in chosen] if step.shape else xs[chosen[0]]

    return pick


MAKERS = {
    "elementwise": _elementwise, "reduction": _reduction, "movement": _movement, "contraction": _contraction,
    "gather": _gather,
}  # fmt: skip


def prepare(workload: Workload, inputs: Inputs) -> Callable[[], Answer]:
    """The tape for a program: a call builds it, walks it back and collects the gradients."""
    program = steps_of(workload, inputs)
    sources: dict[str, int] = {}
    constants: list[tuple[int, Any]] = []
    plan: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
    for k, step in enumerate(program.steps):
        if step.op == "input":
            sources[step.attrs[0]] = k
        elif step.kind == "source":
            constants.append((k, _flat(step.value, step.shape)))
        else:
            plan.append((k, MAKERS[step.kind](step, [program.steps[arg].shape for arg in step.args]), step.args))

    def call() -> Answer:
        leaves = {name: _leaf(inputs[name], name in program.wrt) for name in program.inputs}
        slots: list[Any] = [None] * len(program.steps)
        for name, k in sources.items():
            slots[k] = leaves[name]
        for k, value in constants:
            slots[k] = value
        for k, function, args in plan:
            slots[k] = function(*[slots[arg] for arg in args])
        result = slots[-1]
        total = sum(result) if isinstance(result, list) else result
        if isinstance(total, TapeValue):
            total.backward()
        value = _collect(result, program.steps[-1].shape, data_of)
        grads = (_collect(leaves[name], np.shape(inputs[name]), operator.attrgetter("grad")) for name in program.wrt)
        return value, tuple(grads)

    return call


def _flat(value: Any, shape: tuple[int, ...]) -> Any:
    """A constant as a number or a flat list of numbers."""
    return np.broadcast_to(value, shape).ravel().tolist() if shape else value


def _leaf(value: Any, differentiated: bool) -> Any:
    """An input as the tape takes it: a number or a flat list of numbers, on the tape if it is differentiated."""
    numbers = np.reshape(value, -1).tolist() if np.ndim(value) else float(value)
    if not differentiated:
        return numbers
    return list(map(TapeValue, numbers)) if isinstance(numbers, list) else TapeValue(numbers)


def _collect(value: Any, shape: tuple[int, ...], read: Callable[[Any], float]) -> Any:
    return np.array(list(map(read, value)), dtype=float).reshape(shape) if shape else float(read(value))


def refuses(workload: Workload, inputs: Inputs) -> str:
    """Why this workload is not tried: an unknown op, or too many objects. Empty if it is."""
    program = steps_of(workload, inputs)
    count = elements_computed(program)
    too_many = f"needs {count:,} objects a call, more than {MAX_VALUES:,}" if count > MAX_VALUES else ""
    return unknown_op(program, ELEMENTWISE.keys() | REDUCTIONS.keys()) or too_many
