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

    def plus(self, offset: Size) -> Affine:
        return Affine(self.var, self.step, derive("+", self.offset, offset))


@dataclass(frozen=True, slots=True)
class Indirect:
    """The index `step * held + offset`, where an element of an integer array holds `held`."""

    node: Node
    index: Index
    step: int = 1
    offset: Size = 0

    @property
    def var(self) -> None:
        """No single loop variable gives this index."""
        return None


Index = tuple["Affine | Indirect", ...]
Point = tuple[Node, Index]
"""An element of a node's value, its index in terms of loop variables."""
FIRST = Affine(None, 0, 0)
MOVES = ("broadcast", "squeeze", "transpose", "slice", "take", "take_along")
"""Ops that cost nothing in a loop: they only change which element is read."""

PICKS = ("take", "take_along")
"""Moves to an index that another array holds."""

SCATTERS = ("pad", "put", "put_along")
"""Ops that add their argument into a part of an array of zeros: transposed moves."""


def depends(at: Affine | Indirect, variable: str) -> bool:
    """Whether an index changes with a loop variable."""
    if isinstance(at, Indirect):
        return any(depends(inner, variable) for inner in at.index)
    return at.var == variable


def reads(node: Node, index: Index) -> list[tuple[Node, Index]]:
    """The elements of the arguments that an element of the result is made from."""
    if node.op in PICKS:
        place = gathered_index(node, index)
        chosen = place[node.attrs[0]]
        return [(node.args[0], place)] + ([(chosen.node, chosen.index)] if isinstance(chosen, Indirect) else [])
    at = argument_index(node, index)
    return [(arg, at) for arg in node.args]


def _chosen(node: Node, index: Index) -> Index:
    """The element of the array of indices that belongs to an element of a gathered (or scattered) array."""
    if node.op in ("take_along", "put_along"):
        return index
    axis = node.attrs[0]
    return index[axis : axis + node.args[1].type.rank]


def gathered_index(node: Node, index: Index) -> Index:
    """Where `take` reads, or `put` adds: the index with the axis replaced by what the array of indices holds."""
    axis = node.attrs[0]
    width = 1 if node.op in ("take_along", "put_along") else node.args[1].type.rank
    return (*index[:axis], held(node.args[1], _chosen(node, index)), *index[axis + width :])


def held(node: Node, index: Index) -> Affine | Indirect:
    """What an element of an integer array holds, as an index: affine where it is a position or a number."""
    at, source = index, node
    while source.op in ("broadcast", "squeeze", "transpose", "slice"):
        at = argument_index(source, at)
        source = source.args[0]
    if source.op == "iota":
        return at[source.attrs[0]]
    if source.op == "const":
        return Affine(None, 0, int(source.value))
    return Indirect(node, index)


def target_index(node: Node, index: Index) -> Index:
    """Where an element of the argument of a scatter is added."""
    return padded_index(node, index) if node.op == "pad" else gathered_index(node, index)


def argument_index(node: Node, index: Index) -> Index:
    """The element of the argument of a move (or of an elementwise op) that an element of the result comes from."""
    match node.op:
        case "broadcast":
            _, dims = node.attrs
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


def _sliced(part: tuple[Size, int, Size], at: Affine | Indirect) -> Affine | Indirect:
    first, step, _ = part
    offset = derive("+", derive("*", at.offset, step), first)
    if isinstance(at, Indirect):
        return Indirect(at.node, at.index, at.step * step, offset)
    return Affine(at.var, at.step * step, offset)


def padded_index(node: Node, index: Index) -> Index:
    """Where an element of the argument of a `pad` goes in its result."""
    return tuple(_sliced(part, at) for part, at in zip(node.attrs[0], index))
