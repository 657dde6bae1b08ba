"""Moves go towards the inputs: a slice of `exp(x)` is `exp` of a slice of `x`."""

from __future__ import annotations

from gradc.ir.access import argument_index
from gradc.ir.affine import Affine
from gradc.ir.graph import Node, build, constant, make, table
from gradc.ir.interpret import evaluate_constant
from gradc.ir.ops import JOINS, MOVES, PICKS
from gradc.ir.sizes import Size
from gradc.rewrite.products import diagonal

ALWAYS = MOVES - {"broadcast"}
"""Moves that read a part of their argument, or all of it once: computing after them is never more work."""

FOR_KERNELS = MOVES
"""In a kernel a value is computed outside the loops that it does not depend on, so there broadcasts move too."""

REPEATED_FROM = 4
"""What an op costs that is not computed again for each index of axes that come before its own."""


def repeats(node: Node) -> bool:
    """Whether a broadcast adds axes before others: loops would compute below it what does not change with these."""
    return node.op == "broadcast" and node.attrs[1] != tuple(range(len(node.attrs[1])))


def push_to_inputs(node: Node) -> Node:
    """`move(op(x, y))` as `op(move(x), move(y))`; the node itself where nothing moves."""
    arg = node.args[0]
    if arg.op == "const":
        return constant(arg.value, node.type)
    if arg.op == "table" and node.row.kind == "movement" and node.op != "broadcast":
        return table(evaluate_constant(node), node.type.dtype)
    if node.op == "slice" and arg.op == "slice":
        return make("slice", arg.args[0], attrs=(_composed(node, arg),))
    if node.op == "slice" and arg.op in JOINS:
        return _part(node, arg)
    if node.op == "take_along" and (along := diagonal(node)) is not None:
        return along
    if node.op in PICKS and sum(not inner.row.is_number and inner.op != "broadcast" for inner in arg.args) > 1:
        return node  # two picks, and picks of picks are not one pick
    if arg.row.kind == "elementwise" or arg.op == "cast":
        moved = tuple(build(node.op, (inner, *node.args[1:]), node.attrs) for inner in arg.args)
        return build(arg.op, moved, arg.attrs)
    return node


def _part(node: Node, join: Node) -> Node:
    """A slice of arrays side by side as one of the array that it lies in; the node itself where it is not known to."""
    axis, starts = join.attrs
    first, step, length = node.attrs[0][axis]
    if length == 0:
        return node
    for start, arg in reversed(list(zip(starts, join.args))):
        size = arg.shape[axis]
        if isinstance(first, int) and isinstance(start, int) and isinstance(length, int) and isinstance(size, int):
            lowest, highest = sorted((first, first + (length - 1) * step))
            is_inside = start <= lowest and highest < start + size
            offset: Size = first - start
        else:
            is_inside, offset = (first, step, length) == (start, 1, size), 0
        if is_inside:
            parts = (*node.attrs[0][:axis], (offset, step, length), *node.attrs[0][axis + 1 :])
            is_whole = all(part == (0, 1, size) for part, size in zip(parts, arg.shape))
            return arg if is_whole else make("slice", arg, attrs=(parts,))
    return node


def _composed(outer: Node, inner: Node) -> tuple:
    """The parts of a slice of a slice."""
    start = argument_index(inner, argument_index(outer, tuple(Affine(f"@{axis}") for axis in range(outer.type.rank))))
    return tuple((at.offset, at.step, part[2]) for at, part in zip(start, outer.attrs[0]))
