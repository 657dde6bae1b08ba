"""Expressions of the loop IR to Python: values, sizes and elements of arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gradc.emit.values import by_number, is_plain, plain_values
from gradc.ir.affine import Affine
from gradc.ir.ops import OPS
from gradc.ir.own import SYMBOL
from gradc.ir.sizes import CALLED, Derived, Size
from gradc.loops.ir import (
    Accumulator,
    Apply,
    Carry,
    Cell,
    Expression,
    Extent,
    IndexValue,
    InRange,
    Kernel,
    Let,
    Load,
    Number,
    Place,
    Settled,
    Variable,
    every,
    looped,
)
from gradc.loops.support import NUMPY_CALL, elementary

DTYPES = {"f64": "np.float64", "f32": "np.float32", "i64": "np.int64", "bool": "np.bool_"}

PRECEDENCE = {
    "if": 0, "or": 1, "and": 2, "not ": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "-x": 7, "**": 8,
}  # fmt: skip
ATOM = 9
CONDITIONAL = re.compile("(.+) if (.+) else (.+)")
MAX_CONDITIONALS = 16
"""A function with more selections calls a helper for each: Numba takes quadratic time in the number of branches."""
MAX_CALLS = 64
"""A function with more calls of NumPy's functions calls wrappers of these: each call is a loop to Numba at first."""
HELPER = re.compile(r"\b_\w+(?=\()")
"""A helper function that a template calls."""


@cache
def binding(template: str) -> tuple[int, tuple[int, ...]]:
    """How tightly what a template writes binds, and how tightly each argument has to, or gets parentheses."""
    count = 1 + max(map(int, re.findall(r"{(\d)}", template)))
    if "(" in template:
        return ATOM, (0,) * count
    sign, *_ = re.sub(r"{\w+}", " ", template).split()
    if sign == "if":
        return PRECEDENCE["if"], (1,) * count
    if not template.startswith("{"):
        level = PRECEDENCE["-x" if sign == "-" else f"{sign} "]
        return level, (level,) * count
    level = PRECEDENCE[sign]
    left = level + 1 if sign == "**" or level == PRECEDENCE["<"] else level
    right = level if sign in ("and", "or") else level + 1
    return level, (left, right) if count == 2 else (max(left, right),)


@dataclass(frozen=True)
class Text:
    """A piece of Python and how tightly it binds."""

    text: str
    precedence: int = ATOM

    def within(self, precedence: int) -> str:
        return self.text if self.precedence >= precedence else f"({self.text})"


