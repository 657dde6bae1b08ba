"""The two sides of a kink: what `abs`, `hypot`, `norm` and the unit vectors in their gradients are next to a zero.

Where x is 0 and moves along x_dot, norm(x) is norm(x_dot) times the way gone, and x / norm(x) is x_dot / norm(x_dot)
ahead and its negation behind. So a slope that vanishes at the kink, times a unit vector, has the right derivative on
each side, the same one where the program is smooth. Where the slope does not vanish, the gradient turns by any angle
within no distance: its derivative is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from gradc.autodiff.masked import Masked
from gradc.construct.template import instantiate
from gradc.ir.graph import Node, constant, make

Tangents = Sequence[Masked | None]
"""The tangents of a node's arguments; None where there is none."""


def has_kink(node: Node) -> bool:
    """Whether the two sides of a zero may differ here."""
    if node.op == "unit":
        size = node.args[1]
        return has_kink(size.args[0] if size.op == "broadcast" else size)
    if node.row.homogeneous:
        return not any(arg.op == "const" and arg.value != 0 for arg in node.args)
    return bool(node.row.limit)


def at_kink(node: Node, given: Tangents, total: Masked, side: float) -> Masked:
    """The tangent of a homogeneous op: where its arguments are 0, the op of their tangents."""
    if not has_kink(node):
        return total
    dots = [_dot(x, arg) for x, arg in zip(given, node.args)]
    slope = make("mul", constant(side, node.type), make(node.op, *dots, attrs=node.attrs))
    return Masked(make("where", _is_zero(node), slope, total.filled), total.whole.mask)


def limit(node: Node, given: Tangents, side: float) -> Node:
    """A node next to the point: another one than at it where its last argument is 0 and moves."""
    if not node.row.limit or given[-1] is None:
        return node
    bindings = {f"{name}_dot": _dot(x, arg) for name, x, arg in zip(node.row.params, given, node.args)}
    bindings["side"] = constant(side, node.type)
    ahead = instantiate(node.row.limit, bindings, dtype=node.type.dtype)
    return make("where", _is_zero(node.args[-1]), ahead, node)


def turning(node: Node, given: Tangents, total: Masked) -> Masked:
    """The tangent of a unit vector: NaN where it turns around, which it does where its argument moves through 0."""
    size_dot = _dot(given[1], node.args[1])
    turn = make("where", _is_zero(size_dot), constant(0.0, node.type), constant(nan, node.type))
    return Masked(make("where", _is_zero(node.args[1]), turn, total.filled), total.whole.mask)


def unless_zero(factor: Node, contribution: Masked) -> Masked:
    """What a unit vector that turns contributes to a product: nothing where the other factor vanishes."""
    zero = constant(0.0, factor.type)
    return Masked(make("where", _is_zero(factor), zero, contribution.filled), contribution.whole.mask)


def _dot(given: Masked | None, arg: Node) -> Node:
    return constant(0.0, arg.type) if given is None else given.filled


def _is_zero(node: Node) -> Node:
    return make("eq", node, constant(0.0, node.type))
