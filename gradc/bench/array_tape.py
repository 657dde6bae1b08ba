"""The naive NumPy tape: the scalar tape with arrays in place of numbers.

Each `Tensor` remembers its parents and a closure; gradients of operands that were broadcast are summed back to
their shape. This is what one writes after the scalar tape, and how most small autodiff packages begin.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradc.bench.program import Step, StepProgram, steps_of, unknown_op
from gradc.bench.textbook import ARRAYS, Rule, rules
from gradc.bench.workload import Answer, Inputs, Workload
from gradc.ir.interpret import reference
from gradc.ir.ops import OPS


class Tensor:
    """An array on the tape."""

    __slots__ = ("data", "grad", "hand_on", "parents")
    __array_ufunc__ = None  # so that `array + tensor` comes to `Tensor.__radd__`

    def __init__(self, data: Any, parents: tuple[Tensor, ...] = (), hand_on: Callable[[Any], None] | None = None):
        self.data = data
        self.grad: Any = None
        self.parents = parents
        self.hand_on = hand_on

    def __add__(self, other: Any) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)

        def hand_on(grad: Any) -> None:
            self.receive(grad)
            other.receive(grad)

        return Tensor(self.data + other.data, (self, other), hand_on)

    def __mul__(self, other: Any) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)

        def hand_on(grad: Any) -> None:
            self.receive(other.data * grad)
            other.receive(self.data * grad)

        return Tensor(self.data * other.data, (self, other), hand_on)

    def __sub__(self, other: Any) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)

        def hand_on(grad: Any) -> None:
            self.receive(grad)
            other.receive(-grad)

        return Tensor(self.data - other.data, (self, other), hand_on)

    def __truediv__(self, other: Any) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)
        quotient = self.data / other.data

        def hand_on(grad: Any) -> None:
            self.receive(grad / other.data)
            other.receive(-grad * quotient / other.data)

        return Tensor(quotient, (self, other), hand_on)

    def __neg__(self) -> Tensor:
        return Tensor(-self.data, (self,), lambda grad: self.receive(-grad))

    def __radd__(self, other: Any) -> Tensor:
        return self + other

    def __rmul__(self, other: Any) -> Tensor:
        return self * other

    def __rsub__(self, other: Any) -> Tensor:
        return Tensor(other) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return Tensor(other) / self

    def receive(self, grad: Any) -> None:
        """Add a gradient, summed over the axes along which this array was broadcast."""
        grad = unbroadcast(grad, np.shape(self.data))
        self.grad = grad if self.grad is None else self.grad + grad

    def backward(self) -> None:
        """Compute the gradients of this array's sum with respect to everything it was computed from."""
        order: list[Tensor] = []
        visited: set[Tensor] = set()
        stack: list[tuple[Tensor, bool]] = [(self, False)]
        while stack:
            tensor, expanded = stack.pop()
            if expanded:
                order.append(tensor)
            elif tensor not in visited:
                visited.add(tensor)
                stack.append((tensor, True))
                stack.extend((parent, False) for parent in tensor.parents)
        self.grad = np.ones(np.shape(self.data))
        for tensor in reversed(order):
            if tensor.hand_on is not None and tensor.grad is not None:
                tensor.hand_on(tensor.grad)


