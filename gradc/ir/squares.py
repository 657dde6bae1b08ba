"""Sums of squares, seen from their graph."""

from __future__ import annotations

from math import inf

from gradc.ir.graph import Node
from gradc.ir.ops import ROWS
from gradc.ir.sizes import is_natural

SQUARES = frozenset(row.name for row in ROWS if row.keeps_squares)
MAX_VISITED = 1000
"""Nodes that a question about a value looks at before the answer is no."""


def is_sum_of_squares(node: Node, averaged: bool = False) -> bool:
    """Whether a value is a sum of squares and positive numbers, with such factors and divisors; `averaged` with sizes
    among them, and repeated along axes."""
    stack, seen, found = [node], 0, False
    while stack:
        part = stack.pop()
        seen += 1
        if part.op == "square":
            found = True
        elif part.op in SQUARES and seen < MAX_VISITED:
            stack += part.args
        elif averaged and part.op == "broadcast":
            stack += part.args
        elif averaged and part.op == "size" and is_natural(part.attrs[0]):
            continue
        elif not (part.op == "const" and 0 < part.value < inf):
            return False
    return found
