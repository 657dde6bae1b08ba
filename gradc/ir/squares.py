"""Sums of squares, seen from their graph."""

from __future__ import annotations

from math import inf

from gradc.ir.graph import Node
from gradc.ir.ops import ROWS
from gradc.ir.sizes import is_natural

SQUARES = frozenset(row.name for row in ROWS if row.keeps_squares)
MAX_VISITED = 1000
"""Nodes that a question about a value looks at before the answer is no."""


def is_sum_of_squares(node: Node) -> bool:
    """Whether a value is a sum of squares and positive numbers, with such factors and divisors."""
    return _consists_of_squares(node, SQUARES)


def is_mean_of_squares(node: Node) -> bool:
    """The same with sizes among the factors and divisors."""
    return _consists_of_squares(node, SQUARES | {"broadcast", "size"})


def _consists_of_squares(node: Node, ops: frozenset[str]) -> bool:
    stack, seen, found = [node], 0, False
    while stack:
        part = stack.pop()
        seen += 1
        if part.op == "square":
            found = True
        elif part.op in ops and seen < MAX_VISITED and (part.op != "size" or is_natural(part.attrs[0])):
            stack += part.args
        elif not (part.op == "const" and 0 < part.value < inf):
            return False
    return found
