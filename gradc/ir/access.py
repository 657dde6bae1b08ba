"""Which element of a value an iteration needs: affine indices, followed through the ops that move data."""

from __future__ import annotations

from dataclasses import dataclass

from gradc.ir.graph import Node
from gradc.ir.sizes import Size, derive


@dataclass(frozen=True, slots=True)
class Affine:
    """The index `step * var + offset`; a `var` of None means the index is `offset`."""

    var: str | None
    step: int = 1
    offset: Size = 0


Index = tuple[Affine, ...]
FIRST = Affine(None, 0, 0)
MOVES = ("broadcast", "squeeze", "transpose", "slice")
"""Ops that cost nothing in a loop: they only change which element is read."""


def argument_index(node: Node, index: Index) -> Index:
    """The element of the argument of a move (or of an elementwise op) that an element of the result comes from."""
    match node.op:
        case "broadcast":
            shape, dims = node.attrs
            return tuple(index[dim] for dim in dims)
        case "squeeze":
            given = iter(index)
            return tuple(FIRST if axis in node.attrs[0] else next(given) for axis in range(node.args[0].type.rank))
        case "transpose":
            order = node.attrs[0]
            return tuple(index[order.index(axis)] for axis in range(len(order)))
        case "slice":
            return tuple(_sliced(part, at) for part, at in zip(node.attrs[0], index))
    return index


def _sliced(part: tuple[Size, int, Size], at: Affine) -> Affine:
    first, step, _ = part
    return Affine(at.var, at.step * step, derive("+", derive("*", at.offset, step), first))


def padded_index(node: Node, index: Index) -> Index:
    """Where an element of the argument of a `pad` goes in its result."""
    return tuple(_sliced(part, at) for part, at in zip(node.attrs[0], index))