class Expressions:
    """What the expressions of a kernel look like: the names of inputs, arrays, sizes and loop variables, and the text
    of each value that has been printed."""

    def __init__(self, kernel: Kernel, parameters: Mapping[str, str]):
        self.parameters = parameters
        self.arrays = dict(parameters)
        self.whole: dict[str, str] = {}
        self.formulas: dict[Derived, str] = {}
        """Names for formulas of sizes."""
        self.text: dict[Let | Cell, Text] = {}
        self.calls: set[str] = set()
        self.looped = looped(kernel.body)
        self.plain = plain_values(kernel.body, self.looped)
        applied = [s.value for s in every(kernel.body) if isinstance(s, Let) and isinstance(s.value, Apply)]
        self.is_branching = sum(OPS[value.op].selects for value in applied) > MAX_CONDITIONALS
        self.is_calling = sum(OPS[value.op].python.startswith("np.") for value in applied) > MAX_CALLS

    def _show(self, value: Expression) -> Text:
        if isinstance(value, (Let, Accumulator, Carry)):
            return self.text[value]
        return self._expression(value)

    def _expression(self, value: Expression) -> Text:
        match value:
            case Number():
                return self._number(value)
            case IndexValue():
                return self._index_value(value)
            case Extent():
                return Text(f"{self.arrays[value.array]}.shape[{value.axis}]")
            case Settled():
                self.calls.add("_settle")
                return Text(f"_settle({self._show(value.total).text}, {self._show(value.error).text})")
            case InRange():
                size = self._size(value.size)
                size = f"({size})" if isinstance(value.size, Derived) else size
                return Text(f"-{size} <= {self._show(value.index).text} < {size}", PRECEDENCE["<"])
            case Variable():
                return Text(self.parameters[value.name])
            case Load():
                return Text(self._element(value.array, value.index))
            case Apply():
                return self._apply(value)
        return self._show(value)

    def _index_value(self, value: IndexValue) -> Text:
        text = self._affine(value.at)
        if value.dtype == "i64" and value.at.var is not None:
            return Text(text if text.isidentifier() else f"({text})")
        return Text(f"{DTYPES[value.dtype]}({text})")

    def _condition(self, value: Expression) -> Text:
        """A condition; sizes are compared as Python's own integers."""
        if isinstance(value, Apply) and all(isinstance(arg, IndexValue | Extent) for arg in value.args):
            left, right = (
                self._affine(arg.at) if isinstance(arg, IndexValue) else self._show(arg).text for arg in value.args
            )
            return Text(OPS[value.op].python.format(left, right), PRECEDENCE["<"])
        return self._show(value)

    @staticmethod
    def _number(value: Number) -> Text:
        if value.dtype == "bool":
            return Text(repr(bool(value.value)))
        if value.dtype == "i64":
            return Text(repr(int(value.value)))
        number = float(value.value)
        text = "np.nan" if math.isnan(number) else "np.inf" if math.isinf(number) else repr(abs(number))
        negative = math.copysign(1.0, number) < 0 and not math.isnan(number)
        if value.dtype == "f32":
            return Text(f"np.float32({'-' * negative}{text})")
        return Text(f"-{text}", PRECEDENCE["-x"]) if negative else Text(text)

    def _apply(self, value: Apply) -> Text:
        args = [self._show(arg) for arg in value.args]
        if OPS[value.op].raises and all(is_plain(arg, self.plain) for arg in value.args) and not by_number(value):
            args[0] = Text(f"{DTYPES[value.dtype]}({args[0].text})")
        row = OPS[value.op]
        is_careful = value.dtype == "i64" and row.of_integers and not _by_safe_number(value)
        template = row.of_integers if is_careful else row.python
        function = (
            elementary(value.op) if value in self.looped or row.python.startswith(f"{elementary(value.op)}(") else ""
        )
        function = f"_scipy_{row.scipy}" if row.scipy else f"{SYMBOL}{value.op}" if row.owned else function
        if function:
            of_f64 = "{}" if value.dtype == "f64" else "np.float64({})"
            template = f"{function}({', '.join(of_f64.format(f'{{{k}}}') for k in range(len(args)))})"
            template = template if value.dtype == "f64" else f"{DTYPES[value.dtype]}({template})"
        if row.selects and self.is_branching:
            template = CONDITIONAL.sub(r"_select(\2, \1, \3)", template)
        elif self.is_calling:
            template = NUMPY_CALL.sub(r"_np_\1(\2)", template)
        self.calls.update(HELPER.findall(template))
        level, within = binding(template)
        texts = [arg.within(least) for arg, least in zip(args, within)]
        zero = self._number(Number(0.0, value.dtype)).text
        return Text(template.format(*texts, dtype=DTYPES[value.dtype], zero=zero), level)

    # ------------------------------------------------------------ sizes and indices

    def _size(self, size: Size) -> str:
        """A formula in the function's own names."""
        if isinstance(size, Derived):
            if size in self.formulas:
                return self.formulas[size]
            if size.op == "root":
                return f"int(np.sqrt({self._size(size.left)}))"
            if size.op in CALLED:
                return f"{size.op}({', '.join(self._operands(size, size.op))})"
            return f"{self._operand(size.left)} {size.op} {self._operand(size.right)}"
        return self.whole.get(size, size) if isinstance(size, str) else str(size)

    def _operand(self, size: Size) -> str:
        return (
            f"({self._size(size)})"
            if isinstance(size, Derived) and size.op not in CALLED and size not in self.formulas
            else self._size(size)
        )

    def _operands(self, size: Size, op: str) -> list[str]:
        """What the largest or the smallest is taken of."""
        if isinstance(size, Derived) and size.op == op:
            return [*self._operands(size.left, op), self._size(size.right)]
        return [self._size(size)]

    def _element(self, array: str, index: Place) -> str:
        return f"{self.arrays[array]}[{', '.join(map(self._affine, index))}]"

    def _affine(self, at: Affine | Let) -> str:
        if isinstance(at, Let):
            return self._show(at).text
        offset = self._size(at.offset)
        if at.var is None:
            return offset
        variable = self.whole[at.var]
        scaled = {1: variable, -1: f"-{variable}"}.get(at.step, f"{at.step} * {variable}")
        if at.offset == 0:
            return scaled
        if at.step < 0:
            rest = variable if at.step == -1 else f"{-at.step} * {variable}"
            return f"{offset} - {rest}"
        return f"{scaled} - {-at.offset}" if isinstance(at.offset, int) and at.offset < 0 else f"{scaled} + {offset}"


def _by_safe_number(value: Apply) -> bool:
    """Whether integers are divided by a number for which that always has an answer."""
    divisor = value.args[1]
    return isinstance(divisor, Number) and divisor.value not in (0, -1)
