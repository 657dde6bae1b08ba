"""What is known of a kernel's values before it is printed: who reads each, and which may be Python's own floats."""

from __future__ import annotations

from gradc.ir.ops import OPS
from gradc.loops.ir import Accumulator, Apply, Expression, For, Let, Number, Statement, Variable, every, read_by
from gradc.loops.support import elementary


def plain_values(statements: list[Statement], looped: set[Apply]) -> set[Let]:
    """Values that may be Python's own floats when Numba is absent: made of numbers, scalar inputs and totals alone."""
    plain: set[Let] = set()
    for statement in every(statements):
        if isinstance(statement, Let) and isinstance(statement.value, Apply):
            row, args = OPS[statement.value.op], statement.value.args
            if elementary(statement.value.op) and statement.value in looped:
                found = any(is_plain(arg, plain) for arg in args)  # which may be the result
            elif row.selects:
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
    return isinstance(value, (Variable, Number, Accumulator)) or value in plain


def by_number(value: Apply) -> bool:
    """Whether this divides by a number that is not zero."""
    divisor = value.args[1]
    return value.op != "power" and isinstance(divisor, Number) and divisor.value != 0


NUMPY_CALLS = ("np.", "{dtype}")
"""What gives a number of NumPy's, whatever its arguments are."""
PYTHON_CALLS = ("math.", "_")
"""What gives a float of Python's, whatever its arguments are."""


def readers(statements: list[Statement]) -> dict[Let, list[list[Statement]]]:
    """For each value, the bodies that read it, once for each reading; a value that is squared is read twice."""
    found: dict[Let, list[list[Statement]]] = {}
    stack = [statements]
    while stack:
        body = stack.pop()
        for statement in body:
            computed = statement.value if isinstance(statement, Let) else None
            times = OPS[computed.op].python.count("{0}") if isinstance(computed, Apply) else 1
            for value in read_by(statement):
                if isinstance(value, Let):
                    found.setdefault(value, []).extend([body] * times)
            if isinstance(statement, For):
                stack.append(statement.body)
    return found
