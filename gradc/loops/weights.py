"""What single statements cost, in additions of vectors: rough, the same on every machine."""

from __future__ import annotations

from gradc.ir.ops import OPS
from gradc.loops.ir import Apply, Combine, CombineExactly, Let, Load, Statement

PRODUCT = 64
"""What a product of matrices costs beside its multiplications."""
MULTIPLICATIONS = 4
"""How many of its multiplications cost as much as an addition of vectors."""


def weight(statement: Statement) -> int:
    """What it costs to carry out a statement of a loop's body once."""
    match statement:
        case Let(value=Apply(op=op)):
            return 1 + OPS[op].cost
        case Let():
            return 1
        case Combine(target=Load()) | CombineExactly():
            return 8
    return 2
