"""Side conditions of rules, by the first letter of a name: numbers, exponentials, sums of squares."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from gradc.ir.graph import Node
from gradc.ir.ops import ROWS
from gradc.ir.squares import SQUARES, is_sum_of_squares
from gradc.language.record import dataclass

OVERFLOWING = frozenset(row.name for row in ROWS if row.overflows)
EXPONENTIALS = frozenset(row.name for row in ROWS if row.exponential)
POSITIVE = frozenset(row.name for row in ROWS if row.keeps_positive or row.keeps_elements)
MAX_VISITED = 1000
"""Nodes that a question about a value looks at before the answer is no."""


@dataclass(frozen=True)
class SideCondition:
    """What a value has to be: the op that it may end in, and a question about it."""

    ops: frozenset[str]
    holds: Callable[[Node], bool]


def _number(holds: Callable[[float], bool]) -> SideCondition:
    return SideCondition(
        frozenset({"const"}), lambda node: node.op == "const" and node.type.is_float and holds(node.value)
    )


def is_short(x: float) -> bool:
    """Whether sums and products of two such numbers are exact."""
    return abs(x) < 2**20 and (x * 2**20).is_integer()


def is_positive(node: Node, one_of: frozenset[str] = frozenset()) -> bool:
    """Whether a value is made of positive numbers and exponentials only, by ops that keep it positive.

    With `one_of`, one of its exponentials has to be one of these ops, and more than one that is scaled already.
    """
    stack, seen, found = [node], 0, not one_of
    while stack:
        part = stack.pop()
        seen += 1
        if part.op in EXPONENTIALS:
            found = found or (part.op in one_of and (part is not node or part.op != "exp_shifted"))
        elif part.op == "sum" and part.args[0].op == "exp_shifted":
            continue  # scaled already
        elif part.op == "where" and part.args[2].op == "const" and part.args[2].value == 0:
            stack.append(part.args[1])
        elif part.op in POSITIVE and part.op != "where" and seen < MAX_VISITED:
            stack += part.args if part.row.kind == "elementwise" and part.op != "power" else part.args[:1]
        elif part.op != "size" and not (part.op == "const" and part.type.is_float and 0 < part.value < inf):
            return False
    return found


SIDE_CONDITIONS: dict[str, SideCondition] = {
    "k": _number(lambda x: 0 < x < inf),
    "n": _number(lambda x: -inf < x < 0),
    "i": _number(is_short),
    "j": _number(is_short),
    "p": SideCondition(EXPONENTIALS | POSITIVE | {row.name for row in ROWS if row.is_number}, is_positive),
    "e": SideCondition(EXPONENTIALS | POSITIVE, lambda node: is_positive(node, EXPONENTIALS)),
    "u": SideCondition(OVERFLOWING | POSITIVE, lambda node: is_positive(node, OVERFLOWING)),
    "q": SideCondition(SQUARES | {"square"}, is_sum_of_squares),
}
"""By first letter: positive and negative numbers, numbers with exact sums (`i`, `j`), positive values, those with an
exponential in them (`e`), those with one that overflows (`u`), sums of squares (`q`)."""

NUMBERS = ("k", "n", "i", "j")
"""Those that are met by numbers written in the program."""
