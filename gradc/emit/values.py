"""What is known of a kernel's values before it is printed: who reads each, and which may be Python's own floats."""

from __future__ import annotations

from collections.abc import Iterator

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
            row, args = OPS[statement.value.op], statement.value.args
            if row.selects:
                found = "{zero}" in row.python or any(is_plain(arg, plain) for arg in args[row.conditions :])
            elif row.raises and not by_number(statement.value):
                found = False
            elif row.python.startswith(NUMPY_CALLS):
                found = False
            else:
                found = row.python.startswith(PYTHON_CALLS) or all(is_plain(arg, plain) for arg in args)
            if found:
                plain.add(statement)
    return plain


def is_plain(value: Expression, plain: set[Let]) -> bool:
    return isinstance(value, (Variable, Number, Total)) or value in plain


def by_number(value: Apply) -> bool:
    """Whether this divides by a number that is not zero."""
    divisor = value.args[1]
    return value.op != "power" and isinstance(divisor, Number) and divisor.value != 0


NUMPY_CALLS = ("np.", "{dtype}")
"""What gives a number of NumPy's, whatever its arguments are."""
PYTHON_CALLS = ("math.", "_")
"""What gives a float of Python's, whatever its arguments are."""


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
            times = OPS[computed.op].python.count("{0}") if isinstance(computed, Apply) else 1
            for value in values_of(statement) * times:
                if isinstance(value, Let):
                    found.setdefault(value, []).append(body)
            if isinstance(statement, For | ForTiles):
                stack.append(statement.body)
    return found
