"""What is known of a kernel's values before it is printed: who reads each, and which may be Python's own floats."""

from __future__ import annotations

from gradc.ir.ops import OPS
from gradc.loops.ir import Accumulator, Apply, Expression, For, Let, Number, Statement, Variable, every, read_by
from gradc.loops.support import CALLED


def plain_values(statements: list[Statement]) -> set[Let]:
    """Values that may be Python's own floats when Numba is absent: made of numbers, scalar inputs and totals alone."""
    plain: set[Let] = set()
    for statement in every(statements):
        if isinstance(statement, Let) and isinstance(statement.value, Apply):
            op, args = statement.value.op, statement.value.args
            if op in ("where", "gate"):
                found = op == "gate" or any(is_plain(arg, plain) for arg in args[1:])
            elif op in RAISING and not by_number(statement.value):
                found = False
            else:
                found = op in _PYTHON_CALLS or (op not in _NUMPY_CALLS and all(is_plain(arg, plain) for arg in args))
            if found:
                plain.add(statement)
    return plain


def is_plain(value: Expression, plain: set[Let]) -> bool:
    return isinstance(value, (Variable, Number, Accumulator)) or value in plain


def by_number(value: Apply) -> bool:
    """Whether this divides by a number that is not zero."""
    divisor = value.args[1]
    return value.op != "power" and isinstance(divisor, Number) and divisor.value != 0


RAISING = ("div", "floordiv", "mod", "power")
"""Ops for which Python's own floats raise where IEEE arithmetic gives infinity or NaN; NumPy's do not."""

_PYTHON_CALLS = {name for name, row in OPS.items() if row.python.startswith("math.")} | set(CALLED)
_NUMPY_CALLS = {name for name, row in OPS.items() if row.python.startswith("np.")} | {
    "cast", "maximum", "minimum", "clamp_min", "clamp_max",
}  # fmt: skip


def readers(statements: list[Statement]) -> dict[Let, list[list[Statement]]]:
    """For each value, the bodies that read it, once for each reading; a value that is squared is read twice."""
    found: dict[Let, list[list[Statement]]] = {}
    stack = [statements]
    while stack:
        body = stack.pop()
        for statement in body:
            computed = statement.value if isinstance(statement, Let) else None
            is_square = isinstance(computed, Apply) and computed.op == "square"
            for value in read_by(statement):
                if isinstance(value, Let):
                    found.setdefault(value, []).extend([body] * (2 if is_square else 1))
            if isinstance(statement, For):
                stack.append(statement.body)
    return found
