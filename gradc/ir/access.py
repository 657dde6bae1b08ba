"""Which element of a value an iteration needs: affine indices, followed through the ops that move data."""

from __future__ import annotations

from gradc.ir.affine import Affine
from gradc.ir.graph import Node
from gradc.ir.ops import MOVES, PICKS
from gradc.ir.sizes import Size, derive
from gradc.language.record import dataclass


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

    def sliced(self, first: Size, step: int) -> Indirect:
        """The index into an array of what has this index in a slice of it."""
        return Indirect(self.node, self.index, self.step * step, derive("+", derive("*", self.offset, step), first))


Index = tuple["Affine | Indirect", ...]
Point = tuple[Node, Index]
"""An element of a node's value, its index in terms of loop variables."""


def reads(node: Node, index: Index) -> list[tuple[Node, Index]]:
    """The elements of the arguments that an element of the result is made from."""
    if node.row.kind == "elementwise":
        return [(arg, index) for arg in node.args]
    if node.op in PICKS:
        place = gathered_index(node, index)
        chosen = place[node.attrs[0]]
        return [(node.args[0], place)] + ([(chosen.node, chosen.index)] if isinstance(chosen, Indirect) else [])
    at = argument_index(node, index)
    return [(arg, at) for arg in node.args]


def _chosen(node: Node, index: Index) -> Index:
    """The element of the array of indices that belongs to an element of a gathered (or scattered) array."""
    if node.row.aligned:
        return index
    axis = node.attrs[0]
    return index[axis : axis + node.args[1].type.rank]


def gathered_index(node: Node, index: Index) -> Index:
    """Where `take` reads, or `put` adds: the index with the axis replaced by what the array of indices holds."""
    axis = node.attrs[0]
    width = 1 if node.row.aligned else node.args[1].type.rank
    return (*index[:axis], held(node.args[1], _chosen(node, index)), *index[axis + width :])


def held(node: Node, index: Index) -> Affine | Indirect:
    """What an element of an integer array holds, as an index: affine where it is a position or a number."""
    at, source = index, node
    while source.op in MOVES and source.op not in PICKS:
        at = argument_index(source, at)
        source = source.args[0]
    if source.op == "iota":
        return at[source.attrs[0]]
    if source.op == "const":
        return Affine(None, 0, int(source.value))
    return Indirect(node, index)


def target_index(node: Node, index: Index) -> Index:
    """Where an element of the argument of a scatter is added."""
    element = node.row.element
    return element(node.attrs, index) if element is not None else gathered_index(node, index)


def argument_index(node: Node, index: Index) -> Index:
    """The element of the argument of a move (or of an elementwise op) that an element of the result comes from."""
    row = node.row
    return row.element(node.attrs, index) if row.element is not None and row.access == "read" else index
