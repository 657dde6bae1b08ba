"""What is known of a kernel's values before it is printed: who reads each, and which may be Python's own floats."""

from __future__ import annotations

from collections.abc import Iterator

from gradc.loops.support import CALLED
from gradc.ir.ops import OPS
from gradc.schedule.loops import (
    Accumulate,
    AddInto,
    Apply,
    Demand,
    Expression,
    For,
    ForTiles,
    HandOn,
    Let,
    Load,
    Number,
    Place,
    Return,
    Statement,
    Store,
    Total,
    Variable,
)


def every(statements: list[Statement]) -> Iterator[Statement]:
    """The statements and those inside them, in order."""
    stack = [iter(statements)]
    while stack:
        for statement in stack[-1]:
            yield statement
            if isinstance(statement, For | ForTiles):
                stack.append(iter(statement.body))
                break
        else:
            stack.pop()


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
    return isinstance(value, (Variable, Number, Total)) or value in plain


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


def values_of(statement: Statement) -> tuple[Expression, ...]:
    match statement:
        case Let():
            value = statement.value
            return value.args if isinstance(value, Apply) else _computed(value.index) if isinstance(value, Load) else ()
        case Store() | AddInto() | Accumulate():
            return (statement.value, *_computed(statement.index))
        case Demand():
            return (statement.condition,)
        case HandOn():
            return tuple(statement.values)
        case Return():
            return tuple(value for _, value in statement.values if not isinstance(value, str))
    return ()


def _computed(place: Place) -> tuple[Let, ...]:
    """The indices that are values."""
    return tuple(at for at in place if isinstance(at, Let))


def readers(statements: list[Statement]) -> dict[Let, list[list[Statement]]]:
    """For each value, the bodies that read it, once for each reading; a value that is squared is read twice."""
    found: dict[Let, list[list[Statement]]] = {}
    stack = [statements]
    while stack:
        body = stack.pop()
        for statement in body:
            computed = statement.value if isinstance(statement, Let) else None
            is_square = isinstance(computed, Apply) and computed.op == "square"
            for value in values_of(statement) * (2 if is_square else 1):
                if isinstance(value, Let):
                    found.setdefault(value, []).append(body)
            if isinstance(statement, For | ForTiles):
                stack.append(statement.body)
    return found