def unbroadcast(grad: Any, shape: tuple[int, ...]) -> Any:
    """A gradient in the shape of the operand it belongs to."""
    if np.shape(grad) == shape:
        return grad
    extra = np.ndim(grad) - len(shape)
    if extra > 0:
        grad = np.sum(grad, axis=tuple(range(extra)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 and np.shape(grad)[axis] != 1)
    return np.sum(grad, axis=stretched, keepdims=True) if stretched else grad


def data_of(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def operation(rule: Rule) -> Callable[..., Any]:
    """A function of tensors and arrays from a function of arrays and its partials."""
    forward, partials = rule

    def apply(*args: Any) -> Any:
        data = [data_of(arg) for arg in args]
        out = forward(*data)
        parents = tuple(arg for arg, d in zip(args, partials) if d is not None and isinstance(arg, Tensor))
        if not parents:
            return out

        def hand_on(grad: Any) -> None:
            for arg, derivative in zip(args, partials):
                if derivative is not None and isinstance(arg, Tensor):
                    arg.receive(derivative(*data, out) * grad)

        return Tensor(out, parents, hand_on)

    return apply


def linear(forward: Callable[[Any], Any], back: Callable[[Any], Any], x: Any) -> Any:
    """A linear function of a tensor or array, and its transpose."""
    if not isinstance(x, Tensor):
        return forward(x)
    return Tensor(forward(x.data), (x,), lambda grad: x.receive(back(grad)))


# ---------------------------------------------------------------- reductions


def reduction(
    function: Callable[..., Any], derivative: Callable[[Any, Any, tuple[int, ...]], Any]
) -> Callable[..., Any]:
    """From `function(x, axis=, keepdims=)` and its derivative as a function of (x, out, axes); out has all axes."""

    def apply(x: Any, axes: tuple[int, ...]) -> Any:
        data = data_of(x)
        kept = function(data, axis=axes, keepdims=True)
        out = np.squeeze(kept, axis=axes)[()]
        if not isinstance(x, Tensor):
            return out
        return Tensor(out, (x,), lambda grad: x.receive(derivative(data, kept, axes) * np.expand_dims(grad, axes)))

    return apply


def _logsumexp(x: Any, **axes: Any) -> Any:
    largest = np.max(x, **axes)
    return np.log(np.sum(np.exp(x - largest), **axes)) + largest


def _winners(x: Any, out: Any, axes: tuple[int, ...]) -> Any:
    return (x == out) / np.sum(x == out, axis=axes, keepdims=True)


RULES = rules(ARRAYS)
CONDITIONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip
ELEMENTWISE: dict[str, Callable[..., Any]] = {
    **{name: operation(rule) for name, rule in RULES.items()},
    **{name: operation((function, (None, None))) for name, function in CONDITIONS.items()},
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "square": lambda x: x * x,
}
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": reduction(np.sum, lambda x, out, axes: np.ones(np.shape(x))),
    "prod": reduction(np.prod, lambda x, out, axes: out / x),
    "max": reduction(np.max, _winners),
    "min": reduction(np.min, _winners),
    "logsumexp": reduction(_logsumexp, lambda x, out, axes: np.exp(x - out)),
    "norm": reduction(lambda x, **axes: np.sqrt(np.sum(x * x, **axes)), lambda x, out, axes: x / out),
    "any": lambda x, axes: np.any(data_of(x), axis=axes),
    "all": lambda x, axes: np.all(data_of(x), axis=axes),
}


# ---------------------------------------------------------------- a program over tensors


def _movement(step: Step, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    forward = reference(OPS[step.op].numpy)
    attrs = step.attrs

    def move(x: Any) -> Any:
        return forward(x, *attrs)

    def back(grad: Any) -> Any:
        if step.op == "broadcast":
            kept = attrs[1]
            return np.sum(grad, axis=tuple(axis for axis in range(len(step.shape)) if axis not in kept))
        if step.op == "slice":
            whole = np.zeros(shape)
            move(whole)[...] = grad
            return whole
        if step.op == "pad":
            return reference(OPS["slice"].numpy)(grad, attrs[0])
        if step.op == "transpose":
            return np.transpose(grad, np.argsort(attrs[0]))
        if step.op == "cumsum":
            return forward(grad, attrs[0], not attrs[1])
        return np.reshape(grad, shape)

    return lambda x: linear(move, back, x)


def _contraction(step: Step) -> Callable[[Any, Any], Any]:
    x_labels, y_labels, labels = step.attrs
    contract = reference(OPS["contract"].numpy)

    def product(x: Any, y: Any) -> Any:
        x_data, y_data = data_of(x), data_of(y)

        def hand_on(grad: Any) -> None:
            if isinstance(x, Tensor):
                x.receive(contract(grad, y_data, labels, y_labels, x_labels))
            if isinstance(y, Tensor):
                y.receive(contract(x_data, grad, x_labels, labels, y_labels))

        out = contract(x_data, y_data, x_labels, y_labels, labels)
        parents = tuple(side for side in (x, y) if isinstance(side, Tensor))
        return Tensor(out, parents, hand_on) if parents else out

    return product


def _gather(step: Step) -> Callable[[Any, Any], Any]:
    forward = reference(OPS[step.op].numpy)
    scatter = reference(OPS[{"take": "put", "take_along": "put_along"}[step.op]].numpy)
    (axis,) = step.attrs

    def pick(x: Any, index: Any) -> Any:
        at = np.asarray(data_of(index), dtype=np.int64)
        shape = np.shape(data_of(x))
        return linear(lambda data: forward(data, at, axis), lambda grad: scatter(grad, at, axis, shape), x)

    return pick


def _is_left_to_numpy(step: Step) -> bool:
    """Whether a broadcast is one that NumPy does by itself: of a number, or adding leading axes."""
    rank = len(step.shape)
    return step.op == "broadcast" and step.attrs[1] == tuple(range(rank - len(step.attrs[1]), rank))


def _operands(program: StepProgram, step: Step, number_slots: dict[int, int]) -> tuple[int, ...]:
    """The slots an elementwise op reads. As one writes them: numbers stay numbers, NumPy does the broadcasting."""
    steps = program.steps
    bare: list[int] = []
    shapes: list[tuple[int, ...]] = []
    for arg in step.args:
        if arg in number_slots:
            bare.append(number_slots[arg])
            shapes.append(())
        else:
            bare.append(steps[arg].args[0] if _is_left_to_numpy(steps[arg]) else arg)
            shapes.append(steps[bare[-1]].shape)
    return tuple(bare) if np.broadcast_shapes(*shapes) == step.shape else step.args


def prepare(workload: Workload, inputs: Inputs) -> Callable[[], Answer]:
    """The tape for a program: a call builds it, walks it back and collects the gradients."""
    program = steps_of(workload, inputs)
    steps = program.steps
    last = len(steps) - 1
    written = [k for k, step in enumerate(steps) if step.kind == "source" and step.op != "input"]
    numbers = [k for k in written if np.ndim(steps[k].value) == 0]
    number_slots = {k: len(steps) + n for n, k in enumerate(numbers)}
    constants = [(k, np.array(np.broadcast_to(steps[k].value, steps[k].shape))[()]) for k in written]
    constants += [(number_slots[k], steps[k].value) for k in numbers]
    sources = {step.attrs[0]: k for k, step in enumerate(steps) if step.op == "input"}
    plan = [(k, *_planned(program, step, number_slots)) for k, step in enumerate(steps) if step.kind != "source"]
    read = {arg for _, _, args in plan for arg in args} | {last}
    plan = [entry for entry in plan if entry[0] in read]

    def call() -> Answer:
        leaves = {name: _leaf(inputs[name], name in program.wrt) for name in program.inputs}
        slots: list[Any] = [None] * (len(steps) + len(numbers))
        for name, k in sources.items():
            slots[k] = leaves[name]
        for k, value in constants:
            slots[k] = value
        for k, function, args in plan:
            slots[k] = function(*[slots[arg] for arg in args])
        result = slots[last]
        if isinstance(result, Tensor):
            result.backward()
        return data_of(result), tuple(_gradient(leaves[name]) for name in program.wrt)

    return call


def _planned(
    program: StepProgram, step: Step, number_slots: dict[int, int]
) -> tuple[Callable[..., Any], tuple[int, ...]]:
    """What computes a step, and the slots it reads."""
    if step.kind == "elementwise":
        return ELEMENTWISE[step.op], _operands(program, step, number_slots)
    if step.kind == "reduction":
        return _along(REDUCTIONS[step.op], step.attrs[0]), step.args
    if step.kind == "contraction":
        return _contraction(step), step.args
    if step.kind == "gather":
        return _gather(step), step.args
    return _movement(step, program.steps[step.args[0]].shape), step.args


def refuses(workload: Workload, inputs: Inputs) -> str:
    """Why this workload is not tried: an op that the tape does not know. Empty if it is."""
    return unknown_op(steps_of(workload, inputs), ELEMENTWISE.keys() | REDUCTIONS.keys())


def _along(function: Callable[..., Any], axes: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda x: function(x, axes)


def _leaf(value: Any, differentiated: bool) -> Any:
    """An input as the tape takes it, on the tape if it is differentiated; numbers with NumPy's manners."""
    value = np.float64(value) if isinstance(value, float) else value
    return Tensor(value) if differentiated else value


def _gradient(leaf: Tensor) -> Any:
    return np.zeros(np.shape(leaf.data)) if leaf.grad is None else leaf.grad
