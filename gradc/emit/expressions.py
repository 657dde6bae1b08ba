"""Expressions of the loop IR to Python: values, sizes and elements of arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gradc.emit.values import by_number, is_plain, plain_values
from gradc.ir.access import Affine
from gradc.ir.ops import OPS
from gradc.ir.sizes import Size, names, substitute
from gradc.schedule.loops import (
    Apply,
    Carry,
    Expression,
    Extent,
    Kernel,
    Let,
    Load,
    Number,
    Place,
    Position,
    Total,
    Variable,
)

DTYPES = {"f64": "np.float64", "f32": "np.float32", "i64": "np.int64", "bool": "np.bool_"}

PRECEDENCE = {
    "if": 0, "or": 1, "and": 2, "not ": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "==": 4, "!=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "-x": 7, "**": 8,
}  # fmt: skip
ATOM = 9
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
        self.sizes: dict[str, str] = {}
        self.used_sizes: set[str] = set()
        self.variables: dict[str, str] = {}
        self.text: dict[Let | Total | Carry, Text] = {}
        self.calls: set[str] = set()
        self.plain = plain_values(kernel.statements)

    def _show(self, value: Expression) -> Text:
        if isinstance(value, (Let, Total, Carry)):
            return self.text[value]
        return self._expression(value)

    def _expression(self, value: Expression) -> Text:
        match value:
            case Number():
                return self._number(value)
            case Extent():
                size = self._size(value.size)
                return Text(f"{DTYPES[value.dtype]}({size})")
            case Position():
                return self._position(value)
            case Variable():
                return Text(self.parameters[value.name])
            case Load():
                return Text(self._element(value.array, value.index))
            case Apply():
                return self._apply(value)
        return self._show(value)

    def _position(self, value: Position) -> Text:
        text = self._affine(value.at)
        if value.dtype == "i64":
            return Text(text if text.isidentifier() else f"({text})")
        return Text(f"{DTYPES[value.dtype]}({text})")

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
        self.calls.update(HELPER.findall(template))
        level, within = binding(template)
        texts = [arg.within(least) for arg, least in zip(args, within)]
        zero = self._number(Number(0.0, value.dtype)).text
        return Text(template.format(*texts, dtype=DTYPES[value.dtype], zero=zero), level)

    # ------------------------------------------------------------ sizes and indices

    def _size(self, size: Size) -> str:
        return str(self._named(size))

    def _named(self, size: Size) -> Size:
        """The size in terms of the function's own names."""
        self.used_sizes.update(names(size))
        return substitute(size, self.sizes)

    def _element(self, array: str, index: Place) -> str:
        return f"{self.arrays[array]}[{', '.join(map(self._affine, index))}]"

    def _affine(self, at: Affine | Let) -> str:
        if isinstance(at, Let):
            return self._show(at).text
        offset = self._named(at.offset)
        if at.var is None:
            return str(offset)
        variable = self.variables[at.var]
        scaled = {1: variable, -1: f"-{variable}"}.get(at.step, f"{at.step} * {variable}")
        if offset == 0:
            return scaled
        if at.step < 0:
            rest = variable if at.step == -1 else f"{-at.step} * {variable}"
            return f"{offset} - {rest}"
        return f"{scaled} - {-offset}" if isinstance(offset, int) and offset < 0 else f"{scaled} + {offset}"


def _by_safe_number(value: Apply) -> bool:
    """Whether integers are divided by a number for which that always has an answer."""
    divisor = value.args[1]
    return isinstance(divisor, Number) and divisor.value not in (0, -1)
