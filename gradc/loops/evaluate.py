"""What the loop IR means: every statement carried out with NumPy, one element at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradc.elementary import python
from gradc.ir.affine import Affine
from gradc.ir.interpret import reference
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size, evaluate
from gradc.ir.types import DTYPES
from gradc.loops import support
from gradc.loops.ir import (
    Accumulator,
    Allocate,
    Apply,
    Carry,
    Cell,
    Choose,
    Close,
    Combine,
    CombineExactly,
    Define,
    Expression,
    Extent,
    Fill,
    For,
    Guard,
    IndexValue,
    InRange,
    Kernel,
    Leave,
    Let,
    Load,
    Number,
    Open,
    Place,
    Product,
    Range,
    Reshape,
    Return,
    Routine,
    Settled,
    Statement,
    Store,
    Tabulate,
    Target,
    Update,
    Variable,
    View,
    looped,
)


def run(kernel: Kernel, arguments: Sequence[Any]) -> list[Any]:
    """The outputs of a kernel for arrays and scalars in the order of its inputs. Raises ValueError and IndexError as
    the kernel's guards say."""
    with np.errstate(all="ignore"):
        return _Run(kernel, arguments).result


class _Run:
    def __init__(self, kernel: Kernel, arguments: Sequence[Any]):
        self.types = kernel.arrays
        self.looped = looped(kernel.body)
        self.arrays: dict[str, np.ndarray] = {}
        self.scalars: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}
        self.values: dict[Let | Cell, Any] = {}
        self.result: list[Any] = []
        for node, argument in zip(kernel.inputs, arguments, strict=True):
            if node.shape:
                self.arrays[node.name] = argument
            else:
                self.scalars[node.name] = DTYPES[node.type.dtype].type(argument)
        self._body(kernel.body)

    def _body(self, body: list[Statement]) -> bool:
        """Carry out statements; whether their loop is left."""
        for statement in body:
            if isinstance(statement, Leave):
                return bool(self._value(statement.condition))
            self._statement(statement)
        return False

    def _statement(self, statement: Statement) -> None:
        match statement:
            case Let():
                self.values[statement] = self._value(statement.value)
            case Store():
                if statement.condition is None or self._value(statement.condition):
                    self.arrays[statement.array][self._place(statement.index)] = self._value(statement.value)
            case Combine():
                self._set(statement.target, self._combined(statement))
            case For():
                steps = range(self._size(statement.start), self._size(statement.stop), self._size(statement.step))
                for self.sizes[statement.variable] in steps:
                    if self._body(statement.body):
                        break
            case CombineExactly():
                total, error = self._value(statement.total), self._value(statement.error)
                total, error = support._two_sum(total, error, self._value(statement.value))
                self._set(statement.total, total)
                self._set(statement.error, error)
            case Open():
                self.values[statement.cell] = self._value(statement.value)
            case Close():
                total = self.values[statement.total]
                if statement.error is not None:
                    total = support._settle(total, self.values[statement.error])
                self.values[statement.total] = DTYPES[statement.total.dtype].type(total)
            case Update():
                values = [self._value(value) for value in statement.values]
                self.values.update(zip(statement.carries, values))
            case Define():
                value = statement.value
                whole = int(self._value(value)) if isinstance(value, Extent | Let) else self._size(value)
                self.sizes[statement.name] = whole
            case Guard():
                if self._value(statement.wrong):
                    raise {"ValueError": ValueError, "IndexError": IndexError}[statement.error](statement.message)
            case Allocate():
                self.arrays[statement.array] = (np.zeros if statement.zeros else np.empty)(
                    self._shape(statement.array), DTYPES[self.types[statement.array].dtype]
                )
            case Tabulate():
                numbers = np.array(statement.values, DTYPES[self.types[statement.array].dtype])
                self.arrays[statement.array] = numbers.reshape(self._shape(statement.array))
            case Reshape():
                made = np.ascontiguousarray(self.arrays[statement.source]).reshape(self._shape(statement.array))
                self.arrays[statement.array] = made.copy() if statement.copied else made
            case Choose():
                number = self._size(statement.number)
                others = self.arrays[statement.others]
                self.arrays[statement.array] = others[number - 1] if number else self.arrays[statement.first]
            case Fill():
                self.arrays[statement.view.array][self._parts(statement.view)] = statement.value.value
            case Product():
                self._product(statement)
            case Routine():
                self._routine(statement)
            case Return():
                self.result = [self.arrays[v] if isinstance(v, str) else self._value(v) for _, v in statement.values]

    def _combined(self, statement: Combine) -> Any:
        target = statement.target
        dtype = target.running_dtype if isinstance(target, Accumulator) else target.dtype
        return scalar(OPS[statement.op].combine, dtype)(self._value(target), self._value(statement.value))

    def _set(self, target: Target, value: Any) -> None:
        if isinstance(target, Load):
            self.arrays[target.array][self._place(target.index)] = value
        else:
            self.values[target] = value

    def _product(self, statement: Product) -> None:
        left, right = statement.left, statement.right
        sides = [self._side(left), self._side(right)]
        if left.absent or right.absent:
            product = support._sparse_dot(sides[0], sides[1], left.absent, right.absent)
        else:
            product = np.dot(*sides)
        target = statement.target
        if statement.error:
            total, error = self.arrays[target.array], self.arrays[statement.error]
            support._add_matrix(total, error, product, self._size(statement.before))
        elif all(part is None for part in target.parts):
            self.arrays[target.array] = product
        else:
            self.arrays[target.array][self._parts(target)] = product

    def _routine(self, statement: Routine) -> None:
        sources = [self.arrays[source] for source in statement.sources]
        if 0 not in sources[0].shape[:-2]:
            self.arrays[statement.array][...] = reference(OPS[statement.op].numpy)(*sources)

    def _side(self, view: View) -> np.ndarray:
        part = self.arrays[view.array][self._parts(view)]
        if any(part is not None for part in view.parts[1:]):  # BLAS wants elements side by side
            part = np.ascontiguousarray(part)
        return part.T if view.transposed else part

    # ------------------------------------------------------------ values

    def _value(self, value: Expression) -> Any:
        match value:
            case Let() | Accumulator() | Carry():
                return self.values[value]
            case Number():
                return DTYPES[value.dtype].type(value.value)
            case Load():
                return self.arrays[value.array][self._place(value.index)]
            case Apply():
                function = elementary(value.op, value.dtype) if value in self.looped else None
                return (function or scalar(value.op, value.dtype))(*map(self._value, value.args))
            case IndexValue():
                return DTYPES[value.dtype].type(self._index(value.at))
            case Variable():
                return self.scalars[value.name]
            case Extent():
                return self.arrays[value.array].shape[value.axis]
            case Settled():
                return support._settle(self._value(value.total), self._value(value.error))
            case InRange():
                size = self._size(value.size)
                return -size <= self._value(value.index) < size

    # ------------------------------------------------------------ whole numbers

    def _size(self, size: Size) -> int:
        return size if isinstance(size, int) else evaluate(size, self.sizes)

    def _shape(self, array: str) -> tuple[int, ...]:
        return tuple(map(self._size, self.types[array].shape))

    def _index(self, at: Affine | Let) -> int:
        if isinstance(at, Let):
            return int(self.values[at])
        offset = self._size(at.offset)
        return offset if at.var is None else at.step * self.sizes[at.var] + offset

    def _place(self, place: Place) -> tuple[int, ...]:
        return tuple(map(self._index, place))

    def _parts(self, view: View) -> tuple[int | slice, ...]:
        return tuple(
            slice(None)
            if part is None
            else slice(self._size(part.start), self._size(part.stop))
            if isinstance(part, Range)
            else self._index(part)
            for part in view.parts
        )


@cache
def elementary(op: str, dtype: str) -> Callable[..., Any] | None:
    """The function of arithmetic that loops call for an op; it computes in f64."""
    if not support.elementary(op):
        return None
    function, kind = python.function(op), DTYPES[dtype].type
    return lambda *args: kind(function(*map(np.float64, args)))


@cache
def scalar(op: str, dtype: str) -> Callable[..., Any]:
    """An op on numbers, as the `python` column of the op table has it, with a result of NumPy's type."""
    row = OPS[op]
    template = row.of_integers if dtype == "i64" and row.of_integers else row.python
    names = [f"x{k}" for k in range(len(row.params))]
    kind = f"np.{DTYPES[dtype].type.__name__}"
    text = f"lambda {', '.join(names)}: {kind}({template.format(*names, dtype=kind, zero=f'{kind}(0)')})"
    return eval(text, _NAMESPACE)  # the table's text, no one else's


_NAMESPACE: dict[str, Any] = {
    "np": np,
    "math": math,
    **{name: value for name, value in vars(support).items() if name in support.HELPERS},
}
